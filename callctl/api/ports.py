"""What the API needs of the daemon. daemon.py fulfils `Desk`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from callctl.core.addresses import E164
from callctl.core.events import Event
from callctl.core.facts import DoNotCallRead, Fact
from callctl.core.ids import CallId, CampaignId, ContactId, MailboxId, Micros, TrunkId
from callctl.core.law import AttemptOutcome
from callctl.core.model import MenuVisit, QueueVisit, Ring, World
from callctl.runtime.mailboxes import BoxNow, Message
from callctl.runtime.masking import Masking
from callctl.runtime.views import Plain, TrunkNow


class UnavailableError(Exception):
    """The desk cannot do it now (the database is away, callctl is stopping); `str()` says why, for people."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold for callctl to be ready."""

    name: str
    """`pbx.link`, `pbx.ami`, `trunk.carrier`, `journal`, `epoch`, …"""
    ok: bool
    why: str
    """What is so; where it is not ok, what is wrong and what to do."""
    needed: bool = True
    """False: it is shown, but callctl is ready without it."""


@dataclass(frozen=True, slots=True)
class Health:
    alive: Condition
    """The loop turns."""
    ready: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What a reload did, or (a plan) would do."""

    ok: bool
    sha: str
    """Of the configuration on disk; empty where it is wrong."""
    changes: tuple[str, ...] = ()
    """A line for each difference from what is in force (`settings.changes`, then `settings.new_passwords` and
    `settings.needs_restart`), and after a reload for what an Asterisk has not read."""
    problems: tuple[str, ...] = ()
    """`file:line:column: path: what is wrong; what would be right`. Not empty: nothing was changed."""


class Record(Protocol):
    """A stored call record: the columns of table `call`, times in microseconds. The store's CallRecord fits."""

    @property
    def id(self) -> CallId: ...

    @property
    def node(self) -> str: ...

    @property
    def trunk(self) -> str | None: ...

    @property
    def phone(self) -> str | None: ...

    @property
    def caller(self) -> str: ...

    @property
    def caller_name(self) -> str: ...

    @property
    def dialled(self) -> str: ...

    @property
    def diverted_from(self) -> str | None: ...

    @property
    def feature(self) -> str | None: ...

    @property
    def entered(self) -> Micros: ...

    @property
    def answered_by_pbx(self) -> Micros | None: ...

    @property
    def menus(self) -> tuple[MenuVisit, ...]: ...

    @property
    def queue(self) -> str | None: ...

    @property
    def queued(self) -> Micros | None: ...

    @property
    def queues(self) -> tuple[QueueVisit, ...]: ...

    @property
    def rings(self) -> tuple[Ring, ...]: ...

    @property
    def agent(self) -> str | None: ...

    @property
    def connected(self) -> Micros | None: ...

    @property
    def ended(self) -> Micros | None: ...

    @property
    def ended_by(self) -> str | None: ...

    @property
    def outcome(self) -> str | None: ...

    @property
    def cause(self) -> int: ...

    @property
    def sip(self) -> int: ...

    @property
    def wrap_up_ended(self) -> Micros | None: ...

    @property
    def disposition(self) -> str | None: ...

    @property
    def disposition_by(self) -> str | None: ...

    @property
    def amount(self) -> str | None: ...

    @property
    def note(self) -> str: ...

    @property
    def campaign(self) -> str | None: ...

    @property
    def attempt(self) -> str | None: ...

    @property
    def rang(self) -> Micros | None: ...

    @property
    def picked_up(self) -> Micros | None: ...

    @property
    def heard(self) -> str | None: ...

    @property
    def harboured(self) -> Micros | None: ...

    @property
    def message_left(self) -> Micros | None: ...

    @property
    def asked_after(self) -> Micros | None: ...

    @property
    def path(self) -> tuple[str, ...]: ...

    @property
    def notes(self) -> Mapping[str, str]: ...

    @property
    def waited(self) -> Micros: ...

    @property
    def talked(self) -> Micros: ...


