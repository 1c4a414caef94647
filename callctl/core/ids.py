"""Ids and time: ours, fixed-length, made before the request, from the World's seeded source.

Fixed length matters: Asterisk's uniqueness check of channel ids is a prefix match.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

CallId = NewType("CallId", str)
NO_CALL = CallId("")
"""Of a leg that is in no call: an agent's open line."""
LegId = NewType("LegId", str)
"""A channel's id in Asterisk. For legs that callctl makes, a ULID of ours."""
BridgeId = NewType("BridgeId", str)
"""Of two who talk: the agent's leg's. Of its own for each pair, since Asterisk (22.10.1) may know an id that was used
before as one that is taken, and as one that is not there, for good."""
PlaybackId = NewType("PlaybackId", str)
NodeId = NewType("NodeId", str)
"""The name of a PBX node. One is the default; the name is carried from the first day."""
AgentId = NewType("AgentId", str)
PhoneId = NewType("PhoneId", str)
QueueId = NewType("QueueId", str)
MenuId = NewType("MenuId", str)
FlowId = NewType("FlowId", str)
TrunkId = NewType("TrunkId", str)
SkillId = NewType("SkillId", str)
CalendarId = NewType("CalendarId", str)
CampaignId = NewType("CampaignId", str)
ContactId = NewType("ContactId", int)
"""A row of table `contact`."""
AttemptId = NewType("AttemptId", str)
RuleSetId = NewType("RuleSetId", str)
DispositionId = NewType("DispositionId", str)
LookupId = NewType("LookupId", str)
"""Of one question over HTTP that a call waits for."""
SwitchId = NewType("SwitchId", str)
MailboxId = NewType("MailboxId", str)
"""Digits: people type them into phones."""

Micros = int
"""Microseconds since 1970-01-01 UTC, or a length of time in microseconds. Never goes backward."""

SECOND: Micros = 1_000_000
MILLISECOND: Micros = 1_000

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_MASK64 = (1 << 64) - 1


def seconds(n: float) -> Micros:
    """n seconds as whole microseconds."""
    return round(n * SECOND)


@dataclass(slots=True)
class IdSource:
    """ULIDs (48 bits of milliseconds, 80 seeded bits) from SplitMix64; a new seed each epoch.

    SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """

    state: int

    def _next64(self) -> int:
        self.state = (self.state + 0x9E3779B97F4A7C15) & _MASK64
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK64
        return z ^ (z >> 31)

    def below(self, bound: int) -> int:
        """A number from 0 to `bound` − 1, each as likely (to one part in 2^64 / bound). `bound` is at least 1."""
        return self._next64() * bound >> 64

    def ulid(self, now: Micros) -> str:
        """A fresh id of 26 characters; sorts by its time of making."""
        value = ((now // MILLISECOND) & ((1 << 48) - 1)) << 80
        value |= (self._next64() << 16 | self._next64() >> 48) & ((1 << 80) - 1)
        return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def is_ours(name: str) -> bool:
    """Whether a channel's or bridge's id is a ULID, hence made by us: Asterisk's own have a dot, or are UUIDs."""
    return len(name) == 26 and all(letter in _ALPHABET for letter in name)
