"""Rule sets as people write them, to the core's; and what is wrong between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import combinations
from typing import TypeAlias

from callctl.core.hours import Span
from callctl.core.ids import RuleSetId
from callctl.core.law import AbandonedLimit, AttemptLimit, CallingHours, ConsentNeeded, Rest, Rule, RuleSet
from callctl.settings.calendars import days_of, span_of
from callctl.settings.days_off import day_number, days_off
from callctl.settings.errors import Mistake, shown
from callctl.settings.law import (
    AbandonedLimitModel,
    AttemptLimitModel,
    CallingHoursModel,
    ConsentNeededModel,
    RestModel,
    RuleSetModel,
)
from callctl.settings.models import Document
from callctl.settings.states import meant

_Model: TypeAlias = CallingHoursModel | AttemptLimitModel | RestModel | ConsentNeededModel | AbandonedLimitModel


def rule_sets_of(document: Document) -> tuple[RuleSet, ...]:
    """The core's rule sets, by name, as their rules are: the order in the files means nothing."""
    return tuple(
        RuleSet(
            id=RuleSetId(name),
            version=model.version,
            country=model.country,
            states=frozenset(model.states),
            kinds=frozenset(model.kinds),
            rules=tuple(rule_of(f"{name}.{rule}", it) for rule, it in sorted(model.rules.items())),
        )
        for name, model in sorted(document.rule_sets.items())
    )


def rule_of(id: str, model: _Model) -> Rule:
    """The rule, as the core reads it."""
    source, verified = model.source, model.verified
    match model:
        case CallingHoursModel():
            return CallingHours(id, _week(model), _closed(model), source, verified)
        case AttemptLimitModel():
            return AttemptLimit(id, model.most, model.within, model.per, model.undelivered, source, verified)
        case RestModel():
            return Rest(id, model.after, model.lasting, model.per, source, verified)
        case ConsentNeededModel():
            return ConsentNeeded(id, model.scope, model.max_age, source, verified)
        case AbandonedLimitModel():
            return AbandonedLimit(
                id,
                model.most,
                model.window,
                model.grace,
                model.least_ring,
                model.machines_count,
                source,
                verified,
            )


def _week(model: CallingHoursModel) -> tuple[tuple[Span, ...], ...]:
    week: list[tuple[Span, ...]] = [()] * 7
    for days, hours in model.week.items():
        for day in days_of(days):
            week[day] = tuple(sorted(span_of(one) for one in hours))
    return tuple(week)


def _closed(model: CallingHoursModel) -> frozenset[int]:
    closed = frozenset(day_number(date.fromisoformat(day)) for day in model.closed)
    if (it := model.holidays) is not None:
        closed |= days_off(*it.key())
    return closed


# ── what is wrong between them ───────────────────────────────────────────────────────────────


def mistakes(document: Document) -> Iterator[Mistake]:
    """States that are none, rules that are there twice, hours that nobody can keep. A key that could not be read is
    None, and is passed over: it is told already."""
    for name, model in document.rule_sets.items():
        yield from _unknown_states(name, model)
        yield from _said_twice(name, model)
    yield from _no_common_hour(document)


def unverified(model: RuleSetModel) -> list[str]:
    """The names of its rules that nobody has read in their sources."""
    return [rule for rule, it in (model.rules or {}).items() if not it.verified]


def _unknown_states(name: str, model: RuleSetModel) -> Iterator[Mistake]:
    for i, state in enumerate(model.states or ()):
        if model.country is not None and (right := meant(model.country, state)) is not None:
            path = ("rule_sets", name, "states", i)
            yield Mistake(path, f"there is no state {shown(state)} in {model.country}", right)


def _said_twice(name: str, model: RuleSetModel) -> Iterator[Mistake]:
    said: dict[Rule, str] = {}
    for rule, it in (model.rules or {}).items():
        first = said.setdefault(replace(rule_of("", it), source="", verified=True), rule)
        if first != rule:
            path = ("rule_sets", name, "rules", rule)
            yield Mistake(path, f"{shown(first)} says the same", "keep one of them, with both sources", True)


def _no_common_hour(document: Document) -> Iterator[Mistake]:
    """Hours of rules that hold for the same people: a call must be within all of them."""
    hours = [
        (name, rule, model, _week(it))
        for name, model in document.rule_sets.items()
        for rule, it in (model.rules or {}).items()
        if isinstance(it, CallingHoursModel)
    ]
    for name, rule, _, week in hours:
        if not _meet(week, week):
            path = ("rule_sets", name, "rules", rule, "week")
            yield Mistake(path, "no hour is in it: nobody could ever be called", "write hours, or remove the rule")
    for (one, rule, model, week), (other, later, its, hers) in combinations(hours, 2):
        if _same_people(model, its) and _meet(week, week) and _meet(hers, hers) and not _meet(week, hers):
            wrong = f"it has no hour in common with {shown(f'{one}.{rule}')}, which holds for the same people"
            path = ("rule_sets", other, "rules", later, "week")
            yield Mistake(path, wrong, "nobody could ever be called: change one of them")


def _meet(week: tuple[tuple[Span, ...], ...], other: tuple[tuple[Span, ...], ...]) -> bool:
    return any(
        max(start, begin) < min(end, until)
        for day, its in zip(week, other, strict=True)
        for start, end in day
        for begin, until in its
    )


def _same_people(one: RuleSetModel, other: RuleSetModel) -> bool:
    states = not one.states or not other.states or set(one.states) & set(other.states)
    kinds = set(one.kinds or ()) & set(other.kinds or ())
    return one.country is not None and one.country == other.country and bool(states) and bool(kinds)
