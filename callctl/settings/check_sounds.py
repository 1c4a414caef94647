"""Whether Asterisk has the recordings that a configuration plays: told where each is written.

Asterisk falls back to English where a language has no file, and to silence where nothing has: without a word.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from callctl.core.spoken import NoGrammarError, needed
from callctl.settings.check_flows import of_callers
from callctl.settings.errors import KeyPath, Mistake, shown
from callctl.settings.flow_parts import all_nodes, prompts_of
from callctl.settings.flows import AnyWord, SayModel
from callctl.settings.models import Document
from callctl.settings.sounds import is_there

_SOUND = "sound:"
_NAMED = 3
"""So many of the sounds that are missing for a value are named."""


def sound_mistakes(document: Document, folder: Path) -> Iterator[Mistake]:
    """Sounds without a file in any format. `folder`: of Asterisk's sounds, with one below it for each language."""
    heard = of_callers(document)
    for name in type(document).model_fields:
        if name != "flows":
            for path, sound in _sounds_in(getattr(document, name), (name,)):
                yield from _missing(path, sound, heard, folder)
    for path, flow, node in all_nodes(document):
        languages = tuple(flow.languages or ()) or heard
        for below, prompts in prompts_of(node):
            for i, prompt in enumerate(prompts or ()):
                here = (*path, *below, i)
                if not isinstance(prompt, dict):
                    yield from _of_word(here, prompt, languages, folder)
                    continue
                for language, words in prompt.items():
                    for j, word in enumerate(words):
                        yield from _of_word((*here, language, j), word, (language,), folder)


def _of_word(path: KeyPath, word: AnyWord, languages: tuple[str, ...], folder: Path) -> Iterator[Mistake]:
    if isinstance(word, str):
        yield from _missing(path, word, languages, folder)
    elif isinstance(word, SayModel):
        for language in languages:
            yield from _unsayable((*path, "say"), word, language, folder)


def _unsayable(path: KeyPath, word: SayModel, language: str, folder: Path) -> Iterator[Mistake]:
    try:
        missing = sorted(it for it in needed(language, [word.say]) if not is_there(folder, language, it))
    except NoGrammarError:
        return  # that is told already
    if missing:
        few = ", ".join(missing[:_NAMED]) + (" …" if len(missing) > _NAMED else "")
        wrong = f"{len(missing)} of the sounds that may be needed for it in {shown(language)} have no file: {few}"
        yield Mistake(path, wrong, f"`callctl prompts missing --lang {language}` lists them with their texts")


def _missing(path: KeyPath, media: str, languages: tuple[str, ...], folder: Path) -> Iterator[Mistake]:
    if not media.startswith(_SOUND):
        return
    name = media.removeprefix(_SOUND)
    if name.startswith("/"):
        if not is_there(Path("/"), "", name.removeprefix("/")):
            yield Mistake(path, f"there is no file {shown(name)}", "record it, with an ending that Asterisk plays")
        return
    lacking = [language for language in languages if not is_there(folder, language, name)]
    if lacking:
        some = " and ".join(map(shown, lacking))
        yield Mistake(path, f"Asterisk has no sound {shown(name)} in {some}", f"record it below {folder / lacking[0]}")


def _sounds_in(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Every media URI in a part of the configuration, and where it stands."""
    if isinstance(value, str) and value.startswith(_SOUND):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in value.model_fields_set:
            yield from _sounds_in(getattr(value, name), (*path, name))
    elif isinstance(value, dict):
        for key, it in value.items():
            yield from _sounds_in(it, (*path, key))
    elif isinstance(value, tuple):
        for i, it in enumerate(value):
            yield from _sounds_in(it, (*path, i))
