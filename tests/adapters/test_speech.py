"""Texts to files: how they are named, what espeak-ng makes of them, and what stays when something breaks."""

from __future__ import annotations

import asyncio
import math
import os
import re
import struct
import wave
from collections.abc import Iterable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from callctl.lab.audio import Audio, is_whole, read_wav, tone
from callctl.settings.prompts import VOICES
from callctl.speech import EspeakNg, SpeechError, build, is_built, sweep
from callctl.speech.files import WEEK
from callctl.speech.sound import for_telephones
from callctl.spoken import FILE, MOST_CHARACTERS, Speaking, Spoken, text_mistake

pytestmark = pytest.mark.adapter

HERE = Speaking("/sounds", {"en": "en-gb", "fr": "fr-fr", "pt_BR": "pt-br"}, 150, "en")
WELCOME = HERE.spoken("Welcome to Acme. For sales, press one.")
NOW = 1_800_000_000.0


# ── names ────────────────────────────────────────────────────────────────────────────────────────


def test_a_text_is_named_by_all_that_makes_its_sound_and_nothing_else() -> None:
    assert HERE.media("Welcome to Acme. For sales, press one.") == f"sound:/sounds/{WELCOME.name}"
    assert HERE.spoken("  Welcome to  Acme.\nFor sales, press one. ", "en") == WELCOME
    assert replace(HERE, folder="/elsewhere").spoken(WELCOME.text).name == WELCOME.name
    others = {
        WELCOME.name,
        HERE.spoken("Welcome to Acme. For sales, press two.").name,
        HERE.spoken(WELCOME.text, "fr").name,
        replace(HERE, speed=160).spoken(WELCOME.text).name,
        replace(HERE, voices={"en": "en-us"}).spoken(WELCOME.text).name,
    }
    assert len(others) == 5


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("Für Verkauf: die 1", "fur-verkauf-die-1-"),
        ("Доброе утро", ""),
        ("../../etc/passwd", "etc-passwd-"),
        ("x" * 500, ""),
        ("one two three four five six seven eight nine", "one-two-three-four-five-six-"),
    ],
)
def test_a_name_can_be_read_and_is_a_file_s_alone(text: str, begins: str) -> None:
    name = HERE.spoken(text).name
    assert re.fullmatch(f"{begins}[0-9a-f]{{20}}", name)
    assert FILE.fullmatch(f"{name}.wav")


def test_a_language_without_a_voice_of_its_own_has_that_of_its_kind() -> None:
    assert HERE.voice("fr_CA") == "fr-fr"
    assert HERE.voice("pt_BR") == "pt-br"
    assert HERE.voice("pt") is None
    assert HERE.voice() == "en-gb"
    with pytest.raises(KeyError):
        HERE.media("olá", "pt")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('Press 1, or say "yes" & wait <a moment>; it\'s 5 % off — really!', None),
        ("नमस्ते", None),
        ("two\nlines\tand a tab", None),
        ("[[h@l'oU]]", "phonemes"),
        ("a [ [b", None),
        ("\x01" + "50S slow", "U+0001"),
        ("bell \x07", "U+0007"),
        ("private \ue000", "U+E000"),
        ("half \ud800", "U+D800"),
        ("", "nothing"),
        (" … !", "nothing"),
        ("x" * MOST_CHARACTERS, None),
        ("x" * (MOST_CHARACTERS + 1), "too many"),
    ],
)
def test_what_cannot_be_spoken(text: str, wrong: str | None) -> None:
    said = text_mistake(text)
    assert (said is None) if wrong is None else (said is not None and wrong in said)


# ── sound ────────────────────────────────────────────────────────────────────────────────────────


def wav(samples: Iterable[int], rate: int = 22_050, channels: int = 1) -> bytes:
    file = BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(b"".join(struct.pack("<h", it) for it in samples))
    return file.getvalue()


def sound_of(data: bytes, tmp_path: Path) -> Audio:
    (tmp_path / "x.wav").write_bytes(data)
    assert is_whole(tmp_path / "x.wav")
    return read_wav(tmp_path / "x.wav")


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000])
def test_a_tone_is_the_same_tone_at_8_khz(rate: int, tmp_path: Path) -> None:
    audio = sound_of(for_telephones(wav(tone(1000, 1, 0.5, rate).samples, rate)), tmp_path)
    assert audio.rate == 8000
    assert audio.seconds == pytest.approx(1, abs=0.001)
    assert audio.between(0.1, 0.9).has_tone(1000, 0.99)
    assert audio.between(0.1, 0.9).level() == pytest.approx(20 * math.log10(0.5) - 3, abs=0.2)


def test_what_telephones_cannot_carry_is_left_out_and_does_not_come_back_as_another_tone(tmp_path: Path) -> None:
    low, high = tone(500, 1, 0.2, 22_050).samples, tone(5000, 1, 0.5, 22_050).samples
    both = [a + b for a, b in zip(low, high, strict=True)]
    audio = sound_of(for_telephones(wav(both)), tmp_path).between(0.1, 0.9)
    assert audio.has_tone(500, 0.999)


