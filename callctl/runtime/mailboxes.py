"""What lies in mailboxes. Asterisk keeps the messages: the World does not decide by them."""

from __future__ import annotations

from dataclasses import dataclass

from callctl.core.ids import Micros


@dataclass(frozen=True, slots=True)
class BoxNow:
    """How many messages lie in a mailbox."""

    new: int = 0
    old: int = 0

    def __add__(self, other: BoxNow) -> BoxNow:
        """Of the same mailbox on another node."""
        return BoxNow(self.new + other.new, self.old + other.old)


@dataclass(frozen=True, slots=True)
class Message:
    """One that lies there."""

    at: Micros | None
    """When it was begun; None: Asterisk does not say."""
    caller: str
    """As Asterisk wrote it down: for people, and to be masked."""
    length: Micros
    new: bool
    """Nobody has heard it."""
    folder: str
    """Of Asterisk's voicemail: INBOX, Old, Work, …"""
