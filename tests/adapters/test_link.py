"""What the ARI link sends and keeps back; a recorder stands in the socket's place. No Asterisk here."""

from __future__ import annotations

import asyncio

import pytest

from callctl.asterisk.ari import Ari, AriAddress
from callctl.asterisk.link import Link
from callctl.asterisk.sending import Sending
from callctl.asterisk.wire import Reply, Request
from callctl.core.commands import Answer, Play
from callctl.core.ids import LegId, NodeId, PlaybackId
from callctl.core.policy import Policy
from callctl.runtime.inbox import BoundedInbox

pytestmark = pytest.mark.adapter

NODE, LEG, PLAYBACK = NodeId("pbx"), LegId("c.1"), PlaybackId("p1")


class Recorder(Ari):
    """Answers every request with 204."""

    def __init__(self) -> None:
        super().__init__(AriAddress("http://nowhere/ari", "callctl", "x"), lambda said: None)
        self.sent: list[str] = []
        """The last part of each request's path."""

    @property
    def ended(self) -> bool:
        return False

    def submit(self, request: Request) -> asyncio.Future[Reply]:
        self.sent.append(request.path[-1])
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        future.set_result(Reply(204))
        return future


def live() -> tuple[Link, Recorder]:
    """A link that believes to be connected."""
    link, ari = Link(NODE, AriAddress("http://nowhere/ari", "callctl", "x"), BoundedInbox(), Policy()), Recorder()
    link._sending = Sending(NODE, ari, link._window, link._deliver, link.counted)
    link._ari, link._live = ari, True
    return link, ari


async def test_who_hears_a_prompt_is_not_answered_again() -> None:
    """An audit owes it to who came while it read the lists; Asterisk would do nothing else until the prompt is over."""
    link, ari = live()
    link.send(Answer(NODE, LEG))
    link.send(Play(NODE, LEG, PLAYBACK, ("sound:long",)))
    before = len(ari.sent)
    link.send(Answer(NODE, LEG))
    assert ari.sent[before:] == []
    link._on_event(
        {"type": "PlaybackFinished", "playback": {"id": PLAYBACK, "target_uri": f"channel:{LEG}", "state": "done"}}
    )
    link.send(Answer(NODE, LEG))
    assert ari.sent[0] == ari.sent[-1] == "answer"
