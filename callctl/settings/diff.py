"""What a reload changes, line by line, for people: `callctl plan` prints it, the daemon logs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any

from callctl.core.addresses import E164, Emergency, Extension, ShortCode
from callctl.core.campaigns import CallerId, Detection
from callctl.core.hours import Calendar
from callctl.core.policy import Announce, HangUp, OptOut, Policy, Stage, ToFlow, ToMenu, ToNumber, ToQueue, Voicemail
from callctl.settings.build import DaemonSettings
from callctl.settings.canonical import KEPT_ORDER
from callctl.settings.flow_text import flow_changes, part_text
from callctl.settings.law_text import days_text, law_changes
from callctl.settings.secrets import Secret
from callctl.settings.types import duration_text, hundredths_text, percent_text

_WORDS = {
    "entries": "number", "menus": "menu", "queues": "queue", "agents": "agent", "phones": "phone",
    "trunks": "trunk", "features": "feature code", "options": "option", "calendars": "calendar", "callers": "caller",
    "exit_keys": "exit key", "campaigns": "campaign", "dispositions": "disposition", "retries": "after",
    "skills": "skill", "penalties": "penalty in", "switches": "switch", "mailboxes": "mailbox",
}  # fmt: skip
_CALENDAR = {"week": "weekly hours", "dates": "dates", "zone": "time zone"}
_LENGTHS = frozenset(
    {
        "timeout", "ring_timeout", "wrap_up", "longest_talk", "miss_delay", "qualify", "callback_window", "lease",
        "lease_renewal", "longest_wait", "unstaffed_after", "last_agent", "patience", "ring_more", "busy_delay",
        "reject_delay", "service_level", "short_abandon", "least_talk", "returns", "first", "every", "delay",
        "after_conversation", "longest", "connect_timeout", "grace", "limit", "resume_after", "back_off", "fast_answer",
        "pause", "shortest", "silence",
    }
)  # fmt: skip
_NUMBERS: Mapping[str, Callable[[int], str]] = {
    **dict.fromkeys(_LENGTHS, duration_text),
    **dict.fromkeys(("most_abandoned", "off_at", "sample", "after_share"), percent_text),
    "lines_per_agent": hundredths_text,
}
"""How the numbers of these fields are written in the configuration."""


def changes(old: Policy, new: Policy) -> list[str]:
    """One line for each thing added, removed or changed; empty when both say the same."""
    return list(_fields("", old, new))


def needs_restart(old: DaemonSettings, new: DaemonSettings) -> list[str]:
    """What a reload cannot change: one line each, without any secret."""
    return [
        f"{field.name}: changed; takes effect at the next start"
        for field in fields(old)
        if getattr(old, field.name) != getattr(new, field.name)
    ]


def new_passwords(old: Mapping[str, Secret], new: Mapping[str, Secret]) -> list[str]:
    """The phones and trunks whose SIP password is another one; one line each, without the password. Who is new or
    gone is told by `changes`."""
    return [
        f"{name.replace(':', ' ', 1)}: another password"
        for name, secret in new.items()
        if name in old and secret != old[name]
    ]


def changed_headers(old: Mapping[str, Mapping[str, Secret]], new: Mapping[str, Mapping[str, Secret]]) -> list[str]:
    """The sets of headers for lookups that are not as they were; one line each, without any value."""
    lines = []
    for name in [*old, *(name for name in new if name not in old)]:
        before, after = old.get(name), new.get(name)
        if before is None or after is None:
            lines.append(f"lookup headers {name}: {'added' if before is None else 'removed'}")
        elif before != after:
            lines.append(f"lookup headers {name}: changed")
    return lines


def _fields(path: str, old: Any, new: Any) -> Iterator[str]:
    for field in fields(old):
        if field.name == "sha":
            continue
        before, after = getattr(old, field.name), getattr(new, field.name)
        if isinstance(old, Calendar) and field.name != "closed_while":
            if before != after and field.name != "offsets":
                on = f": {days_text(_differ(before, after))}" if field.name == "dates" else ""
                yield f"{path}: other {_CALENDAR[field.name]}{on}"
            continue
        if field.name == "rule_sets":
            yield from law_changes(before, after)
            continue
        if field.name == "flows":
            yield from flow_changes(before, after, _fields, _text)
            continue
        if before == after:
            if field.name in KEPT_ORDER and list(before) != list(after):
                yield f"{field.name}: the order is now {', '.join(str(k) for k in after)}"
            continue
        name = f"{path}.{field.name}" if path else field.name
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            prefix = f"{path}: " if path else ""
            yield from _mapping(prefix + _WORDS.get(field.name, field.name), before, after)
        elif is_dataclass(before) and type(before) is type(after) and not _short(before):
            yield from _fields(name, before, after)
        else:
            yield f"{name}: {_text(before, field.name)} → {_text(after, field.name)}"


def _mapping(word: str, old: Mapping[Any, Any], new: Mapping[Any, Any]) -> Iterator[str]:
    for key in [*old, *(k for k in new if k not in old)]:
        name = f"{word} {key}"
        if key not in new:
            yield f"{name}: removed"
        elif key not in old:
            what = f" ({_text(new[key])})" if _short(new[key]) else ""
            yield f"{name}: added{what}"
        elif old[key] != new[key]:
            if _short(old[key]) or _short(new[key]):
                yield f"{name}: {_text(old[key])} → {_text(new[key])}"
            else:
                yield from _fields(name, old[key], new[key])


def _differ(old: Mapping[int, Any], new: Mapping[int, Any]) -> set[int]:
    return {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}


def _short(value: Any) -> bool:
    """Said in a few words, rather than field by field."""
    if part_text(value) is not None:
        return True
    small = (ToMenu, ToFlow, ToQueue, HangUp, OptOut, Announce, E164, Extension, ShortCode, Emergency, Stage)
    return not is_dataclass(value) or isinstance(value, small)


def _text(value: Any, field: str = "") -> str:
    if field in _NUMBERS and isinstance(value, int):
        return _NUMBERS[field](value)
    match value:
        case None | "" | ():
            return "none"
        case bool():
            return "yes" if value else "no"
        case Stage():
            return f"after {duration_text(value.after)} {value.asks}" if value.after else str(value.asks)
        case Calendar():
            return f"hours in {value.zone}"
        case Detection():
            return ", ".join(f"{f.name} {_text(getattr(value, f.name), f.name)}" for f in fields(value))
        case CallerId():
            areas = f" to {', '.join(f'+{area}' for area in value.areas)}" if value.areas else ""
            return f"{value}{areas}" + (f" over {', '.join(value.trunks)}" if value.trunks else "")
        case StrEnum():
            return str(value)
        case tuple():
            return ", ".join(_text(v) for v in value)
        case _:
            return _destination(value)


def _destination(value: Any) -> str:
    match value:
        case ToMenu():
            return f"menu {value.menu}"
        case ToQueue():
            return f"queue {value.queue}" + (f" at priority {value.priority}" if value.priority else "")
        case ToFlow():
            return f"flow {value.flow}"
        case Voicemail():
            return f"voicemail {value.box}"
        case ToNumber():
            return f"number {value.to.number} over {value.to.trunk}"
        case HangUp():
            return f"hang up ({value.reason})"
        case OptOut():
            return f"opt out ({', '.join(value.prompts)}; if withheld {', '.join(value.withheld)})"
        case Announce():
            return f"announce {', '.join(value.prompts)}, then {_destination(value.then)}"
        case _:
            return part_text(value) or str(value)
