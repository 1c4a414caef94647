"""Who is called in the demo: fictitious people on a list, and what each of them does when the telephone rings.

Nobody has their numbers (+44 20 7946 0xxx is kept for fiction). They know the truth: what they are and what they heard
is held against what callctl says of them.
"""

from __future__ import annotations

import asyncio
import csv
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from callctl.lab.asterisk import AsteriskError
from callctl.lab.line import Line
from callctl.lab.network import Network
from callctl.lab.people import AGENT_TONE
from callctl.lab.phones import Behaviour

MOST_PEOPLE = 300
PATIENCE = 15.0
"""Seconds that somebody who has answered says hello to nobody."""
TAPE = 60.0
"""Seconds that a machine listens."""
LOOK = 0.1
AT_ONCE = 50
"""Requests to the simulator that are under way."""

_GIVEN = (
    "Amara", "Ben", "Carla", "Dmitri", "Esther", "Farid", "Greta", "Hiro", "Ines", "Jonas",
    "Kofi", "Lena", "Mateo", "Nadia", "Oskar", "Priya", "Quentin", "Rosa", "Sami", "Tilda",
)  # fmt: skip
_FAMILY = (
    "Abbott", "Brandt", "Costa", "Dvorak", "Eriksen", "Fontaine", "Garcia", "Hughes", "Ito", "Jansen",
    "Kowalski", "Lindqvist", "Moreau", "Novak", "Okafor", "Petit", "Quinn", "Rossi", "Silva", "Turner",
)  # fmt: skip
_GREETINGS = ("hello", "vm-no", "hello&vm-isonphone", "hello-world")


@dataclass(frozen=True, slots=True)
class Manner:
    """What some of the people do."""

    does: str
    """For people."""
    weight: int
    right: frozenset[str]
    """What an attempt at such a number comes to."""
    how: Callable[[random.Random], str]
    """`Behaviour`, drawn for one of them."""
    mistaken: frozenset[str] = frozenset()
    """What it comes to where detection errs."""

    @property
    def outcomes(self) -> frozenset[str]:
        return self.right | self.mistaken


def _of(*outcomes: str) -> frozenset[str]:
    return frozenset(outcomes)


def _person(draw: random.Random) -> str:
    return Behaviour.human(round(draw.uniform(0.5, 3), 1), draw.choice(_GREETINGS), round(draw.uniform(0.2, 0.9), 1))


def _no_number(draw: random.Random) -> str:
    return draw.choice((Behaviour.unallocated(), Behaviour.sit()))


TALKS = Manner("answer and talk", 34, _of("answered", "abandoned"), _person, _of("machine"))
SILENT = Manner(
    "answer and say nothing", 2, _of("answered", "abandoned"), lambda draw: Behaviour.silence(draw.randint(1, 4)),
    _of("machine"),
)  # fmt: skip
MANNERS = (
    TALKS,
    SILENT,
    Manner("hang up at once", 5, _of("hung_up"), lambda draw: Behaviour.drop(draw.randint(1, 4), 0.3)),
    Manner(
        "answering machines", 13, _of("machine"), lambda draw: Behaviour.voicemail(draw.randint(1, 4)),
        _of("answered", "abandoned"),
    ),
    Manner("fax machines", 1, _of("machine"), lambda _: Behaviour.fax(1), _of("answered", "abandoned")),
    Manner("are busy", 18, _of("busy"), lambda draw: Behaviour.busy(round(draw.uniform(0.1, 0.6), 1))),
    Manner("do not answer", 14, _of("no_answer"), lambda draw: Behaviour.no_answer(draw.randint(3, 7))),
    Manner("decline", 5, _of("refused"), lambda draw: Behaviour.status(603, draw.randint(1, 4))),
    Manner("have no such number", 8, _of("invalid"), _no_number),
)  # fmt: skip
NO_NUMBER = MANNERS[-1]


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody on the list. Who has no such number at the first has another one, and talks there."""

    name: str
    numbers: tuple[str, ...]
    manners: tuple[Manner, ...]


@dataclass(slots=True)
class Heard:
    """What they themselves heard."""

    agent: int = 0
    recording: int = 0
    """The safe harbour, or what is meant for machines."""
    pressed: int = 0
    """Of these, who pressed 9."""
    nothing: list[str] = field(default_factory=list)
    """Numbers of people who answered and heard nobody."""
    failed: list[str] = field(default_factory=list)


def drawn(count: int, draw: random.Random) -> list[Customer]:
    """So many people, at most MOST_PEOPLE, each with a number of the kind that is kept for fiction."""
    assert count <= MOST_PEOPLE
    found = []
    for n in range(count):
        (manner,) = draw.choices(MANNERS, weights=[it.weight for it in MANNERS])
        name = f"{draw.choice(_GIVEN)} {draw.choice(_FAMILY)}"
        numbers, manners = [f"+44207946{200 + n:04d}"], [manner]
        if manner is NO_NUMBER:
            numbers.append(f"+44207946{500 + n:04d}")
            manners.append(TALKS)
        found.append(Customer(name, tuple(numbers), tuple(manners)))
    return found


def write_list(path: Path, people: Iterable[Customer]) -> None:
    """As CSV, for `callctl contacts import`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("name", "phone", "phone 2"))
        rows.writerows((it.name, *it.numbers, *[""] * (2 - len(it.numbers))) for it in people)


