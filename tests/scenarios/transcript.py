"""A golden transcript: what happens, and what callctl wishes (`>`) and tells (`.`).

    # what it shows
    @2.5 caller c1 dials 442079460001          an event, 2.5 s after the start; time passes on the way
        > Answer c1                            a command
        . CallQueued call=c1 queue=sales …     a fact
    = c1 Queued, ana Idle                      what the World is in the end

Ids are given names as they appear: a call by its caller's channel, a ring or a line by agent and number (`ana-1`), a
call to somebody on a list by its number (`cust-1`), a playback by caller and number, what an agent's line and a caller
stand in (`talk-1`). The lines with `@` are the input; all others are written by `pytest --rewrite`.
Heartbeats and repeated status lines say nothing here and are left out.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from enum import Enum

from callctl.core.addresses import E164
from callctl.core.commands import Beat, Bridge, ClaimContacts, Command, Dial, Play, RingPhone
from callctl.core.contacts import Callback, Contact
from callctl.core.engine import Step, first_step, next_due
from callctl.core.events import (
    BridgeFailed,
    CallArrived,
    CampaignAsked,
    CampaignWish,
    ClockCompared,
    ContactsClaimed,
    DatabaseState,
    DispositionChosen,
    DoNotCallAsked,
    DoNotCallLists,
    Event,
    Heard,
    LegAnswered,
    LegGone,
    LegLeft,
    LegSeen,
    LegState,
    LegUp,
    LinkLost,
    LinkRestored,
    LookedUp,
    MessageLeft,
    PersonErased,
    PlaybackEnded,
    PolicyChanged,
    PreviewAsked,
    PreviewWish,
    Snapshot,
    SwitchAsked,
    Synced,
    TimePassed,
    Wish,
)
from callctl.core.facts import AgentStateChanged, Fact
from callctl.core.ids import (
    AgentId,
    CampaignId,
    ContactId,
    DispositionId,
    LegId,
    LookupId,
    Micros,
    PlaybackId,
    SwitchId,
    seconds,
)
from callctl.core.law import AttemptOutcome
from callctl.core.lookups import Ask
from callctl.core.model import Announcing, Briefed, Connected, InMenu, LookingUp, Offered, Queued
from callctl.core.outbound import EVERYWHERE
from callctl.core.policy import AutoAnswer, Policy, Strategy
from callctl.core.recovery import restore
from callctl.sim.lists import ZONES, calling_variants, person
from callctl.sim.office import FEATURES, NODE, START, bare, policy, variants
from callctl.sim.rows import Rows, copied
from tests.core.world import Stage, arrival_of, stage

SPAN = {"at", "since", "until", "ring_until", "idle_since", "talk_until", "due"}
LENGTHS = {"rang", "waited", "talked", "lasted", "length", "timeout", "took", "after", "grace_left"}

UNTOLD = {"node", "considered", "fitted"}
"""What a line leaves out: there is one node, and a choice's `why` tells enough."""
IF_ANY = {"sampled", "wants", "auto_answer", "permit", "campaign", "own", "promise", "asked", "out", "language"}
"""What a line has only where it is not as usual."""


