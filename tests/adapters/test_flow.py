"""`callctl flow`: a caller's way in the terminal, and the ways as a picture."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from callctl import cli

pytestmark = pytest.mark.adapter

CONFIG = str(Path(__file__).parents[2] / "config")
TUESDAY, NIGHT = "2026-12-01T10:00", "2026-12-01T03:00"


class Flow:
    """The command, as somebody runs it who types `keys`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.err = ""
        self.overlay: tuple[str, ...] = ()

    def __call__(self, *argv: str, keys: str = "", code: int = 0) -> list[str]:
        self._monkeypatch.setattr("sys.stdin", io.StringIO(keys))
        assert cli.main(["flow", *argv, "--config", CONFIG, *self.overlay]) == code
        out, self.err = self._capsys.readouterr()
        return out.splitlines()

    def walk(self, *argv: str, keys: str) -> list[str]:
        """What became of the caller, without the times."""
        heading, *lines = self("try", *argv, "--at", TUESDAY, keys=keys)
        assert "2026-12-01 10:00" in heading
        return [re.sub(r"^ *[\d.]+ s  ", "", line) for line in lines]


@pytest.fixture
def flow(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Flow:
    return Flow(monkeypatch, capsys)


def test_keys_lead_through_a_menu_to_an_agent(flow: Flow) -> None:
    told = flow.walk("main", "--agents", "agent1, agent2", keys="\n71\nanswer\nhang up\n")
    assert told == [
        "Entered on pbx: caller withheld dialled main; goes to menu main",
        "Menu main: prompts started",
        "Hears sound:basic-pbx-ivr-main",
        "Pressed 7 in menu main: no option there",
        "Menu main, try 2: prompts started",
        "Hears sound:pbx-invalid sound:basic-pbx-ivr-main",
        "Pressed 1 in menu main: goes to queue sales",
        "Queued in sales at place 1; music",
        next(line for line in told if line.startswith("Offered to ")),
        next(line for line in told if " answered after 0.0 s" in line),
        next(line for line in told if line.startswith("Connected to ")),
        "Ended by the caller (answered): normal clearing (Q.850 16)",
    ]


def survey(flow: Flow, folder: Path) -> None:
    """On the configuration that is shipped, callers of `sales` are asked something after the talk."""
    (folder / "survey.yaml").write_text(
        "queues: {sales: {after: {menu: survey}}}\n"
        "menus: {survey: {prompts: [sound:marks], give_up: {hang_up: normal},"
        " options: {5: {announce: [sound:auth-thankyou]}}}}\n"
    )
    flow.overlay = ("--overlay", str(folder))


def test_the_agent_hangs_up_and_the_caller_is_asked(flow: Flow, tmp_path: Path) -> None:
    survey(flow, tmp_path)
    told = flow.walk("sales", "--agents", "agent1", keys="answer\nagent hangs up\n\n5\n\nagent hangs up\n")
    at = next(n for n, line in enumerate(told) if "hung up after 30.0 s of talk" in line)
    assert told[at].endswith(": goes to menu survey")
    assert told[at + 1 : at + 5] == [
        "Menu survey: prompts started",
        "Hears sound:marks",
        "Pressed 5 in menu survey: goes to an announcement, then hang-up",
        "Hears sound:auth-thankyou",
    ]
    assert told[at + 5].startswith("Ended by callctl, 30.0 s of talk (answered)")


def test_no_agent_hangs_up_who_does_not_talk(flow: Flow) -> None:
    assert "no agent talks with the caller" in flow.walk("sales", keys="agent hangs up\n")


def test_who_presses_nothing_is_told_of_each_try(flow: Flow) -> None:
    lines = flow("try", "+442079460000", "--at", TUESDAY, "--caller", "020 7946 0999", keys="\n" * 7)
    assert "caller +442079460999 dialled +442079460000; goes to menu main" in lines[1]
    assert [line for line in lines if "No digit came" in line] == [
        "     5.0 s  No digit came in menu main (try 1)",
        "    10.0 s  No digit came in menu main (try 2)",
        "    15.0 s  No digit came in menu main (try 3)",
    ]
    assert lines[-3:] == [
        "    15.0 s  Queued in operator at place 1; music",
        "two hours passed, and nothing came by itself; hang up, or press a key",
        lines[-1],
    ]
    assert "Ended by the caller" in lines[-1], "the end of the input is a hang-up"


def test_the_time_decides_where_it_is_asked(flow: Flow) -> None:
    closed = "Not taken by outbound, closed at this time: goes to menu sorry"
    assert closed in "\n".join(flow("try", "outbound", "--at", NIGHT))
    assert closed not in "\n".join(flow("try", "outbound", "--at", TUESDAY))


def test_an_agent_who_does_not_pick_up_rings_out(flow: Flow) -> None:
    told = flow.walk("sales", "--agents", "agent1", keys="\nanswer\n")
    assert "Ada Lovelace (agent1) did not answer after 20.0 s" in told
    assert "no phone rings" in told


def test_a_word_that_is_none_is_explained_and_harms_nothing(flow: Flow) -> None:
    told = flow.walk("main", keys="\x1b[2Jjump\nhelp\n1\n")
    assert "`?[2jjump` is neither keys (0-9, *, #) nor a word known here; help tells them" in told
    assert any("picks up" in line for line in told)
    assert "Queued in sales at place 1; music" in told


@pytest.mark.parametrize(
    ("argv", "wrong"),
    [
        (["try", "mian"], "there is no number, menu, queue or flow `mian`; did you mean `main`?"),
        (["try", "main", "--agents", "agnt1"], "there is no agent `agnt1`; did you mean `agent1`?"),
        (["try", "main", "--at", "noon"], "`noon` is not a time; write one such as 2026-12-24T18:30"),
        (["try", "main", "--caller", "abc"], "`abc` is not a number; write one such as +442079460999"),
        (["draw", "sails"], "there is no number, menu, queue or flow `sails`; did you mean `sales`?"),
    ],
)
def test_what_is_wrong_is_told_with_what_would_be_right(flow: Flow, argv: list[str], wrong: str) -> None:
    assert flow(*argv, code=2) == []
    assert flow.err == f"callctl: {wrong}\n"


# ── cases ────────────────────────────────────────────────────────────────────────────────────────


def test_the_sample_cases_are_good(flow: Flow) -> None:
    lines = flow("test", f"{CONFIG}/cases/sample.yaml")
    assert [line[:7] for line in lines[:-1]] == ["good   "] * 5
    assert lines[-1] == "5 cases, 0 wrong"


def test_a_case_that_leads_elsewhere_is_told_with_its_story(flow: Flow, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "cases:\n"
        "  to the menu:\n"
        "    entry: sales\n"
        "    does: [hang up]\n"
        "    path: [menu main]\n"
        "    hears: [sound:hello]\n"
        "    end: answered\n"
        "  by nobody: {entry: sales, end: abandoned}\n"
    )
    lines = flow("test", str(file), code=1)
    assert lines[:4] == [
        f"wrong  {file}:2:3: to the menu",
        "       path is [queue sales], not [menu main]",
        "       `sound:hello` is not heard, or not in this order",
        "       end is abandoned, not answered",
    ]
    assert "Queued in sales" in lines[5]
    assert lines[-2:] == ["good   by nobody", "2 cases, 1 wrong"]
    told = json.loads("\n".join(flow("test", str(file), "--json", code=1)))
    assert (told["failed"], [len(case["wrong"]) for case in told["cases"]]) == (1, [3, 0])


def test_every_mistake_in_the_cases_is_told_at_once(flow: Flow, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "cases:\n"
        "  x: {entry: mian, at: noon, agents: [agent1, bob], does: [jump], end: busy}\n"
        "  y: {entry: main}\n"
        "  z: {entri: main, caller: nobody, end: answered}\n"
    )
    assert flow("test", str(file), code=2) == []
    told = [line.removeprefix(f"{file}:") for line in flow.err.splitlines()]
    assert [line.split("; ")[0] for line in told] == [
        "2:14: cases.x.entry: there is no number, menu, queue or flow `mian`",
        "2:24: cases.x.at: `noon` is not a time",
        "2:47: cases.x.agents[1]: there is no agent `bob`",
        "2:60: cases.x.does[0]: `jump` is nothing that a caller does",
        "2:72: cases.x.end: `busy` is not known here",
        "3:6: cases.y: this expects nothing",
        "4:3: cases.z.entry: the key is missing",
        "4:7: cases.z.entri: this key is not known",
        "4:28: cases.z.caller: `nobody` is not a number",
    ]


@pytest.mark.parametrize("text", ["", "cases:\n", "cases: {}\n", "cases: [1]\n", "case: {}\n"])
def test_a_file_without_cases_is_none(flow: Flow, tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    assert flow("test", str(file), code=2) == []
    assert flow.err.startswith(str(file))


def test_a_switch_closes_the_office(flow: Flow) -> None:
    told = flow.walk("outbound", "--on", "closed_today", "--at", TUESDAY, keys="\n")
    assert "Not taken by outbound, closed by the switch closed_today: goes to menu sorry" in told
    assert not any("closed" in line for line in flow.walk("outbound", "--at", TUESDAY, keys="\n"))
    flow("try", "outbound", "--on", "closed", code=2)
    assert "there is no switch `closed`; did you mean `closed_today`?" in flow.err


def test_a_case_may_have_a_switch_on(flow: Flow, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "cases: {a: {entry: outbound, on: [closed_today], path: [menu sorry]}, b: {entry: outbound, on: [x]}}"
    )
    flow("test", str(file), code=2)
    assert "cases.b.on[0]: there is no switch `x`" in flow.err
    file.write_text("cases: {a: {entry: outbound, on: [closed_today], path: [menu sorry]}}")
    assert flow("test", str(file)) == ["good   a", "1 case, 0 wrong"]


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────


def test_the_ways_from_one_place_are_drawn(flow: Flow) -> None:
    assert flow("draw", "outbound") == [
        "flowchart LR",
        '    in0(["outbound"])',
        '    n0[["queue outbound"]]',
        "    in0 --> n0",
        '    n1{{"menu sorry"}}',
        '    n0 -->|"out of hours or closed_today on"| n1',
        '    n2(["do-not-call list"])',
        '    n1 -->|"9"| n2',
        '    n3(["hang up"])',
        '    n1 -->|"gives up"| n3',
    ]


def test_the_way_after_a_talk_is_drawn(flow: Flow, tmp_path: Path) -> None:
    survey(flow, tmp_path)
    lines = [line.strip() for line in flow("draw", "sales")]
    menu = next(line for line in lines if line.endswith('{{"menu survey"}}')).partition("{")[0]
    assert f'n0 -->|"after the talk"| {menu}' in lines


def test_everything_that_a_call_can_reach_is_drawn_once(flow: Flow) -> None:
    lines = flow("draw")
    shapes = [line.strip() for line in lines[1:] if "-->" not in line]
    assert len(set(shapes)) == len(shapes)
    for place in ('(["+442079460000"])', '(["200"])', '{{"menu main"}}', '[["queue operator"]]'):
        assert sum(shape.endswith(place) for shape in shapes) == 1, place
    assert sum(line.startswith("    in") and "-->" in line for line in lines) == 7


# ── flows ────────────────────────────────────────────────────────────────────────────────────────

ORDERS = """
flows:
  parcels:
    values: {order: digits}
    nodes:
      ask: {gather: [sound:vm-toenternumber], into: order, digits: 2, then: look, give_up: {hang_up: normal}}
      look:
        lookup: "https://crm.example/orders/{order}"
        into: {owner: /name}
        then: told
        failed: sorry
      told: {note: {who: "{owner}"}, then: bye}
      bye: {play: [{say: digits, of: "{order}"}], then: {hang_up: normal}}
      sorry: {play: [sound:im-sorry], then: {hang_up: normal}}
"""


@pytest.fixture
def parcels(flow: Flow, tmp_path: Path) -> Flow:
    folder = tmp_path / "overlay"
    folder.mkdir()
    (folder / "parcels.yaml").write_text(ORDERS)
    flow.overlay = ("--overlay", str(folder))
    return flow


def test_a_lookup_is_answered_by_hand(parcels: Flow) -> None:
    told = parcels.walk("parcels", keys='12\nfound owner="Ada L"\n\n')
    asked = "Asks https://crm.example/orders/12; answer it: found owner=…, or failed timeout"
    at = told.index(asked)
    assert "Noted who: Ada L" in told[at:]
    assert "Hears sound:digits/1 sound:digits/2; says digits 12" in told[at:]


def test_a_lookup_may_fail_by_hand(parcels: Flow) -> None:
    told = parcels.walk("parcels", keys="found owner=x\n12\nfailed late\nfound owner\nfailed timeout\n")
    assert "nothing is being looked up" in told
    assert any(line.startswith("`failed late` is neither keys") for line in told)
    assert "Hears sound:im-sorry" in told


def test_cases_of_flows_say_what_is_found(parcels: Flow, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    path = "path: [node parcels/ask, node parcels/look, node parcels/told, node parcels/bye]"
    file.write_text(
        "cases:\n"
        "  a: {entry: parcels, does: [12, listen], lookups: {parcels/look: {owner: Ada}}, notes: {who: Ada}, "
        f"{path}}}\n"
        "  b: {entry: parcels, does: [12], lookups: [timeout], hears: [sound:im-sorry]}\n"
        "  c: {entry: parcels, does: [12, failed status], hears: [sound:im-sorry], notes: {who: Ada}}\n"
    )
    lines = parcels("test", str(file), code=1)
    assert lines[:2] == ["good   a", "good   b"]
    assert lines[3] == "       note who is not there, not `Ada`"
    file.write_text(
        "cases: {a: {entry: parcels, end: abandoned, lookups: {parcels/lok: {x: 1}, parcels/look: {x: 1}}}}\n"
    )
    parcels("test", str(file), code=2)
    assert "no flow has a node `parcels/lok` that looks something up; did you mean `parcels/look`?" in parcels.err
    assert "`x` is not looked up there" in parcels.err


def test_the_time_goes_forward_while_somebody_walks(parcels: Flow) -> None:
    told = parcels.walk("parcels", keys="at 2026-11-01 10:00\nat 10:30\n12\nhang up\n")
    assert "`2026-11-01 10:00` is over; write a later time: it only goes forward" in told
    assert any(line.startswith("Asks ") for line in told)


def test_a_flow_is_drawn(parcels: Flow) -> None:
    assert any("parcels/look" in line for line in parcels("draw", "parcels"))


def test_texts_of_flows_are_looked_at_in_their_languages(parcels: Flow, tmp_path: Path) -> None:
    (tmp_path / "overlay" / "spoken.yaml").write_text(
        "flows:\n"
        "  texts:\n"
        "    languages: [fr, xx]\n"
        "    nodes:\n"
        "      a: {play: [{speak: {fr: Bonjour, xx: Hm}}], then: b}\n"
        "      b: {play: [{fr: [{speak: Oui}], xx: [{speak: Hm}]}], then: {announce: [{speak: {fr: Non}}]}}\n"
    )
    parcels("draw", code=2)
    told = [line.partition("flows.texts.nodes.")[2] for line in parcels.err.splitlines()]
    assert [line.partition(";")[0] for line in told if line] == [
        "a.play[0].speak: no voice for `xx`",
        "b.play[0].xx[0].speak: no voice for `xx`",
        "b.then.announce[0].speak: no text in `en`, in which it is spoken here",
    ]


# ── what is to be recorded ───────────────────────────────────────────────────────────────────────


def test_what_a_language_lacks_is_listed_with_its_text(
    parcels: Flow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["prompts", "missing", "--config", CONFIG, *parcels.overlay, "--lang"]
    assert cli.main([*asked, "fr"]) == 1
    every = capsys.readouterr().out.splitlines()
    assert "digits/1\tun" in every
    assert "vm-toenternumber" in every
    for line in every[1:]:
        file = tmp_path / "sounds" / "fr" / f"{line.partition(chr(9))[0]}.gsm"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert cli.main([*asked, "fr_CA", "--sounds", str(tmp_path / "sounds")]) == 1
    assert capsys.readouterr().out.splitlines() == every[:1]
    assert cli.main([*asked, "fi"]) == 2
    out, err = capsys.readouterr()
    assert "vm-toenternumber" in out.splitlines(), "what is played can be recorded nevertheless"
    assert err.startswith("callctl: no grammar for 'fi': values can be said in de, en")
    assert cli.main([*asked, "fr", "--sounds", str(tmp_path / "nowhere")]) == 2


def test_values_are_said_where_there_is_a_grammar(parcels: Flow, tmp_path: Path) -> None:
    word = '{say: digits, of: "{caller}"}'
    (tmp_path / "overlay" / "said.yaml").write_text(
        "flows:\n"
        "  said:\n"
        "    languages: [en, fi]\n"
        "    nodes:\n"
        f"      a: {{play: [{word}], then: b}}\n"
        f"      b: {{play: [{{en: [{word}], fi: [sound:x]}}], then: c}}\n"
        "      c: {gather: [sound:x], into: d, confirm: true, then: {hang_up: normal}, give_up: {hang_up: normal}}\n"
    )
    parcels("draw", code=2)
    told = [line.partition("flows.said.nodes.")[2] for line in parcels.err.splitlines()]
    assert [line.partition(";")[0] for line in told] == [
        "a.play[0].say: callctl has no grammar to say values in `fi`",
        "c.confirm: callctl has no grammar to say values in `fi`",
    ]


def test_every_proof_of_the_peers_features_is_there() -> None:
    root = Path(CONFIG).parent
    proofs = re.findall(r"(tests/[a-z0-9_/]+\.py)(?:::(\w+))?", (root / "docs" / "flows.md").read_text())
    assert proofs
    for file, name in proofs:
        assert re.search(rf"def {name}\b", (root / file).read_text()), (file, name)
