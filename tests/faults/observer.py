"""What Asterisk itself says of each caller: whether callctl was given the call, who is bridged, who fell back.

It listens to AMI as a user of its own, past callctl and past the wire that is cut.
"""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass

from callctl.lab.ami import Ami, AmiError, Message
from callctl.lab.node import Node
from callctl.lab.ports import HOST


@dataclass(slots=True)
class Seen:
    """One caller's channel."""

    channel: str
    entered: bool = False
    """Asterisk gave it to callctl's application, and that was not refused."""
    fallback: bool = False
    gone: bool = False


class Observer:
    """Callers by their last eight digits; channels by Asterisk's ids."""

    def __init__(self, node: Node) -> None:
        self.callers: dict[str, Seen] = {}
        self.beat_at = 0.0
        """When Asterisk last had callctl's heartbeat: monotonic, seconds."""
        self._node = node
        self._ami: Ami | None = None
        self._by_channel: dict[str, Seen] = {}
        self._bridges: dict[str, set[str]] = defaultdict(set)
        self._sits: dict[str, str] = {}

    async def connect(self) -> None:
        """Listen to an Asterisk that has just been started."""
        await self.close()
        self._bridges.clear()
        self._sits.clear()
        self._by_channel.clear()
        self._ami = Ami()
        self._ami.listeners.append(self._heard)
        await self._ami.connect(HOST, self._node.ports.ami, "observer", self._node.secrets.ami)

    async def close(self) -> None:
        if self._ami is not None:
            with suppress(AmiError, OSError):
                await self._ami.close()
            self._ami = None

    def talks(self, number: str) -> bool:
        """Whether that caller is bridged with somebody, in no queue's holding bridge."""
        seen = self.callers.get(key(number))
        bridge = "" if seen is None else self._sits.get(seen.channel, "")
        return bridge != "" and not bridge.startswith("hold-") and len(self._bridges[bridge]) >= 2

    def _heard(self, event: Message) -> None:
        channel = event.get("Uniqueid", "")
        match event["Event"]:
            case "Newexten" if event.get("AppData", "").startswith("callctl,in"):
                seen = self._by_channel.get(channel) or Seen(channel)
                seen.entered = True
                self._by_channel[channel] = self.callers[key(event.get("CallerIDNum", ""))] = seen
            case "VarSet" if event.get("Variable") == "CC_ALIVE_UNTIL":
                self.beat_at = time.monotonic()
            case "VarSet" if event.get("Value") == "FAILED" and channel in self._by_channel:
                self._by_channel[channel].entered = False
            case "UserEvent":
                seen = self._by_channel.get(channel) or Seen(channel)
                seen.fallback = True
                self._by_channel[channel] = self.callers[key(event.get("CallerIDNum", ""))] = seen
            case "BridgeEnter":
                self._sits[channel] = event["BridgeUniqueid"]
                self._bridges[event["BridgeUniqueid"]].add(channel)
            case "BridgeLeave":
                self._sits.pop(channel, None)
                self._bridges[event["BridgeUniqueid"]].discard(channel)
            case "Hangup" if channel in self._by_channel:
                self._by_channel.pop(channel).gone = True


def key(number: str) -> str:
    """A number as every part writes it differently: its last eight digits."""
    return "".join(c for c in number if c.isdigit())[-8:]
