"""Flows: a caller's way as a graph of named nodes, as values. `walk` follows them, `ivr` plays them.

A flow is checked when the configuration is read: every node that is named exists, nothing goes round without the caller
doing something, and flows that call each other end. The core believes none of it: see `walk.settle`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from callctl.core.hours import Calendar
from callctl.core.ids import SECOND, CalendarId, FlowId, MenuId, Micros, QueueId
from callctl.core.ways import Back, Destination, Next, ToFlow, Way

# ── what is played ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Spoken:
    """A value that is said in the caller's language, put together from recordings. See `spoken`."""

    kind: str
    """As what: `date`, `money`, …"""
    of: str
    """Text with values in it: `{due}`."""


@dataclass(frozen=True, slots=True)
class InLanguage:
    """Prompts of which the caller hears those of their language."""

    of: Mapping[str, tuple[str | Spoken, ...]]
    """By language; the first is for whoever has another."""


Prompt: TypeAlias = str | Spoken | InLanguage
"""Text is a media URI of Asterisk (`sound:…`)."""
Prompts: TypeAlias = tuple[Prompt, ...]


# ── nodes at which a caller stays a while ────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Menu:
    """One key decides. Prompts are played as one list."""

    id: MenuId
    """Of a flow's node `flow/node`."""
    prompts: Prompts
    options: Mapping[str, Way]
    """By one digit: 0-9, * or #."""
    give_up: Way
    """Where the caller goes when `tries` are used up."""
    timeout: Micros = 5 * SECOND
    """How long to wait for a digit after the prompts' end."""
    tries: int = 3
    """How often the prompts are played, in all."""
    invalid: Prompts = ()
    """Played after a digit that is no option, before the prompts again."""
    no_input: Prompts = ()
    """Played after a timeout, before the prompts again."""
    barge_in: bool = True
    """A digit during the prompts counts, and stops them."""


@dataclass(frozen=True, slots=True)
class Gather:
    """Several digits become a value."""

    id: MenuId
    prompts: Prompts
    into: str
    """The value's name."""
    then: Way
    give_up: Way
    least: int = 1
    most: int = 32
    """With so many digits the input is over."""
    end: str = "#"
    """This key ends the input; empty: none does."""
    timeout: Micros = 5 * SECOND
    """For the first digit, after the prompts' end."""
    pause: Micros = 3 * SECOND
    """For each further one; then what was pressed counts."""
    tries: int = 3
    luhn: bool = False
    """The last digit must be right by ISO/IEC 7812-1."""
    pattern: str = ""
    """As Asterisk writes them, without the underscore: X, Z, N, [1-5]; empty: any digits."""
    invalid: Prompts = ()
    no_input: Prompts = ()
    barge_in: bool = True
    sensitive: bool = False
    """What is pressed is kept in memory alone: in no record, row, log or metric."""


@dataclass(frozen=True, slots=True)
class Speak:
    """Prompts, and on."""

    prompts: Prompts
    then: Way


@dataclass(frozen=True, slots=True)
class Lookup:
    """A question to an HTTP server, which answers with JSON."""

    url: str
    """With values in it, percent-encoded: `https://crm.example/orders/{order}`."""
    into: tuple[tuple[str, str], ...]
    """Values' names, each with where it stands in the answer: a JSON pointer (RFC 6901)."""
    then: Way
    failed: Way
    """No answer in time, none with all of these values, or none at all."""
    headers: str = ""
    """The name of headers that are sent along; empty: none."""
    timeout: Micros = 5 * SECOND
    meanwhile: Prompts = ()
    """Played until the answer is there, again and again."""


# ── nodes that take no time ──────────────────────────────────────────────────────────────────


class Relation(StrEnum):
    """How a value stands to what it is compared with."""

    IS = "is"
    BEGINS = "begins"
    FITS = "fits"
    """A pattern, as Asterisk writes them."""
    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Compares:
    """A value, or text with values in it, with any of several. Above and below are of numbers: what is none is
    neither."""

    what: str
    relation: Relation
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Open:
    """A calendar says that it is open now; or not, if so meant."""

    calendar: CalendarId
    meant: bool = True


