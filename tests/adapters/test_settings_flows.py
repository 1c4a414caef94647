"""Flows: what the YAML becomes, where it may stand, and checks that hold for any flow. Mistakes are told in
settings_wrong.txt."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from callctl.core.flows import (
    Branch,
    Chance,
    Compares,
    Enter,
    Figure,
    Flow,
    Gather,
    Goes,
    InLanguage,
    Lookup,
    Menu,
    Note,
    Open,
    Put,
    QueueHas,
    Relation,
    Speak,
    Spoken,
    ends,
    leads,
)
from callctl.core.ids import SECOND, CalendarId, FlowId, MenuId, QueueId
from callctl.core.policy import Announce, HangUp, Policy, ToFlow, ToMenu, ToQueue
from callctl.core.ways import Back, Next
from callctl.settings import Loaded, SettingsError, changes, load, load_policy

pytestmark = pytest.mark.adapter

NODES = 'nodes: {pbx: {ari: {password: "env:S"}, ami: {password: "env:S"}, include_dir: callctl.d}}\n'
HOUSE = """\
country: GB
calendars:
  office: {zone: Europe/London, week: {mon-fri: ["08:00-18:00"]}}
  other: {zone: UTC, week: {mon: ["08:00-18:00"]}}
lookup_headers: {crm: {Authorization: "env:S"}}
queues: {sales: {hours: other}, operator: {}}
menus: {main: {prompts: [sound:a], options: {1: {flow: practice}}, give_up: {announce: [sound:a], then: {flow: other}}}}
numbers: {"+442079460000": {flow: practice}, 200: {menu: main}, 201: {queue: sales}}
"""
FLOWS = """\
flows:
  other: {answer: on_agent, nodes: {ask: {menu: [sound:a], options: {1: bye}, give_up: bye}, bye: {goes: return}}}
  practice:
    start: hello
    languages: [en_GB, fr]
    values: {order: {default: ""}, tier: {type: text, default: none}, pin: {sensitive: true}, score: digits}
    nodes:
      menu: {menu: [sound:m], options: {1: order, "*": {queue: sales, priority: 5}, 9: menu, 8: {menu: main}},
             timeout: 4s, tries: 2, invalid: [sound:i], no_input: [{say: number, of: "{order}"}], barge_in: false,
             give_up: {queue: operator}}
      hello: {play: [sound:hello-world, {say: date, of: "{due}"},
              {fr: [sound:b], en_GB: [sound:a, {say: time, of: x}]}], then: open}
      open:
        branch:
          - {open: office, then: menu}
          - {closed: office, chance: 12.5%, then: menu}
          - {caller: ["+33", "+32", withheld, 101], called: "+442079460000", then: french}
          - {value: order, is: ["12", "{due}"], begins: "1", then: pin}
          - {value: "{order}-{tier}", fits: NX, above: 3, below: "{score}", then: menu}
          - {language: [fr, en_GB], then: menu}
          - {queue: sales, waiting: {above: 5}, free: {below: 1}, staffed: {above: 1, below: 4}, then: menu}
        otherwise: closed
      closed: {hours: office, open: menu, closed: bye}
      french: {set: {language: fr, tier: gold, label: "{order}-x"}, then: lang}
      lang: {language: {1: en_GB, 2: fr}, prompts: [sound:l], then: menu, give_up: bye, tries: 1}
      order: {gather: [sound:o], into: order, digits: 4-8, end: "*", timeout: 6s, pause: 2s, tries: 4, luhn: true,
              pattern: NXX!, confirm: true, then: look, give_up: bye, invalid: [sound:i], no_input: [sound:n]}
      pin: {gather: [sound:p], into: pin, digits: 4, end: "", then: again, give_up: bye}
      again: {gather: [sound:g], into: score,
              confirm: {play: [sound:s, {say: spelled, of: "{score}"}], yes: 5, no: "#"}, then: rate, give_up: bye}
      look: {lookup: "https://crm.example/orders/{order}", headers: crm, timeout: 4s, meanwhile: [sound:w],
             into: {status: /status, due: /a~1b/0}, then: sub, failed: {announce: [sound:a], then: {flow: other}}}
      rate: {note: {csat: "{score}"}, then: bye}
      sub: {call: other, then: menu}
      bye: {goes: {hang_up: normal}}
