"""The loop: takes what happened, lets the core decide, sends its wishes, hands its story to journal and observer.

One task, one World. Wishes go out at once and rows are stored behind them: whatever Asterisk can be asked again
need not wait for Postgres. What cannot be asked again, a dialled attempt, waits for its commit (`gate`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from callctl.core.engine import Step, next_due, step
from callctl.core.events import Event, PolicyChanged, TimePassed
from callctl.core.facts import Fact
from callctl.core.flows import Flows
from callctl.core.ids import SECOND, AgentId, AttemptId, CallId, CampaignId, Micros, NodeId, SwitchId, TrunkId
from callctl.core.ledger import Entry
from callctl.core.lifetimes import Lifetimes
from callctl.core.model import Agent, Call, Node, Switch, Usage, World
from callctl.core.outbound import Attempt, Campaign
from callctl.core.pacing import Learned
from callctl.runtime.inbox import Answer, BoundedInbox
from callctl.runtime.ports import Batch, Clock, Journal, Lists, Observer, Pbx, Servers

log = structlog.get_logger(__name__)

MAX_BATCH = 256
"""Events a batch: other tasks get their turn after so many."""


@dataclass(slots=True)
class _Pending:
    """A batch in the making. Rows are copied at once: a later step that fails halfway must not reach them."""

    calls: dict[CallId, Call] = field(default_factory=dict)
    agents: dict[AgentId, Agent] = field(default_factory=dict)
    nodes: dict[NodeId, Node] = field(default_factory=dict)
    trunks: dict[TrunkId, Usage] = field(default_factory=dict)
    campaigns: dict[CampaignId, Campaign] = field(default_factory=dict)
    attempts: dict[AttemptId, Attempt] = field(default_factory=dict)
    over: set[AttemptId] = field(default_factory=set)
    switches: dict[SwitchId, Switch] = field(default_factory=dict)
    off: set[SwitchId] = field(default_factory=set)
    ledger: list[Entry] = field(default_factory=list)
    flows: dict[str, Flows] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    closed: set[CallId] = field(default_factory=set)
    left: set[AgentId] = field(default_factory=set)
    ended: dict[CallId, Call] = field(default_factory=dict)
    facts: list[tuple[int, Micros, Fact]] = field(default_factory=list)
    answers: list[tuple[Answer, tuple[Fact, ...]]] = field(default_factory=list)

    def add(self, result: Step, left: set[AgentId], seq: int, now: Micros) -> None:
        touched = result.touched
        self.left.update(left)
        self.calls.update((c.id, copied(c)) for c in touched.calls)
        self.agents.update((a.id, replace(a)) for a in touched.agents)
        self.left.difference_update(a.id for a in touched.agents)
        for agent in left:
            self.agents.pop(agent, None)
        self.nodes.update((n.id, n) for n in touched.nodes)  # copies already
        self.trunks.update((t.id, t) for t in touched.trunks)
        self.campaigns.update((c.id, copied_campaign(c)) for c in touched.campaigns)
        self.attempts.update((a.id, replace(a)) for a in touched.attempts)
        for over in touched.over:
            self.attempts.pop(over, None)
            self.over.add(over)
        self.switches.update((s.id, s) for s in touched.switches)
        self.off.difference_update(s.id for s in touched.switches)
        for off in touched.off:
            self.switches.pop(off, None)
            self.off.add(off)
        self.ledger.extend(touched.ledger)
        self.flows.update((f.version, f) for f in touched.flows)
        self.forgotten.difference_update(f.version for f in touched.flows)
        for version in touched.forgotten:
            self.flows.pop(version, None)
            self.forgotten.add(version)
        self.ended.update((c.id, copied(c)) for c in touched.records)
        for gone in touched.closed:
            self.calls.pop(gone, None)
            self.closed.add(gone)
        self.facts.extend((seq, now, fact) for fact in result.facts)

    def batch(self, seq: int, now: Micros) -> Batch:
        return Batch(
            seq=seq,
            at=now,
            calls=self.calls,
            agents=self.agents,
            nodes=self.nodes,
            trunks=self.trunks,
            campaigns=self.campaigns,
            attempts=self.attempts,
            over=frozenset(self.over),
            switches=self.switches,
            off=frozenset(self.off),
            ledger=tuple(self.ledger),
            flows=self.flows,
            forgotten=frozenset(self.forgotten),
            closed=frozenset(self.closed),
            left=frozenset(self.left),
            ended=tuple(self.ended.values()),
            facts=tuple(self.facts),
        )

    def __bool__(self) -> bool:
        changed = self.calls or self.agents or self.nodes or self.trunks or self.closed or self.left
        outbound = self.campaigns or self.attempts or self.over or self.ledger
        switched = self.switches or self.off
        flows = self.flows or self.forgotten
        return bool(changed or outbound or switched or flows or self.ended or self.facts or self.answers)


def copied(call: Call) -> Call:
    """A copy that later steps do not change."""
    story = call.story
    own = replace(story, menus=list(story.menus), queues=list(story.queues), rings=list(story.rings))
    return replace(call, story=own)


def copied_campaign(campaign: Campaign) -> Campaign:
    """The same of a campaign."""
    judged = {heard: dict(said) for heard, said in campaign.judged.items()}
    learned = None if campaign.learned is None else _copied_learned(campaign.learned)
    return replace(campaign, budget=replace(campaign.budget), judged=judged, learned=learned)


def _copied_learned(it: Learned) -> Learned:
    return replace(
        it,
        rings=_copied_lives(it.rings),
        detections=_copied_lives(it.detections),
        talks=_copied_lives(it.talks),
        wraps=_copied_lives(it.wraps),
    )


def _copied_lives(it: Lifetimes) -> Lifetimes:
    return replace(it, ended=list(it.ended), lost=list(it.lost), at_risk=list(it.at_risk))


class Loop:
    """The loop around one World."""

    def __init__(
        self,
        world: World,
        inbox: BoundedInbox,
        clock: Clock,
        pbx: Pbx,
        journal: Journal,
        observers: Sequence[Observer],
        rebuild: Callable[[Event, BaseException], Awaitable[World]],
        on_turn: Callable[[], None] = lambda: None,
        with_rows: Iterable[AgentId] = (),
        decide: Callable[[World, Event, Micros], Step] | None = None,
        lists: Lists | None = None,
        servers: Servers | None = None,
    ) -> None:
        """`with_rows`: the agents that were found in the journal, though the World may not have them any more.
        `decide`: in place of the core's `step`, for who looks over its shoulder. `lists`: where contacts come from;
        None: nowhere. `servers`: what flows ask; None: nobody answers, until the flow's time is over."""
        self.world = world
        self.inbox = inbox
        self.seq = 0
        """Steps taken."""
        self.given = 0
        """The last step that the journal was given. Later ones changed nothing, and no batch will say them: who waits
        until everything is stored waits for this one."""
        self.turned_at = clock.now()
        """When the loop last turned: its health."""
        self._clock = clock
        self._pbx = pbx
        self._journal = journal
        self._observers = observers
        self._rebuild = rebuild
        self._on_turn = on_turn
        self._agents = set(with_rows)
        self._decide = decide
        self._lists = lists
        self._servers = servers
        self._stopping = self._over = False
        self._pending = _Pending()
        self._promises: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Turn until `stop`; then everything that was in the inbox has been decided and given to the journal.

        Who asked is answered when the journal has stored it, or is closed: `answered`.
        """
        try:
            while not self._stopping or len(self.inbox):
                await self._turn()
                self._on_turn()
                await asyncio.sleep(0)  # the adapters' turn
                if self._stopping:
                    continue  # nothing more comes that would be worth waiting for
                due = next_due(self.world)
                idle = None if due is None else (due - self._clock.now()) / SECOND
                await self.inbox.wait(1.0 if idle is None else min(idle, 1.0))
        finally:
            self._over = True
            while (left := self.inbox.take()) is not None:
                if left[1] is not None and not left[1].done():
                    left[1].set_exception(asyncio.QueueFull("callctl is stopping"))

    async def answered(self) -> None:
        """Return when everybody who asked has been answered."""
        await asyncio.gather(*self._promises)

    def stop(self) -> None:
        """End `run` once the inbox is empty: whoever fills it is stopped before."""
        self._stopping = True
        self.inbox.put(TimePassed())

    async def ask(self, event: Event) -> tuple[Fact, ...]:
        """Give an event to the core; the facts of its step, once they are stored (the spool counts).

        Raises:
            asyncio.QueueFull: there is more to do than can be taken, or the loop has ended.
        """
        if self._over:
            raise asyncio.QueueFull("callctl is stopping")
        answer: Answer = asyncio.get_running_loop().create_future()
        self.inbox.put(event, answer)
        return await answer

    async def _turn(self) -> None:
        try:
            for _ in range(MAX_BATCH):
                taken = self.inbox.take()
                if taken is None:
                    break
                await self._one(*taken)
            due = next_due(self.world)
            if due is not None and due <= self._clock.now():
                await self._one(TimePassed(), None)
        finally:
            self.turned_at = self._clock.now()
            self._store()

    async def _one(self, event: Event, answer: Answer | None) -> None:
        now = self._clock.now()
        try:
            result = (self._decide or step)(self.world, event, now)
        except Exception as error:
            await self._poisoned(event, answer, error)
            return
        self._taken(result, self._who_left(event), now, answer)

    def begin(self, result: Step) -> None:
        """What the start itself decided (`engine.first_step`), before `run`."""
        self._taken(result, set(), self._clock.now(), None)

    def _taken(self, result: Step, left: set[AgentId], now: Micros, answer: Answer | None) -> None:
        self.seq += 1
        for command in result.commands:
            self._pbx.send(command)
        self._pending.add(result, left, self.seq, now)
        if answer is not None:
            self._pending.answers.append((answer, result.facts))
        if self._lists is not None:
            known = self.seq if self._pending else self.given  # no batch says a step that has changed nothing
            for claim in result.claims:
                self._lists.claim(claim, known)
        if self._servers is not None:
            for question in result.asks:
                self._servers.ask(question)
            for gone in result.touched.closed:
                self._servers.drop(gone)
        if result.facts:
            for observer in self._observers:
                observer.saw(now, result.facts)

    def _who_left(self, event: Event) -> set[AgentId]:
        """Agents that were there before the step, and are no more: no step names them."""
        here = self.world.agents.keys()
        if len(here) == len(self._agents) and not isinstance(event, PolicyChanged):
            return set()
        left, self._agents = self._agents - here, set(here)
        return left

    async def _poisoned(self, event: Event, answer: Answer | None, error: Exception) -> None:
        """A bug of the core: the World may be half-changed. Store what was decided before, rebuild as at a start."""
        log.error("step_failed", event_type=type(event).__name__, exc_info=error)
        if answer is not None and not answer.done():
            answer.set_exception(RuntimeError("callctl could not do this; see its log"))
        self._store()
        self.world = await self._rebuild(event, error)

    def _store(self) -> None:
        if not self._pending:
            return
        pending, self._pending = self._pending, _Pending()
        self._journal.append(pending.batch(self.seq, self._clock.now()))
        self.given = self.seq
        if pending.answers:
            task = asyncio.create_task(self._keep_promises(self.seq, pending.answers))
            self._promises.add(task)
            task.add_done_callback(self._promises.discard)

    async def _keep_promises(self, seq: int, answers: list[tuple[Answer, tuple[Fact, ...]]]) -> None:
        """Nobody is left waiting: who cannot be promised anything is told so."""
        broken: Exception | None = None
        try:
            await self._journal.flushed(seq)
        except Exception as error:
            broken = error
        for answer, facts in answers:
            if answer.done():
                continue
            if broken is None:
                answer.set_result(facts)
            else:
                answer.set_exception(broken)
