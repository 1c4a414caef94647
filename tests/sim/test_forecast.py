"""A campaign's day in virtual time: its world, the list, and what is told of it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from callctl.forecast.campaign import Again, Contacts, Day, Rings
from callctl.forecast.forecast import Mode, Way, forecast, own
from callctl.forecast.plot import columns
from callctl.forecast.report import COLUMNS, about_list, o_clock, picture, rows, terminal
from callctl.forecast.rules import Lines, Progressive
from callctl.forecast.world import Quiet, View, live

pytestmark = pytest.mark.simulation

DAY = Day(agents=8, answer=0.3, hours=1.0, parts=4)


class Greedy(Quiet):
    """Dials far more than there are agents."""

    def dial(self, view: View) -> int:
        return 1000


# ── the world ────────────────────────────────────────────────────────────────────────────────


def test_the_parts_are_the_whole() -> None:
    told = live(DAY, Lines(150), 1)
    assert len(told.parts) == 4
    assert told.whole.dials == sum(part.dials for part in told.parts)
    assert told.whole.logged_in == pytest.approx(8 * 3600)
    assert all(0 < part.occupancy < 1 for part in told.parts)
    assert told.whole.answers / told.whole.dials == pytest.approx(0.3, abs=0.05)


def test_more_lines_for_each_agent_dial_more() -> None:
    one, two = live(DAY, Progressive(), 1).whole, live(DAY, Lines(200), 1).whole
    assert one.abandoned == 0
    assert two.dials > 1.2 * one.dials


@pytest.mark.parametrize(
    ("limit", "most"),
    [({"lines": 5}, 5), ({"channels": 12}, 12)],
)
def test_lines_are_limited(limit: dict[str, int], most: int) -> None:
    day = replace(DAY, hours=0.25, **limit)  # type: ignore[arg-type]
    seen: list[int] = []

    class Watched(Greedy):
        def dial(self, view: View) -> int:
            talking = len(view.talking) if "channels" in limit else 0
            seen.append(len(view.ringing) + view.waiting + talking)
            return super().dial(view)

    assert live(day, Watched(), 1).short > 0.9
    assert max(seen) == most


def test_where_lines_are_no_limit_they_are_never_short() -> None:
    assert live(DAY, Progressive(), 1).short == 0


def test_calls_a_second_are_limited() -> None:
    day = replace(DAY, hours=0.25, calls_a_second=2.0)
    assert live(day, Greedy(), 1).whole.dials == pytest.approx(2 * 900, abs=4)


def test_the_answer_rate_follows_the_hour() -> None:
    day = replace(DAY, answer=0.1, answers=((1800.0, 0.5),))
    parts = live(day, Greedy(), 1).parts
    assert parts[0].answers / parts[0].dials == pytest.approx(0.1, abs=0.02)
    assert parts[3].answers / parts[3].dials == pytest.approx(0.5, abs=0.05)


def test_measured_times_to_the_answer_are_drawn() -> None:
    rings: list[float] = []

    class Listening(Greedy):
        def answered(self, now: float, rang: float) -> None:
            rings.append(rang)

    live(replace(DAY, hours=0.25, lines=50, rings=Rings(quantiles=(4.0, 6.0, 20.0))), Listening(), 1)
    assert 4 <= min(rings) <= max(rings) <= 20
    assert sum(ring < 6 for ring in rings) / len(rings) == pytest.approx(0.5, abs=0.1)


def test_without_amd_agents_hear_the_machines() -> None:
    told = live(replace(DAY, machines=0.5), Progressive(), 1).whole
    assert told.handled > 1.5 * told.answers


# ── the list ─────────────────────────────────────────────────────────────────────────────────


def test_a_list_without_retries_ends_when_everybody_was_tried() -> None:
    told = live(replace(DAY, contacts=Contacts(200)), Progressive(), 1)
    assert told.contacts is not None
    assert (told.whole.dials, told.contacts.tried, told.contacts.done) == (200, 200, 200)
    assert told.contacts.all_tried is not None
    assert told.contacts.all_done is not None
    assert told.contacts.all_tried < told.contacts.all_done < 3600
    assert told.contacts.reached == told.whole.answers


def test_who_did_not_answer_is_tried_again_later() -> None:
    again = Again(600.0, 2.0, 2)
    told = live(replace(DAY, contacts=Contacts(100, again, again)), Progressive(), 1)
    assert told.contacts is not None
    assert 100 < told.whole.dials <= 200
    assert told.contacts.all_done is not None, "each was tried twice at the most"
    assert told.contacts.dry > 0, "for a while nobody was due"


def test_who_is_due_tomorrow_does_not_end_the_list() -> None:
    told = live(replace(DAY, contacts=Contacts(100, Again(86_400.0))), Progressive(), 1)
    assert told.contacts is not None
    assert told.contacts.all_done is None
    assert "does not end" in about_list(told.contacts, 9.0)


# ── preview ──────────────────────────────────────────────────────────────────────────────────


def test_who_looks_first_abandons_nobody_and_talks_less() -> None:
    looking, power = own(DAY, Way(Mode.PREVIEW, look=15.0), 1).whole, own(DAY, Way(Mode.POWER), 1).whole
    assert looking.abandoned == 0
    assert looking.handled < power.handled
    assert looking.dials > 50


def test_preview_ends_with_the_list() -> None:
    told = own(replace(DAY, contacts=Contacts(60)), Way(Mode.PREVIEW), 1)
    assert told.whole.dials == 60
    assert told.contacts is not None
    assert told.contacts.done == 60


# ── what is told ─────────────────────────────────────────────────────────────────────────────


def test_the_campaigns_own_way_comes_first_and_peers_beside_it() -> None:
    done = list(forecast(DAY, Way(Mode.PREDICTIVE), 1, compare=True))
    assert done[0].name == "callctl predictive"
    assert {"progressive", "ViciDial ADAPT_TAPERED", "boost 1.3"} <= {it.name for it in done}
    assert all(len(row) == len(COLUMNS) for row in rows(done))
    assert len(list(forecast(DAY, Way(Mode.POWER), 1))) == 1


def test_the_same_seed_is_the_same_day_and_picture() -> None:
    first, second = (list(forecast(DAY, Way(Mode.POWER), 7, compare=True)) for _ in range(2))
    assert picture("spring", DAY, 9.0, first, 0.03) == picture("spring", DAY, 9.0, second, 0.03)
    assert picture("spring", DAY, 9.0, first, 0.03) != picture(
        "spring", DAY, 9.0, list(forecast(DAY, Way(Mode.POWER), 8, compare=True)), 0.03
    )


def test_a_picture_is_well_formed_whatever_the_campaign_is_called() -> None:
    svg = picture("<a & b>", DAY, 9.0, list(forecast(DAY, Way(Mode.POWER), 1)), 0.03)
    assert ET.fromstring(svg).find("{http://www.w3.org/2000/svg}title").text == "Forecast of <a & b>"  # type: ignore[union-attr]


def test_the_day_in_the_terminal() -> None:
    lines = terminal(DAY, 9.0, next(forecast(DAY, Way(Mode.POWER), 1)), 0.03)
    assert lines[0] == "occupancy"
    assert any("09:00" in line for line in lines)


def test_columns_are_as_high_as_their_values() -> None:
    chart = columns("x", [0.0, 50.0, 100.0, 200.0], 100.0, ["a", "", "", "d"])
    bars = [line[9:].ljust(12) for line in chart[1:6]]
    heights = [sum(row[3 * n] == "█" for row in bars) for n in range(4)]
    assert heights == [0, 2, 5, 5], "half a column is two and a half; beyond the top it is full"
    assert chart[-1].split() == ["a", "d"]


def test_the_time_of_day() -> None:
    assert o_clock(9.5, 5400) == "11:00"
    assert o_clock(23.0, 7200) == "01:00"
