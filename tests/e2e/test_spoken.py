"""Values as a caller hears them: the real Asterisk plays what the grammar says, in the caller's language."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from callctl.asterisk.ami import Ami, AmiAddress
from callctl.asterisk.ari import AriAddress
from callctl.asterisk.link import Link
from callctl.asterisk.provision import Secrets, files, write_if_changed
from callctl.core.commands import Answer, Beat, Lease, Play, Watch
from callctl.core.events import PlaybackEnded, Synced
from callctl.core.ids import SECOND, IdSource, PlaybackId, TrunkId
from callctl.core.spoken import Saying, needed, say
from callctl.lab.audio import Audio, join, read_wav
from callctl.lab.install import SOUNDS, Installation
from callctl.lab.network import Network
from callctl.lab.node import Node
from callctl.lab.ports import HOST
from tests.e2e.test_link import NODE, Box, Stage, policy

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

ASTERISKS = (Saying.DIGITS, Saying.NUMBER, Saying.DATE)
"""What Asterisk's own recordings suffice for."""


def folder(installation: Installation, language: str) -> Path:
    found = (installation.root or Path("/")) / SOUNDS / language
    if installation.root is None and not found.exists():
        pytest.skip(f"this machine's Asterisk has no sounds in {language}")
    return found


def recorded(installation: Installation, language: str, media: tuple[str, ...]) -> Audio:
    """The files, one after the other."""
    files_of = folder(installation, language)
    return join([read_wav(files_of / f"{it.removeprefix('sound:')}.wav") for it in media])


@pytest.mark.parametrize("language", ["en", "es", "fr", "it"])
async def test_asterisks_sounds_suffice_for_numbers_and_dates(installation: Installation, language: str) -> None:
    """All else but a French "une" are callctl's own words: its names are Asterisk's."""
    sounds = folder(installation, language).resolve()
    on_disk = {str(it.relative_to(sounds).with_suffix("")) for it in sounds.rglob("*.wav")}
    assert needed(language, ASTERISKS) <= on_disk
    lacking = {it for it in needed(language) - on_disk if not it.startswith("callctl/")}
    assert lacking == ({"digits/1F"} if language == "fr" else set())


@pytest_asyncio.fixture(loop_scope="module")
async def french(installation: Installation) -> AsyncIterator[Stage]:
    """A node whose trunk speaks French."""
    node = Node(installation, "s-node")
    network = Network(installation, node.ports.sip, [], "s-net")
    rules = policy(network.trunk_port)
    pstn = TrunkId("pstn")
    rules = replace(rules, phones={}, trunks={**rules.trunks, pstn: replace(rules.trunks[pstn], language="fr")})
    write_if_changed(node.generated, files(rules, Secrets({}), NODE))
    box = Box()
    link = Link(NODE, AriAddress(node.ari_url, "callctl", node.secrets.ari), box, rules, audit_every=2)
    ami = Ami(NODE, AmiAddress(HOST, node.ports.ami, "callctl", node.secrets.ami), box, rules)
    link.on_live = ami.relist
    try:
        await asyncio.gather(node.start(), network.start())
        link.start()
        ami.start()
        await box.wait(Synced)
        link.send(Beat(NODE))
        yield Stage(node, network, box, link, ami, rules, IdSource(1))
    finally:
        await link.stop()
        await ami.stop()
        await asyncio.gather(node.stop(), network.stop())
        node.remove()
        network.remove()


async def test_a_caller_hears_a_date_in_french(french: Stage, installation: Installation) -> None:
    media = say(Saying.DATE, "2026-11-28", "fr_CA")
    files_say = recorded(installation, "fr", media)
    line, arrived = await french.arrived()
    playback = PlaybackId(french.fresh())
    french.link.send(Watch(NODE, arrived.leg))
    french.link.send(Answer(NODE, arrived.leg))
    french.link.send(Lease(NODE, arrived.leg, 30 * SECOND))
    await line.wait_answered()
    french.link.send(Play(NODE, arrived.leg, playback, media))
    ended = await french.box.wait(PlaybackEnded, lambda it: it.playback == playback, timeout=30)
    assert not ended.failed
    await asyncio.sleep(0.5)  # what is on its way
    await line.hangup()
    await line.wait_ended()
    heard = await line.heard()
    assert heard.likeness(files_say) > 0.9
    assert abs(heard.sound_seconds() - files_say.sound_seconds()) < 0.5, "every word, once"
    assert heard.likeness(recorded(installation, "en", media)) < 0.9, "else this shows nothing"
