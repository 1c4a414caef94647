"""Log lines: JSON off a terminal, pretty on one; the libraries' lines go the same way, through the same mask.

The call's id is a field of each line that is about a call: the facts carry it, and code that works for a call
binds it with `structlog.contextvars.bound_contextvars(call=…)`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import msgspec
import structlog

from callctl.core.addresses import E164, Emergency, Extension, ShortCode, Withheld
from callctl.runtime.masking import Masking

_DIGITS = frozenset({"digit", "digits", "dtmf"})
"""Fields that hold what a caller pressed."""
_KEPT = frozenset({"at", "timestamp", "level", "logger", "call", "leg", "legs", "node", "agent", "queue", "sha"})
"""Fields that are ours: ids and times; never a number of somebody."""
_NOISY = {"aiohttp.access": logging.WARNING, "asyncio": logging.WARNING, "panoramisk": logging.WARNING}

Processor = Callable[[Any, str, MutableMapping[str, Any]], MutableMapping[str, Any]]


def _json(line: Any, **_: Any) -> str:
    """As JSON: what JSON does not have is shown as text. A line is never lost, whatever is in it."""
    try:
        return msgspec.json.encode(line, enc_hook=str).decode("utf-8")
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError):
        return json.dumps(line, default=str)


class _Lines:
    """Writes rendered lines, under a name. Like logging's handlers it never raises: the stream's reader may be gone."""

    def __init__(self, name: str, out: TextIO) -> None:
        self.name = name
        self._out = out

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._out.write(line + "\n")
            self._out.flush()

    debug = info = warning = error = critical = msg


def masks(masking: Masking) -> Processor:
    """The one place where log lines lose their numbers and digits."""

    def value(name: str, it: Any) -> Any:
        match it:
            case E164() | Extension() | ShortCode() | Emergency() | Withheld():
                return masking.address(it)
            case str():
                return masking.digits(it) if name in _DIGITS else masking.text(it)
            case dict():
                return {key: value(str(key), inner) for key, inner in it.items()}
            case list() | tuple():
                return [value(name, inner) for inner in it]
            case _:
                return it

    def process(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for name, it in line.items():
            if name not in _KEPT and not name.startswith("_"):
                line[name] = value(name, it)
        return line

    return process


def configure(
    level: str = "info", *, json: bool | None = None, unmask: bool = False, stream: TextIO | None = None
) -> None:
    """Set the process's logging, once, before anything is logged.

    `json`: None decides by whether `stream` (standard error) is a terminal. `level` is one of debug, info,
    warning, error; another raises ValueError.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"log level {level!r}: must be debug, info, warning or error")
    out = stream if stream is not None else sys.stderr
    as_json = json if json is not None else not out.isatty()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    mask = masks(Masking(unmask))
    renderer: list[Any] = (
        [structlog.processors.format_exc_info, mask, structlog.processors.JSONRenderer(_json)]
        if as_json
        else [mask, structlog.dev.ConsoleRenderer(colors=out.isatty())]
    )
    # Our own lines do not pass through the standard library's records, which cost more than all else of a line.
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *name: _Lines(str(name[0]) if name else "", out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name, least in _NOISY.items():
        logging.getLogger(name).setLevel(max(number, least))
    logging.captureWarnings(True)