def test_the_loudest_stays_within_what_there_is(tmp_path: Path) -> None:
    audio = sound_of(for_telephones(wav([32767, -32768] * 20_000, 8000)), tmp_path)
    square = [32767 if i // 11 % 2 else -32768 for i in range(22_050)]
    assert max(sound_of(for_telephones(wav(square)), tmp_path).samples) == 32767
    assert audio.seconds == 5


def test_a_length_that_a_pipe_did_not_know_is_that_of_the_data(tmp_path: Path) -> None:
    data = bytearray(wav(tone(1000, 1, 0.5, 22_050).samples))
    data[4:8] = b"\x24\xf0\xff\x7f"
    data[40:44] = b"\x00\xf0\xff\x7f"
    assert sound_of(for_telephones(bytes(data)), tmp_path).seconds == pytest.approx(1, abs=0.001)


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b"", "no WAV"),
        (b"<html>not found</html>", "no WAV"),
        (wav([])[:36], "without sound"),
        (wav([]), "nothing is heard"),
        (wav([0] * 1000), "nothing is heard"),
        (wav([1000] * 100, 4000), "8 to 48 kHz"),
        (wav([1000] * 100, channels=2), "mono"),
        (wav([1000] * (121 * 8000), 8000), "longer than 120 s"),
    ],
)
def test_what_is_no_speech(data: bytes, wrong: str) -> None:
    with pytest.raises(SpeechError, match=wrong):
        for_telephones(data)


# ── espeak-ng ────────────────────────────────────────────────────────────────────────────────────


async def test_espeak_speaks_every_language_that_has_a_voice_by_default(tmp_path: Path) -> None:
    speaking = Speaking("/s", VOICES, 150, "en")
    texts = [speaking.spoken("1 2 3", language) for language in VOICES]
    assert await build(texts, tmp_path, EspeakNg()) == len({it.name for it in texts})
    sounds = {it.voice: read_wav(tmp_path / f"{it.name}.wav") for it in texts}
    assert min(sound.sound_seconds() for sound in sounds.values()) > 0.5
    assert sounds["en-gb"].samples != sounds["fr-fr"].samples


async def test_espeak_interprets_nothing() -> None:
    espeak = EspeakNg()
    assert await espeak.say("a <break time='5s'/> b", "en-gb", 150) != await espeak.say("a b", "en-gb", 150)
    for text in ("[[h@l'oU]]", "\x0150S slow"):
        with pytest.raises(SpeechError):
            await espeak.say(text, "en-gb", 150)


async def test_a_variant_that_espeak_would_leave_out_is_told() -> None:
    espeak = EspeakNg()
    assert await espeak.say("hello", "en+f3", 150) != await espeak.say("hello", "en", 150)
    with pytest.raises(SpeechError, match=r"`en-gb\+f3` sounds as `en-gb` does.*`en\+f3`"):
        await espeak.say("hello", "en-gb+f3", 150)
    with pytest.raises(SpeechError, match="sounds as"):
        await espeak.say("hello", "en+nosuch", 150)


async def test_a_voice_that_is_not_there_is_told() -> None:
    with pytest.raises(SpeechError, match=r"no voice `xx`.*--voices"):
        await EspeakNg().say("hello", "xx", 150)


def program(folder: Path, text: str) -> str:
    path = folder / "speaks"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("script", "wrong"),
    [
        ("echo it is broken >&2; exit 3", "code 3: it is broken"),
        ("exit 4", "code 4: it says nothing"),
        ("sleep 600 & sleep 600", "not done after 0.5 s"),
        ("exec cat /dev/zero", "longer than 120 s"),
        ("head -c 10000000 /dev/zero >&2; exit 1", "code 1"),
        ("kill -9 $$", "code -9"),
    ],
)
async def test_a_program_that_misbehaves_is_ended_and_told(script: str, wrong: str, tmp_path: Path) -> None:
    patience = 0.5 if "sleep" in script else 20
    with pytest.raises(SpeechError, match=wrong):
        await EspeakNg(program(tmp_path, script), patience).say("hello", "en", 150)


async def test_the_words_are_no_arguments_and_little_of_our_environment_goes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLCTL_SECRET", "x")
    command = program(tmp_path, f'(echo "$@"; env; cat) > {tmp_path}/seen')
    await EspeakNg(command).say("-w $(id) `id` 'it'", "en", 150)
    seen = (tmp_path / "seen").read_text().split("\n")
    assert seen[0] == "-b 1 -v en -s 150 --stdin --stdout"
    assert seen[-1] == "-w $(id) `id` 'it'"
    assert "CALLCTL_SECRET" not in "".join(seen)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    assert EspeakNg().missing() is None
    said = EspeakNg(str(tmp_path / "espeak")).missing()
    assert said is not None
    assert "apt-get install espeak-ng" in said


# ── files ────────────────────────────────────────────────────────────────────────────────────────


