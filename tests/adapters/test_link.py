"""What the ARI link sends and keeps back; a recorder stands in the socket's place. No Asterisk here."""

from __future__ import annotations

import asyncio

import pytest

from callctl.asterisk.ari import Ari, AriAddress
from callctl.asterisk.link import Link, endpoints_of
from callctl.asterisk.sending import Sending
from callctl.asterisk.wire import Reply, Request
from callctl.core.addresses import E164
from callctl.core.campaigns import CampaignPolicy
from callctl.core.commands import Answer, Dial, Play
from callctl.core.events import Event, LegGone, LegRinging, LegUp
from callctl.core.ids import SECOND, CallId, CampaignId, LegId, NodeId, PhoneId, PlaybackId, TrunkId
from callctl.core.law import CallKind
from callctl.core.permits import Permit, Purpose
from callctl.core.policy import OutsideNumber, PhoneKind, PhonePolicy, Policy, TrunkKind, TrunkPolicy
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
    link._sending = Sending(NODE, ari, link._window, link._deliver, link.counted, link._dialled)
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


DIALLED = LegId("01M80EC7N1J452VV4909EC3FQB")
TO = OutsideNumber(E164("447912345678"), TrunkId("out"), "+447912345678", "trunk-out")


def told(link: Link) -> list[Event]:
    """What the link has put into the inbox since it was asked last."""
    inbox = link._inbox
    assert isinstance(inbox, BoundedInbox)
    events = []
    while (taken := inbox.take()) is not None:
        events.append(taken[0])
    return events


def dial() -> Dial:
    return Dial(NODE, DIALLED, CallId("call"), Permit(Purpose.CAMPAIGN, TO), "+441632960000", 40 * SECOND)


async def test_a_leg_that_was_dialled_is_told_to_be_up_and_no_other() -> None:
    link, _ = live()

    def state(leg: str, state: str) -> None:
        link._on_event({"type": "ChannelStateChange", "channel": {"id": leg, "state": state}})

    state(DIALLED, "Up")
    assert told(link) == []
    link.send(dial())
    link._on_event({"type": "Dial", "dialstatus": "PROGRESS", "forward": "", "peer": {"id": DIALLED}})
    state(DIALLED, "Up")
    state(DIALLED, "Up")
    state(LEG, "Up")
    assert told(link) == [LegRinging(NODE, DIALLED), LegUp(NODE, DIALLED)]


async def test_a_leg_that_is_gone_is_forgotten() -> None:
    link, _ = live()
    link.send(dial())
    link._on_event({"type": "ChannelDestroyed", "cause": 17, "tech_cause": 486, "channel": {"id": DIALLED}})
    assert told(link) == [LegGone(NODE, DIALLED, 17, 486)]
    assert link._dialled == set()


async def test_a_trunk_that_is_listened_to_takes_one_request_a_call() -> None:
    link, ari = live()
    assert link._sending is not None
    link.send(dial())
    assert ari.sent == ["subscription", "channels", "subscription"]
    await asyncio.sleep(0)  # the replies are read: the endpoint is let go
    assert ari.sent[3:] == ["subscription"]
    link._sending.listening.endpoints.add("trunk-out")
    link.send(dial())
    assert ari.sent[4:] == ["channels"]


def test_the_phones_and_the_trunks_of_campaigns_are_listened_to() -> None:
    other = NodeId("other")

    def trunk(name: str, node: NodeId) -> TrunkPolicy:
        return TrunkPolicy(TrunkId(name), TrunkKind.IP, node, "192.0.2.1")

    def phone(name: str, outside: OutsideNumber | None = None) -> PhonePolicy:
        return PhonePolicy(PhoneId(name), PhoneKind.PROVISIONED, name, NODE, None, outside=outside)

    def campaign(name: str, *trunks: str) -> CampaignPolicy:
        return CampaignPolicy(CampaignId(name), CallKind.SALES, trunks=tuple(map(TrunkId, trunks)))

    policy = Policy(
        phones={p.id: p for p in (phone("anna"), phone("home", TO))},
        trunks={t.id: t for t in (trunk("b", NODE), trunk("a", NODE), trunk("in", NODE), trunk("far", other))},
        campaigns={c.id: c for c in (campaign("one", "b", "a", "far"), campaign("two", "a", "nowhere"))},
    )
    assert endpoints_of(policy, NODE) == ["anna", "trunk-a", "trunk-b"]
    assert endpoints_of(policy, other) == ["trunk-far"]
