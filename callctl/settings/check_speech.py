"""Whether what is to be spoken can be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from callctl.settings.errors import KeyPath, Mistake, shown
from callctl.settings.flow_parts import all_nodes, goals_in, prompts_of
from callctl.settings.models import Document
from callctl.settings.prompts import SpeakModel, speaking_of, speech_of, spoken_in
from callctl.settings.types import SEEN_PATH
from callctl.spoken import Speaking

_SPEAKING = (
    "numbers", "unknown_number", "blocked", "last_resort", "menus", "queues", "phones", "campaigns", "switches",
    "mailboxes",
)  # fmt: skip
"""Sections whose prompts are in the house's language."""


def speech_mistakes(document: Document, directory: str) -> Iterator[Mistake]:
    """Told where texts are to be spoken: without any, nothing about speech matters."""
    model = document.speech
    texts, in_flows = list(_texts(document)), list(_in_flows(document))
    if not (texts or in_flows) or None in (model.language, model.voices, model.speed, document.state_dir):
        return  # or it could not be read, and that was told
    speech = speech_of(model, document.state_dir, Path(directory))
    speaking = speaking_of(model, speech.folder)
    for path, prompt in texts:
        if prompt.text(speaking.language) is None:
            wrong = f"no text in {shown(speaking.language)}, the language in which callers are spoken to here"
            right = f"add `{speaking.language}: …`, or set `speech: {{language: …}}`"
            yield Mistake((*path, "speak"), wrong, right, of_key=True)
    for path, prompt, languages in in_flows:
        yield from _unspoken(path, prompt, languages or (speaking.language,), speaking)
    if texts and speaking.voice() is None:
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


def _in_flows(document: Document) -> Iterator[tuple[KeyPath, SpeakModel, tuple[str, ...]]]:
    """Texts of flows, each with the languages in which it is spoken; none of them: that of the house."""
    for path, flow, node in all_nodes(document):
        for below, prompts in prompts_of(node):
            for i, prompt in enumerate(prompts or ()):
                if isinstance(prompt, dict):
                    for language, words in prompt.items():
                        for j, it in enumerate(words):
                            if isinstance(it, SpeakModel):
                                yield (*path, *below, i, language, j), it, (language,)
                elif isinstance(prompt, SpeakModel):
                    known = tuple(flow.languages or ())
                    yield (*path, *below, i), prompt, known if isinstance(prompt.speak, dict) else known[:1]
        for to, way in goals_in(node):
            for below, prompt in spoken_in(way, (*path, *to)):
                yield below, prompt, ()


def _unspoken(path: KeyPath, prompt: SpeakModel, languages: tuple[str, ...], speaking: Speaking) -> Iterator[Mistake]:
    for language in languages:
        if prompt.text(language) is None:
            wrong = f"no text in {shown(language)}, in which it is spoken here"
            yield Mistake((*path, "speak"), wrong, f"add `{language}: …`", of_key=True)
        elif speaking.voice(language) is None:
            right = f"add `speech: {{voices: {{{language}: …}}}}`: `espeak-ng --voices` lists them"
            yield Mistake((*path, "speak"), f"no voice for {shown(language)}", right, of_key=True)
