"""What campaigns, nailed-up agents, trunks and `opt_out` become, and what is odd about them. What is wrong is in
settings_wrong.txt."""

from __future__ import annotations

from pathlib import Path

import pytest

from callctl.core.addresses import E164
from callctl.core.campaigns import (
    Blend,
    CallerId,
    CampaignPolicy,
    Detection,
    Mode,
    Over,
    Preview,
    Then,
)
from callctl.core.ids import MILLISECOND, SECOND, AgentId, CampaignId, MenuId, QueueId, TrunkId
from callctl.core.law import CallKind
from callctl.core.policy import Announce, OptOut, Policy
from callctl.settings import Loaded, changes, load
from callctl.settings.types import hundredths_text

pytestmark = pytest.mark.adapter

HOUSE = """\
country: GB
nodes: {pbx: {ari: {password: "env:S"}, ami: {password: "env:S"}, include_dir: callctl.d}}
numbers: {"+442079460001": {hang_up: normal}, "+442079460002": {hang_up: normal}}
trunks: {one: {kind: ip, host: 192.0.2.1}, two: {kind: ip, host: 192.0.2.2}}
queues: {sales: {}}
phones: {p: {kind: existing}}
agents: {ana: {name: Ana, phone: p, queues: [sales], nailed_up: true}}
menus: {sorry: {prompts: [sound:im-sorry], options: {9: {opt_out: {}}}, give_up: {hang_up: normal}}}
"""
SPRING = """\
campaigns:
  spring:
    kind: sales
    queue: sales
    trunks: [one, two]
    caller_ids: [{number: "+442079460001", verified: a letter}]
"""
LAW = """\
rule_sets:
  gb: {version: 2026-11-27, title: GB, country: GB, kinds: [sales], rules: {
    abandoned: {kind: abandoned_limit, most: 2%, window: 24h, grace: 1s, source: a law, verified: true},
    later: {kind: abandoned_limit, most: 3%, window: 30d, grace: 3s, source: an older law, verified: true}}}
  fr: {version: 2026-11-27, title: FR, country: FR, rules: {
    abandoned: {kind: abandoned_limit, most: 1%, window: 24h, grace: 500ms, source: elsewhere, verified: true}}}
"""


def loaded(folder: Path, *texts: str) -> Loaded:
    folder.mkdir(exist_ok=True)
    (folder / "a.yaml").write_text("".join(texts), encoding="utf-8")
    return load(folder, environ={"S": "x"})


def spring(folder: Path, more: str = "", law: str = "") -> CampaignPolicy:
    """The campaign of these further keys, a line each."""
    return loaded(folder, HOUSE, law, SPRING, indented(more)).policy.campaigns[CampaignId("spring")]


def indented(lines: str) -> str:
    return "".join(f"    {line.strip()}\n" for line in lines.strip().splitlines())


def warnings(folder: Path, *texts: str) -> list[str]:
    return [str(it).replace(f"{folder}/", "") for it in loaded(folder, *texts).warnings if "include_dir" not in it.path]


def test_what_is_not_given_is_as_the_core_has_it(tmp_path: Path) -> None:
    caller_ids = (CallerId(E164("442079460001"), "a letter"),)
    trunks = (TrunkId("one"), TrunkId("two"))
    assert spring(tmp_path) == CampaignPolicy(
        CampaignId("spring"), CallKind.SALES, queue=QueueId("sales"), trunks=trunks, caller_ids=caller_ids
    )


def test_a_predictive_campaign(tmp_path: Path) -> None:
    it = spring(
        tmp_path,
        """
        mode: predictive
        most_lines: 40
        ring_timeout: 20s
        connect_timeout: 10s
        grace: 1s500ms
        most_abandoned: 2.5%
        harbour: sorry
        detection: {machine: message, unsure: hang_up, silence: hang_up, message: [sound:a, sound:b], off_at: 1.25%,
          sample: 0.5%}
        blend: {keep_free: 2, resume_after: 0s}
        """,
    )
    assert (it.mode, it.most_lines, it.harbour, it.message) == (Mode.PREDICTIVE, 40, MenuId("sorry"), None)
    assert (it.ring_timeout, it.connect_timeout, it.grace) == (20 * SECOND, 10 * SECOND, 1500 * MILLISECOND)
    assert it.most_abandoned == 2500
    assert it.detection == Detection(Then.MESSAGE, Then.HANG_UP, Then.HANG_UP, ("sound:a", "sound:b"), 1250, 500)
    assert it.blend == Blend(2, 0)