class Speaks:
    """Counts; holds on while it is told to; fails at one text."""

    def __init__(self, fails: str = "", why: str | None = None) -> None:
        self.said: list[str] = []
        self.at_once = self.most = 0
        self.go = asyncio.Event()
        self.go.set()
        self.fails, self.why = fails, why

    def missing(self) -> str | None:
        return self.why

    async def say(self, text: str, voice: str, speed: int) -> bytes:
        self.said.append(text)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await asyncio.sleep(0)
            await self.go.wait()
        finally:
            self.at_once -= 1
        if text == self.fails:
            raise SpeechError("no")
        return wav(tone(1000, 0.2, 0.5, 22_050).samples)


def inside(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def texts(number: int) -> list[Spoken]:
    return [HERE.spoken(f"text {n}") for n in range(number)]


async def test_only_what_is_missing_is_built_and_others_may_read_it(tmp_path: Path) -> None:
    folder, speaks, told = tmp_path / "a" / "sounds", Speaks(), list[tuple[int, int]]()
    umask = os.umask(0o077)
    try:
        assert await build([*texts(5), *texts(5)], folder, speaks, lambda *it: told.append(it)) == 5
    finally:
        os.umask(umask)
    assert sorted(speaks.said) == [f"text {n}" for n in range(5)]
    assert told == [(n, 5) for n in range(6)]
    assert speaks.most == 2
    assert folder.stat().st_mode & 0o777 == 0o755
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}
    assert await build(texts(7), folder, speaks) == 2
    assert await build(texts(7), folder, Speaks(why="not installed")) == 0


async def test_half_a_file_is_built_anew(tmp_path: Path) -> None:
    (one,) = texts(1)
    await build([one], tmp_path, Speaks())
    path = tmp_path / f"{one.name}.wav"
    whole = path.read_bytes()
    for half in (b"", whole[:30], whole[:44], whole[:-1]):
        path.write_bytes(half)
        assert not is_built(one, tmp_path)
        assert await build([one], tmp_path, Speaks()) == 1
        assert path.read_bytes() == whole


async def test_nothing_half_written_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(SpeechError, match=r"cannot be written.*No space left"):
            await build(texts(3), tmp_path, Speaks())
    assert inside(tmp_path) == []
    assert await build(texts(3), tmp_path, Speaks()) == 3


async def test_one_text_that_cannot_be_spoken_is_named_and_ends_it(tmp_path: Path) -> None:
    speaks = Speaks(fails="text 1")
    with pytest.raises(SpeechError, match=r"`text 1` \(voice en-gb\) cannot be spoken: no"):
        await build(texts(50), tmp_path, speaks)
    assert len(speaks.said) < 50
    assert all(is_whole(path) for path in inside(tmp_path))


async def test_who_is_stopped_while_building_leaves_nothing_behind(tmp_path: Path) -> None:
    speaks = Speaks()
    speaks.go.clear()
    building = asyncio.create_task(build(texts(5), tmp_path, speaks))
    while speaks.at_once < 2:  # noqa: ASYNC110 - it has begun
        await asyncio.sleep(0)
    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building
    assert speaks.at_once == 0
    assert inside(tmp_path) == []


async def test_without_the_program_it_is_said_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="3 texts cannot be spoken: not installed"):
        await build(texts(3), tmp_path, Speaks(why="not installed"))
    assert inside(tmp_path) == []


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpeechError, match=r"the folder .*/file/sounds cannot be made"):
        await build(texts(1), tmp_path / "file" / "sounds", Speaks())


async def test_what_no_configuration_has_named_for_a_week_goes(tmp_path: Path) -> None:
    one, two, three = texts(3)
    await build([one, two, three], tmp_path, Speaks())
    others = ["greeting.wav", "notes.txt", f"{one.name}.sln", f"x_{'0' * 20}.wav"]
    for name in others:
        (tmp_path / name).touch()
    unfinished = tmp_path / f".{one.name}.{'a' * 16}.part"
    unfinished.touch()
    for path in inside(tmp_path):
        os.utime(path, (NOW - 90 * WEEK, NOW - 90 * WEEK))

    def there() -> list[Spoken]:
        return [it for it in (one, two, three) if is_built(it, tmp_path)]

    assert sweep([one, two], tmp_path, NOW) == 2  # three was never named here; and what was never finished
    assert there() == [one, two]
    assert not unfinished.exists()
    assert sweep([one], tmp_path, NOW) == 0  # two was named until now, however long ago it was built
    assert sweep([one], tmp_path, NOW + WEEK - 1) == 0
    assert there() == [one, two]
    assert sweep([one], tmp_path, NOW + WEEK + 1) == 1
    assert there() == [one]
    assert sweep([], tmp_path, NOW + WEEK + 1) == 0
    assert sweep([], tmp_path, NOW + 2 * WEEK + 2) == 1
    assert {path.name for path in inside(tmp_path)} == {*others, "in-force"}


def test_where_nothing_was_ever_spoken_nothing_is_swept(tmp_path: Path) -> None:
    assert sweep([], tmp_path / "none", NOW) == 0
    assert not (tmp_path / "none").exists()
