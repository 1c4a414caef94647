"""The form of rule sets: the law for calls to people, as operators write it. What it means is in core/law.py."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from callctl.core.ids import Micros
from callctl.core.law import After, CallKind, Per
from callctl.settings import types as t
from callctl.settings.days_off import FIRST_YEAR, LAST_YEAR, categories_of, last_year, subdivisions
from callctl.settings.errors import shown
from callctl.settings.strict import Strict, key, lasting
from callctl.settings.types import bad, nearest

Closed = Annotated[tuple[t.Date, ...], Field(max_length=1000)]
Kinds = Annotated[tuple[Annotated[CallKind, t.OneOf(CallKind)], ...], Field(min_length=1, max_length=len(CallKind))]
Category = Annotated[str, t.Text(r"[a-z_]{1,40}", "a category of holidays such as `public`")]

_BY_HAND = "list the days: under `dates` in a calendar, under `closed` in a rule"


class HolidaysModel(Strict):
    """Holidays that the `holidays` library computes, of the years 2024 to 2040."""

    country: t.Country = key("Whose holidays.", "FR")
    subdivision: Annotated[str, t.Text(r"[A-Za-z0-9 -]{1,40}", "a part of the country", number=True)] | None = Field(
        default=None, description="A part of the country that has holidays of its own."
    )
    categories: Annotated[tuple[Category, ...], Field(min_length=1, max_length=16)] = Field(
        default=("public",), description="Which kinds of holidays."
    )

    def judge(self) -> None:
        parts = subdivisions(self.country)
        if parts is None:
            raise bad(f"no holidays of {shown(self.country)} are known", _BY_HAND, "country")
        if self.subdivision is not None and self.subdivision not in parts:
            wrong = f"no holidays of a part {shown(self.subdivision)} are known"
            raise bad(wrong, nearest(self.subdivision, parts), "subdivision")
        known = categories_of(self.country)
        for category in self.categories:
            if category not in known:
                raise bad(f"there are no {shown(category)} holidays", nearest(category, known), "categories")
        if self.last_year() is None:  # as of Ukraine, under martial law
            wrong = f"{shown(self.country)} has no such holidays from {FIRST_YEAR} to {LAST_YEAR}"
            raise bad(wrong, _BY_HAND, "country")

    def key(self) -> tuple[str, str | None, tuple[str, ...]]:
        """By which `days_off` knows them."""
        return self.country, self.subdivision, tuple(sorted(self.categories))

    def last_year(self) -> int | None:
        """The last year of which they are known."""
        return last_year(*self.key())


class RuleModel(Strict):
    """What all rules have."""

    source: t.Citation = key("Where the law says it.", "47 CFR 64.1200(c)(1)")
    verified: t.Bool = Field(
        default=False, description="Somebody has read it in the source; `callctl check` counts those that nobody has."
    )


class CallingHoursModel(RuleModel):
    """No call outside these hours, by the clock where the person is."""

    kind: Literal["calling_hours"]
    week: Annotated[dict[t.Weekdays, Annotated[tuple[t.Hours, ...], Field(max_length=8)]], Field(min_length=1)] = key(
        "Hours by day or days; on a day that is not named nobody is called.", "{mon-sun: ['08:00-21:00']}"
    )
    holidays: HolidaysModel | None = Field(default=None, description="Nobody is called on these holidays.")
    closed: Closed = Field(default=(), description="Further dates on which nobody is called.")


class AttemptLimitModel(RuleModel):
    """At most so many attempts within so long: a rolling window."""

    kind: Literal["attempt_limit"]
    most: Annotated[int, t.Whole(1, 1000)] = key("So many attempts.", "3")
    within: Annotated[Micros, t.Length("1m", "366d")] = key("Within so long.", "24h")
    per: Annotated[Per, t.OneOf(Per)] = key("Whose attempts count together.", "contact")
    undelivered: t.Bool = Field(default=True, description="Calls that rang nobody's phone count too.")


class RestModel(RuleModel):
    """No attempt for so long after something."""

    kind: Literal["rest"]
    after: Annotated[After, t.OneOf(After)] = key("What it follows.", "conversation")
    lasting: Annotated[Micros, t.Length("1m", "3660d")] = key("For so long.", "7d")
    per: Annotated[Per, t.OneOf(Per)] = key("Who is left alone.", "number")


class ConsentNeededModel(RuleModel):
    """No call without the person's consent on record."""

    kind: Literal["consent_needed"]
    scope: t.Name = key("What it was given for: a word of the house.", "sales")
    max_age: Annotated[Micros, t.Length("1d", "3660d", zero=True)] = lasting(
        "0s", "It counts for so long after it was given; 0s: until it is revoked."
    )


class AbandonedLimitModel(RuleModel):
    """How many of those who answer may find no agent in time."""

    kind: Literal["abandoned_limit"]
    most: t.Share = key("Of the calls that a person answered.", "3%")
    window: Annotated[Micros, t.Length("1h", "366d")] = key("In each successive window of so long.", "30d")
    grace: Annotated[Micros, t.Length("100ms", "1m")] = lasting(
        "2s", "From the end of the person's greeting; then the call is abandoned."
    )
    least_ring: Annotated[Micros, t.Length("1s", "3m", zero=True)] = lasting(
        "15s", "Let it ring so long before giving up; 0s: the rule says nothing of it."
    )
    machines_count: t.Bool = Field(
        default=False, description="Persons who were taken for answering machines count as abandoned."
    )


AnyRuleModel: TypeAlias = Annotated[
    CallingHoursModel | AttemptLimitModel | RestModel | ConsentNeededModel | AbandonedLimitModel,
    Field(discriminator="kind"),
]


class RuleSetModel(Strict):
    """Rules that hold for some people and kinds of calls: by who is called."""

    version: t.Date = key("The day of its last change; written down with each verdict.", "2026-11-27")
    title: t.Label = key("What it is, for people.", "Florida, telephone solicitation")
    country: t.Country = key("ISO 3166, of the person called.", "US")
    states: Annotated[tuple[t.State, ...], Field(max_length=100)] = Field(
        default=(), description="ISO 3166-2 without the country, of the person called; `[]`: all of the country."
    )
    kinds: Kinds = Field(default=tuple(CallKind), description="Of calls; all if not given.")
    counsel: t.Label = Field(
        default="have counsel check", description="Who has checked the set, and when; for people alone."
    )
    rules: Annotated[dict[t.Name, AnyRuleModel], Field(min_length=1, max_length=100)] = key(
        "By names of yours.", "{hours: {kind: calling_hours, …}}"
    )