@pytest.mark.parametrize(("text", "lines"), [("1", 100), ("1.5", 150), ("2.25", 225), ("10.00", 1000)])
def test_lines_for_each_agent(tmp_path: Path, text: str, lines: int) -> None:
    it = spring(tmp_path, f"mode: power\nharbour: sorry\nlines_per_agent: {text}")
    assert (it.mode, it.lines_per_agent) == (Mode.POWER, lines)
    assert hundredths_text(lines) == f"{float(text):g}"


def test_a_preview(tmp_path: Path) -> None:
    it = spring(tmp_path, "preview: {limit: 45s, over: pause, skip: false}")
    assert it.preview == Preview(45 * SECOND, Over.PAUSE, False)


@pytest.mark.parametrize(
    ("more", "off_at"),
    [("", 3000), ("most_abandoned: 1%\n", 1000), ("most_abandoned: 1%\ndetection: {off_at: 0%}\n", 0)],
    ids=["as the default", "as the campaign's", "never"],
)
def test_detection_goes_off_where_it_alone_would_be_too_much(tmp_path: Path, more: str, off_at: int) -> None:
    it = spring(tmp_path, more if "detection" in more else f"{more}detection: {{}}")
    assert it.detection == Detection(off_at=off_at, sample=1000)


def test_numbers_by_area_and_trunk(tmp_path: Path) -> None:
    areas = (
        '{number: "+442079460001", verified: x, areas: [+44 20, "+44161"]}, '
        '{number: "+442079460002", verified: y, trunks: [two]}'
    )
    text = SPRING.replace('{number: "+442079460001", verified: a letter}', areas)
    it = loaded(tmp_path, HOUSE, text).policy.campaigns[CampaignId("spring")]
    assert it.caller_ids == (
        CallerId(E164("442079460001"), "x", ("4420", "44161")),
        CallerId(E164("442079460002"), "y", (), (TrunkId("two"),)),
    )


def test_what_a_trunk_is_spared(tmp_path: Path) -> None:
    trunk = "max_channels: 30, keep_free: 29, calls_a_second: 7, back_off: 10s, fast_answer: 250ms"
    text = HOUSE.replace("host: 192.0.2.1", f"host: 192.0.2.1, {trunk}")
    policy = loaded(tmp_path, text).policy
    one, two = policy.trunks[TrunkId("one")], policy.trunks[TrunkId("two")]
    assert (one.keep_free, one.calls_a_second, one.back_off, one.fast_answer) == (
        29,
        7,
        10 * SECOND,
        250 * MILLISECOND,
    )
    assert (two.keep_free, two.calls_a_second, two.back_off, two.fast_answer) == (0, 0, 5 * SECOND, 0)
    assert policy.agents[AgentId("ana")].nailed_up


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("{opt_out: {}}", OptOut()),
        ("{opt_out: [sound:a]}", OptOut(("sound:a",))),
        ("{opt_out: {withheld: [sound:b]}}", OptOut(withheld=("sound:b",))),
        ("{opt_out: {prompts: [sound:a, sound:b], withheld: [sound:c]}}", OptOut(("sound:a", "sound:b"), ("sound:c",))),
        ("{announce: [sound:a], then: {opt_out: {}}}", Announce(("sound:a",), OptOut())),
    ],
)
def test_wherever_a_call_goes_it_may_opt_out(tmp_path: Path, written: str, meant: object) -> None:
    text = HOUSE.replace("sales: {}", f"sales: {{exit_keys: {{9: {written}}}, hours: h, closed: {written}}}")
    text = text.replace("9: {opt_out: {}}", f"9: {written}") + f"blocked: {written}\n"
    policy = loaded(tmp_path, text, "calendars: {h: {zone: Europe/London, week: {}}}\n").policy
    queue = policy.queues[QueueId("sales")]
    assert policy.menus[MenuId("sorry")].options["9"] == queue.exit_keys["9"] == queue.closed == policy.blocked == meant


# ── what is odd ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("detection", "dispositions", "odd"),
    [
        ("{}", "", True),
        ("{}", "dispositions: {sold: {label: Sold}}", True),
        ("{}", "dispositions: {tape: {label: A machine, flags: [machine]}}", False),
        ("{sample: 0%}", "", False),
        ("{machine: agent}", "", False),
    ],
    ids=["no words", "no word for it", "a word for it", "no sample", "nobody turned away"],
)
def test_detection_whose_mistakes_nobody_could_tell(
    tmp_path: Path, detection: str, dispositions: str, odd: bool
) -> None:
    said = warnings(
        tmp_path, HOUSE, SPRING, indented(f"mode: power\nharbour: sorry\ndetection: {detection}"), dispositions
    )
    assert len(said) == odd
    assert all("its agents have no word for a machine; add a disposition with `flags: [machine]`" in it for it in said)


