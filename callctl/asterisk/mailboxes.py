"""What AMI says of mailboxes. Pure: its lists in, values out. What is not shaped as Asterisk's is left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from callctl.asterisk.translate import clean
from callctl.core.ids import SECOND, MailboxId, Micros
from callctl.core.policy import MAILBOXES
from callctl.runtime.mailboxes import BoxNow, Message

Said = Mapping[str, str]

_NEW = frozenset({"INBOX", "Urgent"})
"""Folders of messages that nobody has heard."""
_COUNT = re.compile(r"[0-9]{1,6}")
_ID = re.compile(r"([0-9]{1,12})-[0-9a-f]+")
"""A message's own: when it was begun (seconds since 1970), and a number."""


def boxes(listed: Iterable[Said]) -> dict[MailboxId, BoxNow]:
    """The configuration's mailboxes among all of a VoicemailUsersList."""
    return {
        MailboxId(said["voicemailbox"]): BoxNow(_count(said, "newmessagecount"), _count(said, "oldmessagecount"))
        for said in listed
        if said.get("vmcontext") == MAILBOXES and said.get("voicemailbox")
    }


def messages(listed: Iterable[Said]) -> list[Message]:
    """Those of one mailbox, by a VoicemailBoxSummary; the newest first."""
    found = [_message(said) for said in listed]
    return sorted(found, key=lambda it: it.at or 0, reverse=True)


def _message(said: Said) -> Message:
    begun = _ID.fullmatch(said.get("id", ""))
    caller, folder = clean(said.get("callerid", "")), clean(said.get("folder", ""))
    length: Micros = _count(said, "duration") * SECOND
    at = int(begun[1]) * SECOND if begun is not None else None
    return Message(at, "" if caller == "Unknown" else caller, length, folder in _NEW, folder)


def _count(said: Said, key: str) -> int:
    text = said.get(key, "")
    return int(text) if _COUNT.fullmatch(text) else 0