class Stored(Protocol):
    """A stored fact of a call. The store's StoredEvent fits."""

    @property
    def at(self) -> Micros: ...

    @property
    def kind(self) -> str: ...

    @property
    def fact(self) -> Fact | None:
        """None: written by a version whose facts this one cannot read."""
        ...


class Desk(Protocol):
    """What the daemon offers to its API. Every method is called on the loop's own thread."""

    @property
    def world(self) -> World:
        """Read only."""
        ...

    @property
    def trunk_states(self) -> Mapping[TrunkId, TrunkNow]:
        """What is known of the trunks (`runtime.views.TrunkBoard.states`)."""
        ...

    def now(self) -> Micros: ...

    def health(self) -> Health: ...

    async def ask(self, event: Event) -> tuple[Fact, ...]:
        """Give the event to the core; return the facts of its step once they are stored (the spool counts).

        Raises:
            UnavailableError: it could not be taken or stored.
        """
        ...

    async def plan(self) -> Reloaded:
        """What `reload` would do with the configuration as it is on disk now."""
        ...

    async def reload(self) -> Reloaded:
        """Read the configuration anew and put it in force, all or nothing. Wrong: `ok` is false."""
        ...

    async def mailboxes(self) -> Mapping[MailboxId, BoxNow]:
        """What lies in the configuration's mailboxes, as far as Asterisk knows them. Raises UnavailableError."""
        ...

    async def messages(self, box: MailboxId) -> Sequence[Message]:
        """The messages in one, the newest first. Raises UnavailableError."""
        ...

    async def records(self, limit: int) -> Sequence[Record]:
        """The newest call records, the newest first. Raises UnavailableError."""
        ...

    async def record(self, call: CallId) -> Record | None:
        """One call's record. Raises UnavailableError."""
        ...

    async def events(self, call: CallId) -> Sequence[Stored]:
        """What is stored of a call, in order. Raises UnavailableError."""
        ...


class People(Protocol):
    """What the daemon offers about campaigns and people. Each method raises UnavailableError: the database is away."""

    async def campaigns(self) -> list[Plain]:
        """Every campaign, with counts."""
        ...

    async def campaign(self, name: CampaignId) -> Plain:
        """One that is configured, with what it was refused."""
        ...

    def live(self, name: CampaignId) -> Plain:
        """One that is configured, while it runs: agents, calls, lines, pace, budget, how far it has come."""
        ...

    async def decided(self, name: CampaignId, limit: int) -> Sequence[Stored]:
        """What was decided for one of late, the newest `limit` of it, in order."""
        ...

    async def customer(self, name: ContactId, masking: Masking) -> Plain | None:
        """A contact, for the agent who is to talk with them; None: there is none any more."""
        ...

    async def recycle(self, name: CampaignId, of: Collection[AttemptOutcome], dry: bool) -> int:
        """Contacts that are done with, and ended so, are due again (`dry`: would be); how many."""
        ...

    async def listed(self, number: E164) -> list[Plain]:
        """By which entries of the do-not-call lists a number is not called."""
        ...

    async def compliance(self, name: CampaignId, masking: Masking, rows: bool) -> Plain:
        """The abandoned rate as each rule set counts it; `rows`: with the attempts themselves."""
        ...

    async def explain(self, said: str, number: E164 | None, masking: Masking) -> list[Plain]:
        """Contacts by what is said of them: their number, a telephone number (then parsed too), the house's own name.
        With all that was done and why."""
        ...

    async def person(self, number: E164) -> Plain:
        """Everything that is stored about whoever has this number."""
        ...

    async def erase(self, number: E164, forget: bool) -> Plain:
        """Erase it. `forget`: also that they are not to be called."""
        ...

    async def read_lists(self) -> DoNotCallRead:
        """Read the do-not-call lists anew."""
        ...