"""
OFFICE = Open(CalendarId("office"))
SALES = QueueId("sales")


def write(folder: Path, *texts: str, name: str = "a.yaml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(texts), encoding="utf-8")
    return folder


def loaded(folder: Path, *texts: str) -> Loaded:
    return load(write(folder, NODES, *texts), environ={"S": "x"})


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return loaded(tmp_path_factory.mktemp("c"), HOUSE, FLOWS).policy


@pytest.fixture
def practice(policy: Policy) -> Flow:
    return policy.flows.of[FlowId("practice")]


def node(name: str) -> Next:
    return Next(name)


# ── what becomes of it ───────────────────────────────────────────────────────────────────────


def test_flows(policy: Policy, practice: Flow) -> None:
    other = policy.flows.of[FlowId("other")]
    assert list(policy.flows.of) == ["other", "practice"]
    assert list(policy.flows.calendars) == ["office"]
    assert policy.flows.calendars.items() <= policy.calendars.items()
    assert (practice.id, practice.start, practice.answers) == ("practice", "hello", True)
    assert (other.start, other.answers) == ("ask", False)
    assert practice.values == {"order": "", "tier": "none"}
    assert ToFlow(FlowId("practice")) in policy.entries.values()
    main = policy.menus[MenuId("main")]
    assert main.options == {"1": ToFlow(FlowId("practice"))}
    assert main.give_up == Announce(("sound:a",), ToFlow(FlowId("other")))


def test_every_way_leads_somewhere(policy: Policy) -> None:
    for flow in policy.flows.of.values():
        for it in flow.nodes.values():
            assert all(way.node in flow.nodes for way in leads(it) if isinstance(way, Next))
    assert {type(way) for way in ends(policy.flows, policy.flows.of)} == {ToQueue, ToMenu, HangUp, Announce}


def test_prompts(practice: Flow) -> None:
    in_language = InLanguage({"en_GB": ("sound:a", Spoken("time", "x")), "fr": ("sound:b",)})
    assert practice.nodes["hello"] == Speak(("sound:hello-world", Spoken("date", "{due}"), in_language), node("open"))
    assert isinstance(practice.nodes["hello"], Speak)
    assert list(in_language.of) == ["en_GB", "fr"]
    assert [list(it.of) for it in practice.nodes["hello"].prompts if isinstance(it, InLanguage)] == [["en_GB", "fr"]]


def test_a_menu(practice: Flow) -> None:
    found = practice.nodes["menu"]
    assert isinstance(found, Menu)
    assert (found.id, found.prompts, found.timeout, found.tries) == ("practice/menu", ("sound:m",), 4 * SECOND, 2)
    assert found.invalid == ("sound:i",)
    assert found.no_input == (Spoken("number", "{order}"),)
    assert not found.barge_in
    assert found.options["1"] == node("order")
    assert found.options["9"] == node("menu")
    assert isinstance(to := found.options["*"], ToQueue)
    assert (to.queue, to.priority) == ("sales", 5)
    assert list(found.options) == ["1", "*", "9", "8"]


def test_gathering(practice: Flow) -> None:
    found = practice.nodes["order"]
    assert isinstance(found, Gather)
    assert (found.into, found.least, found.most, found.end, found.tries) == ("order", 4, 8, "*", 4)
    assert (found.timeout, found.pause, found.luhn, found.pattern) == (6 * SECOND, 2 * SECOND, True, "NXX!")
    assert (found.then, found.give_up, found.sensitive) == (node("order?"), node("bye"), False)
    pin = practice.nodes["pin"]
    assert isinstance(pin, Gather)
    assert (pin.least, pin.most, pin.end, pin.then, pin.sensitive) == (4, 4, "", node("again"), True)


def test_digits_are_said_back(practice: Flow) -> None:
    asks = practice.nodes["order?"]
    assert isinstance(asks, Menu)
    said = ("sound:you-entered", Spoken("digits", "{order}"), "sound:if-correct-press", "sound:digits/1")
    assert asks.prompts == (*said, "sound:vm-press", "sound:digits/2", "sound:vm-toenternumber")
    assert (asks.id, asks.options) == ("practice/order?", {"1": node("look"), "2": node("order")})
    assert (asks.give_up, asks.timeout, asks.tries) == (node("bye"), 6 * SECOND, 4)
    assert (asks.invalid, asks.no_input) == (("sound:i",), ("sound:n",))
    own = practice.nodes["again?"]
    assert isinstance(own, Menu)
    assert own.prompts == ("sound:s", Spoken("spelled", "{score}"))
    assert own.options == {"5": node("rate"), "#": node("again")}


def test_branches(practice: Flow) -> None:
    found = practice.nodes["open"]
    assert isinstance(found, Branch)
    called = Compares("{called}", Relation.BEGINS, ("+442079460000",))
    abroad, withheld = (
        Compares("{caller}", Relation.BEGINS, ("+33", "+32")),
        Compares("{caller}", Relation.IS, ("", "101")),
    )
    joined = "{order}-{tier}"
    assert found.cases == (
        ((OFFICE,), node("menu")),
        ((Open(OFFICE.calendar, False), Chance(1250)), node("menu")),
        ((abroad, called), node("french")),
        ((withheld, called), node("french")),
        (
            (Compares("{order}", Relation.IS, ("12", "{due}")), Compares("{order}", Relation.BEGINS, ("1",))),
            node("pin"),
        ),
        (
            (
                Compares(joined, Relation.FITS, ("NX",)),
                Compares(joined, Relation.ABOVE, ("3",)),
                Compares(joined, Relation.BELOW, ("{score}",)),
            ),
            node("menu"),
        ),
        ((Compares("{language}", Relation.IS, ("fr", "en_GB")),), node("menu")),
        ((Compares("{language}", Relation.BEGINS, ("fr_",)),), node("menu")),
        (
            (
                QueueHas(SALES, Figure.WAITING, 6, None),
                QueueHas(SALES, Figure.FREE, 0, 0),
                QueueHas(SALES, Figure.STAFFED, 2, 3),
            ),
            node("menu"),
        ),
    )
    assert found.otherwise == node("closed")
    assert practice.nodes["closed"] == Branch((((OFFICE,), node("menu")),), node("bye"))


def test_other_nodes(practice: Flow) -> None:
    assert practice.nodes["french"] == Put((("tier", "gold"), ("label", "{order}-x")), node("lang"), "fr")
    assert practice.nodes["rate"] == Note((("csat", "{score}"),), node("bye"))
    assert practice.nodes["sub"] == Enter(FlowId("other"), node("menu"))
    assert practice.nodes["bye"] == Goes(HangUp())
    look = practice.nodes["look"]
    assert isinstance(look, Lookup)
    assert look.url == "https://crm.example/orders/{order}"
    assert look.into == (("status", "/status"), ("due", "/a~1b/0"))
    assert (look.headers, look.timeout, look.meanwhile) == ("crm", 4 * SECOND, ("sound:w",))
    assert look.failed == Announce(("sound:a",), ToFlow(FlowId("other")))


def test_a_choice_of_language(practice: Flow) -> None:
    found = practice.nodes["lang"]
    assert isinstance(found, Menu)
    assert (found.options, found.give_up, found.tries) == (
        {"1": node("lang?en_GB"), "2": node("lang?fr")},
        node("bye"),
        1,
    )
    assert practice.nodes["lang?en_GB"] == Put((), node("menu"), "en_GB")
    assert practice.nodes["lang?fr"] == Put((), node("menu"), "fr")


def test_a_flow_returns(policy: Policy) -> None:
    assert policy.flows.of[FlowId("other")].nodes["bye"] == Goes(Back())


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("timeout: 4s", "timeout: 5s", False),
        ("languages: [en_GB, fr]", "languages: [fr, en_GB]", False),
        ("value: order, is", "value: tier, is", False),
        ("week: {mon-fri", "week: {mon-thu", False),
        ("zone: UTC", "zone: Asia/Tokyo", True),  # that calendar is no flow's
        ("operator: {}", "operator: {wrap_up: 7s}", True),
        ("start: hello\n    languages: [en_GB, fr]", "languages: [en_GB, fr]\n    start: hello", True),
    ],
)
def test_the_version_follows_from_flows_and_their_calendars(tmp_path: Path, old: str, new: str, same: bool) -> None:
    one = loaded(tmp_path / "a", HOUSE, FLOWS).policy
    other = loaded(tmp_path / "b", *(text.replace(old, new) for text in (HOUSE, FLOWS))).policy
    assert len(one.flows.version) == 64
    assert (one.flows.version == other.flows.version) is same


def test_without_flows_there_is_no_version(tmp_path: Path) -> None:
    assert loaded(tmp_path).policy.flows.version == ""


# ── where it stands ──────────────────────────────────────────────────────────────────────────

BYE = "{nodes: {bye: {goes: {hang_up: normal}}}}"


def test_flows_have_a_folder_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, NODES, "numbers: {200: {flow: one}, 201: {flow: two}}\n")
    write(tmp_path / "flows", f"flows: {{one: {BYE}}}\n", name="one.yaml")
    write(tmp_path / "flows", f"flows: {{two: {BYE}}}\nqueues: {{sales: {{}}}}\n", name="two.yaml")
    (tmp_path / "flows" / ".hidden.yaml").write_text("x")
    found = load_policy(tmp_path)
    assert list(found.flows.of) == ["one", "two"]
    assert list(found.queues) == ["sales"]


def test_an_overlay_may_have_one_too(tmp_path: Path) -> None:
    write(tmp_path / "c", NODES, "numbers: {200: {flow: one}}\n")
    write(tmp_path / "c" / "flows", f"flows: {{one: {BYE}}}\n")
    write(tmp_path / "o" / "flows", "flows: {one: {nodes: {bye: {goes: {hang_up: busy}}}}}\n")
    (flow,) = load_policy(tmp_path / "c", tmp_path / "o").flows.of.values()
    assert str(flow.nodes["bye"]) == "Goes(to=HangUp(reason=<HangupReason.BUSY: 'busy'>))"


def test_mistakes_there_have_their_places(tmp_path: Path) -> None:
    write(tmp_path, NODES, "numbers: {200: {flow: one}}\n")
    write(tmp_path / "flows", f"flows: {{one: {BYE}}}\n", name="a.yaml")
    write(tmp_path / "flows", f"flows:\n  one: {BYE}\n  two: {{nodes: {{x: {{goes: y}}}}}}\n", name="b.yaml")
    assert told(tmp_path) == [
        "flows/b.yaml:2:3: flows.one: the key is there already, in flows/a.yaml, line 1; keep one of them",
        "flows/b.yaml:3:27: flows.two.nodes.x.goes: there is no node `y` in this flow; one of: x, return",
    ]
    (tmp_path / "flows" / "c.yml").write_text("flows: {}\n")
    assert told(tmp_path)[0] == "flows/c.yml: this file is not read; name it c.yaml"


def test_a_file_of_that_name_is_no_folder(tmp_path: Path) -> None:
    write(tmp_path, NODES, "numbers: {200: {flow: one}}\n")
    (tmp_path / "flows").write_text("x")
    write(tmp_path, f"flows: {{one: {BYE}}}\n", name="flows.yaml")
    assert list(load_policy(tmp_path).flows.of) == ["one"]


def told(folder: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(folder, environ={"S": "x"})
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def test_nothing_is_missed_that_may_stand_in_a_broken_file(tmp_path: Path) -> None:
    text = "flows: {one: {nodes: {x: {play: [{say: digits, of: '{v}'}], then: y}, y: {goes: return}}}}\n"
    write(tmp_path, NODES, "numbers: {200: {flow: one}, 201: {flow: two}}\n", text)
    write(tmp_path / "flows", "flows: {\n", name="b.yaml")
    assert [line.split(":")[0] for line in told(tmp_path)] == ["flows/b.yaml"]


# ── what is odd ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (f"flows: {{f: {BYE}}}\n", "a.yaml:2:9: flows.f: no call is led here; lead one here, or remove it"),
        (
            "numbers: {200: {flow: f}}\nflows: {f: {nodes: {a: {call: g, then: {hang_up: normal}}}}, "
            "g: {nodes: {a: {menu: [sound:a], options: {1: {flow: g}}, give_up: {hang_up: normal}}}}}\n",
            "",
        ),
        (
            "flows: {f: {nodes: {a: {menu: [sound:a], options: {1: {flow: f}}, give_up: {hang_up: normal}}}}}\n",
            "a.yaml:2:9: flows.f: no call is led here; lead one here, or remove it",
        ),
        (
            "numbers: {200: {flow: f}, 201: {flow: g}}\nflows: {f: {nodes: {a: {call: g, then: {hang_up: normal}}}}, "
            "g: {nodes: {a: {goes: return}}}}\n",
            "a.yaml:2:39: numbers.201.flow: the flow `g` returns, and who comes from here has nowhere to return to; "
            "let another flow call it: callers from here go to `last_resort` there",
        ),
    ],
    ids=["unused", "used by others", "used by itself", "returns to nobody"],
)
def test_what_is_odd_is_a_warning(tmp_path: Path, text: str, warning: str) -> None:
    found = [str(it).replace(f"{tmp_path}/", "") for it in loaded(tmp_path, text).warnings]
    assert found == ([warning] if warning else [])


# ── what a reload changes ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("timeout: 4s, tries: 2", "timeout: 5s, tries: 2", ["node menu.timeout: 4s → 5s"]),
        ("9: menu, 8", "9: pin, 8", ["node menu: option 9: node menu → node pin"]),
        (
            "start: hello\n",
            "start: first\n",
            ["practice.start: hello → first", "node first: added"],
        ),
        ("default: none", "default: low", ['value tier: "none" → "low"']),
        ('order: {default: ""}, ', "", ['value order: "" → none']),
        ("answer: on_agent", "answer: on_entry", ["flow other.answer: on_agent → on_entry"]),
        (
            'above: 3, below: "{score}"',
            'begins: "4"',
            [
                "node open: case 6: {order}-{tier} fits NX and {order}-{tier} is above 3 and {order}-{tier} is below "
                "{score}: node menu → {order}-{tier} begins 4 and {order}-{tier} fits NX: node menu"
            ],
        ),
        (
            "{open: office, then",
            "{closed: office, then",
            ["node open: case 1: office is open: node menu → office is closed: node menu"],
        ),
        ("otherwise: closed", "otherwise: closed", []),
        ("hours: office, open: menu, closed: bye", "goes: menu", ["node closed: branch → goes"]),
        (
            "[fr, en_GB], then: menu",
            "fr, then: menu",
            ["node open: case 7: {language} is fr or en_GB: node menu → {language} is fr: node menu"],
        ),
        (
            "waiting: {above: 5}, free: {below: 1}, staffed: {above: 1, below: 4}, then: menu",
            "free: {above: 1}, then: {queue: operator}",
            [
                "node open: case 9: sales has 6 or more waiting and sales has 0 free and sales has 2 to 3 staffed: "
                "node menu → sales has 2 or more free: queue operator"
            ],
        ),
        (
            "fr: [sound:b], en_GB: [sound:a",
            "fr: [sound:c], en_GB: [sound:a",
            [
                "node hello.prompts: sound:hello-world, {due} as date, en_GB: sound:a, x as time; fr: sound:b → "
                "sound:hello-world, {due} as date, en_GB: sound:a, x as time; fr: sound:c"
            ],
        ),
        ('csat: "{score}"', 'nps: "{score}"', ["node rate.values: csat, {score} → nps, {score}"]),
        ("set: {language: fr,", "set: {language: en_GB,", ["node french.language: fr → en_GB"]),
        ("pause: 2s", "pause: 1s", ["node order.pause: 2s → 1s"]),
        ("{menu: main}}, timeout", "{flow: other}}, timeout", []),
        (
            "200: {menu: main}",
            "200: {flow: other}",
            ["number 200: menu main → flow other"],
        ),
    ],
)
def test_changes_are_told(tmp_path: Path, old: str, new: str, lines: list[str]) -> None:
    more = "\n      first: {goes: hello}\n" if "first" in new else ""
    after = tuple(text.replace(old, new) + more * (text is FLOWS) for text in (HOUSE, FLOWS))
    one, other = loaded(tmp_path / "a", HOUSE, FLOWS).policy, loaded(tmp_path / "b", *after).policy
    assert [line.removeprefix("flow practice: ").removeprefix("flow practice.") for line in changes(one, other)] == [
        line.removeprefix("practice.") for line in lines
    ]


def test_flows_that_come_and_go_are_told(tmp_path: Path, policy: Policy) -> None:
    house = HOUSE.replace("{flow: practice}", "{flow: other}")
    other = "\n".join(FLOWS.splitlines()[:2]).replace("return", "{hang_up: normal}") + "\n"
    less = loaded(tmp_path, house, other).policy
    assert "flow practice: removed" in changes(policy, less)
    assert "flow practice: added" in changes(less, policy)
    assert "flow other: node bye.to: return → hang up (normal)" in changes(policy, less)


# ── any flow ─────────────────────────────────────────────────────────────────────────────────


def flow_of(nodes: dict[str, dict[str, object]]) -> str:
    flow = {"values": {"v": "text"}, "nodes": nodes}
    return yaml.safe_dump({"numbers": {"200": {"flow": "f"}}, "flows": {"f": flow}})


def test_a_thousand_nodes(tmp_path: Path) -> None:
    """A ring of menus, each with a branch, and the branches a ring of their own but for the last."""
    nodes: dict[str, dict[str, object]] = {}
    for i in range(0, 1000, 2):
        ahead, beyond = f"n{(i + 2) % 1000}", f"n{(i + 3) % 1000}"
        nodes[f"n{i}"] = {
            "menu": ["sound:a"],
            "options": {"1": f"n{i + 1}", "2": ahead},
            "give_up": {"hang_up": "normal"},
        }
        nodes[f"n{i + 1}"] = {"branch": [{"value": "v", "is": "1", "then": ahead}], "otherwise": beyond}
    nodes["n999"]["otherwise"] = {"hang_up": "normal"}
    found = loaded(tmp_path / "good", flow_of(nodes)).policy.flows.of[FlowId("f")]
    assert len(found.nodes) == 1000
    nodes["n999"]["otherwise"] = "n1"
    (wrong,) = told(write(tmp_path / "wrong", NODES, flow_of(nodes)))
    assert "a caller who presses nothing goes round for ever (n1 → n3 → " in wrong
