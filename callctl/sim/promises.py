"""What is promised about people on lists, about callers after a talk, and by switches, held against what callctl
decides and what reaches the PBX."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator

from callctl.core.commands import Command, Dial, Hangup, Play
from callctl.core.engine import Step
from callctl.core.events import DatabaseState, Event, LegGone, Synced
from callctl.core.facts import (
    AskedAfter,
    AttemptBegan,
    AttemptEnded,
    CallEnded,
    DoNotCallChanged,
    SwitchTurned,
    TrunkHeld,
)
from callctl.core.ids import SECOND, CallId, ContactId, LegId, Micros, SwitchId
from callctl.core.law import AttemptOutcome
from callctl.core.model import Announcing, Available, Call, InMenu, LegRole, LookingUp, Outcome, Party, World
from callctl.core.outbound import EVERYWHERE, Attempt
from callctl.core.policy import HangUp, OptOut
from callctl.sim.customers import PEOPLE
from callctl.sim.pbx import Channel, ModelPbx
from callctl.sim.store import Database

BACK_OFF: Micros = 5 * SECOND
"""The trunk's: for so long it is left alone after its first failure."""
THANKS = OptOut().prompts
NOT_AWAY = 1.0
"""Seconds after Postgres has gone in which what it had taken may still go out."""


SILENT_MOST = 25.0
"""Seconds for which a caller may hear nothing in the office's menus and flows: the time for a first key, the pauses
between four, and behind them a lookup until its time is over."""


class Promises:
    def __init__(self, database: Database, pbx: ModelPbx, wrong: Callable[..., None]) -> None:
        self._database = database
        self._pbx = pbx
        self._wrong = wrong
        self._loop = asyncio.get_running_loop()
        self._dialled: dict[CallId, Attempt | None] = {}
        self._contacts: dict[LegId, ContactId] = {}
        self._refused: set[str] = set()
        """Numbers that callctl knows not to call."""
        self._unknown: set[ContactId] = set()
        """Contacts of whom callctl has said that nobody knows how the attempt ended."""
        self._thanked: set[str] = set()
        """Who were told that they will not be called any more."""
        self._on: set[SwitchId] = set()
        """Switches that callctl has said are on."""
        self._away = False
        self._held_until: Micros = 0
        self._silent: dict[LegId, float] = {}
        """Callers in menus and flows who hear nothing, and since when."""

    def begin(self) -> None:
        """A new life: it knows what was stored."""
        lists = self._database.lists
        self._refused = set(lists.do_not_call.get(EVERYWHERE, ()))
        self._unknown = {lists.made[it].contact for it, how in lists.over.items() if how is AttemptOutcome.UNKNOWN}
        self._on = set(self._database.rows.switches)
        self._away, self._held_until = False, 0

    # ── what is decided ──────────────────────────────────────────────────────────────────────

    def step(self, world: World, event: Event, done: Step, now: Micros) -> None:
        if isinstance(event, DatabaseState):
            self._away = not event.up
        for fact in done.facts:
            match fact:
                case CallEnded(by=Party.AGENT, outcome=Outcome.ANSWERED):
                    self._wrong(*_not_asked(world, fact))
                case AskedAfter(call=call) if not world.calls[call].story.to_ask:
                    self._wrong(f"{call} was not drawn, and is asked something after the talk")
                case TrunkHeld(until=until):
                    self._held_until = until
                case AttemptBegan() if self._away:
                    self._wrong(f"attempt {fact.attempt} begins while the database is away")
                case AttemptEnded(contact=contact, outcome=AttemptOutcome.UNKNOWN):
                    self._unknown.add(contact)
                case AttemptEnded(outcome=AttemptOutcome.FAILED) if _is_the_trunks(event, done):
                    self._held_until = now + BACK_OFF if now >= self._held_until else self._held_until
        for command in done.commands:
            self._decided(world, event, command, now)
        for fact in done.facts:
            if isinstance(fact, DoNotCallChanged) and fact.scope == EVERYWHERE:
                (self._refused.discard if fact.off else self._refused.add)(fact.digits)
            if isinstance(fact, SwitchTurned):
                (self._on.add if fact.on else self._on.discard)(fact.switch)
        self._on &= world.policy.switches.keys()
        if self._on != world.switches.keys():
            self._wrong(f"on are {sorted(world.switches)}, and should be {sorted(self._on)}")

    def _decided(self, world: World, event: Event, command: Command, now: Micros) -> None:
        match command:
            case Dial(call=call, permit=permit):
                number = permit.to.number.digits
                contact = next(it.contact for it in world.outbound.attempts.values() if it.call == call)
                if number in self._refused:
                    self._wrong(f"{number} is called, and does not want to be")
                if contact in self._unknown:
                    self._wrong(f"contact {contact} is called again, and nobody knows how the last attempt ended")
                if now < self._held_until:
                    self._wrong(f"{number} is called over a trunk that has just failed")
            case Hangup(leg=leg) if not isinstance(event, Synced) and self._is_kept(world, leg):
                self._wrong(f"the line {leg} of an agent who is available is hung up")
            case Hangup(leg=leg) if _is_owed_words(world, leg):
                self._wrong(f"{leg} has answered, and is to be hung up without a word")

    @staticmethod
    def _is_kept(world: World, leg: LegId) -> bool:
        line = world.legs.get(leg)
        if line is None or line.role is not LegRole.LINE or not line.up_since or line.agent is None:
            return False
        agent, policy = world.agents[line.agent], world.policy.agents.get(line.agent)
        return policy is not None and policy.nailed_up and isinstance(agent.status, Available)

    # ── what callers hear ────────────────────────────────────────────────────────────────────

    def listen(self, world: World) -> Iterator[str]:
        """Who walks menus and flows hears something every now and then. Asked while nothing is under way."""
        now, silent = self._loop.time(), dict[LegId, float]()
        for channel in self._pbx.channels.values():
            leg = world.legs.get(channel.id)
            phase = world.calls[leg.call].phase if leg is not None and leg.call in world.calls else None
            if isinstance(phase, InMenu | Announcing | LookingUp) and channel.in_app and channel.playing is None:
                silent[channel.id] = self._silent.get(channel.id, now)
        self._silent = silent
        yield from (
            f"{leg} has heard nothing for {SILENT_MOST} s" for leg, at in silent.items() if now > at + SILENT_MOST
        )

    def deaf(self) -> None:
        """What callers hear is not looked at for a while."""
        self._silent.clear()

    # ── what reaches the PBX ─────────────────────────────────────────────────────────────────

    def arrives(self, command: Command) -> None:
        match command:
            case Dial():
                self._rings(command)
            case Play(leg=leg, prompts=prompts) if prompts == THANKS and leg in self._contacts:
                channel = self._pbx.channels.get(leg)
                if channel is not None and channel.in_app:
                    self._thanked.add(channel.number)

    def _rings(self, command: Dial) -> None:
        made = self._database.lists.made.values()
        attempt = next((it for it in made if it.call == command.call), None)
        if attempt is None or not self._database.has(attempt.id):
            self._wrong(f"{command.leg} is dialled, and Postgres has no attempt")
        if command.call in self._dialled:
            self._wrong(f"{command.leg} is dialled a second time for one attempt")
        self._dialled[command.call] = attempt
        away = self._database.away_since
        if away is not None and self._loop.time() > away + NOT_AWAY:
            self._wrong(f"{command.leg} is dialled, and Postgres went away {self._loop.time() - away:.1f} s ago")
        if attempt is None:
            return
        for channel in self._pbx.channels.values():
            if channel.left:
                continue  # somebody sent it to the dialplan's words, or its lease ended: it is not callctl's any more
            if channel.number and channel.id != command.leg and self._is_same(channel, command, attempt):
                self._wrong(f"{command.leg} and {channel.id} reach for the same person at a time")
        self._contacts[command.leg] = attempt.contact

    def _is_same(self, channel: Channel, command: Dial, attempt: Attempt) -> bool:
        return channel.number == command.permit.to.number.digits or self._contacts.get(channel.id) == attempt.contact

    # ── the end ──────────────────────────────────────────────────────────────────────────────

    def unkept(self, reloaded: bool) -> Iterator[str]:
        """`reloaded`: the configuration has changed, and campaigns may have been out of it."""
        lists = self._database.lists
        yield from lists.wrong
        yield from lists.left()
        listed = lists.do_not_call.get(EVERYWHERE, set())
        yield from (f"{it} was told not to be called any more, and may be" for it in sorted(self._thanked - listed))
        ended = [made[-1] for made in self._database.rows.records.values()]
        abandoned = Counter(it.campaign for it in ended if it.story.counted == "abandoned")
        for name, campaign in self._database.rows.campaigns.items():
            if not reloaded and campaign.budget.abandoned != abandoned[name]:
                yield f"{name} has abandoned {abandoned[name]}, and counts {campaign.budget.abandoned:g}"


