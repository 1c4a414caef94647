"""What Asterisk says of mailboxes: its lists as 22.10.1 gives them, and whatever else may stand there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.asterisk.mailboxes import boxes, messages
from callctl.core.ids import SECOND, MailboxId
from callctl.runtime.mailboxes import BoxNow, Message

pytestmark = pytest.mark.adapter

USER = {
    "event": "VoicemailUserEntry", "vmcontext": "callctl", "voicemailbox": "100", "fullname": "Reception",
    "email": "(null)", "maxmessagecount": "100", "newmessagecount": "3", "oldmessagecount": "1",
}  # fmt: skip
DETAIL = {
    "event": "VoicemailBoxDetail", "folder": "INBOX", "callerid": '"Zoe" <+33612345678>',
    "date": "Sat Nov 28 12:57:49 AM UTC 2026", "duration": "3", "flag": "", "id": "1795827469-00000000",
}  # fmt: skip


def test_only_the_configurations_mailboxes_count() -> None:
    others = [{**USER, "vmcontext": "default"}, {**USER, "voicemailbox": ""}, {"event": "VoicemailUserEntry"}]
    assert boxes([USER, *others]) == {MailboxId("100"): BoxNow(3, 1)}
    assert boxes([{**USER, "newmessagecount": "many"}]) == {MailboxId("100"): BoxNow(0, 1)}


def test_messages_come_the_newest_first() -> None:
    old = {**DETAIL, "folder": "Old", "id": "1795827000-0000000a", "callerid": "Unknown"}
    strange = {**DETAIL, "id": "../../etc", "duration": "-1", "folder": "Urgent"}
    assert messages([strange, old, DETAIL]) == [
        Message(1795827469 * SECOND, '"Zoe" <+33612345678>', 3 * SECOND, True, "INBOX"),
        Message(1795827000 * SECOND, "", 3 * SECOND, False, "Old"),
        Message(None, '"Zoe" <+33612345678>', 0, True, "Urgent"),
    ]


def test_two_nodes_mailboxes_add_up() -> None:
    assert BoxNow(3, 1) + BoxNow(2) == BoxNow(5, 1)


@given(st.dictionaries(st.sampled_from(sorted({**USER, **DETAIL})), st.text(max_size=40)))
def test_nothing_that_is_said_breaks_it(said: dict[str, str]) -> None:
    boxes([{**said, "vmcontext": "callctl"}])
    for message in messages([said]):
        assert message.caller.isprintable()
        assert message.folder.isprintable()