class Figure(StrEnum):
    """What is known of a queue."""

    WAITING = "waiting"
    """Callers who wait."""
    FREE = "free"
    """Agents who could be rung at once."""
    STAFFED = "staffed"
    """Agents who are logged in."""


@dataclass(frozen=True, slots=True)
class QueueHas:
    """A queue's figure is within these bounds, which are in it."""

    queue: QueueId
    figure: Figure
    least: int = 0
    most: int | None = None
    """None: no bound."""


@dataclass(frozen=True, slots=True)
class Chance:
    """So many of 10,000 callers, at random."""

    of: int


Test: TypeAlias = Compares | Open | QueueHas | Chance


@dataclass(frozen=True, slots=True)
class Branch:
    """The first case all of whose tests hold."""

    cases: tuple[tuple[tuple[Test, ...], Way], ...]
    otherwise: Way


@dataclass(frozen=True, slots=True)
class Put:
    """Give values, and the caller's language, if one is named."""

    values: tuple[tuple[str, str], ...]
    """Names, each with text that may have values in it."""
    then: Way
    language: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Write values into the call's record: the answers of a survey, say."""

    values: tuple[tuple[str, str], ...]
    then: Way


@dataclass(frozen=True, slots=True)
class Enter:
    """Another flow, and when it leads back, on."""

    flow: FlowId
    then: Way


@dataclass(frozen=True, slots=True)
class Goes:
    """A name for a way."""

    to: Way


Stay: TypeAlias = Menu | Gather | Speak | Lookup
Pass: TypeAlias = Branch | Put | Note | Enter | Goes
Node: TypeAlias = Stay | Pass


# ── flows ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Flow:
    id: FlowId
    start: str
    nodes: Mapping[str, Node]
    values: Mapping[str, str] = field(default_factory=dict)
    """Those that a caller has on entering, unless they have one of that name already."""
    answers: bool = True
    """The caller is answered on entering; else when something is played first, or an agent has the call."""
    language: str = ""
    """Of callers who have none yet; empty: what their channel has."""


@dataclass(frozen=True, slots=True)
class Flows:
    """All flows of one configuration, and what they look at."""

    version: str
    """Follows from all of it."""
    of: Mapping[FlowId, Flow]
    calendars: Mapping[CalendarId, Calendar] = field(default_factory=dict)


NO_FLOWS = Flows("", {})


@dataclass(frozen=True, slots=True)
class Spot:
    """Where in which flow a caller is."""

    version: str
    flow: FlowId
    node: str
    back: tuple[tuple[FlowId, str], ...] = ()
    """The nodes that called this flow, the last behind."""

    @property
    def name(self) -> str:
        """For people and records."""
        return f"{self.flow}/{self.node}"


def leads(node: Node) -> Iterator[Way]:
    """Where a caller can go from a node."""
    match node:
        case Menu(options=options, give_up=give_up):
            yield from options.values()
            yield give_up
        case Gather(then=then, give_up=give_up):
            yield from (then, give_up)
        case Lookup(then=then, failed=failed):
            yield from (then, failed)
        case Branch(cases, otherwise):
            yield from (way for _, way in cases)
            yield otherwise
        case Speak(then=then) | Put(then=then) | Note(then=then) | Enter(then=then) | Goes(then):
            yield then


def ends(flows: Flows, names: Iterable[FlowId]) -> Iterator[Destination]:
    """Every way out of these flows, and of those that they lead to."""
    seen, todo = set[FlowId](), list(names)
    while todo:
        name = todo.pop()
        flow = flows.of.get(name)
        if name in seen or flow is None:
            continue
        seen.add(name)
        for node in flow.nodes.values():
            todo += [node.flow] if isinstance(node, Enter) else []
            for way in leads(node):
                if isinstance(way, ToFlow):
                    todo.append(way.flow)
                elif not isinstance(way, Next | Back):
                    yield way


def parts(prompts: Prompts) -> Iterator[str | Spoken]:
    """All that these prompts may be, in any language."""
    for prompt in prompts:
        if isinstance(prompt, InLanguage):
            yield from (part for of in prompt.of.values() for part in of)
        else:
            yield prompt