class Customers:
    """People who are called. `seed` repeats who they are and how they answer (not its exact times)."""

    def __init__(self, network: Network, *, count: int, seed: int) -> None:
        self._network = network
        self._random = random.Random(seed)
        self.people = drawn(count, self._random)
        self.manners = {n: m for it in self.people for n, m in zip(it.numbers, it.manners, strict=True)}
        """By number."""
        self.heard = Heard()
        self._calls: set[asyncio.Task[None]] = set()

    async def ready(self) -> None:
        """Tell the telephone network how each of their numbers acts."""
        turn = asyncio.Semaphore(AT_ONCE)

        async def act(number: str, how: str) -> None:
            async with turn:
                await self._network.behave(number, how)

        await asyncio.gather(*(act(number, manner.how(self._random)) for number, manner in self.manners.items()))

    @property
    def called(self) -> Counter[str]:
        """The calls that came to their numbers, as the telephone network knows: by what they do there."""
        return Counter(
            self.manners[it.dialled].does for it in self._network.arrivals if it.dialled in self.manners
        )  # fmt: skip

    async def answer(self, over: asyncio.Event) -> None:
        """Take each call as it comes, until nobody calls any more; then until the last one has ended."""
        seen = 0
        while not over.is_set():
            arrivals = self._network.arrivals
            for arrival in arrivals[seen:]:
                manner = self.manners.get(arrival.dialled)
                if manner is not None:
                    task = asyncio.create_task(self._take(self._network.line(arrival.channel), arrival.dialled, manner))
                    self._calls.add(task)
                    task.add_done_callback(self._calls.discard)
            seen = len(arrivals)
            await asyncio.sleep(LOOK)
        while self._calls:
            await asyncio.wait(set(self._calls))

    async def _take(self, line: Line, number: str, manner: Manner) -> None:
        try:
            if manner in (TALKS, SILENT):
                await self._talk(line, number)
            else:
                await _let(line, TAPE)
        except AsteriskError as error:
            self.heard.failed.append(f"{number[-4:]}, called: {error}")

    async def _talk(self, line: Line, number: str) -> None:
        """Whoever has answered listens who is there, and then says what there is to say, or is annoyed."""
        await line.wait_answered(30)
        match await _listen(line):
            case "agent":
                self.heard.agent += 1
                await asyncio.sleep(self._random.uniform(3, 7))
                if line.ended:
                    self.heard.failed.append(f"{number[-4:]}, called: cut off in the talk (cause {line.cause})")
            case "recording":
                self.heard.recording += 1
                await asyncio.sleep(self._random.uniform(2, 5))
                if self._random.random() < 0.5 and not line.ended:
                    self.heard.pressed += 1
                    await line.press("9")
                    await _let(line, 5)
            case _:
                self.heard.nothing.append(number)
        await line.hangup()


async def _listen(line: Line) -> str:
    """`agent`, by the tone that agents send; `recording`; or empty: nothing for PATIENCE, or till the end."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and not line.ended:
        heard = (await line.heard()).between(-0.8)
        if heard.has_tone(AGENT_TONE):
            return "agent"
        if heard.sound_seconds() >= 0.5:
            return "recording"
        await asyncio.sleep(0.3)
    return ""


async def _let(line: Line, seconds: float) -> None:
    """Let the other side end it; after so long hang up."""
    with suppress(AsteriskError):
        await line.wait_ended(seconds)
    await line.hangup()