@dataclass
class Transcript:
    """Plays the input lines of a transcript and writes it out again."""

    stage: Stage = field(default_factory=lambda: stage(reachable=()))
    out: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """Real id → the name it is given."""
    rings: dict[str, str] = field(default_factory=dict)
    """The name of an agent's leg → its real id."""
    counts: Counter[str] = field(default_factory=Counter)
    start: Micros = START
    agents: tuple[str, ...] = ("ana", "ben")
    strategy: Strategy = Strategy.LONGEST_IDLE
    policies: tuple[Policy, ...] = ()
    """The configurations that it may change between; none: the office's."""
    history: list[Rows] = field(default_factory=list)
    """The rows after each step of this life: a kill may find the journal behind."""

    def __post_init__(self) -> None:
        self.stage.watch = self._watch

    # ── playing ──────────────────────────────────────────────────────────────────────────────

    def play(self, text: str) -> str:
        """The transcript as it is now.

        Raises:
            ValueError: a line of input that nobody understands; it names the line.
        """
        for number, line in enumerate(text.splitlines(), 1):
            if line.startswith("#") or not line.strip():
                self.out.append(line.rstrip())
            elif line.startswith("@"):
                self._line(number, line)
        self.out.append(f"= {self._end()}")
        return "\n".join(self.out) + "\n"

    def _line(self, number: int, line: str) -> None:
        at, *words = line[1:].split()
        self._pass_until(self.start + seconds(float(at)))
        self.out.append(f"@{at} {' '.join(words)}")
        for name in VERBS:
            verb = tuple(name.split())
            where = next((i for i in range(len(words)) if tuple(words[i : i + len(verb)]) == verb), None)
            if where is not None:
                VERBS[name](self, *words[:where], *words[where + len(verb) :])
                return
        raise ValueError(f"line {number}: {line!r} is nothing that happens; known: {', '.join(VERBS)}")

    def _pass_until(self, at: Micros) -> None:
        """Let time pass; a deadline that does something gets a line of its own."""
        assert at >= self.stage.now, "time never goes backward"
        while (due := next_due(self.stage.world)) is not None and due <= at:
            self.stage.now = due
            before = len(self.out)
            self.stage.do(TimePassed())
            if len(self.out) > before:
                self.out.insert(before, f"~{self._time(due)} time passes")
        self.stage.now = at

    def leg(self, name: str) -> str:
        """The channel that has this name. Callers' channels are called as they are."""
        return self.rings.get(name, name)

    def arrived(self, name: str, how: str) -> CallArrived | LegAnswered:
        """How the channel came into the app: by the number that was dialled, or with what detection heard."""
        if name in self.rings:
            return LegAnswered(NODE, LegId(self.leg(name)), Heard(how))
        return arrival_of(name, how)

    def bridge(self, name: str) -> str:
        """The bridge that has this name: an agent's leg's, or a holding bridge, called as it is."""
        return next((real for real, given in self.names.items() if given == name), name)

    # ── writing ──────────────────────────────────────────────────────────────────────────────

    def _watch(self, event: Event, done: Step) -> None:
        self.history.append(copied(self.stage.rows))
        for call in self.stage.world.calls.values():
            self.names.setdefault(call.id, call.leg)
        for command in done.commands:
            self._name(command)
        for attempt in self.stage.world.outbound.attempts:
            self._give(attempt, "attempt")
        self.out += [f"    > {self._told(c)}" for c in done.commands if not isinstance(c, Beat)]
        for ask in done.asks:
            self._give(ask.request, "question")
        self.out += [f"    > {self._told(c)}" for c in done.claims]
        self.out += [f"    > {self._told(c)}" for c in done.asks]
        self.out += [f"    . {self._told(f)}" for f in done.facts if not isinstance(f, AgentStateChanged)]

    def _name(self, command: Command) -> None:
        if isinstance(command, RingPhone):
            self.rings[self._give(command.leg, command.endpoint)] = command.leg
        elif isinstance(command, Dial):
            self.rings[self._give(command.leg, "cust")] = command.leg
        elif isinstance(command, Play):
            self._give(command.playback, f"prompts-{self.names.get(command.leg, command.leg)}")
        elif isinstance(command, Bridge) and command.own:
            self._give(command.own, "talk")

    def _give(self, real: str, stem: str) -> str:
        if real not in self.names:
            self.counts[stem] += 1
            self.names[real] = f"{stem}-{self.counts[stem]}"
        return self.names[real]

    def _told(self, value: Command | ClaimContacts | Ask | Fact) -> str:
        names = [f.name for f in fields(value) if f.name not in UNTOLD]
        names = [n for n in names if n not in IF_ANY or getattr(value, n) not in (None, "", False, AutoAnswer.NO)]
        parts = [f"{name}={self._text(name, getattr(value, name))}" for name in names]
        return " ".join([type(value).__name__, *parts])

    def _text(self, name: str, value: object) -> str:
        if isinstance(value, Enum):
            return str(value.value)
        if isinstance(value, bool) or value is None:
            return "-" if value is None else str(value).lower()
        if isinstance(value, tuple | frozenset):
            return "[" + ", ".join(sorted(self._text("", part) for part in value)) + "]"
        if isinstance(value, int) and name in {*SPAN, *LENGTHS}:
            return self._time(value) if name in SPAN else f"{value / 1e6:g}s"
        if hasattr(value, "__dataclass_fields__") and type(value).__str__ is object.__str__:
            parts = [(f.name, getattr(value, f.name)) for f in fields(value)]  # type: ignore[arg-type]
            inside = ", ".join(self._text(name, part) for name, part in parts if part not in ((), None))
            return f"{type(value).__name__}({inside})"
        text = str(value)
        for real, given in self.names.items():
            text = text.replace(real, given)
        return f'"{text}"' if " " in text or not text else text

    def _time(self, at: Micros) -> str:
        return f"{(at - self.start) / 1e6:g}"

    def _end(self) -> str:
        world = self.stage.world
        calls = [f"{self.names.get(c.leg, c.leg)} {type(c.phase).__name__}" for c in world.calls.values()]
        agents = [
            f"{a.id} {type(a.status).__name__} {type(a.state).__name__} {type(a.phone).__name__}"
            for a in world.agents.values()
        ]
        return ", ".join([*(calls or ["no calls"]), *agents])


