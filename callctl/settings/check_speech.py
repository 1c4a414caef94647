"""Whether what is to be spoken can be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from callctl.settings.errors import KeyPath, Mistake, shown
from callctl.settings.models import Document
from callctl.settings.prompts import SpeakModel, speaking_of, speech_of, spoken_in
from callctl.settings.types import SEEN_PATH

_SPEAKING = ("numbers", "unknown_number", "blocked", "last_resort", "menus", "queues", "phones", "campaigns")
"""Sections whose prompts are in the house's language."""


def speech_mistakes(document: Document, directory: str) -> Iterator[Mistake]:
    """Told where texts are to be spoken: without any, nothing about speech matters."""
    model = document.speech
    texts = list(_texts(document))
    if not texts or None in (model.language, model.voices, model.speed, document.state_dir):
        return  # or it could not be read, and that was told
    speech = speech_of(model, document.state_dir, Path(directory))
    speaking = speaking_of(model, speech.folder)
    for path, prompt in texts:
        if prompt.text(speaking.language) is None:
            wrong = f"no text in {shown(speaking.language)}, the language in which callers are spoken to here"
            right = f"add `{speaking.language}: …`, or set `speech: {{language: …}}`"
            yield Mistake((*path, "speak"), wrong, right, of_key=True)
    if speaking.voice() is None:
        wrong = f"no voice for {shown(speaking.language)}"
        right = f"add `speech: {{voices: {{{speaking.language}: …}}}}`: `espeak-ng --voices` lists them"
        yield Mistake(("speech", "language"), wrong, right)
    if not re.fullmatch(SEEN_PATH, speaking.folder):
        wrong = "Asterisk cannot be given the path of what is spoken: of this, or below it"
        right = "set `speech: {folder: …}`, or `seen_as`, to one of at most 120 letters, digits and . _ - /"
        yield Mistake(("speech", "folder") if model.folder is not None else ("state_dir",), wrong, right)


def _texts(document: Document) -> Iterator[tuple[KeyPath, SpeakModel]]:
    for section in _SPEAKING:
        yield from spoken_in(getattr(document, section), (section,))
