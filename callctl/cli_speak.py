"""The command line for what is spoken to callers: build its files before a reload needs them, or list them."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from callctl.printing import fail, table

if TYPE_CHECKING:
    from callctl.settings import Loaded, SpeechSettings
    from callctl.spoken import Spoken

OK, FAILED = 0, 1


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
    return speak


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
