"""The form of what is said to people: Asterisk's media, or a text that is spoken; and how texts are spoken."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Discriminator, Field, Tag
from pydantic.json_schema import JsonSchemaValue

from callctl.settings import types as t
from callctl.settings.errors import KeyPath
from callctl.settings.strict import Strict
from callctl.settings.types import Kind, bad
from callctl.spoken import MOST_CHARACTERS, Speaking, Spoken, chosen, text_mistake

VOICES: Mapping[str, str] = {
    "ar": "ar", "bg": "bg", "ca": "ca", "cs": "cs", "cy": "cy", "da": "da", "de": "de", "el": "el", "en": "en-gb",
    "en_GB": "en-gb", "en_US": "en-us", "es": "es", "es_MX": "es-419", "et": "et", "fi": "fi", "fr": "fr-fr",
    "fr_BE": "fr-be", "fr_CH": "fr-ch", "ga": "ga", "hi": "hi", "hr": "hr", "hu": "hu", "it": "it",
    "lt": "lt", "lv": "lv", "nb": "nb", "nl": "nl", "no": "nb", "pl": "pl", "pt": "pt", "pt_BR": "pt-br", "ro": "ro",
    "ru": "ru", "sk": "sk", "sl": "sl", "sv": "sv", "tr": "tr", "uk": "uk", "vi": "vi",
}  # fmt: skip
"""espeak-ng's, by Asterisk's languages; `speech.voices` comes before them."""


class SpokenText(Kind):
    """What is spoken, word for word."""

    wanted = f"the words as they are to be heard, at most {MOST_CHARACTERS} characters"

    def read(self, text: str, known: dict[str, Any]) -> object:
        if (wrong := text_mistake(text)) is not None:
            raise bad(wrong, f"write {self.wanted}")
        return text

    def schema(self) -> JsonSchemaValue:
        kinds: Any = ["string", "integer"]
        return {"type": kinds}


Words = Annotated[str, SpokenText()]
_Texts = Annotated[
    Annotated[dict[t.Language, Words], Field(min_length=1), Tag("languages")] | Annotated[Words, Tag("text")],
    Discriminator(lambda raw: "languages" if isinstance(raw, dict) else "text"),
]


class SpeakModel(Strict):
    """A text that is spoken."""

    speak: _Texts = Field(
        description="The words; or the words by language: `{en: Good morning, fr: Bonjour}`.",
        examples=["Thank you for calling."],
    )

    def text(self, language: str) -> str | None:
        """In a language; None: there is none. One text alone is in whatever language it is asked for."""
        return self.speak if isinstance(self.speak, str) else chosen(self.speak, language)


def _form(raw: object) -> str:
    return "spoken" if isinstance(raw, dict | BaseModel) else "media"


Prompt = Annotated[
    Annotated[SpeakModel, Tag("spoken")] | Annotated[t.Media, Tag("media")],
    Discriminator(_form),
]
"""Wherever something is said."""
Sound = Annotated[
    Annotated[SpeakModel, Tag("spoken")] | Annotated[t.Sound, Tag("media")],
    Discriminator(_form),
]
"""Where the dialplan says it, which knows sounds alone."""
Prompts = Annotated[tuple[Prompt, ...], Field(max_length=32)]
Said = Annotated[tuple[Prompt, ...], Field(min_length=1, max_length=32)]


class SpeechModel(Strict):
    """How texts are spoken: docs/speech.md."""

    folder: t.FolderPath | None = Field(
        default=None,
        description="Where the built files are; `sounds` in `state_dir` if not given. Asterisk reads it.",
    )
    seen_as: t.SeenPath | None = Field(
        default=None, description="The path by which Asterisk sees that folder, if it is another one."
    )
    language: t.Language = Field(default="en", description="What is spoken where nobody chose a language.")
    voices: dict[t.Language, t.Voice] = Field(
        default={}, description="A voice of espeak-ng's by language, such as `{en: en-us, fr: fr+f2}`."
    )
    speed: Annotated[int, t.Whole(80, 450)] = Field(default=150, description="Words a minute.")
    command: t.Program = Field(default="espeak-ng", description="The program, by its name or path.")


@dataclass(frozen=True, slots=True)
class SpeechSettings:
    """What builds the files."""

    folder: Path
    """Absolute."""
    command: str


def speech_of(model: SpeechModel, state_dir: Path, directory: Path) -> SpeechSettings:
    """Relative paths start at the configuration's `directory`."""
    folder = state_dir / "sounds" if model.folder is None else model.folder
    return SpeechSettings(Path(os.path.abspath(directory / folder)), model.command)


def speaking_of(model: SpeechModel, folder: Path) -> Speaking:
    """`folder`: of the built files."""
    seen = model.seen_as or str(folder)
    return Speaking(seen.rstrip("/"), {**VOICES, **model.voices}, model.speed, model.language)


class Speaker:
    """Prompts as Asterisk plays them. `spoken` gathers what has to be built for that, by name."""

    def __init__(self, speaking: Speaking) -> None:
        self.speaking = speaking
        self.spoken: dict[str, Spoken] = {}

    def said(self, prompts: Iterable[str | SpeakModel], language: str = "") -> tuple[str, ...]:
        """In the caller's language, or the one of the house. KeyError: it has no voice, or a prompt no text in it."""
        return tuple(it if isinstance(it, str) else self._media(it, language) for it in prompts)

    def _media(self, prompt: SpeakModel, language: str) -> str:
        text = prompt.text(language or self.speaking.language)
        if text is None:
            raise KeyError(language)
        built = self.speaking.spoken(text, language)
        self.spoken[built.name] = built
        return self.speaking.media(text, language)


def spoken_in(value: object, path: KeyPath = ()) -> Iterator[tuple[KeyPath, SpeakModel]]:
    """Every text that is to be spoken in a part of the configuration, and where it stands."""
    if isinstance(value, SpeakModel):
        yield path, value
    elif isinstance(value, Strict):
        for name in type(value).model_fields:
            yield from spoken_in(getattr(value, name), (*path, name))
    elif isinstance(value, dict):
        for key, it in value.items():
            yield from spoken_in(it, (*path, key))
    elif isinstance(value, tuple):
        for i, it in enumerate(value):
            yield from spoken_in(it, (*path, i))
