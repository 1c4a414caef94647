"""Texts that callers hear spoken: what each is called, and what cannot be spoken. Nothing is built here.

A text is built once, into a file that is named by all that makes its sound: voice, speed and text. So another text is
another file, the policy names the file that it means, and a file that is there need not be asked how old it is.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

MOST_CHARACTERS = 1000
"""Of one text: about a minute. A caller's lease lasts for three minutes of prompts (asterisk/prompts.py)."""
_MADE_BY = "espeak-ng, 8 kHz, 1"
"""How files are made of texts. Another line here: all of them are built anew."""
_READABLE = 32
"""Characters of the text that stand before the hash, for people who read the name in `callctl explain`."""
FILE = re.compile(r"(?:[a-z0-9-]{1,40}-)?[0-9a-f]{20}\.wav")
"""What we call our files. Others in the folder are none of ours."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text that is to be there as a file."""

    name: str
    """The file's, without folder and ending."""
    voice: str
    speed: int
    """Words a minute."""
    text: str


@dataclass(frozen=True, slots=True)
class Speaking:
    """How texts are spoken here."""

    folder: str
    """Where Asterisk finds the files: an absolute path, no slash at its end."""
    voices: Mapping[str, str]
    """By language, as Asterisk writes it: `fr`, `pt_BR`."""
    speed: int
    language: str
    """Of what is said where nobody chose a language."""

    def voice(self, language: str = "") -> str | None:
        """Of a language, or of the one that it is a kind of (`en_GB`: `en`); None: there is none."""
        return chosen(self.voices, language or self.language)

    def spoken(self, text: str, language: str = "") -> Spoken:
        """What is to be built, for a language that has a voice. KeyError: it has none."""
        voice = self.voice(language)
        if voice is None:
            raise KeyError(language or self.language)
        said = tidy(text)
        made = "\0".join((_MADE_BY, voice, str(self.speed), said))
        digest = hashlib.sha256(made.encode()).hexdigest()[:20]
        return Spoken("-".join((*_words(said), digest)), voice, self.speed, said)

    def media(self, text: str, language: str = "") -> str:
        """What Asterisk plays. KeyError: the language has no voice."""
        return f"sound:{self.folder}/{self.spoken(text, language).name}"


def chosen(by_language: Mapping[str, str], language: str) -> str | None:
    """What is there for a language, or for the one that it is a kind of; None: nothing."""
    return by_language.get(language, by_language.get(language.partition("_")[0]))


def tidy(text: str) -> str:
    """The text as it is spoken: where lines end, and how a letter is put together, is nothing to the ear."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def text_mistake(text: str) -> str | None:
    """Why this cannot be spoken; None: it can. A text is words: nothing in it may tell the speaker anything else."""
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn") and character not in "\t\n\r":
            return f"the character U+{ord(character):04X} cannot be spoken"  # espeak-ng obeys U+0001
    said = tidy(text)
    if "[[" in said:
        return "`[[` would not be spoken but obeyed: what follows would be read as phonemes"
    if not any(character.isalnum() for character in said):
        return "nothing in it is spoken"
    if len(said) > MOST_CHARACTERS:
        return f"{len(said)} characters are too many: more than {MOST_CHARACTERS}"
    return None


def _words(text: str) -> list[str]:
    """The first of them, in letters that a file's name may have; none, of a text in another script."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words: list[str] = []
    for word in re.findall("[a-z0-9]+", plain):
        if sum(map(len, words)) + len(words) + len(word) > _READABLE:
            break
        words.append(word)
    return words