def amiss_of_record(record: Call, *, left_first: bool) -> Iterator[str]:
    """What is not as it should be in the record of a call that went on after its talk. `left_first`: the caller hung up
    on the agent."""
    story = record.story
    if story.asked_after is None:
        return
    if left_first:
        yield f"{record.leg} hung up on the agent, and was asked something"
    if story.outcome is not Outcome.ANSWERED or story.agent is None or story.connected is None or story.ended is None:
        yield f"{record.leg} talked with {story.agent}, and its call is {story.outcome}"
    elif not story.connected < story.asked_after <= story.ended:
        yield f"{record.leg} was asked at {story.asked_after}, and talked from {story.connected} to {story.ended}"
    elif story.wrap_up_ended is not None and story.wrap_up_ended < story.asked_after:
        yield f"wrap-up after the talk with {record.leg} was over before the talk"


def _not_asked(world: World, fact: CallEnded) -> Iterator[str]:
    """The agent ended the talk, and the caller, who was still there, was hung up."""
    call = world.calls.get(fact.call)
    queue = world.policy.queues.get(fact.queue) if fact.queue is not None else None
    if call is None or queue is None or not call.story.to_ask or isinstance(queue.after, HangUp):
        return
    caller = world.legs.get(call.leg)
    if caller is not None and caller.left_by is None and fact.talked >= queue.least_talk:
        yield f"{call.leg} was to be asked something after the talk, and is hung up"


def _is_owed_words(world: World, leg: LegId) -> bool:
    """Of who was called: taken for a person, and nothing was said to them."""
    known = world.legs.get(leg)
    if known is None or known.role is not LegRole.CALLER:
        return False
    story = world.calls[known.call].story
    return story.heard in PEOPLE and story.connected is None and story.harboured is None and not story.menus


def _is_the_trunks(event: Event, done: Step) -> bool:
    """Whether a call failed because its trunk did, before it rang."""
    failed = isinstance(event, LegGone) and event.sip == 503 and not event.unsent
    return failed and any(record.story.rang is None for record in done.touched.records)
