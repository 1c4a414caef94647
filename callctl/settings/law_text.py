"""Rules in a line each, for people: `callctl plan` and the table of docs/law.md say them so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta

from callctl.core.hours import Span
from callctl.core.ids import Micros
from callctl.core.law import AbandonedLimit, After, AttemptLimit, CallingHours, ConsentNeeded, Rest, Rule, RuleSet
from callctl.settings.types import UNITS, WEEKDAYS, duration_text, percent_text

_AFTER = {
    After.CONVERSATION: "a conversation",
    After.REFUSAL: "a refusal",
    After.ABANDONED: "an abandoned call",
    After.MACHINE: "a hang-up on a machine",
}
_MOST_DAYS = 8
"""That a line names one by one."""


def rule_text(rule: Rule) -> str:
    """What the rule says."""
    match rule:
        case CallingHours():
            return f"calls {_week_text(rule.week)}{_closed_text(len(rule.closed))}"
        case AttemptLimit():
            undelivered = "" if rule.undelivered else "; calls that rang nobody's phone do not count"
            return f"at most {rule.most} attempts in {_length(rule.within)} per {rule.per}{undelivered}"
        case Rest():
            return f"no attempt for {_length(rule.lasting)} after {_AFTER[rule.after]}, per {rule.per}"
        case ConsentNeeded():
            age = f", given within {duration_text(rule.max_age)}" if rule.max_age else ""
            return f"consent needed for {rule.scope}{age}"
        case AbandonedLimit():
            return _abandoned_text(rule)


def _length(length: Micros) -> str:
    """As laws write it: of less than a week in hours, `72h`, where they are whole."""
    hours, rest = divmod(length, UNITS["h"])
    return f"{hours}h" if hours and not rest and length < 7 * UNITS["d"] else duration_text(length)


def _closed_text(days: int) -> str:
    return f", not on {days} closed day{'' if days == 1 else 's'}" if days else ""


def _abandoned_text(rule: AbandonedLimit) -> str:
    text = f"at most {percent_text(rule.most)} abandoned in each {_length(rule.window)}"
    text += f", {duration_text(rule.grace)} after the greeting"
    if rule.least_ring:
        text += f"; rings at least {duration_text(rule.least_ring)}"
    return text + ("; persons taken for machines count" if rule.machines_count else "")


def _week_text(week: tuple[tuple[Span, ...], ...]) -> str:
    """`mon-fri 10:00-13:00 14:00-20:00, sat 09:00-12:30`: days with the same hours together."""
    groups: list[tuple[int, int]] = []
    for day, spans in enumerate(week):
        if groups and week[groups[-1][0]] == spans:
            groups[-1] = (groups[-1][0], day)
        else:
            groups.append((day, day))
    return ", ".join(
        f"{WEEKDAYS[first]}{f'-{WEEKDAYS[last]}' if last > first else ''} {' '.join(map(_span_text, week[first]))}"
        for first, last in groups
        if week[first]
    )


def _span_text(span: Span) -> str:
    return "-".join(f"{second // 3600:02}:{second // 60 % 60:02}" for second in span)


# ── what a reload changes ────────────────────────────────────────────────────────────────────


def law_changes(old: Iterable[RuleSet], new: Iterable[RuleSet]) -> Iterator[str]:
    """One line for each thing added, removed or changed."""
    before, after = {it.id: it for it in old}, {it.id: it for it in new}
    for id in [*before, *(id for id in after if id not in before)]:
        name = f"rule set {id}"
        if id not in after:
            yield f"{name}: removed"
        elif id not in before:
            yield f"{name}: added (version {after[id].version})"
            yield from (f"{name}: rule {_short(rule, id)}: added ({rule_text(rule)})" for rule in after[id].rules)
        else:
            yield from _set_changes(name, before[id], after[id])


def _set_changes(name: str, old: RuleSet, new: RuleSet) -> Iterator[str]:
    told: Mapping[str, tuple[str, str]] = {
        "version": (old.version, new.version),
        "country": (old.country, new.country),
        "states": (", ".join(sorted(old.states)) or "all", ", ".join(sorted(new.states)) or "all"),
        "kinds": (", ".join(sorted(old.kinds)), ", ".join(sorted(new.kinds))),
    }
    yield from (f"{name}.{key}: {one} → {other}" for key, (one, other) in told.items() if one != other)
    before, after = {it.id: it for it in old.rules}, {it.id: it for it in new.rules}
    for id in [*before, *(id for id in after if id not in before)]:
        if id not in after:
            yield f"{name}: rule {_short(before[id], old.id)}: removed"
        elif id not in before:
            yield f"{name}: rule {_short(after[id], old.id)}: added ({rule_text(after[id])})"
        else:
            yield from _rule_changes(f"{name}: rule {_short(before[id], old.id)}", before[id], after[id])


def _short(rule: Rule, set_id: str) -> str:
    return rule.id.removeprefix(f"{set_id}.")


def _rule_changes(name: str, old: Rule, new: Rule) -> Iterator[str]:
    if (one := rule_text(old)) != (other := rule_text(new)):
        yield f"{name}: {one} → {other}"
    closed, later = _closed(old), _closed(new)
    if later - closed:
        yield f"{name}: closed too on {days_text(later - closed)}"
    if closed - later:
        yield f"{name}: closed no longer on {days_text(closed - later)}"
    if old.source != new.source:
        yield f"{name}.source: {old.source} → {new.source}"
    if old.verified != new.verified:
        yield f"{name}.verified: {'yes' if old.verified else 'no'} → {'yes' if new.verified else 'no'}"


def _closed(rule: Rule) -> frozenset[int]:
    return rule.closed if isinstance(rule, CallingHours) else frozenset()


def days_text(days: Iterable[int]) -> str:
    """The days by date; of many, the first ones."""
    dates = [(date(1970, 1, 1) + timedelta(days=day)).isoformat() for day in sorted(days)]
    more = len(dates) - _MOST_DAYS
    return ", ".join(dates[:_MOST_DAYS]) + (f" and {more} more" if more > 0 else "")
