"""The command line for what is spoken to callers: build its files before a reload needs them, or list them."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callctl.printing import fail, table

if TYPE_CHECKING:
    from callctl.settings import Loaded, SpeechSettings
    from callctl.spoken import Spoken

OK, FAILED, WRONG = 0, 1, 2


def add_commands(
    commands: Any, add: Callable[..., argparse.ArgumentParser], files: Callable[..., None]
) -> argparse.ArgumentParser:
    """`callctl speak`."""
    speak = add(
        commands,
        "speak",
        _speak,
        "build the files of what is spoken to callers, or list them",
        epilog="a start and a reload build what is missing by themselves; many texts are better built before, as the"
        " user that\ncallctl runs as: callctl speak build --config DIR && callctl reload",
    )
    speak.add_argument("action", choices=("build", "list"), help="build: what is missing; list: every text, its file")
    files(speak, required=True)
    _add_prompts(commands, add, files)
    return speak


def _add_prompts(commands: Any, add: Callable[..., argparse.ArgumentParser], files: Callable[..., None]) -> None:
    prompts = add(
        commands,
        "prompts",
        _prompts,
        "list what is to be recorded in a language: sounds that the configuration plays and that are not there",
        epilog="a line each: the sound's name, and the text to record where it is a word of what flows `say`\n"
        "exit codes: 0 nothing is missing · 1 some are · 2 no grammar for what flows `say`, or a mistake\n"
        "callctl prompts missing --lang fr --config /etc/callctl --sounds /usr/share/asterisk/sounds",
    )
    prompts.add_argument("action", choices=("missing",), help="missing: those that have no file in any format")
    prompts.add_argument("--lang", required=True, metavar="LANGUAGE", help="as Asterisk writes it, such as fr or en_GB")
    prompts.add_argument(
        "--sounds", type=Path, metavar="DIR", help="Asterisk's folder of sounds; all are listed if it is not given"
    )
    files(prompts, required=True)


def _prompts(args: argparse.Namespace) -> int:
    from callctl.core.spoken import NoGrammarError, grammar_of, needed, text_of
    from callctl.settings import load_policy
    from callctl.settings.sounds import is_there, kinds_said, sounds_played

    if args.sounds is not None and not args.sounds.is_dir():
        return fail(f"{args.sounds}: there is no such folder", WRONG)
    policy = load_policy(args.config, args.overlay)
    said, unsaid = kinds_said(policy), ""
    texts: dict[str, str] = {}
    try:
        grammar_of(args.lang)
        texts = {name: text_of(name, args.lang) for name in needed(args.lang, said)}
    except NoGrammarError as error:
        unsaid = str(error) if said else ""
    names = sorted({*texts, *sounds_played(policy, args.lang)})
    missing = [name for name in names if args.sounds is None or not is_there(args.sounds, args.lang, name)]
    for name in missing:
        print(f"{name}\t{texts[name]}" if name in texts else name)
    if unsaid:
        return fail(unsaid, WRONG)
    return FAILED if missing else OK


def warnings(loaded: Loaded) -> list[str]:
    """What `callctl check` says of this machine, where texts are to be spoken."""
    if not loaded.spoken:
        return []
    from callctl.speech import EspeakNg

    why = EspeakNg(loaded.speech.command).missing()
    number = len(loaded.spoken)
    return [] if why is None else [f"speech: {number} text{'s' * (number > 1)} to be spoken, but {why}"]


def _speak(args: argparse.Namespace) -> int:
    from callctl.settings import load_spoken

    spoken, settings = load_spoken(args.config, args.overlay)
    return _list(spoken, settings) if args.action == "list" else _build(spoken, settings)


def _build(spoken: Sequence[Spoken], settings: SpeechSettings) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from callctl.speech import EspeakNg, SpeechError, build

    columns = (TextColumn("Speaking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("speaking", total=None)

            def told(done: int, of: int) -> None:
                progress.update(task, completed=done, total=of)

            built = asyncio.run(build(spoken, settings.folder, EspeakNg(settings.command), told))
    except SpeechError as error:
        return fail(f"speech: {error}", FAILED)
    print(f"{built} built, {len(spoken) - built} were there: {settings.folder}")
    return OK


def _list(spoken: Sequence[Spoken], settings: SpeechSettings) -> int:
    from callctl.speech import is_built

    rows = [("yes" if is_built(it, settings.folder) else "no", it.voice, it.name, it.text) for it in spoken]
    table(("built", "voice", "file", "text"), rows, "nothing is spoken")
    return OK
