"""Whom campaigns call, on a real Asterisk: what the link tells of each kind of subscriber, and what they hear."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from callctl.asterisk.ari import AriAddress
from callctl.asterisk.link import Link
from callctl.asterisk.provision import Secrets, files, write_if_changed
from callctl.core.addresses import E164
from callctl.core.campaigns import CampaignPolicy
from callctl.core.commands import Beat, Command, Dial, HandOver, Hangup
from callctl.core.events import Event, Heard, LegAnswered, LegGone, LegLeft, LegRinging, LegUp, MessageLeft, Synced
from callctl.core.ids import SECOND, CallId, CampaignId, IdSource, LegId, NodeId, TrunkId
from callctl.core.law import CallKind
from callctl.core.permits import Permit, Purpose
from callctl.core.policy import Drop, HangupReason, NumberRules, OutsideNumber, Policy, TrunkKind, TrunkPolicy
from callctl.lab.audio import Audio, join, read_wav
from callctl.lab.install import ensure
from callctl.lab.line import Line
from callctl.lab.network import Network
from callctl.lab.node import Node
from callctl.lab.phones import Behaviour
from callctl.lab.ports import HOST
from tests.e2e.test_link import Box

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

NODE = NodeId("pbx")
OUT, SPARE = TrunkId("out"), TrunkId("spare")
MESSAGE = Drop(("sound:queue-thankyou", "sound:demo-thanks"))
SHORT = "hello&vm-nobodyavail"
AFTER_GREETING = 700_000
"""Microseconds of silence behind which AMD knows a human: `after_greeting_silence` of amd.conf."""

NOT_REACHED = {
    "busy": (Behaviour.busy(0.2), True, 17, 486),
    "busy at once": (Behaviour.busy(), False, 17, 486),
    "no answer": (Behaviour.no_answer(0.2), True, 19, 480),
    "rings for too long": (Behaviour.never(), True, 19, 480),
    "rejected": (Behaviour.status(603), False, 21, 603),
    "forbidden": (Behaviour.status(403), False, 21, 403),
    "congestion": (Behaviour.congestion(), False, 34, 503),
    "unallocated": (Behaviour.unallocated(), False, 1, 404),
    "unallocated after ringing": (Behaviour.unallocated(0.2), True, 1, 404),
    "gone": (Behaviour.status(410), False, 22, 410),
    "fault": (Behaviour.status(500), False, 38, 500),
    "tones and words before any answer": (Behaviour.sit(), True, 1, 404),
}
"""What it does; whether the network says that it rings; the cause and the SIP status of the end."""

ANSWERED = {
    "human": (Behaviour.human(0.2), Heard.HUMAN),
    "human at once": (Behaviour.human(), Heard.HUMAN),
    "human of few words": (Behaviour.human(0.2, "vm-no", 1.0), Heard.HUMAN),
    "human of more words": (Behaviour.human(0.2, "hello&vm-isonphone", 0.2), Heard.HUMAN),
    "voicemail": (Behaviour.voicemail(0.2), Heard.MACHINE),
    "a carrier's words": (Behaviour.human(0.2, "number-not-answering&please-try-call-later"), Heard.MACHINE),
    "silence": (Behaviour.silence(0.2), Heard.SILENCE),
    "fax": (Behaviour.fax(0.2), Heard.FAX),
    "fax that waits": (Behaviour.fax(0.2, quiet=2.2), Heard.SILENCE),
    "tones and words": (Behaviour.sit_answered(0.2), Heard.SIT),
    "early media": (Behaviour.early(0.5), Heard.SILENCE),
}
"""What it does, and what is heard of it."""


def policy(port: int) -> Policy:
    trunk = TrunkPolicy(
        OUT, TrunkKind.IP, NODE, HOST, port, match=(f"{HOST}:{port}",), numbers=NumberRules("GB"), max_channels=100
    )
    spare = replace(trunk, id=SPARE, match=("127.0.0.9",))
    campaign = CampaignPolicy(CampaignId("spring"), CallKind.SALES, trunks=(OUT,))
    return Policy(sha="test", country="GB", trunks={t.id: t for t in (trunk, spare)}, campaigns={campaign.id: campaign})


@dataclass
class Stage:
    node: Node
    network: Network
    box: Box
    link: Link
    ids: IdSource
    numbers: int = 0

    def send(self, *commands: Command) -> None:
        for command in commands:
            self.link.send(command)

    async def dial(self, how: str, *, trunk: TrunkId = OUT, detect: bool = True, timeout: int = 20) -> Dialled:
        """A number that nobody has dialled before, which acts like that."""
        self.numbers += 1
        number = f"44791234{self.numbers:04d}"
        await self.network.behave(number, how)
        to = OutsideNumber(E164(number), trunk, f"+{number}", f"trunk-{trunk}")
        leg = LegId(self.ids.ulid(time.time_ns() // 1000))
        command = Dial(NODE, leg, CallId(leg), Permit(Purpose.CAMPAIGN, to), "+441632960000", timeout * SECOND, detect)
        self.send(command)
        return Dialled(self, command, number)


@dataclass
class Dialled:
    """A call that the link was asked for."""

    stage: Stage
    command: Dial
    number: str

    @property
    def leg(self) -> LegId:
        return self.command.leg

    @property
    def told(self) -> list[Event]:
        """What the link has told of it so far."""
        return [event for event in self.stage.box.events if getattr(event, "leg", None) == self.leg]

    async def answered(self) -> LegAnswered:
        """As it comes into the application."""
        return await self.stage.box.wait(LegAnswered, lambda e: e.leg == self.leg, timeout=20)

    async def gone(self, timeout: float = 20) -> LegGone:
        return await self.stage.box.wait(LegGone, lambda e: e.leg == self.leg, timeout=timeout)

    async def line(self) -> Line:
        """Its other end."""
        arrival = await self.stage.network.wait_arrival(dialled=f"+{self.number}")
        return self.stage.network.line(arrival.channel)

    async def hang_up(self) -> None:
        self.stage.send(Hangup(NODE, self.leg, HangupReason.NORMAL))
        await self.gone()

    def leave_message(self) -> None:
        self.stage.send(HandOver(NODE, self.leg, MESSAGE, 120 * SECOND))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    installation = await asyncio.to_thread(ensure)
    node = Node(installation, "s-node")
    network = Network(installation, node.ports.sip, [], "s-net")
    rules = policy(network.trunk_port)
    write_if_changed(node.generated, files(rules, Secrets(), NODE))
    box = Box()
    link = Link(NODE, AriAddress(node.ari_url, "callctl", node.secrets.ari), box, rules, audit_every=1)
    try:
        await asyncio.gather(node.start(), network.start())
        link.start()
        await box.wait(Synced)
        await listened_to(link)
        yield Stage(node, network, box, link, IdSource(1))
    finally:
        await link.stop()
        await asyncio.gather(node.stop(), network.stop())
        node.remove()
        network.remove()


async def listened_to(link: Link) -> None:
    async with asyncio.timeout(5):
        while link._sending is None or link._sending.listening.endpoints != {f"trunk-{OUT}"}:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def beating(stage: Stage) -> AsyncIterator[None]:
    """The heartbeat goes on as the core would have it."""

    async def beat() -> None:
        while True:
            stage.send(Beat(NODE))
            await asyncio.sleep(1)

    task = asyncio.create_task(beat())
    yield
    task.cancel()


def rings(told: list[Event]) -> list[Event]:
    """Without what is told of it a second time."""
    return [event for at, event in enumerate(told) if event not in told[:at]]


async def test_who_does_not_answer(stage: Stage) -> None:
    calls = {name: await stage.dial(how, timeout=6) for name, (how, *_) in NOT_REACHED.items()}
    await asyncio.gather(*(call.gone() for call in calls.values()))
    for name, (_, ringing, cause, sip) in NOT_REACHED.items():
        leg = calls[name].leg
        first = [LegRinging(NODE, leg)] if ringing else []
        assert rings(calls[name].told) == [*first, LegGone(NODE, leg, cause, sip)], name


async def test_who_answers(stage: Stage) -> None:
    calls = {name: await stage.dial(how) for name, (how, _) in ANSWERED.items()}
    answers = {name: await call.answered() for name, call in calls.items()}
    assert {name: answer.heard for name, answer in answers.items()} == {n: heard for n, (_, heard) in ANSWERED.items()}
    for name, answer in answers.items():
        if answer.heard is Heard.HUMAN:
            assert AFTER_GREETING <= answer.quiet < AFTER_GREETING + 50_000, name
        else:
            assert answer.quiet == 0, name
        first = [] if name.endswith("at once") else [LegRinging(NODE, answer.leg)]
        assert rings(calls[name].told) == [*first, LegUp(NODE, answer.leg), answer], name
    await asyncio.gather(*(call.hang_up() for call in calls.values()))
    assert {(call.told[-1].cause, call.told[-1].sip) for call in calls.values()} == {(16, 0)}  # type: ignore[union-attr]


@pytest.mark.parametrize("detect", [True, False])
async def test_who_answers_and_hangs_up(stage: Stage, detect: bool) -> None:
    call = await stage.dial(Behaviour.drop(0.2, stay=0.6), detect=detect)
    assert (await call.gone()).cause == 16
    kinds = [type(event) for event in call.told]
    assert kinds == [LegRinging, LegUp, *([] if detect else [LegAnswered, LegLeft]), LegGone]


async def test_without_detection_the_answer_is_told_at_once(stage: Stage) -> None:
    call = await stage.dial(Behaviour.human(0.2), detect=False)
    assert await call.answered() == LegAnswered(NODE, call.leg, Heard.NOTHING)
    line = await call.line()
    arrival = stage.network.arrivals[-1]
    assert (arrival.number, arrival.presentation) == ("+441632960000", "allowed_not_screened")
    await call.hang_up()
    await line.wait_ended()


async def test_a_trunk_that_no_campaign_has_tells_the_cause_too(stage: Stage) -> None:
    """It is not listened to for good."""
    call = await stage.dial(Behaviour.busy(), trunk=SPARE)
    assert await call.gone() == LegGone(NODE, call.leg, 17, 486)
    call = await stage.dial(Behaviour.early(0.2), trunk=SPARE, detect=False)
    await call.answered()
    assert [type(event) for event in rings(call.told)] == [LegRinging, LegUp, LegAnswered]
    await call.hang_up()


# ── messages for machines ────────────────────────────────────────────────────────────────────


def message(stage: Stage) -> Audio:
    """As it is on disk."""
    root = stage.node.installation.root or Path("/")
    sounds = root / "usr/share/asterisk/sounds/en_US_f_Allison"
    return join([read_wav(sounds / f"{prompt.removeprefix('sound:')}.wav") for prompt in MESSAGE.prompts])


MACHINES = (
    Behaviour.voicemail(hz=1000),  # of the frequency that is listened for
    Behaviour.voicemail(hz=1000, beep=1.0, pause=2.6),  # the silence before it is longer than what is waited for
    Behaviour.voicemail(hz=1400, beep=0.8, pause=1.5),
    Behaviour.voicemail(says=SHORT, hz=620, beep=0.2, pause=0.1),
)


async def test_a_message_is_left_behind_the_beep(stage: Stage) -> None:
    wanted = message(stage)

    async def leave(how: str) -> None:
        call = await stage.dial(how)
        assert (await call.answered()).heard is Heard.MACHINE
        call.leave_message()
        await call.gone(60)
        assert [type(event) for event in call.told[-3:]] == [LegLeft, MessageLeft, LegGone]
        line = await call.line()
        await line.wait_ended()
        kept = await line.heard(after_beep=True)
        assert kept.likeness(wanted) > 0.8, how
        assert kept.sound_seconds() == pytest.approx(wanted.sound_seconds(), abs=0.3), "all of it, and once"

    await asyncio.gather(*map(leave, MACHINES))


async def test_a_message_that_is_cut_off_is_not_left(stage: Stage) -> None:
    call = await stage.dial(Behaviour.voicemail(says=SHORT))
    await call.answered()
    call.leave_message()
    line = await call.line()
    await line.wait_beeped()
    await line.wait_heard(lambda audio: audio.sound_seconds() > 0.5, "the message")
    await line.hangup()
    await call.gone()
    assert MessageLeft not in map(type, call.told)


async def test_a_message_is_left_though_callctl_dies(stage: Stage) -> None:
    call = await stage.dial(Behaviour.voicemail(says=SHORT))
    await call.answered()
    call.leave_message()
    await stage.box.wait(LegLeft, lambda event: event.leg == call.leg)
    await stage.link.stop()
    try:
        line = await call.line()
        await line.wait_ended(60)
        assert (await line.heard(after_beep=True)).likeness(message(stage)) > 0.9
    finally:
        before = len(stage.box.events)
        stage.link.start()
        await stage.box.wait(Synced, after=before)
        await listened_to(stage.link)


# ── callctl comes back ───────────────────────────────────────────────────────────────────────


async def test_what_was_heard_is_still_known_later(stage: Stage) -> None:
    call = await stage.dial(Behaviour.human())
    answer = await call.answered()

    def holds(event: Synced) -> bool:
        return any(leg.leg == call.leg and leg.arrival == answer and leg.in_app for leg in event.snapshot.legs)

    await stage.box.wait(Synced, holds, after=stage.box.events.index(answer))
    await call.hang_up()


async def test_of_a_leg_that_an_earlier_connection_dialled_all_is_told(stage: Stage) -> None:
    call = await stage.dial(Behaviour.never())
    await stage.box.wait(LegRinging, lambda event: event.leg == call.leg)
    stage.link._dialled.clear()  # as by another process
    before = len(stage.box.events)
    stage.link.resync()
    await stage.box.wait(Synced, after=before)
    await listened_to(stage.link)
    line = await call.line()
    await line.pick_up()
    assert (await call.answered()).heard is Heard.SILENCE
    assert [type(event) for event in call.told] == [LegRinging, LegUp, LegAnswered]
    await call.hang_up()
