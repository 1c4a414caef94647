"""A World as it could be at noon, and a fake Desk (no core, no database behind it) for the API's tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from callctl.api.ports import Condition, Health, Record, Reloaded, Stored, UnavailableError
from callctl.core.addresses import E164
from callctl.core.events import Event, StatusAsked, SwitchAsked, Wish
from callctl.core.facts import (
    AgentStatusChanged,
    CallConnected,
    CallEnded,
    CallEntered,
    CallOffered,
    CallQueued,
    DigitTaken,
    Fact,
    MenuEntered,
    RingEnded,
    StatusRefused,
    SwitchTurned,
)
from callctl.core.ids import (
    SECOND,
    AgentId,
    CallId,
    IdSource,
    LegId,
    MailboxId,
    MenuId,
    Micros,
    NodeId,
    PhoneId,
    QueueId,
    SwitchId,
    TrunkId,
)
from callctl.core.model import (
    Agent,
    AgentStatus,
    Available,
    Call,
    Connected,
    Idle,
    InMenu,
    LoggedOut,
    MenuVisit,
    Node,
    OnCall,
    Outcome,
    Party,
    Paused,
    Place,
    Queued,
    QueueVisit,
    Reachable,
    Ring,
    RingResult,
    Story,
    Switch,
    Unreachable,
    Up,
    World,
)
from callctl.core.policy import (
    AgentPolicy,
    HangUp,
    MailboxPolicy,
    Menu,
    PhoneKind,
    PhonePolicy,
    Policy,
    QueuePolicy,
    SwitchPolicy,
    ToMenu,
    ToQueue,
    TrunkKind,
    TrunkPolicy,
)
from callctl.runtime.mailboxes import BoxNow, Message
from callctl.runtime.views import TrunkNow
from callctl.store.cdr import CallRecord

NOON: Micros = 1_795_262_400 * SECOND
PBX, SALES, MAIN = NodeId("pbx"), QueueId("sales"), MenuId("main")
RECEPTION, NIGHT = MailboxId("100"), MailboxId("200")
ANA, BEN, CY = AgentId("ana"), AgentId("ben"), AgentId("cy")
FIRE = SwitchId("fire")
CALLER = E164("33612345678")
WAITING = CallId("01KAMB00000000000000000001")
TALKING = CallId("01KAMB00000000000000000002")
IN_MENU = CallId("01KAMB00000000000000000003")
OVER = CallId("01KAMB00000000000000000004")


def policy() -> Policy:
    names = {ANA: "Ana Silva", BEN: "Ben", CY: "cy"}
    return Policy(
        sha="abc123",
        default_node=PBX,
        menus={MAIN: Menu(MAIN, ("sound:main",), {"1": ToQueue(SALES)}, HangUp())},
        queues={SALES: QueuePolicy(SALES)},
        agents={a: AgentPolicy(a, name, PhoneId(f"p-{a}"), (SALES,)) for a, name in names.items()},
        phones={PhoneId(f"p-{a}"): PhonePolicy(PhoneId(f"p-{a}"), PhoneKind.PROVISIONED, f"p-{a}", PBX) for a in names},
        switches={FIRE: SwitchPolicy(FIRE, "Everybody out", "*70")},
        trunks={
            TrunkId("carrier"): TrunkPolicy(TrunkId("carrier"), TrunkKind.IP, PBX, "sip.example.net"),
            TrunkId("spare"): TrunkPolicy(TrunkId("spare"), TrunkKind.IP, PBX, "spare.example.net"),
        },
        mailboxes={
            RECEPTION: MailboxPolicy(RECEPTION, "Reception", lamp=(PhoneId("p-ana"),)),
            NIGHT: MailboxPolicy(NIGHT, "Night desk"),
        },
    )


def world() -> World:
    """Three calls (in the menu, waiting 12.5 s, talking) and three agents (free, talking, logged out)."""
    made = World(policy(), IdSource(1))
    made.nodes[PBX] = Node(PBX, Up(NOON), "boot-1")
    since = NOON - 12_500_000
    for call, phase in (
        (IN_MENU, InMenu(MAIN, 1, None, None)),
        (WAITING, Queued(Place(SALES, 5, since))),
        (TALKING, Connected(Place(SALES, 0, since), BEN, LegId("leg-b"), NOON + 60 * SECOND)),
    ):
        made.calls[call] = Call(
            call,
            PBX,
            LegId(f"leg-{call}"),
            phase,
            NOON - 20 * SECOND,
            caller=CALLER,
            caller_name="Zoe +33612345678",
            dialled="+33123456789",
            trunk=TrunkId("carrier"),
            story=Story(menus=[MenuVisit(MAIN, NOON - 20 * SECOND, "1")]),
        )
    contacts = Reachable(("sip:a@10.0.0.1",))
    made.agents[ANA] = Agent(ANA, Available(), Idle(NOON - 30 * SECOND), contacts)
    made.agents[BEN] = Agent(BEN, Available(), OnCall(TALKING, LegId("leg-b")), contacts)
    made.agents[CY] = Agent(CY, LoggedOut(), Idle(NOON), Unreachable())
    return made


def story(call: CallId) -> list[tuple[Micros, Fact]]:
    """A whole call: menu, a missed ring, an answer, wrap-up to come."""
    start = NOON - 600 * SECOND
    legs = (LegId("l1"),)
    return [
        (start, CallEntered(call, PBX, LegId("x"), CALLER, "+33123456789", ToMenu(MAIN))),
        (start, MenuEntered(call, MAIN, 1)),
        (start + 3_200_000, DigitTaken(call, MAIN, "1", ToQueue(SALES))),
        (start + 3_200_000, CallQueued(call, SALES, 0, 1)),
        (start + 3_300_000, CallOffered(call, SALES, BEN, legs, "longest idle of 2 free in sales: 9.0 s")),
        (start + 8 * SECOND, RingEnded(call, SALES, BEN, RingResult.REJECTED, 4_700_000, 21, 603)),
        (start + 9 * SECOND, CallOffered(call, SALES, ANA, legs, "longest idle of 1 free in sales: 5.0 s")),
        (start + 12 * SECOND, RingEnded(call, SALES, ANA, RingResult.ANSWERED, 3 * SECOND)),
        (start + 12 * SECOND, CallConnected(call, SALES, ANA, 8_800_000)),
        (
            start + 90 * SECOND,
            CallEnded(call, SALES, ANA, Outcome.ANSWERED, Party.CALLER, 16, 0, 8_800_000, 78 * SECOND),
        ),
    ]


@dataclass(frozen=True)
class Told:
    """A stored fact, as the store reads it."""

    at: Micros
    fact: Fact | None
    kind: str


def stored(events: list[tuple[Micros, Fact]]) -> list[Told]:
    return [Told(at, fact, type(fact).__name__) for at, fact in events]


def record(call: CallId) -> CallRecord:
    """A row of table `call`, as the store reads it."""
    start = NOON - 600 * SECOND
    return CallRecord(
        id=call,
        node=PBX,
        trunk="carrier",
        phone=None,
        caller="+33612345678",
        caller_kind="E164",
        caller_name="",
        dialled="+33123456789",
        diverted_from=None,
        feature=None,
        entered=start,
        answered_by_pbx=start,
        menus=(MenuVisit(MAIN, start, "1"),),
        queue=SALES,
        queued=start + 3_200_000,
        queues=(QueueVisit(SALES, start + 8 * SECOND),),
        rings=(Ring(ANA, start + 9 * SECOND, "longest idle", start + 12 * SECOND, RingResult.ANSWERED),),
        agent=ANA,
        connected=start + 12 * SECOND,
        ended=start + 90 * SECOND,
        ended_by="caller",
        outcome="answered",
        cause=16,
        sip=0,
        wrap_up_ended=None,
        campaign="spring",
        picked_up=start + 7 * SECOND,
        heard="human",
        path=("orders/menu", "orders/number"),
        notes={"csat": "4", "call_back": "+33612345678"},
    )


@dataclass
class FakeDesk:
    """A fake: answers from fixed values, and does to an agent's status what the core would do in the plain case."""

    world: World = field(default_factory=world)
    asked: list[Event] = field(default_factory=list)
    alive: Condition = Condition("loop", True, "turned 0.1 s ago")
    ready: tuple[Condition, ...] = (Condition("pbx.link", True, "up"), Condition("journal", True, "up"))
    reloaded: Reloaded = Reloaded(True, "abc124", ("queues.sales.wrap_up: 10 s → 5 s",))
    refuse: str = ""
    away: str = ""

    @property
    def trunk_states(self) -> Mapping[TrunkId, TrunkNow]:
        return {TrunkId("carrier"): TrunkNow(False, "OPTIONS unanswered", NOON - 5 * SECOND)}

    def now(self) -> Micros:
        return NOON

    def health(self) -> Health:
        return Health(self.alive, self.ready)

    async def ask(self, event: Event) -> tuple[Fact, ...]:
        if self.away:
            raise UnavailableError(self.away)
        self.asked.append(event)
        if isinstance(event, SwitchAsked):
            self.world.switches = {event.switch: Switch(event.switch, NOON, event.by)} if event.on else {}
            return (SwitchTurned(event.switch, event.on, event.by),)
        assert isinstance(event, StatusAsked)
        if self.refuse:
            return (StatusRefused(event.agent, event.wish.value, self.refuse),)
        status: AgentStatus = Available()
        if event.wish is Wish.PAUSE:
            status = Paused(event.reason or "manual")
        elif event.wish is Wish.LOGOUT:
            status = LoggedOut()
        self.world.agents[event.agent].status = status
        return (AgentStatusChanged(event.agent, status, event.by, ""),)

    async def plan(self) -> Reloaded:
        return self.reloaded

    async def reload(self) -> Reloaded:
        return self.reloaded

    async def mailboxes(self) -> Mapping[MailboxId, BoxNow]:
        if self.away:
            raise UnavailableError(self.away)
        return {RECEPTION: BoxNow(2, 1)}

    async def messages(self, box: MailboxId) -> Sequence[Message]:
        return [
            Message(NOON - 60 * SECOND, "Zoe <+33612345678>", 12 * SECOND, True, "INBOX"),
            Message(None, "", 3 * SECOND, False, "Old"),
        ]

    async def records(self, limit: int) -> Sequence[Record]:
        if self.away:
            raise UnavailableError(self.away)
        return [record(OVER)][:limit]

    async def record(self, call: CallId) -> Record | None:
        return record(call) if call == OVER else None

    async def events(self, call: CallId) -> Sequence[Stored]:
        return stored(story(call)) if call in (OVER, TALKING) else []
