"""A failing run made short: leave out what it does not need, then write what the core was told as a transcript."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import assert_never

from callctl.core.commands import Bridge, Dial, RingPhone
from callctl.core.contacts import Contact
from callctl.core.engine import Step
from callctl.core.events import (
    BridgeFailed,
    CallArrived,
    CampaignAsked,
    ClockCompared,
    ConsentAsked,
    ContactsClaimed,
    DatabaseState,
    DigitPressed,
    DispositionChosen,
    DoNotCallAsked,
    DoNotCallLists,
    EmergencyDialled,
    Event,
    Heard,
    LegAnswered,
    LegGone,
    LegLeft,
    LegRinging,
    LegSeen,
    LegState,
    LegUp,
    LinkLost,
    LinkRestored,
    LookedUp,
    MessageLeft,
    PersonErased,
    PhoneBusy,
    PhoneContacts,
    PlaybackEnded,
    PolicyChanged,
    PreviewAsked,
    StatusAsked,
    SwitchAsked,
    Synced,
    TimePassed,
    TrunkState,
)
from callctl.core.facts import CallDialled, CallEntered, StrayEvent
from callctl.core.ids import SECOND, LegId, Micros
from callctl.core.outbound import EVERYWHERE
from callctl.sim.office import START
from callctl.sim.plan import Act, Lists, Plan
from callctl.sim.run import policies_of, run

TRIES = 400
"""Runs that shrinking may take."""


def shrink(plan: Plan, fails: Callable[[Plan], bool] = lambda plan: bool(run(plan).wrong)) -> Plan:
    """The plan with as few acts as still fail. Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing
    Input", IEEE TSE 2002 (ddmin, by complements alone)."""
    acts, parts, tries = list(plan.acts), 2, 0
    while len(acts) >= 2 and tries < TRIES:
        size = max(1, len(acts) // parts)
        for start in range(0, len(acts), size):
            tries += 1
            rest = acts[:start] + acts[start + size :]
            if fails(replace(plan, acts=tuple(rest))):
                acts, parts = rest, max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts = min(len(acts), parts * 2)
    return replace(plan, acts=tuple(acts))


def transcript(plan: Plan, why: str) -> str:
    """The run of a plan as the input lines of a golden transcript for tests/scenarios."""
    writer = _Writer(plan)
    run(plan, writer)
    acts = (f"#   {line}" for line in acts_of(plan.acts))
    people = f"@0 agents are {' '.join(plan.agents)}, rung by {plan.strategy}{_calling(plan.lists)}"
    head = [f"# Seed {plan.seed}: {why}", *acts, people]
    return "\n".join([*head, *writer.lines]) + "\n"


def _calling(lists: Lists | None) -> str:
    if lists is None:
        return ""
    return (
        ", calling"
        + " blended" * lists.blended
        + " sampled" * lists.sampled
        + (f" over {lists.channels}" if lists.channels else "")
    )


def acts_of(acts: Sequence[Act]) -> Iterator[str]:
    """What a plan has people and mishaps do."""
    return (str(act) for act in acts)


class _Writer:
    """Writes each event in the words of tests/scenarios/transcript.py; what fits no phase changes nothing, and may
    not be expressible there: it is left out. Fulfils `run.Telling`."""

    def __init__(self, plan: Plan) -> None:
        self.lines: list[str] = []
        self._names: dict[str, str] = {}
        self._callers: dict[str, str] = {}
        """By call (and so by the bridge of its talk) the caller's channel."""
        self._counts: Counter[str] = Counter()
        self._shas = [policy.sha for policy in policies_of(plan)]

    def step(self, event: Event, done: Step, now: Micros) -> None:
        self._callers.update(
            (fact.call, fact.leg) for fact in done.facts if isinstance(fact, CallEntered | CallDialled)
        )
        strays = any(isinstance(fact, StrayEvent) for fact in done.facts) and not done.commands
        words = "" if strays else self._words(event)
        if words:
            self._at(now, words)
        for command in done.commands:
            match command:
                case RingPhone(leg=leg, endpoint=endpoint):
                    self._give(leg, endpoint)
                case Dial(leg=leg):
                    self._give(leg, "cust")
                case Bridge(own=own) if own:
                    self._give(own, "talk")

    def _give(self, real: str, stem: str) -> None:
        if real not in self._names:
            self._counts[stem] += 1
            self._names[real] = f"{stem}-{self._counts[stem]}"

    def died(self, lost: int, now: Micros) -> None:
        self._at(now, f"callctl is killed {lost}" if lost else "callctl is killed")

    def _at(self, now: Micros, words: str) -> None:
        self.lines.append(f"@{(now - START) / SECOND:.6f} {words}")

    def _name(self, leg: LegId) -> str:
        return self._names.get(leg, leg)

    def _words(self, event: Event) -> str:
        match event:
            case CallArrived(leg=leg, dialled_text=number):
                return f"{leg} dials {number}"
            case LegRinging() | LegUp() | LegAnswered() | MessageLeft():
                return self._of_ring(event)
            case LegLeft(leg=leg):
                return f"{self._name(leg)} leaves the app"
            case LegGone(leg=leg, cause=cause, sip=sip, unsent=unsent):
                return f"{self._name(leg)} ends {cause} {sip}{' unsent' * unsent}"
            case DigitPressed(leg=leg, digit=digit):
                return f"{self._name(leg)} presses {digit}"
            case PlaybackEnded(leg=leg, failed=failed):
                return f"{self._name(leg)} {'cannot hear' if failed else 'has heard'} the prompts"
            case BridgeFailed(call=call, attempt=attempt):
                whose = self._name(LegId(self._callers.get(call, call)))
                return f"bridge fails {whose}" + (f" {attempt}" if attempt else "")
            case PhoneContacts() | PhoneBusy() | StatusAsked() | PolicyChanged():
                return self._of_office(event)
            case LinkLost() | LinkRestored() | Synced():
                return self._of_link(event)
            case TimePassed() | TrunkState() | EmergencyDialled():
                return ""
            case SwitchAsked(switch=switch, on=on):
                return f"{switch} is turned {'on' if on else 'off'}"
            case CampaignAsked() | DoNotCallAsked() | PersonErased() | PreviewAsked() | DispositionChosen():
                return self._of_people(event)
            case DatabaseState() | ContactsClaimed() | DoNotCallLists() | ClockCompared() | LookedUp():
                return self._of_store(event)
            case ConsentAsked():
                raise AssertionError("a transcript has no words for ConsentAsked yet")
            case _:
                assert_never(event)

    def _of_ring(self, event: LegRinging | LegUp | LegAnswered | MessageLeft) -> str:
        match event:
            case LegRinging(leg=leg):
                return f"{self._name(leg)} rings"
            case LegUp(leg=leg):
                return f"{self._name(leg)} picks up"
            case LegAnswered(leg=leg, heard=heard, quiet=quiet):
                return f"{self._name(leg)} answers{_heard(heard, quiet)}"
            case MessageLeft(leg=leg):
                return f"{self._name(leg)} has the message"

    def _of_people(
        self, event: CampaignAsked | DoNotCallAsked | PersonErased | PreviewAsked | DispositionChosen
    ) -> str:
        match event:
            case CampaignAsked(campaign=campaign, wish=wish):
                return f"{campaign} is to {wish}"
            case DoNotCallAsked(digits=digits):
                return f"{digits} is not to be called"
            case PersonErased(numbers=numbers, contacts=contacts):
                return f"{contacts[0]} {numbers[0].digits} is erased"
            case PreviewAsked(agent=agent, wish=wish):
                return f"{agent} wants to {wish}"
            case DispositionChosen(agent=agent, disposition=said, callback_at=at):
                return f"{agent} says {said}" + ("" if at is None else f" {(at - START) / SECOND:.6f}")

    def _of_store(self, event: DatabaseState | ContactsClaimed | DoNotCallLists | ClockCompared | LookedUp) -> str:
        match event:
            case DatabaseState(up=up):
                return f"the database is {'back' if up else 'away'}"
            case ContactsClaimed(campaign=campaign, contacts=contacts):
                return " ".join((f"contacts come {campaign}", *map(_contact, contacts)))
            case DoNotCallLists(numbers=numbers):
                return " ".join(("do-not-call lists are read", *map(str, numbers.get(EVERYWHERE, ()))))
            case ClockCompared():
                return "the clock is compared"
            case LookedUp(call=call, found=found, failed=failed):
                values = (f"{name}={value}" for name, value in found.items())
                return " ".join((f"{self._callers[call]} gets the answer", *([failed] if failed else []), *values))

    def _of_office(self, event: PhoneContacts | PhoneBusy | StatusAsked | PolicyChanged) -> str:
        match event:
            case PhoneContacts(phone=phone, contacts=contacts):
                return " ".join((phone, "has contacts", *contacts))
            case PhoneBusy(phone=phone, busy=busy):
                return f"{phone} {'is busy' if busy else 'is not busy'}"
            case StatusAsked(agent=agent, wish=wish):
                return f"{agent} asks to {wish.value}"
            case PolicyChanged(policy=policy):
                return f"the configuration is {self._shas.index(policy.sha)}"

    def _of_link(self, event: LinkLost | LinkRestored | Synced) -> str:
        match event:
            case LinkLost():
                return "link is lost"
            case LinkRestored(booted=booted):
                return f"link is back, boot {booted}"
            case Synced(snapshot=snapshot, named=named, gone=gone):
                seen = [self._seen(leg) for leg in snapshot.legs]
                bridges = [
                    f"+{self._name(LegId(bridge))}" for bridge in snapshot.bridges if not bridge.startswith("hold-")
                ]
                said = sorted(f"{'!' if leg in gone else '~'}{self._name(leg)}" for leg in named)
                return " ".join(("the pbx has", *seen, *bridges, *said))

    def _seat(self, bridge: str) -> str:
        """A holding bridge as it is called; that of two who talk by the agent's leg."""
        return bridge if not bridge or bridge.startswith("hold-") else self._name(LegId(bridge))

    def _seen(self, leg: LegSeen) -> str:
        where = (self._seat(leg.bridge) or "app") if leg.in_app else "elsewhere"
        if leg.state is LegState.UP and where == "app":
            where = ""
        number = ""
        match leg.arrival:
            case CallArrived(dialled_text=dialled):
                number = dialled
            case LegAnswered(heard=heard):
                number = heard.value
        return ":".join((self._name(leg.leg), leg.state.value, where, number)).rstrip(":")


def _heard(heard: Heard, quiet: Micros) -> str:
    if heard is Heard.NOTHING:
        return ""
    return f" {heard}" + (f" {quiet / SECOND:.6f}" if quiet else "")


def _contact(contact: Contact) -> str:
    """`3/2:busy=1`: contact 3, with the number of person 2, whose only attempt found the line busy."""
    number = contact.numbers[0]
    known = [f"{how}={times}" for how, times in contact.outcomes]
    known += ["barred"] * bool(number.barred)
    known += [f"back={(contact.callback.at - START) / SECOND:.6f}"] if contact.callback is not None else []
    return ":".join((f"{contact.id}/{int(number.address.digits[-5:])}", *known))
