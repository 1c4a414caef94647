"""A campaign's list in a forecast: who is due, who is tried again later, and when there is nobody left."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from enum import StrEnum

from callctl.forecast.campaign import Again, Contacts


class Ended(StrEnum):
    """How an attempt did, as far as the list is concerned."""

    ANSWERED = "answered"
    """By a human, abandoned ones included: not tried again on this day."""
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class ListTold:
    """What became of the list. Moments in s since the day's beginning; None: it did not come to that."""

    count: int
    tried: int
    """Contacts, at least once."""
    reached: int
    """Of these, humans who answered."""
    done: int
    """Who is not due again by itself: reached, or tried often enough."""
    all_tried: float | None
    """When the last contact was dialled for the first time."""
    all_done: float | None
    """When the list had ended: nobody is due any more, on no later day either."""
    dry: float
    """Seconds in which nobody was due, before that."""


@dataclass(slots=True)
class _Contact:
    """One who was tried."""

    attempts: int = 0
    no_answer: int = 0
    busy: int = 0
    machine: int = 0


class List:
    """Who is due: those who are due again come first, then those who were never tried."""

    def __init__(self, contacts: Contacts) -> None:
        self._rules = contacts
        self._again: dict[Ended, Again | None] = {
            Ended.ANSWERED: None,
            Ended.NO_ANSWER: contacts.no_answer,
            Ended.BUSY: contacts.busy,
            Ended.MACHINE: contacts.machine,
        }
        self._fresh = contacts.count
        self._later: list[tuple[float, int, _Contact]] = []
        """When, and who; the number breaks ties."""
        self._called: dict[int, _Contact] = {}
        """By call."""
        self._ready: list[_Contact] = []
        self._number = 0
        self._reached = self._done = 0
        self._all_tried: float | None = None
        self._all_done: float | None = None
        self._dry_since: float | None = None
        self._dry = 0.0

    def due(self, now: float) -> int:
        """How many may be called now."""
        while self._later and self._later[0][0] <= now:
            self._ready.append(heapq.heappop(self._later)[2])
        count = self._fresh + len(self._ready)
        if count and self._dry_since is not None:
            self._dry += now - self._dry_since
            self._dry_since = None
        elif not count and self._dry_since is None and self._all_done is None:
            self._dry_since = now
        return count

    def take(self, call: int, now: float) -> None:
        """Somebody is dialled. There must be one."""
        if self._ready:
            contact = self._ready.pop()
        else:
            contact = _Contact()
            self._fresh -= 1
            if not self._fresh:
                self._all_tried = now
        contact.attempts += 1
        self._called[call] = contact

    def ended(self, call: int, now: float, how: Ended) -> None:
        """The attempt is over."""
        contact = self._called.pop(call)
        self._reached += how is Ended.ANSWERED
        again, times = self._again[how], _counted(contact, how)
        if again is None or times >= again.most or contact.attempts >= self._rules.most:
            self._done += 1
            if self._done == self._rules.count:
                self._all_done = now
            return
        self._number += 1
        due = now + again.delay * again.growth ** (times - 1)
        heapq.heappush(self._later, (due, self._number, contact))

    def told(self, end: float) -> ListTold:
        """At the day's end."""
        until = end if self._all_done is None else self._all_done
        dry = self._dry + (max(0.0, until - self._dry_since) if self._dry_since is not None else 0.0)
        return ListTold(
            self._rules.count,
            self._rules.count - self._fresh,
            self._reached,
            self._done,
            self._all_tried,
            self._all_done,
            dry,
        )


def _counted(contact: _Contact, how: Ended) -> int:
    """One more of these; how many there are."""
    match how:
        case Ended.NO_ANSWER:
            contact.no_answer += 1
            return contact.no_answer
        case Ended.BUSY:
            contact.busy += 1
            return contact.busy
        case Ended.MACHINE:
            contact.machine += 1
            return contact.machine
        case _:
            return 1
