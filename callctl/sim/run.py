"""One run: a plan is carried out on the virtual parts, every step is checked, and at the end every call is accounted
for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Protocol, assert_never

import structlog

from callctl.core.addresses import E164
from callctl.core.engine import Step
from callctl.core.events import (
    CampaignAsked,
    CampaignWish,
    DispositionChosen,
    DoNotCallAsked,
    Event,
    LegState,
    PersonErased,
    PolicyChanged,
    PreviewAsked,
    StatusAsked,
    SwitchAsked,
    Wish,
)
from callctl.core.facts import CallDialled, CallEntered
from callctl.core.ids import (
    NO_CALL,
    AgentId,
    BridgeId,
    CallId,
    CampaignId,
    ContactId,
    DispositionId,
    LegId,
    Micros,
    PhoneId,
    is_ours,
    seconds,
)
from callctl.core.invariants import check
from callctl.core.model import Announcing, Idle, InMenu, LookingUp, Party, World
from callctl.core.model import Call as Kept
from callctl.core.policy import Policy
from callctl.sim.amiss import amiss, stale
from callctl.sim.clock import VirtualLoop
from callctl.sim.lists import calling_variants, digits_of, person
from callctl.sim.mishaps import Mishaps
from callctl.sim.office import DISPOSITIONS, LOCKED, NODE, is_outside, variants
from callctl.sim.people import Crowd
from callctl.sim.plan import (
    Act,
    Ask,
    Bar,
    Call,
    Contacts,
    Drive,
    Elsewhere,
    Erase,
    Flip,
    LeaveLine,
    ListAct,
    Look,
    Mishap,
    Person,
    Phone,
    Plan,
    Reload,
    Say,
)
from callctl.sim.process import Process
from callctl.sim.promises import Promises, amiss_of_record
from callctl.sim.store import Database

GLANCE = 1.0
"""Every how many seconds the PBX is held against the World, if nothing is under way."""
CALLED_BACK = seconds(20)
"""After so long somebody wants to be called back."""
PATIENCE = 150.0
"""Seconds that everything may take to end, once everybody has hung up."""


class Telling(Protocol):
    """Who is told what happens."""

    def step(self, event: Event, done: Step, now: Micros) -> None: ...

    def died(self, lost: int, now: Micros) -> None:
        """callctl was killed; its last `lost` steps were not stored."""
        ...


@dataclass
class Report:
    """What a run came to."""

    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    wrong: tuple[str, ...] = ()
    """Empty: all went well."""
    at: float = 0.0
    """Seconds of the run at which it ended."""


Hourly = Callable[[int, dict[str, int]], None]
"""Told the hour, and how much of everything there is."""


def run(plan: Plan, telling: Telling | None = None, check_every: int = 1, each_hour: Hourly | None = None) -> Report:
    """Carry the plan out. `check_every`: the invariants, which look at everything, after every so many steps."""
    loop = VirtualLoop()
    try:
        with _quietly():
            return loop.run_until_complete(_go(plan, telling, check_every, each_hour))
    finally:
        loop.close()


@contextmanager
def _quietly() -> Iterator[None]:
    """What the daemon's own parts log is no news here."""
    processors = structlog.get_config()["processors"]
    kept = processors[:]
    processors[:] = [_drop]  # in place: loggers that were made before have this list
    try:
        yield
    finally:
        processors[:] = kept


def _drop(logger: object, name: str, said: structlog.typing.EventDict) -> structlog.typing.EventDict:
    raise structlog.DropEvent


def policies_of(plan: Plan) -> tuple[Policy, ...]:
    """The configurations that the run may change between."""
    if plan.lists is None:
        return variants(plan.agents, plan.strategy)
    it = plan.lists
    return calling_variants(plan.agents, plan.strategy, blended=it.blended, channels=it.channels, sampled=it.sampled)


async def _go(plan: Plan, telling: Telling | None, check_every: int, each_hour: Hourly | None) -> Report:
    return await _Run(plan, telling, check_every, each_hour).go()


