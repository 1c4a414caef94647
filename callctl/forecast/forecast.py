"""A campaign's day as it would be with its own mode, and with the rules of other dialers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from callctl.forecast.campaign import Day
from callctl.forecast.predictive import LEAST_RING, Predictive
from callctl.forecast.preview import live_looking
from callctl.forecast.rules import Adapt, Boost, Lines, Method, Progressive
from callctl.forecast.told import Told
from callctl.forecast.world import Dialer, live


class Mode(StrEnum):
    """How numbers are dialled: those of a campaign that have agents."""

    PREVIEW = "preview"
    """By each agent, who looks at the contact first; by hand as well."""
    POWER = "power"
    PREDICTIVE = "predictive"


@dataclass(frozen=True, slots=True)
class Way:
    """A campaign's own way to dial."""

    mode: Mode
    lines: int = 100
    """Of `power`: in hundredths, for each free agent."""
    cap: float = 0.03
    """Of `predictive`: of the answered calls so many may be abandoned."""
    least_ring: float = LEAST_RING
    """Of `predictive`: s that a call rings before it may be given up."""
    look: float = 15.0
    """Of `preview`: s that an agent looks at a contact."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one way to dial makes of the day."""

    name: str
    told: Told
    took: float
    """s of CPU time."""


def forecast(day: Day, way: Way, seed: int, *, compare: bool = False) -> Iterator[Forecast]:
    """The campaign's own way, then those it is compared with. Each is reckoned when it is asked for."""
    began = time.process_time()
    told = own(day, way, seed)
    yield Forecast(f"callctl {way.mode}", told, time.process_time() - began)
    for name, dialer in peers(day) if compare else ():
        began = time.process_time()
        told = live(day, dialer, seed)
        yield Forecast(name, told, time.process_time() - began)


def own(day: Day, way: Way, seed: int) -> Told:
    """With the campaign's mode."""
    match way.mode:
        case Mode.PREDICTIVE:
            return live(day, Predictive(day, way.cap, way.least_ring), seed)
        case Mode.POWER:
            return live(day, Lines(way.lines), seed)
        case Mode.PREVIEW:
            return live_looking(day, way.look, seed)


def peers(day: Day) -> list[tuple[str, Dialer]]:
    """With their defaults; of the boost, its manual's example."""
    return [
        ("progressive", Progressive()),
        ("ViciDial ADAPT_HARD_LIMIT", Adapt(Method.HARD_LIMIT, day.hours)),
        ("ViciDial ADAPT_TAPERED", Adapt(Method.TAPERED, day.hours)),
        ("boost 1.3", Boost(1.3)),
    ]
