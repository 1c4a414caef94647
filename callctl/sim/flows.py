"""The office's flows: every kind of node, and from each kind every kind of way."""

from __future__ import annotations

from callctl.core.flows import (
    Branch,
    Chance,
    Compares,
    Enter,
    Figure,
    Flow,
    Flows,
    Gather,
    Goes,
    InLanguage,
    Lookup,
    Menu,
    Node,
    Note,
    Open,
    Put,
    QueueHas,
    Relation,
    Speak,
    Spoken,
)
from callctl.core.hours import DAY, Calendar
from callctl.core.ids import CalendarId, FlowId, MenuId, QueueId, seconds
from callctl.core.ways import Announce, Back, Destination, HangUp, Next, ToFlow, ToMenu, ToQueue, Voicemail, Way

TOUR, ASKS, PIN, RATES = map(FlowId, ("tour", "asks", "pin", "rates"))
ALWAYS = CalendarId("always")
SALES, HELP = QueueId("sales"), QueueId("help")
URL = "https://crm.example/customers/{caller}"

LEADS: dict[str, Way] = {
    "queue": ToQueue(SALES),
    "end": HangUp(),
    "again": Next("again"),
    "announcement": Announce(("sound:bye",), HangUp()),
    "menu": Next("menu"),
    "voicemail": Voicemail("100"),
}
"""Ways of each kind that a lookup's answer may lead."""


def asking(kind: str) -> FlowId:
    """A flow that begins with a lookup, and leads such a way, found or not."""
    return FlowId(f"asks-{kind}")


def _asks(name: FlowId, to: Way) -> Flow:
    again = Lookup(URL, (("name", "/name"),), HangUp(), HangUp(), timeout=seconds(3))
    menu = Menu(MenuId(f"{name}/menu"), ("sound:menu",), {"1": Next("look"), "2": ToMenu(MenuId("main"))}, HangUp())
    look = Lookup(URL, (("name", "/name"),), to, to, meanwhile=("sound:one-moment-please",))
    return Flow(name, "look", {"look": look, "again": again, "menu": menu})


def _tour() -> Flow:
    nodes: dict[str, Node] = {
        "hello": Speak(("sound:hello", InLanguage({"en": ("sound:en",), "fr": ("sound:fr",)})), Next("main")),
        "main": Menu(
            MenuId("tour/main"),
            ("sound:tour",),
            {
                "1": Next("order"),
                "2": Next("look"),
                "3": Next("which"),
                "4": Next("rate"),
                "5": ToQueue(HELP),
                "6": Next("french"),
                "7": Voicemail("100"),
                "8": ToFlow(ASKS),
                "9": Next("bye"),
                "0": ToFlow(PIN),
            },
            Next("look"),
            tries=2,
            invalid=("sound:invalid",),
        ),
        "order": Gather(
            MenuId("tour/order"),
            ("sound:order",),
            "order",
            Next("said"),
            Next("main"),
            least=2,
            most=4,
            luhn=True,
            invalid=("sound:invalid",),
            no_input=("sound:nothing",),
        ),
        "said": Speak((Spoken("digits", "{order}"),), Next("look")),
        "look": Lookup(URL, (("name", "/name"),), Next("known"), Next("main"), timeout=seconds(4)),
        "known": Note((("order", "{order}"), ("name", "{name}")), Next("hello")),
        "which": Branch(
            (
                ((Compares("{language}", Relation.IS, ("fr",)),), Next("bye")),
                ((Open(ALWAYS), QueueHas(SALES, Figure.WAITING, most=2), Chance(5000)), ToQueue(SALES)),
                ((QueueHas(HELP, Figure.FREE, least=1),), ToQueue(HELP)),
            ),
            Next("main"),
        ),
        "french": Put((("tier", "gold {caller}"),), Next("hello"), "fr"),
        "rate": Enter(RATES, Next("main")),
        "bye": Goes(HangUp()),
    }
    return Flow(TOUR, "hello", nodes, {"order": ""})


def _pin() -> Flow:
    """Digits that are kept in memory alone."""
    nodes: dict[str, Node] = {
        "pin": Gather(
            MenuId("pin/pin"), ("sound:pin",), "pin", Next("check"), HangUp(), least=4, most=4, sensitive=True, end=""
        ),
        "check": Lookup("https://crm.example/pins/{pin}", (), ToQueue(SALES), Next("pin"), timeout=seconds(4)),
    }
    return Flow(PIN, "pin", nodes, answers=False)


def _rates() -> Flow:
    nodes: dict[str, Node] = {
        "score": Gather(
            MenuId("rates/score"), ("sound:rate",), "score", Next("noted"), Back(), most=1, pattern="[1-5]"
        ),
        "noted": Note((("csat", "{score}"),), Back()),
    }
    return Flow(RATES, "score", nodes)


def flows(version: str = "flows 1") -> Flows:
    """All of them."""
    known = [_tour(), _pin(), _rates(), _asks(ASKS, Next("menu"))]
    known += [_asks(asking(kind), to) for kind, to in LEADS.items()]
    always = Calendar(((0, 0),), (((0, DAY),),) * 7)
    return Flows(version, {flow.id: flow for flow in known}, {ALWAYS: always})


FLOW_ENTRIES: dict[str, Destination] = {
    "442079460030": ToFlow(TOUR),
    "442079460031": ToFlow(PIN),
    "442079460032": ToFlow(ASKS),
    "442079460033": ToFlow(RATES),
}
TO_TOUR, TO_PIN, TO_ASKS, TO_RATES = FLOW_ENTRIES