# ── what can happen ──────────────────────────────────────────────────────────────────────────


def _register(it: Transcript, phone: str, *contacts: str) -> None:
    it.stage.contacts(phone, *contacts)


def _snapshot(it: Transcript, *seen: str) -> None:
    """`c1:up:hold-sales c2:up:ben-1 ana-1:ringing c3:up:elsewhere c4:ringing:app:442079460001 ~c5`: what exists, held
    against the World.

    The third part is a bridge: of a queue, or of two who talk (by the agent's leg); `elsewhere`: not in our app;
    `app`: there, in no bridge. The fourth is the number that was dialled, of a caller who may not be known.
    `~c5`: events named it; `!c5`: and said that it has gone.
    """
    legs = []
    for word in (word for word in seen if word[0] not in "~!+"):
        name, state, where, number = (*word.split(":"), "", "")[:4]
        in_app = where != "elsewhere" and (bool(where) or state == "up")
        bridge = it.bridge(where) if in_app and where != "app" else ""
        arrival = it.arrived(name, number) if number else None
        legs.append(LegSeen(LegId(it.leg(name)), LegState(state), in_app, bridge, arrival))
    alone = {it.bridge(word[1:]) for word in seen if word[0] == "+"}
    bridges = tuple(sorted({leg.bridge for leg in legs if leg.bridge} | alone))
    named = frozenset(LegId(it.leg(word[1:])) for word in seen if word[0] in "~!")
    gone = frozenset(LegId(it.leg(word[1:])) for word in seen if word[0] == "!")
    it.stage.do(Synced(NODE, Snapshot(tuple(legs), bridges), named, gone))


def _killed(it: Transcript, lost: str = "0") -> None:
    """callctl dies and starts again from its rows; its last `lost` steps were not stored."""
    rows = copied(it.history[-1 - min(int(lost), len(it.history) - 1)] if it.history else it.stage.rows)
    policy, switches = it.stage.world.policy, rows.switches.values()
    first = first_step(rows.calls.values(), rows.attempts.values(), [NODE], it.stage.now, switches, policy.switches)
    parts = rows.calls.values(), rows.agents.values(), rows.nodes.values()
    world = restore(
        policy,
        it.counts["kill"] + 2,
        *parts,
        [NODE],
        it.stage.now,
        campaigns=rows.campaigns.values(),
        attempts=rows.attempts.values(),
        switches=switches,
        flows=rows.flows.values(),
    )
    it.counts["kill"] += 1
    rows.agents, rows.nodes = copied((world.agents, world.nodes))
    rows.take(first)
    it.stage = Stage(world, it.stage.now, rows=rows, watch=it._watch)
    it.history.clear()
    if first.facts:
        it._watch(TimePassed(), first)


