"""People on lists, as they are reached: what answers, what they hear, when they hang up; and what none of them may
live through."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from callctl.core.commands import Dial
from callctl.core.events import Heard, LegState
from callctl.core.ids import SECOND, LegId
from callctl.sim.pbx import Channel
from callctl.sim.plan import Person, Reach
from callctl.sim.switch import Switch

GRACE = 2.0
RINGS = 15.0
"""Seconds, as `lists` has them."""
CALM = 1.0
"""Seconds that something may take beside what is under way."""
ENDS = {Reach.BUSY: (17, 486), Reach.REJECTS: (21, 603), Reach.INVALID: (1, 404), Reach.TRUNK_FAILS: (34, 503)}
"""(Q.850 cause, SIP status) by which the network ends a call."""
HEARD = {
    Reach.PERSON: Heard.HUMAN,
    Reach.LEAVES: Heard.HUMAN,
    Reach.UNSURE: Heard.UNSURE,
    Reach.MACHINE: Heard.MACHINE,
    Reach.SILENT: Heard.SILENCE,
    Reach.FAX: Heard.FAX,
    Reach.SIT: Heard.SIT,
}
"""What detection makes of who answers."""
LASTS = {Reach.MACHINE: 40.0, Reach.FAX: 20.0, Reach.SIT: 12.0}
"""Seconds after which what is no person hangs up."""
PEOPLE = (Heard.HUMAN, Heard.UNSURE, Heard.NOTHING)
"""Whom callctl takes for a person."""
WORDS = 8.0
"""Seconds for which somebody listens to the dialplan's words."""


class Customers:
    """`slowness`: how much longer than on a good day everything is under way."""

    def __init__(self, switch: Switch, wrong: Callable[[str], None], slowness: float) -> None:
        self._switch = switch
        self._wrong = wrong
        self._way = 0.1 + 0.05 * slowness
        """Seconds that news of something, and what is done about it, are under way."""
        self._late = CALM + self._way
        self._loop = asyncio.get_running_loop()
        self._people: dict[str, Person] = {}
        """By digits."""
        self._times: Counter[str] = Counter()
        """How often each was called."""
        self._called: dict[LegId, Person] = {}
        self._silent: dict[LegId, float] = {}
        """Who have answered, and when, and heard nothing yet."""
        self.calm: Callable[[float], bool] = lambda since: False
        """Whether nothing was amiss since a moment."""

    def add(self, person: Person) -> None:
        """From now on they can be reached."""
        self._people[person.digits] = person

    def of(self, leg: LegId) -> Person | None:
        return self._called.get(leg)

    # ── the call ─────────────────────────────────────────────────────────────────────────────

    def called(self, channel: Channel, command: Dial) -> None:
        person, later = self._people[channel.number], self._loop.call_later
        self._called[channel.id] = person
        reach = person.reaches[self._times[person.digits] % len(person.reaches)]
        self._times[person.digits] += 1
        later(command.timeout / SECOND, self._give_up, channel)
        if reach in ENDS:
            later(person.rings_after, self._switch.end, channel, *ENDS[reach])
        elif reach is not Reach.NO_SIGN:
            later(person.rings_after, self._ring, channel)
        if reach in HEARD:
            later(person.rings_after + person.answers_after, self._answer, channel, person, reach)

    def _ring(self, channel: Channel) -> None:
        self._switch.ring(channel)
        self._loop.call_later(RINGS + self._late, self._rings_too_long, channel, self._loop.time())

    def _rings_too_long(self, channel: Channel, since: float) -> None:
        if self._switch.alive(channel) and channel.state is LegState.RINGING and self.calm(since):
            self._wrong(f"{channel.id} rings at {channel.number} for more than {RINGS:g} s")

    def _give_up(self, channel: Channel) -> None:
        """The dialplan's own limit, should callctl be away."""
        if channel.state is not LegState.UP:
            self._switch.end(channel, 19)

    def _answer(self, channel: Channel, person: Person, reach: Reach) -> None:
        if not self._switch.alive(channel):
            return
        self._switch.pick_up(channel, HEARD[reach], person.listens, person.quiet)
        patience = person.leaves_after if reach is Reach.LEAVES else LASTS.get(reach, person.patience)
        self._loop.call_later(patience, self._loses_patience, channel)

    def _loses_patience(self, channel: Channel) -> None:
        others = (it for it in self._switch.model.channels.values() if it.bridge and it.bridge == channel.bridge)
        if sum(1 for _ in others) < 2:
            self._switch.end(channel, 16)

    # ── what they hear ───────────────────────────────────────────────────────────────────────

    def entered(self, channel: Channel, heard: Heard) -> None:
        if heard in PEOPLE:
            self._silent[channel.id] = self._loop.time()
            self._loop.call_later(GRACE + self._late, self._heard_nothing, channel)

    def _heard_nothing(self, channel: Channel) -> None:
        since = self._silent.get(channel.id)
        if since is not None and self._switch.alive(channel) and self.calm(since):
            self._wrong(f"{channel.id} has answered, and heard nothing for more than {GRACE:g} s")

    def hears(self, channel: Channel) -> None:
        """Prompts; who wants to presses a key."""
        self._silent.pop(channel.id, None)
        person = self._called.get(channel.id)
        if person is not None and person.press:
            self._loop.call_later(person.presses_after, self._switch.press, channel, person.press)

    def bridged(self, channel: Channel) -> None:
        self._silent.pop(channel.id, None)

    def left_alone(self, channel: Channel) -> None:
        """To the dialplan's words."""
        self._silent.pop(channel.id, None)
        if channel.number:
            channel.words_until = self._loop.time() + WORDS

    def hung_up(self, channel: Channel) -> None:
        """By callctl."""
        now, since = self._loop.time(), self._silent.pop(channel.id, None)
        if since is not None and now > since + self._way and self.calm(since):
            self._wrong(f"{channel.id} has answered, and was hung up without a word")
        if now < channel.words_until and self.calm(now):
            self._wrong(f"{channel.id} hears the dialplan's words, and was cut off")
