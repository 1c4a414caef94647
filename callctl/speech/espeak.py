"""espeak-ng: a program that speaks a hundred languages, not prettily, in a hundredth of the time that it takes to hear.

What it does with a text (1.51): `[[…]]` is read as phonemes, whatever is set; U+0001 begins a command; SSML is read
with `-m` alone. The first two are no texts here (spoken.text_mistake), the last is not asked for. The text comes on its
standard input, so that none is ever an argument.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from contextlib import suppress

from callctl.speech.port import SpeechError
from callctl.speech.sound import MOST_SECONDS
from callctl.spoken import text_mistake

PATIENCE = 20.0
"""Seconds that one text may take: it takes a hundredth of a second for a sentence."""
MOST_BYTES = MOST_SECONDS * 48_000 * 2 + 1024
"""Of sound."""
_MOST_SAID = 4096
"""Bytes of what it says about its troubles."""
_NICE = 10
"""Callers' calls come first."""
_SAMPLE = "one two three"


class EspeakNg:
    """The program, by its name or path. Fulfils `Speech`."""

    def __init__(self, command: str = "espeak-ng", patience: float = PATIENCE) -> None:
        self._command = command
        self._patience = patience
        self._proven: set[str] = set()

    def missing(self) -> str | None:
        if shutil.which(self._command) is not None:
            return None
        what = "Debian: `apt-get install espeak-ng`"
        return f"`{self._command}` is not there, or cannot be run; install it ({what}), or set `speech: {{command: …}}`"

    async def say(self, text: str, voice: str, speed: int) -> bytes:
        if (wrong := text_mistake(text)) is not None:
            raise SpeechError(wrong)
        await self._prove(voice)
        return await self._run(text, voice, speed)

    async def _prove(self, voice: str) -> None:
        """A variant that it does not know, or not beside a country (`en-gb+f3`), is left out by it without a word."""
        language, plus, variant = voice.partition("+")
        if not plus or voice in self._proven:
            return
        bare, varied = await self._run(_SAMPLE, language, 150), await self._run(_SAMPLE, voice, 150)
        if bare == varied:
            right = f"without the country (`{language.partition('-')[0]}+{variant}`)"
            raise SpeechError(f"`{voice}` sounds as `{language}` does: name a variant that there is, or {right}")
        self._proven.add(voice)

    async def _run(self, text: str, voice: str, speed: int) -> bytes:
        arguments = ("-b", "1", "-v", voice, "-s", str(speed), "--stdin", "--stdout")
        environ = {name: os.environ[name] for name in ("PATH", "ESPEAK_DATA_PATH") if name in os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                self._command,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**environ, "LC_ALL": "C.UTF-8"},
                start_new_session=True,
            )
        except OSError as error:
            raise SpeechError(f"`{self._command}` cannot be run: {error.strerror}") from error
        try:
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
            async with asyncio.timeout(self._patience):
                sound, said = await _heard(process, text.encode())
                await process.wait()
        except TimeoutError:
            raise SpeechError(f"`{self._command}` was not done after {self._patience:g} s") from None
        finally:
            if process.returncode is None:
                _kill(process)
                await process.communicate()  # its pipes are read to their ends, and closed
        if len(sound) > MOST_BYTES:
            raise SpeechError(f"it lasts longer than {MOST_SECONDS} s; say it in fewer words, or in several prompts")
        if process.returncode:
            raise SpeechError(self._trouble(voice, said.decode(errors="replace"), process.returncode))
        return sound

    def _trouble(self, voice: str, said: str, code: int) -> str:
        if "voice does not exist" in said or "mbrola" in said.lower():
            return f"it has no voice `{voice}` here; `{self._command} --voices` lists those that there are"
        why = " ".join(said.split())[:200] or "it says nothing"
        return f"`{self._command}` ended with code {code}: {why}"


async def _heard(process: asyncio.subprocess.Process, text: bytes) -> tuple[bytes, bytes]:
    """What comes out, and what it says about itself, while the text goes in."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None

    async def give(pipe: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):  # it ended without reading: its code says why
            pipe.write(text)
            await pipe.drain()
        pipe.close()

    async def take(pipe: asyncio.StreamReader, most: int) -> bytes:
        taken = bytearray()
        while chunk := await pipe.read(65536):
            if len(taken) <= most:
                taken += chunk
            elif most == MOST_BYTES:
                _kill(process)
        return bytes(taken)

    sound, said, _ = await asyncio.gather(
        take(process.stdout, MOST_BYTES), take(process.stderr, _MOST_SAID), give(process.stdin)
    )
    return sound, said


def _kill(process: asyncio.subprocess.Process) -> None:
    """With its children, where it is a script."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