def _begin(it: Transcript, *said: str) -> None:
    """A World of these agents, instead of ana and ben; perhaps with another strategy (`ana ben, rung by linear`), and
    with campaigns (`nia ana, rung by linear, calling blended over 5`): blended with callers, over 5 channels; with
    `sampled` agents get some of the answering machines."""
    names, _, more = " ".join(said).partition(", rung by ")
    strategy, calls, how = more.partition(", calling")
    it.agents, it.strategy = tuple(names.split()), Strategy(strategy or Strategy.LONGEST_IDLE)
    channels = how.partition("over ")[2]
    it.policies = (
        calling_variants(
            it.agents, it.strategy, blended="blended" in how, channels=int(channels or 0), sampled="sampled" in how
        )
        if calls
        else variants(it.agents, it.strategy)
    )
    it.stage = stage(it.policies[0], reachable=(), up=False)
    it.stage.watch = it._watch


def _ends(it: Transcript, who: str, *why: str) -> None:
    cause, sip = (*(int(w) for w in why[:2]), 16, 0)[:2] if len(why) != 1 else (int(why[0]), 0)
    it.stage.do(LegGone(NODE, LegId(it.leg(who)), cause, sip, unsent="unsent" in why))


def _answers(it: Transcript, who: str, heard: str = "nothing", quiet: str = "0") -> None:
    it.stage.do(LegAnswered(NODE, LegId(it.leg(who)), Heard(heard), seconds(float(quiet))))


def _heard(it: Transcript, who: str, failed: bool = False) -> None:
    leg = it.stage.world.legs[LegId(it.leg(who))]
    if leg.agent is None and isinstance(
        it.stage.call(leg.id).phase, InMenu | Announcing | LookingUp | Queued | Offered
    ):
        it.stage.heard(leg.id, failed)
    elif leg.agent is not None and isinstance(it.stage.agent(leg.agent).state, Briefed):
        it.stage.whispered(leg.agent, failed)
    else:  # a beep, say
        it.stage.do(PlaybackEnded(NODE, leg.id, PlaybackId(""), failed))


def _contacts_come(it: Transcript, campaign: str, *contacts: str) -> None:
    """`3/2:busy=1`: contact 3, with the number of person 2, whose only attempt found the line busy; `3`: nothing has
    happened yet. `back=20`: they are to be called back at that time."""
    found = tuple(_contact(it, CampaignId(campaign), said) for said in contacts)
    it.stage.do(ContactsClaimed(CampaignId(campaign), found, ZONES if found else {}))


def _contact(it: Transcript, campaign: CampaignId, said: str) -> Contact:
    who, *known = said.split(":")
    id_, _, number = who.partition("/")
    made = person(int(number or id_), campaign)
    past = dict(pair.split("=") for pair in known if "=" in pair)
    back = past.pop("back", None)
    outcomes = tuple((AttemptOutcome(how), int(times)) for how, times in past.items())
    attempts = sum(times for _, times in outcomes)
    numbers = tuple(replace(it, barred="another's" if "barred" in known else "") for it in made.numbers)
    at = None if back is None else it.start + seconds(float(back))
    return replace(
        made,
        id=ContactId(int(id_)),
        numbers=numbers,
        outcomes=outcomes,
        attempts=attempts,
        per_number=(attempts,) if attempts else (),
        callback=None if at is None else Callback(at, numbers[0].address),
        claimed=it.stage.now,
    )


def _lists_are_read(it: Transcript, *numbers: str) -> None:
    it.stage.do(DoNotCallLists({EVERYWHERE: array("Q", map(int, numbers))}, {}))


def _erased(it: Transcript, contact: str, digits: str) -> None:
    it.stage.do(PersonErased((E164(digits),), (ContactId(int(contact)),)))


def _says(it: Transcript, agent: str, disposition: str, back: str = "") -> None:
    at = it.start + seconds(float(back)) if back else None
    it.stage.do(DispositionChosen(AgentId(agent), DispositionId(disposition), callback_at=at))


