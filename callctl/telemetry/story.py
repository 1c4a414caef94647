"""Fact → log line: one table. What a line hides is decided in log.py, by the values' types and names."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

import structlog

from callctl.core import facts as f
from callctl.core.addresses import E164, Emergency, Extension, ShortCode, Withheld
from callctl.core.facts import Fact
from callctl.core.ids import SECOND, Micros
from callctl.core.model import Outcome
from callctl.runtime.views import iso

DEBUG, INFO, WARNING, ERROR = "debug", "info", "warning", "error"
_NUMBERS = {DEBUG: logging.DEBUG, INFO: logging.INFO, WARNING: logging.WARNING, ERROR: logging.ERROR}

_ADDRESSES = (E164, Extension, ShortCode, Emergency, Withheld)
_LENGTHS = frozenset({"length", "rang", "waited", "talked", "lasted", "after", "took", "grace_left"})
"""Fields in microseconds: said in seconds."""
_MOMENTS = frozenset({"until", "due"})
"""Fields that are moments."""

_NAMES = {"event": "stray"}
"""`event` is the line's own text."""


@dataclass(frozen=True, slots=True)
class Line:
    event: str
    level: str = INFO


LINES: Mapping[type[Any], Line] = {
    f.CallEntered: Line("call entered"),
    f.MenuEntered: Line("menu entered"),
    f.DigitTaken: Line("digit taken"),
    f.DigitTimedOut: Line("no digit came"),
    f.DigitsTaken: Line("digits taken"),
    f.Walked: Line("came through a flow"),
    f.LookupAnswered: Line("looked up"),
    f.Noted: Line("noted"),
    f.PromptFailed: Line("prompt could not be played", WARNING),
    f.CallQueued: Line("call queued"),
    f.CallRelaxed: Line("call asks for less"),
    f.CallerTold: Line("caller told", DEBUG),
    f.CallHandedOver: Line("caller handed over to the dialplan"),
    f.VoicemailLeft: Line("message left in a mailbox"),
    f.CallOffered: Line("call offered"),
    f.DialRefused: Line("not dialled", WARNING),
    f.AttemptBegan: Line("attempt began"),
    f.AttemptRefused: Line("attempt refused"),
    f.AttemptEnded: Line("attempt ended"),
    f.CallDialled: Line("call dialled"),
    f.CallPickedUp: Line("call picked up"),
    f.AnswerJudged: Line("answer judged"),
    f.CustomerWaits: Line("customer waits for an agent"),
    f.HarbourReached: Line("no agent within the grace: safe harbour"),
    f.MessageDropped: Line("message left on a machine"),
    f.Paced: Line("paced", DEBUG),
    f.TrunkHeld: Line("campaigns leave a trunk alone", WARNING),
    f.DetectionOff: Line("answering machine detection is OFF: it takes people for machines", ERROR),
    f.PreviewBegan: Line("agent looks at a contact"),
    f.PreviewEnded: Line("agent looks no more at a contact"),
    f.PreviewRefused: Line("preview wish refused"),
    f.LineChanged: Line("agent's line changed"),
    f.OptedOut: Line("person opted out"),
    f.CampaignChanged: Line("campaign changed"),
    f.CampaignRefused: Line("campaign wish refused"),
    f.DoNotCallChanged: Line("do-not-call list changed"),
    f.DoNotCallRead: Line("do-not-call lists read"),
    f.ConsentChanged: Line("consent changed"),
    f.PersonForgotten: Line("person erased"),
    f.DispositionNoted: Line("disposition noted"),
    f.DispositionRefused: Line("disposition refused"),
    f.DispositionAwaited: Line("disposition awaited"),
    f.CallbackAgreed: Line("callback agreed"),
    f.AgentAccepted: Line("agent accepted"),
    f.AgentDropped: Line("agent hung up at once"),
    f.RingEnded: Line("ring ended"),
    f.GhostAnswered: Line("agent answered a caller who had gone"),
    f.CallRequeued: Line("call back in its old place"),
    f.FlowedOut: Line("caller sent on"),
    f.CallConnected: Line("call connected"),
    f.AskedAfter: Line("caller goes on after the talk"),
    f.CallEnded: Line("call ended"),
    f.WrapUpEnded: Line("wrap-up ended"),
    f.AgentStatusChanged: Line("agent status changed"),
    f.AgentStateChanged: Line("agent state changed", DEBUG),
    f.AgentPhoneChanged: Line("agent phone changed"),
    f.StatusRefused: Line("status change refused"),
    f.TrunkChanged: Line("trunk changed"),
    f.EmergencyCalled: Line("EMERGENCY call", WARNING),
    f.NodeChanged: Line("node changed"),
    f.SwitchTurned: Line("switch turned"),
    f.SwitchRefused: Line("switch not turned", WARNING),
    f.PolicyApplied: Line("configuration in force"),
    f.StrayEvent: Line("stray event", DEBUG),
}

_WORSE: Mapping[Outcome, str] = {
    Outcome.FAILED: ERROR,
    Outcome.PBX_LOST: ERROR,
    Outcome.LEFT_FOR_FALLBACK: WARNING,
    Outcome.UNKNOWN_NUMBER: WARNING,
}


def level(fact: Fact) -> str:
    """How loud the line is: what somebody must act upon is a warning or an error."""
    match fact:
        case f.CallEnded():
            return _WORSE.get(fact.outcome, INFO)
        case f.TrunkChanged():
            return INFO if fact.up else WARNING
        case f.NodeChanged():
            return WARNING if fact.phase == "down" else INFO
        case f.CallPickedUp():
            return WARNING if fact.too_fast else INFO
        case f.LineChanged():
            return WARNING if fact.how == "failed" else INFO
        case _:
            return LINES[type(fact)].level


def line(at: Micros, fact: Fact) -> tuple[str, str, dict[str, Any]]:
    """(level, event, fields) of the fact's log line. Addresses stay addresses, for log.py to mask."""
    said: dict[str, Any] = {"at": iso(at)}
    for part in _parts(type(fact)):
        said[_NAMES.get(part, part)] = _plain(part, getattr(fact, part))
    return level(fact), LINES[type(fact)].event, said


_PARTS: dict[type[Any], tuple[str, ...]] = {}


def _parts(kind: type[Any]) -> tuple[str, ...]:
    """The names of a dataclass's fields."""
    found = _PARTS.get(kind)
    if found is None:
        found = _PARTS[kind] = tuple(part.name for part in fields(kind))
    return found


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, str) or value is None or isinstance(value, _ADDRESSES):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Enum):
        return value.value
    if name in _LENGTHS and isinstance(value, int):
        return round(value / SECOND, 3)
    if name in _MOMENTS and isinstance(value, int):
        return iso(value)
    if is_dataclass(value) and not isinstance(value, type):
        inside = {part: _plain(part, getattr(value, part)) for part in _parts(type(value))}
        return {"kind": type(value).__name__, **inside}
    if isinstance(value, (tuple, frozenset)):
        return [_plain(name, part) for part in value]
    return value


class Storyteller:
    """Writes a line for each fact that is loud enough. Fulfils runtime's Observer. Made when the log is set up."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("callctl.story").bind()

    def saw(self, at: Micros, facts: Sequence[Fact]) -> None:
        for fact in facts:
            loudness = level(fact)
            if self._log.is_enabled_for(_NUMBERS[loudness]):
                _, event, said = line(at, fact)
                getattr(self._log, loudness)(event, **said)
