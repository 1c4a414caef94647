"""What may be said behind `callctl simulate campaign`. Apart from the forecast: each start of the daemon reads it."""

from __future__ import annotations

import argparse
from pathlib import Path

EPILOG = """\
callctl simulate campaign spring --agents 20 --hours 8 --config /etc/callctl
callctl simulate campaign spring --agents 20 --mode predictive --compare --svg spring.svg --config /etc/callctl

What is not said is taken from the campaign's last 28 days where the database is reachable, else assumed; what was taken
from where is printed. Nobody is called.

exit codes: 0 good · 2 wrong configuration or usage"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be said behind `callctl simulate campaign`."""
    parser.add_argument("campaign", metavar="CAMPAIGN", help="its name")
    parser.add_argument("--config", type=Path, required=True, metavar="DIR", help="the configuration's folder")
    parser.add_argument(
        "--overlay", type=Path, metavar="DIR", help="a second folder whose values replace those of --config"
    )
    parser.add_argument("--agents", type=_count, metavar="N", help="default: as many as serve the campaign's queue")
    parser.add_argument("--hours", type=_hours, default=8.0, metavar="H", help="of the day (default: 8)")
    parser.add_argument("--list", type=_count, metavar="N", help="contacts (default: those who are due, or no end)")
    parser.add_argument("--answer-rate", type=_share, metavar="P", help="by a person, of the calls, such as 25%%")
    parser.add_argument("--machines", type=_share, metavar="P", help="of the answers, such as 30%%")
    parser.add_argument("--talk", type=_seconds, metavar="S", help="mean seconds of talk")
    parser.add_argument("--wrap-up", type=_seconds, metavar="S", help="mean seconds of wrap-up")
    parser.add_argument("--mode", choices=("preview", "power", "predictive"), help="in place of the campaign's own")
    parser.add_argument("--lines", type=_lines, metavar="N", help="of power: for each free agent, such as 1.5")
    parser.add_argument("--compare", action="store_true", help="beside ViciDial's rules and the boost rule")
    parser.add_argument("--no-history", action="store_true", help="assume, whatever the database knows")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the day into this file")
    parser.add_argument("--seed", type=_count, default=1, metavar="N", help="of chance; the same, the same day (1)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 100_000_000):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _hours(text: str) -> float:
    return _between(text, 0.25, 24, "hours from 0.25 to 24")


def _seconds(text: str) -> float:
    return _between(text, 1, 7200, "seconds from 1 to 7200")


def _lines(text: str) -> float:
    return _between(text, 1, 20, "lines from 1 to 20")


def _share(text: str) -> float:
    if text.endswith("%"):
        return _between(text[:-1], 0, 95, "percents from 0% to 95%") / 100
    return _between(text, 0, 0.95, "a share from 0 to 0.95, or percents such as 25%")


def _between(text: str, low: float, high: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return value