@pytest.mark.parametrize("mode", ["predictive", "broadcast"])
@pytest.mark.parametrize(
    ("option", "odd"),
    [
        ("{opt_out: {}}", False),
        ("{announce: [sound:a], then: {opt_out: {}}}", False),
        ("{announce: [sound:a], then: {hang_up: normal}}", True),
        ("{queue: sales}", True),
    ],
)
def test_a_menu_without_a_key_against_further_calls(tmp_path: Path, mode: str, option: str, odd: bool) -> None:
    key = "message" if mode == "broadcast" else "harbour"
    text = HOUSE.replace("9: {opt_out: {}}", f"9: {option}")
    said = warnings(tmp_path, text, SPRING, indented(f"mode: {mode}\n{key}: sorry"))
    wrong = "the menu `sorry` has no key by which people are called no more"
    right = "add one to its `options`: `9: {opt_out: {}}`"
    assert said == ([f"a.yaml:16:14: campaigns.spring.{key}: {wrong}; {right}"] if odd else [])


def test_menus_and_queues_of_campaigns_are_reached(tmp_path: Path) -> None:
    alone = warnings(tmp_path, HOUSE)
    assert [it.split(": ")[1] for it in alone] == ["queues.sales", "menus.sorry"]
    assert warnings(tmp_path, HOUSE, SPRING, indented("mode: predictive\nharbour: sorry")) == []


@pytest.mark.parametrize(
    ("more", "odd"),
    [("", False), ("grace: 1s", False), ("grace: 2s", True), ("kind: service\ngrace: 2s", False)],
    ids=["not given", "as the law", "longer", "other calls"],
)
def test_a_grace_that_the_law_shortens(tmp_path: Path, more: str, odd: bool) -> None:
    text = SPRING.replace("    kind: sales\n", "") if "kind" in more else SPRING
    said = warnings(tmp_path, HOUSE, LAW, text, indented(more))
    said = [it for it in said if "campaigns." in it]
    wrong = "the shorter one of `gb.abandoned` comes before it (a law); write `1s`, or remove it"
    assert said == ([f"a.yaml:21:12: campaigns.spring.grace: {wrong}"] if odd else [])


def test_a_share_that_is_not_given_is_no_mistake_where_the_law_has_a_lower_one(tmp_path: Path) -> None:
    assert spring(tmp_path, "most_abandoned: 2%", LAW).most_abandoned == 2000
    assert spring(tmp_path, "", LAW).most_abandoned == 3000


# ── the plan ─────────────────────────────────────────────────────────────────────────────────


def test_a_plan_tells_it_in_the_words_of_the_file(tmp_path: Path) -> None:
    def policy(folder: str, house: str, more: str, ids: str) -> Policy:
        text = SPRING.replace('{number: "+442079460001", verified: a letter}', ids)
        return loaded(tmp_path / folder, house, text, indented(more)).policy

    own = '{number: "+442079460001", verified: x}'
    old = policy("1", HOUSE, "mode: power\nharbour: sorry", own)
    house = HOUSE.replace("9: {opt_out: {}}", "8: {opt_out: [sound:a]}").replace(", nailed_up: true", "")
    house = house.replace("host: 192.0.2.1", "host: 192.0.2.1, max_channels: 9, keep_free: 3, back_off: 1m")
    more = "mode: preview\nmost_abandoned: 2.5%\ngrace: 1s\ndetection: {off_at: 2%}\npreview: {limit: 1m}"
    new = policy("2", house, more, own.replace("}", ", areas: [+44 20], trunks: [one]}"))
    assert changes(old, new) == [
        "menu sorry: option 9: removed",
        "menu sorry: option 8: added (opt out (sound:a; if withheld sound:im-sorry, sound:goodbye))",
        "agent ana.nailed_up: yes → no",
        "trunk one.max_channels: 0 → 9",
        "trunk one.keep_free: 0 → 3",
        "trunk one.back_off: 5s → 1m",
        "campaign spring.mode: power → preview",
        "campaign spring.caller_ids: +442079460001 (x) → +442079460001 (x) to +4420 over one",
        "campaign spring.grace: 2s → 1s",
        "campaign spring.most_abandoned: 3% → 2.5%",
        "campaign spring.harbour: sorry → none",
        "campaign spring.detection: none → machine hang_up, unsure agent, silence agent, message none, off_at 2%, "
        "sample 1%",
        "campaign spring.preview.limit: 0s → 1m",
    ]
    more = "mode: power\nharbour: sorry\nlines_per_agent: 1.5"
    assert changes(old, policy("3", HOUSE, more, own)) == ["campaign spring.lines_per_agent: 1 → 1.5"]
