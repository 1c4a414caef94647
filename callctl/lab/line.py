"""One end of a call in the simulator: a caller, or a phone or number that was rung."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from callctl.lab.ami import AmiError, Message
from callctl.lab.asterisk import AsteriskError
from callctl.lab.audio import Audio, is_whole, join, read_wav

if TYPE_CHECKING:
    from callctl.lab.network import Network

Condition = Callable[[], bool]

_BEFORE_BEEP = 1
"""Recordings that an answering machine has made before its beep."""

_CLOSING = 2.0
"""Seconds that a recording may take to be closed; one that no audio has reached has no file."""


async def _closed(path: Path) -> None:
    deadline = time.monotonic() + _CLOSING
    while not is_whole(path) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


class Line:
    """What one person does and hears. Times are of the monotonic clock, in seconds."""

    def __init__(self, network: "Network", channel_id: str) -> None:
        self._network = network
        self.id = channel_id
        self.channel = ""
        self.phone = ""
        self.state = "Down"
        self.talking = False
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        self.cause: int | None = None
        self.cause_text = ""
        self.digits_heard = ""
        self.beeped_at: float | None = None
        """Of an answering machine: when its beep was over."""
        self._pieces = 1

    def on_event(self, event: Message) -> None:
        """Fold one AMI event of this channel."""
        self.channel = event.get("Channel", self.channel)
        self.state = event.get("ChannelStateDesc", self.state)
        if self.state == "Up" and self.answered_at is None:
            self.answered_at = time.monotonic()
        match event["Event"]:
            case "UserEvent" if event.get("UserEvent") == "SimTalking":
                self.talking = True
                self.phone = event.get("Phone", "")
            case "UserEvent" if event.get("UserEvent") == "SimBeeped":
                self.beeped_at = time.monotonic()
                self._pieces = _BEFORE_BEEP + 1
            case "DTMFEnd" if event.get("Direction") == "Received":
                self.digits_heard += event.get("Digit", "")
            case "Hangup":
                self.ended_at = time.monotonic()
                self.cause = int(event.get("Cause", "0"))
                self.cause_text = event.get("Cause-txt", "")

    @property
    def is_up(self) -> bool:
        """Answered and not ended."""
        return self.talking and self.ended_at is None

    @property
    def ended(self) -> bool:
        return self.ended_at is not None

    async def wait_answered(self, timeout: float = 10) -> None:
        """Until it is up and recorded. AsteriskError when that does not happen in `timeout` s or the call ends."""
        await self._network.until(lambda: self.talking or self.ended, f"an answer on {self.id}", timeout)
        if not self.talking:
            raise AsteriskError(f"{self.id} ended unanswered: {self.cause} {self.cause_text}")

    async def wait_ended(self, timeout: float = 10) -> None:
        await self._network.until(lambda: self.ended, f"the end of {self.id}", timeout)

    async def press(self, digits: str) -> None:
        """Press keys as a person does (RFC 4733): each for 150 ms, then 100 ms of nothing.

        Asterisk takes two keys with less than 45 ms between them for one.
        """
        for digit in digits:
            if digit not in "0123456789*#ABCD":
                raise ValueError(f"no such key: {digit!r}")
            await self._network.ami.action("PlayDTMF", {"Channel": self.channel, "Digit": digit, "Duration": "150"})
            await asyncio.sleep(0.1)

    async def say(self, sounds: str) -> None:
        """Say something (sounds, with & between them), then be quiet; on a line that is up."""
        await self._network.ami.action("Setvar", {"Channel": self.channel, "Variable": "SAYS", "Value": sounds})
        where = {"Context": "talk", "Exten": "say", "Priority": "1"}
        await self._network.ami.action("Redirect", {"Channel": self.channel, **where})

    async def pick_up(self) -> None:
        """Answer now: for a phone that was told to ring for ever."""
        where = {"Context": "behave", "Exten": "answer", "Priority": "1"}
        await self._network.ami.action("Redirect", {"Channel": self.channel, **where})

    async def hangup(self) -> None:
        """Hang up. No error when it has ended already."""
        await self._network.request("DELETE", f"channels/{self.id}", {}, gone_ok=True)

    async def wait_beeped(self, timeout: float = 30) -> None:
        """Until an answering machine's beep is over. AsteriskError when that does not happen or the call ends."""
        await self._network.until(lambda: self.beeped_at is not None or self.ended, f"a beep on {self.id}", timeout)
        if self.beeped_at is None:
            raise AsteriskError(f"{self.id} ended before its beep: {self.cause} {self.cause_text}")

    async def heard(self, after_beep: bool = False) -> Audio:
        """All that was heard from the answer until now; `after_beep`: by an answering machine since its beep. A machine
        is not to be asked before that.

        While the line is up the recording is cut into pieces to get at its end (a few milliseconds are lost at
        each call): Asterisk keeps up to two seconds of an open recording to itself. It closes one by a thread of its
        own, at leisure: an end that has been told, or a cut, does not say that all is on disk.
        """
        if self.is_up:
            await self._cut()
        folder = self._network.asterisk.spool / "monitor"
        pieces = [folder / f"heard-{self.id}-{i}.wav" for i in range(_BEFORE_BEEP if after_beep else 0, self._pieces)]
        for path in pieces if self.ended else pieces[:-1]:  # behind a cut the last one has just begun
            await _closed(path)
        return join([read_wav(path) for path in pieces])

    async def _cut(self) -> None:
        piece = self._pieces
        try:
            await self._network.ami.action("StopMixMonitor", {"Channel": self.channel})
            await self._network.ami.action(
                "MixMonitor",
                {"Channel": self.channel, "File": "", "Options": f"r(heard-{self.id}-{piece}.wav)"},
            )
        except AmiError:
            return  # it has just ended: then all is in the file
        self._pieces += 1

    async def wait_heard(
        self, condition: Callable[[Audio], bool], what: str, timeout: float = 10, last: float = 1.0
    ) -> Audio:
        """Until `condition` holds of the last `last` seconds heard; those. AsteriskError saying `what` else."""
        deadline = time.monotonic() + timeout
        while True:
            audio = (await self.heard()).between(-last)
            if audio.seconds >= last * 0.9 and condition(audio):
                return audio
            if time.monotonic() > deadline or self.ended:
                raise AsteriskError(f"{self.id} did not hear {what} in {timeout:g} s (level {audio.level():.0f} dBFS)")
            await asyncio.sleep(0.2)
