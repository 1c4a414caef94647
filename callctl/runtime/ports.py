"""What the loop needs of the outside. Adapters fulfil these; the simulation fulfils them too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from callctl.core.commands import ClaimContacts, Command
from callctl.core.events import Event
from callctl.core.facts import Fact
from callctl.core.flows import Flows
from callctl.core.ids import AgentId, AttemptId, CallId, CampaignId, Micros, NodeId, SwitchId, TrunkId
from callctl.core.ledger import Entry
from callctl.core.lookups import Ask
from callctl.core.model import Agent, Call, LeftWaiting, Node, Switch, Usage
from callctl.core.outbound import Attempt, Campaign


class Clock(Protocol):
    def now(self) -> Micros:
        """Microseconds of wall time, anchored at the start, never going backward."""
        ...


class Inbox(Protocol):
    def put(self, event: Event) -> None:
        """Give an event to the core. Never blocks; what is over the bound is dropped, counted and logged."""
        ...


class Pbx(Protocol):
    def send(self, command: Command) -> None:
        """Carry out a command on its node, in order. Never blocks, never raises: failures come back as events."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """What some steps changed: rows to restore from, and events to explain with. One transaction."""

    seq: int
    """Of the last step in it; rises by one a step, from 1 in each epoch."""
    at: Micros
    calls: dict[CallId, Call] = field(default_factory=dict)
    """As they are after the batch (copies); upserted into `live` and, where they have ended, into `call`."""
    agents: dict[AgentId, Agent] = field(default_factory=dict)
    nodes: dict[NodeId, Node] = field(default_factory=dict)
    """As they are; `booted` must survive us, to know a restarted PBX."""
    trunks: dict[TrunkId, Usage] = field(default_factory=dict)
    """What has gone out over each today."""
    campaigns: dict[CampaignId, Campaign] = field(default_factory=dict)
    attempts: dict[AttemptId, Attempt] = field(default_factory=dict)
    """Attempts to reach somebody that are not over."""
    over: frozenset[AttemptId] = frozenset()
    """Those that are: their `live` rows go."""
    switches: dict[SwitchId, Switch] = field(default_factory=dict)
    """Turned on."""
    off: frozenset[SwitchId] = frozenset()
    """Turned off: their `live` rows go."""
    ledger: tuple[Entry, ...] = ()
    """What is promised about people and their numbers, in order."""
    flows: dict[str, Flows] = field(default_factory=dict)
    """By version, flows that a caller has entered."""
    forgotten: frozenset[str] = frozenset()
    """Versions that nobody is inside any more: their `live` rows go."""
    closed: frozenset[CallId] = frozenset()
    """Calls that left the World: their `live` rows go."""
    left: frozenset[AgentId] = frozenset()
    """Agents that left the World: their `live` rows go, lest they come back with the status of that day."""
    ended: tuple[Call, ...] = ()
    """Call records to write: on the call's end, and again when its wrap-up has ended."""
    facts: tuple[tuple[int, Micros, Fact], ...] = ()
    """(seq, at, fact)."""


class Journal(Protocol):
    def append(self, batch: Batch) -> None:
        """Store a batch, in order, soon. Never blocks, never raises: trouble goes to the spool."""
        ...

    async def flushed(self, seq: int) -> None:
        """Return when everything up to `seq` is stored, in Postgres or fsynced in the spool."""
        ...

    async def committed(self, seq: int) -> None:
        """Return when everything up to `seq` is stored in Postgres: the spool does not count."""
        ...


class Lists(Protocol):
    def claim(self, command: ClaimContacts, seq: int) -> None:
        """Read contacts who are due, once Postgres has everything up to `seq`. Never blocks, never raises:
        `ContactsClaimed` answers, empty where nobody is due or Postgres does not answer."""
        ...


class Servers(Protocol):
    def ask(self, it: Ask) -> None:
        """Ask a server for a flow. Never blocks, never raises: `LookedUp` answers, whatever happens."""
        ...

    def drop(self, call: CallId) -> None:
        """The call is over: nobody waits for what it has asked."""
        ...


class Observer(Protocol):
    def saw(self, at: Micros, facts: Sequence[Fact]) -> None:
        """Turn facts into metrics and log lines."""
        ...


@dataclass(frozen=True, slots=True)
class Restored:
    """What a start finds in Postgres."""

    calls: tuple[Call, ...] = ()
    agents: tuple[Agent, ...] = ()
    nodes: tuple[Node, ...] = ()
    trunks: tuple[Usage, ...] = ()
    last_agents: tuple[tuple[str, AgentId, Micros], ...] = ()
    """Callers' numbers, who talked with each last, and when that ended; the newest last."""
    campaigns: tuple[Campaign, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    switches: tuple[Switch, ...] = ()
    """That are on."""
    flows: tuple[Flows, ...] = ()
    """Versions that callers may be inside."""
    left: tuple[tuple[str, LeftWaiting], ...] = ()
    """Callers' numbers, of those who left while waiting and have not been answered since; the newest last."""