class _Run:
    def __init__(self, plan: Plan, telling: Telling | None, check_every: int, each_hour: Hourly | None) -> None:
        self._plan = plan
        self._telling = telling
        self._check_every = check_every
        self._each_hour = each_hour
        self._loop = asyncio.get_running_loop()
        self._report = Report(plan.seed)
        self._over = asyncio.Event()
        self._crowd = Crowd(self._wrong, plan.slowness)
        self._database = Database()
        self._promises = Promises(self._database, self._crowd.switch.model, self._wrong)
        self._crowd.switch.watch = self._promises.arrives
        self._policies = policies_of(plan)
        self._policy = self._policies[0]
        self._lives = 0
        self._known: set[LegId] = set()
        """Callers whom callctl has met and will remember."""
        self._forgotten: set[LegId] = set()
        """Those whom it had just met when it was killed."""
        self._mishaps = Mishaps(self._crowd, self._database, self._begin, Random(f"mishaps {plan.seed}"))
        self._crowd.customers.calm = self._mishaps.calm

    @property
    def _process(self) -> Process:
        return self._mishaps.process

    async def go(self) -> Report:
        for number, name in enumerate(self._plan.agents):
            if not is_outside(name):
                self._crowd.register(PhoneId(name), self._plan.contacts[number % len(self._plan.contacts)])
        for act in self._plan.acts:
            self._loop.call_at(act.at, self._do, act)
        glancing = [asyncio.ensure_future(self._glance()), asyncio.ensure_future(self._hours())]
        try:
            await self._until_over(self._plan.length)
            if not self._report.wrong:
                await self._end()
        finally:
            for task in glancing:
                if task.done():
                    task.result()  # a check that fails is no check
                task.cancel()
            self._process.kill(0.0)
            await self._settle()
        self._report.counts.update(self._counted())
        return self._report

    async def _until_over(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            return

    async def _settle(self) -> None:
        """Nothing is left running in this loop."""
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    # ── acts ─────────────────────────────────────────────────────────────────────────────────

    def _do(self, act: Act) -> None:
        self._report.counts[act.ill if isinstance(act, Mishap) else type(act).__name__] += 1
        match act:
            case Call():
                self._crowd.call(act)
            case Phone():
                self._crowd.behave(act)
            case Contacts(_, phone, count):
                self._crowd.register(PhoneId(phone), count)
            case Elsewhere(_, phone, length):
                self._crowd.switch.use(PhoneId(phone), True)
                self._loop.call_later(length, self._crowd.switch.use, PhoneId(phone), False)
            case Ask(_, agent, wish):
                self._ask(StatusAsked(AgentId(agent), wish, "", "plan"))
            case Flip(_, on):
                self._ask(SwitchAsked(LOCKED, on, "plan"))
            case Reload(_, number):
                self._policy = self._policies[number]
                self._ask(PolicyChanged(self._policy))
                self._loop.call_later(0.1, self._crowd.switch.report_phones)
            case Mishap():
                self._mishaps.happen(act)
            case _:
                self._do_on_lists(act)

    def _do_on_lists(self, act: ListAct) -> None:
        match act:
            case Person():
                self._crowd.customers.add(act)
                whose = person(act.number, CampaignId(act.campaign))
                self._database.lists.add(replace(whose, id=ContactId(act.contact)))
            case Drive(_, campaign, wish):
                self._ask(CampaignAsked(CampaignId(campaign), wish, "plan"))
            case Look(_, agent, look):
                self._ask(PreviewAsked(AgentId(agent), look, "plan"))
            case LeaveLine(_, agent):
                self._crowd.hang_up(PhoneId(agent))
            case Say(_, agent, disposition):
                self._ask(self._said(agent, DispositionId(disposition)))
            case Bar(_, number):
                self._ask(DoNotCallAsked(digits_of(number), how="plan"))
            case Erase(_, contact, number):
                if not self._process.dead:  # the daemon does it
                    self._database.lists.erase(ContactId(contact), digits_of(number))
                    self._ask(PersonErased((E164(digits_of(number)),), (ContactId(contact),)))
            case _:
                assert_never(act)

    def _said(self, agent: str, disposition: DispositionId) -> DispositionChosen:
        now = self._process.clock.true()
        back = now + CALLED_BACK if DISPOSITIONS[disposition].callback else None
        return DispositionChosen(AgentId(agent), disposition, callback_at=back)

    def _ask(self, event: Event) -> None:
        """A person asks the daemon, if it is there."""
        if not self._process.dead:
            self._process.inbox.put(event)

    # ── callctl ──────────────────────────────────────────────────────────────────────────────

    def _begin(self) -> Process:
        self._lives += 1
        seed = self._plan.seed * 1_000 + self._lives
        self._promises.begin()
        self._pardon()
        return Process(
            self._crowd.switch, self._database, self._policy, self._plan, seed, self._watch, self._wrong, self._died
        )

    def _pardon(self) -> None:
        """Who pressed a key in a menu, and was joined at once with an agent on an open line, hears the menu again where
        callctl was killed in that moment: that they pressed is not stored."""
        switch = self._crowd.switch
        phases = {call.leg: call.phase for call in self._database.rows.calls.values()}
        for channel in switch.model.channels.values():
            if is_ours(channel.bridge) and isinstance(phases.get(channel.id), InMenu | Announcing | LookingUp):
                switch.deny(BridgeId(channel.bridge))

    def _died(self) -> None:
        rows = self._database.rows
        durable = {call.leg for call in rows.calls.values()} | {made[0].leg for made in rows.records.values()}
        forgotten = self._known - durable
        self._forgotten |= forgotten
        self._wrong(*(f"{leg} was answered, and forgotten" for leg in sorted(forgotten & self._answered())))
        self._known &= durable
        if self._telling is not None:
            process = self._process
            self._telling.died(process.loop.seq - process.journal.stored, process.clock.true())
        self._mishaps.died()

    def _answered(self) -> set[LegId]:
        channels = self._crowd.switch.model.channels.values()
        return {channel.id for channel in channels if channel.state is LegState.UP}

    # ── checks ───────────────────────────────────────────────────────────────────────────────

    def _wrong(self, *sentences: str) -> None:
        """The first thing that is wrong ends the run."""
        if sentences and not self._report.wrong:
            self._report.wrong = sentences
            self._report.at = self._loop.time()
            self._over.set()

    def _watch(self, world: World, event: Event, done: Step, now: Micros) -> None:
        counts = self._report.counts
        counts["steps"] += 1
        self._known.update(fact.leg for fact in done.facts if isinstance(fact, CallEntered | CallDialled))
        self._promises.step(world, event, done, now)
        if counts["steps"] % self._check_every == 0:
            self._wrong(*(f"after {type(event).__name__}: {sentence}" for sentence in check(world)))
        if self._telling is not None:
            self._telling.step(event, done, now)

    async def _glance(self) -> None:
        """Whenever nothing is under way, the PBX is what the World wants of it."""
        while True:
            await asyncio.sleep(GLANCE)
            process, switch = self._process, self._crowd.switch
            link = process.link
            if process.dead or process.inbox.frozen or process.inbox or process.gate or not link.has_the_app:
                self._promises.deaf()
                continue
            if link.live and link.faithful and link.quiet and process.world.node_up(NODE):
                self._report.counts["glances"] += 1
                self._wrong(*amiss(process.world, switch.model), *stale(process.world, switch.model))
                self._wrong(*self._promises.listen(process.world))

    async def _hours(self) -> None:
        """In a long run: how much there is of everything, and what can be forgotten of the store."""
        hour = 0
        while self._each_hour is not None:
            await asyncio.sleep(3600)
            hour += 1
            self._each_hour(hour, self._sizes())
            self._forget()

    def _sizes(self) -> dict[str, int]:
        world, steps = self._process.world, self._report.counts["steps"]
        index = world.index
        return {
            "calls": len(world.calls),
            "legs": len(world.legs),
            "alarms": len(index.alarms),
            "places": len(dict(index.places())),
            "steps": steps,
        }

    def _forget(self) -> None:
        """Calls that are over and accounted for: Postgres has a disk, this process has not."""
        rows = self._database.rows
        live = {call.leg for call in rows.calls.values()} | self._process.world.legs.keys()
        self._wrong(*self._unaccounted(live))
        for call, made in list(rows.records.items()):
            if made[0].leg not in live:
                self._report.counts[f"ended {made[-1].story.outcome}"] += 1
                self._known.discard(made[0].leg)
                self._crowd.switch.hung_up.discard(made[0].leg)
                del rows.records[call]

    async def _end(self) -> None:
        """Everything is mended, everybody hangs up: nothing may be left, and every call has its one record."""
        await self._mishaps.heal()
        if self._plan.lists is not None:
            self._go_home()
        deadline = self._loop.time() + PATIENCE
        while not self._report.wrong and (left := [*self._left()]):
            for channel in list(self._crowd.switch.model.channels.values()):
                self._crowd.switch.end(channel, 16)
            if self._loop.time() > deadline:
                self._wrong(*left)
            await self._until_over(GLANCE)
        await self._process.journal.flushed(self._process.loop.given)
        if not self._report.wrong:
            self._wrong(*self._unaccounted())
            self._wrong(*self._promises.unkept(any(isinstance(act, Reload) for act in self._plan.acts)))
        self._report.at = self._loop.time()

    def _go_home(self) -> None:
        """Nobody is called any more, and nobody is on the line."""
        for campaign in self._policy.campaigns:
            self._ask(CampaignAsked(campaign, CampaignWish.STOP, "the end"))
        for agent in self._plan.agents:
            self._ask(StatusAsked(AgentId(agent), Wish.LOGOUT, "", "the end"))

    def _left(self) -> Iterator[str]:
        """What has not ended."""
        process, model = self._process, self._crowd.switch.model
        world = process.world
        if not (world.node_up(NODE) and process.link.live):
            yield "the link is not back"
        yield from (f"call {call.leg} is still {type(call.phase).__name__}" for call in world.calls.values())
        yield from (f"leg {leg} is left" for leg in world.legs)
        yield from (f"channel {leg} is left at the PBX" for leg in model.channels)
        yield from (f"bridge {name} is left at the PBX" for name in sorted(model.bridges) if is_ours(name))
        for agent in world.agents.values():
            if not isinstance(agent.state, Idle):
                yield f"agent {agent.id} is {type(agent.state).__name__}, with nobody on the line"
        if world.index.legs.keys() - {NO_CALL} or any(
            line.waiting or line.offered for line in world.index.lines.values()
        ):
            yield "the indexes hold what is no more"
        yield from (f"the row of call {call} is left" for call in self._database.rows.calls)
        out = world.outbound
        yield from (f"attempt {attempt} goes on" for attempt in (*out.attempts, *self._database.rows.attempts))
        yield from (f"{whom} is busy" for whom in out.busy)
        yield from (f"contact {contact} is claimed still" for contact in out.contacts)
        yield from (f"contacts are on their way to {campaign}" for campaign in out.claiming)

    def _unaccounted(self, live: Set[LegId] = frozenset()) -> Iterator[str]:
        """Calls with no record, with two, or with one that changed its mind; but for those of these callers."""
        by_leg: dict[LegId, list[CallId]] = {}
        for call, made in self._database.rows.records.items():
            by_leg.setdefault(made[0].leg, []).append(call)
            if len({_essence(record) for record in made}) > 1:
                yield f"the record of {made[0].leg} changed: {[_essence(record) for record in made]}"
            yield from amiss_of_record(made[-1], left_first=made[0].leg in self._crowd.left_first)
            if made[0].leg in self._crowd.switch.lost and made[0].story.ended_by is Party.CALLER:
                yield f"{made[0].leg} was lost with the PBX, and is said to have hung up"
        for leg in sorted(self._known - live):
            if len(by_leg.get(leg, ())) != 1:
                yield f"{leg} has {len(by_leg.get(leg, ()))} records"
        for leg in sorted(self._crowd.switch.hung_up - self._forgotten - live):
            if leg not in by_leg:
                yield f"{leg} was hung up by callctl, which never met that caller"

    def _counted(self) -> Counter[str]:
        ended = Counter(f"ended {made[-1].story.outcome}" for made in self._database.rows.records.values())
        switch = self._crowd.switch
        asked = sum(made[-1].story.asked_after is not None for made in self._database.rows.records.values())
        others = {
            "asked": asked,
            "entered": len(switch.entered),
            "fell_back": len(switch.fell_back),
            "lives": self._lives,
        }
        reached = Counter(f"attempt {outcome}" for outcome in self._database.lists.over.values())
        return ended + reached + Counter(others) + Counter({"asked": asked})


def _essence(record: Kept) -> tuple[object, ...]:
    """What of a record never changes once it is written."""
    story = record.story
    return story.outcome, story.ended, story.ended_by, story.agent, story.connected, story.asked_after
