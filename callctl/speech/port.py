"""What speaks."""

from __future__ import annotations

from typing import Protocol


class SpeechError(Exception):
    """A text cannot be spoken, or its file not written; `str()` says why and what to do, for people."""


class Speech(Protocol):
    """Makes speech of texts. Another one than espeak-ng fulfils this."""

    def missing(self) -> str | None:
        """What has to be installed, in a sentence; None: nothing. Reads the file system."""

    async def say(self, text: str, voice: str, speed: int) -> bytes:
        """The text, spoken: a WAV file, 16-bit mono of 8 to 48 kHz, at `speed` words a minute. Nothing in the text is
        interpreted. Takes bounded time.

        SpeechError: it cannot be spoken, or not by that voice.
        """