def _server_answers(it: Transcript, leg: str, *said: str) -> None:
    """`name=Ada`: what was looked up; `timeout`: why not."""
    call = it.stage.call(it.leg(leg))
    request = call.phase.request if isinstance(call.phase, LookingUp) else LookupId("old")
    found = dict(word.split("=", 1) for word in said if "=" in word)
    it.stage.do(LookedUp(call.id, request, found, next((word for word in said if "=" not in word), "")))


def _feature(it: Transcript, phone: str, code: str, leg: str) -> None:
    assert code in FEATURES
    it.stage.feature(leg, phone, code)


def _bridge_fails(it: Transcript, leg: str, attempt: str = "0") -> None:
    call = it.stage.call(it.leg(leg))
    assert isinstance(call.phase, Connected)
    it.stage.do(BridgeFailed(NODE, call.id, call.phase.agent_leg, "no such channel", int(attempt)))


def _asks(it: Transcript, agent: str, wish: str) -> None:
    it.stage.ask(agent, Wish(wish))


VERBS: dict[str, Callable[..., object]] = {
    "dials feature": _feature,
    "gets the answer": _server_answers,
    "dials": lambda it, leg, number: it.stage.arrive(leg, number),
    "presses": lambda it, leg, digit: it.stage.press(it.leg(leg), digit),
    "has heard the prompts": _heard,
    "rings": lambda it, leg: it.stage.ring(it.leg(leg)),
    "answers": _answers,
    "picks up": lambda it, leg: it.stage.do(LegUp(NODE, LegId(it.leg(leg)))),
    "has the message": lambda it, leg: it.stage.do(MessageLeft(NODE, LegId(it.leg(leg)))),
    "ends": _ends,
    "leaves the app": lambda it, leg: it.stage.do(LegLeft(NODE, LegId(it.leg(leg)))),
    "has contacts": _register,
    "is busy": lambda it, phone: it.stage.busy(phone, True),
    "is not busy": lambda it, phone: it.stage.busy(phone, False),
    "asks to": _asks,
    "cannot hear the prompts": lambda it, who: _heard(it, who, failed=True),
    "bridge fails": _bridge_fails,
    "link is lost": lambda it: it.stage.do(LinkLost(NODE)),
    "link is back, boot": lambda it, boot: it.stage.do(LinkRestored(NODE, boot)),
    "the pbx has": _snapshot,
    "callctl is killed": _killed,
    "menus and queues are removed": lambda it: it.stage.do(PolicyChanged(bare())),
    "the configuration is": lambda it, n: it.stage.do(
        PolicyChanged((it.policies or variants(it.agents, it.strategy))[int(n)])
    ),
    "agents are": _begin,
    "ana is removed": lambda it: it.stage.do(PolicyChanged(policy(("ben",)))),
    "all is quiet": lambda it: None,
    "is to": lambda it, campaign, wish: it.stage.do(CampaignAsked(CampaignId(campaign), CampaignWish(wish), "plan")),
    "is not to be called": lambda it, digits: it.stage.do(DoNotCallAsked(digits, how="plan")),
    "is erased": _erased,
    "is turned": lambda it, switch, way: it.stage.do(SwitchAsked(SwitchId(switch), way == "on", "plan")),
    "wants to": lambda it, agent, wish: it.stage.do(PreviewAsked(AgentId(agent), PreviewWish(wish), "plan")),
    "says": _says,
    "contacts come": _contacts_come,
    "do-not-call lists are read": _lists_are_read,
    "the clock is compared": lambda it: it.stage.do(ClockCompared(0)),
    "the database is away": lambda it: it.stage.do(DatabaseState(False, "no answer")),
    "the database is back": lambda it: it.stage.do(DatabaseState(True)),
}


def inputs(text: str) -> Iterator[str]:
    """The lines that a person writes."""
    return (line for line in text.splitlines() if line.startswith(("#", "@")) or not line.strip())
