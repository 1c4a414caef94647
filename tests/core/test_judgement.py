"""The gate's full judgement: each rule at its edges, and everything that is not known refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from callctl.core.addresses import E164
from callctl.core.campaigns import CampaignPhase
from callctl.core.contacts import Callback, Consent, Contact, Happened, Number, Past
from callctl.core.events import CallArrived
from callctl.core.hours import Calendar, local
from callctl.core.ids import SECOND, AttemptId, CalendarId, ContactId, LegId, Micros, RuleSetId, SwitchId
from callctl.core.judgement import CHECKS
from callctl.core.law import (
    AbandonedLimit,
    After,
    AttemptLimit,
    AttemptOutcome,
    CallingHours,
    CallKind,
    ConsentNeeded,
    Per,
    Rest,
    Rule,
    RuleSet,
)
from callctl.core.model import Switch
from callctl.core.numberset import NumberSet
from callctl.core.outbound import CLAIM_LIFE, CLOCK_LIFE, EVERYWHERE, ClockSeen, number_key
from callctl.zones import offsets_of
from tests.core.outbound import CAMPAIGN, NODE, OWN, Case, at
from tests.core.world import stage
from tests.law import shipped_rule_sets

pytestmark = pytest.mark.core

NOON = at("America/New_York", 2026, 6, 3, 12, 0)
DAY = 86_400 * SECOND
PLACES = {
    "US": ("12125550123", "America/New_York"),
    "CA": ("14165550123", "America/Toronto"),
    "GB": ("442079460123", "Europe/London"),
    "DE": ("4930123456", "Europe/Berlin"),
    "FR": ("33142685300", "Europe/Paris"),
}
"""A number and a zone of each country that config/ has law for."""


SHIPPED = {rule.id: (rules, rule) for rules in shipped_rule_sets() for rule in rules.rules}


def case_of(rules: RuleSet, rule: Rule) -> Case:
    """Somebody for whom the rule holds, and it alone."""
    digits, zone = PLACES[rules.country]
    states = tuple(sorted(rules.states))[:1]
    number = Number(E164(digits), country=rules.country, zones=(zone,), states=states)
    kind = next(iter(sorted(rules.kinds)))
    return Case((rule,), rules.country, rules.states, kind, number)


@pytest.mark.parametrize("name", SHIPPED)
def test_edges(name: str) -> None:
    """Each rule of config/ at its edges: a second before, and after."""
    rules, rule = SHIPPED[name]
    case = case_of(rules, rule)
    match rule:
        case CallingHours():
            _hours(case, rule)
        case AttemptLimit():
            _limit(case, rule)
        case Rest():
            _rest(case, rule)
        case ConsentNeeded():
            _consent(case, rule)
        case AbandonedLimit():
            assert case.refused(_open(case)) == ""  # it binds the pace; tests/adapters/test_people.py has its edges
        case _:
            raise AssertionError(rule)


def _open(case: Case) -> Micros:
    return at(case.number.zones[0], 2026, 6, 3, 12, 0)


def _hours(case: Case, rule: CallingHours) -> None:
    """Two weeks, the two days on which the clock is changed, and a holiday if there is one: each second at an edge."""
    zone = case.number.zones[0]
    days = [date(2026, 6, 1) + timedelta(n) for n in range(14)] + list(_changes(zone))
    days += [date(1970, 1, 1) + timedelta(n) for n in sorted(rule.closed)[100:102]]
    for day in days:
        number = (day - date(1970, 1, 1)).days
        spans = () if number in rule.closed else rule.week[day.weekday()]
        midnight = at(zone, day.year, day.month, day.day)
        seconds = {edge + by for start, end in spans for edge in (start, end) for by in (-1, 0)} | {12 * 3600}
        for second in sorted(s for s in seconds if 3 * 3600 <= s < 86_400):
            now = at(zone, day.year, day.month, day.day, second // 3600, second // 60 % 60, second % 60)
            assert local(case.world.outbound.zones[zone], now) == (number, second), "not the wall clock's time"
            allowed = any(start <= second < end for start, end in spans)
            assert case.refused(now) == ("" if allowed else rule.id), (day, second)
        assert case.refused(midnight) == rule.id


def _changes(zone: str) -> Iterator[date]:
    """The days of 2026 on which the clock is changed."""
    for n in range(364):
        day = date(2026, 1, 1) + timedelta(n)
        before, after = (at(zone, d.year, d.month, d.day) for d in (day, day + timedelta(1)))
        if after - before != DAY:
            yield day


def _attempts(case: Case, times: list[Micros], outcome: AttemptOutcome = AttemptOutcome.NO_ANSWER) -> None:
    assert case.contact is not None
    digits, contact = case.number.address.digits, case.contact.id
    past = tuple(
        Past(f"a{n}", t, Happened.ATTEMPT, digits, contact, case.contact.debt, outcome) for n, t in enumerate(times)
    )
    case.contact = replace(case.contact, past=past)


def _limit(case: Case, rule: AttemptLimit) -> None:
    """Exactly `most` in the window; the oldest leaves it to the microsecond."""
    now = _open(case)
    first = now - rule.within
    times = [first + 1] + [now - SECOND * (n + 1) for n in range(rule.most - 1)]
    _attempts(case, times[:-1] if rule.most > 1 else [])
    assert case.refused(now) == ""
    _attempts(case, times)
    verdict = case.judge(now)
    assert verdict.rule == rule.id
    assert verdict.until == first + 1 + rule.within
    assert case.refused(now + 1) == "", "the oldest has left the window"
    if not rule.undelivered:
        _attempts(case, times, AttemptOutcome.BUSY)
        assert case.refused(now) == "", "what rang nobody's phone does not count"


def _rest(case: Case, rule: Rest) -> None:
    assert case.contact is not None
    now = _open(case)
    what, outcome = {
        After.CONVERSATION: (Happened.CONVERSATION, None),
        After.REFUSAL: (Happened.REFUSAL, None),
        After.ABANDONED: (Happened.ATTEMPT, AttemptOutcome.ABANDONED),
        After.MACHINE: (Happened.ATTEMPT, AttemptOutcome.MACHINE),
    }[rule.after]
    digits = case.number.address.digits
    case.contact = replace(
        case.contact, past=(Past("x", now - rule.lasting + 1, what, digits, case.contact.id, "", outcome),)
    )
    verdict = case.judge(now)
    assert (verdict.rule, verdict.until) == (rule.id, now + 1)
    assert case.refused(now + 1) == ""


def _consent(case: Case, rule: ConsentNeeded) -> None:
    assert case.contact is not None
    now, number = _open(case), case.number.address
    assert case.refused(now) == rule.id
    for scope, allowed in (("other", False), (rule.scope, True), ("*", True)):
        case.contact = replace(case.contact, consents=(Consent(number, scope, now, "on paper"),))
        assert (case.refused(now) == "") is allowed
    if rule.max_age:
        assert case.refused(now + rule.max_age - 1) == ""
        assert case.refused(now + rule.max_age) == rule.id
    case.contact = replace(case.contact, consents=(Consent(number, rule.scope, now + 1, "tomorrow"),))
    assert case.refused(now) == rule.id, "not given yet"
    case.contact = replace(case.contact, consents=(Consent(E164("12125550199"), rule.scope, now, "another number"),))
    assert case.refused(now) == rule.id


def test_consent_is_revoked_from_now_on() -> None:
    case = Case((ConsentNeeded("set.consent", "sales"),))
    assert case.contact is not None
    case.contact = replace(case.contact, consents=(Consent(case.number.address, "sales", NOON, "on paper"),))
    revoked = Past("r", NOON + SECOND, Happened.REVOKED, case.number.address.digits, scope="*")
    case.world.outbound.recent.add(revoked, NOON + SECOND)
    assert case.refused(NOON + 2 * SECOND) == "set.consent"
    again = Consent(case.number.address, "sales", NOON + 3 * SECOND, "on the phone")
    case.contact = replace(case.contact, consents=(*case.contact.consents, again))
    assert case.refused(NOON + 3 * SECOND) == ""


# ── where the person is ──────────────────────────────────────────────────────────────────────

FROM_8_TO_21 = CallingHours("set.hours", (((8 * 3600, 21 * 3600),),) * 7)


def test_a_number_on_a_border_of_zones_is_called_within_the_hours_of_all() -> None:
    """Louisville's and Nashville's numbers may be on either side."""
    zones = ("America/New_York", "America/Chicago")
    case = Case((FROM_8_TO_21,), number=Number(E164("15025550123"), country="US", zones=zones))
    assert case.refused(at("America/New_York", 2026, 6, 3, 8, 59, 59)) == "set.hours"
    assert case.refused(at("America/New_York", 2026, 6, 3, 9)) == ""
    assert case.refused(at("America/New_York", 2026, 6, 3, 20, 59, 59)) == ""
    verdict = case.judge(at("America/New_York", 2026, 6, 3, 21))
    assert verdict.rule == "set.hours"
    assert verdict.until == at("America/Chicago", 2026, 6, 4, 8), "when it is eight in the later of the two"


def test_the_zone_that_the_contact_states_is_believed() -> None:
    number = Number(E164("12125550123"), country="US", zones=("America/New_York",))
    contact = Contact(ContactId(7), CAMPAIGN, (number,), zone="America/Los_Angeles")
    case = Case((FROM_8_TO_21,), number=number, contact=contact)
    assert case.refused(at("America/New_York", 2026, 6, 3, 10)) == "set.hours"
    assert case.refused(at("America/Los_Angeles", 2026, 6, 3, 8)) == ""
    assert case.refused(at("America/Los_Angeles", 2026, 6, 3, 20, 59)) == ""


def test_whose_number_is_of_another_country_must_say_where_they_are() -> None:
    number = Number(E164("442079460123"), country="GB", zones=("Europe/London",))
    case = Case((FROM_8_TO_21,), number=number, contact=Contact(ContactId(7), CAMPAIGN, (number,), country="US"))
    british = replace(case.world.policy.rule_sets[1], id=RuleSetId("gb"), country="GB")
    case.world.policy = replace(case.world.policy, rule_sets=(*case.world.policy.rule_sets, british))
    assert case.refused(NOON) == "zone"
    assert case.contact is not None
    case.contact = replace(case.contact, zone="America/Chicago")
    case.world.outbound.zones["America/Chicago"] = offsets_of("America/Chicago")
    assert case.refused(NOON) == ""


def test_zones_with_no_hour_in_common() -> None:
    zones = ("Pacific/Guam", "America/New_York")
    short = CallingHours("set.hours", (((9 * 3600, 17 * 3600),),) * 7)
    case = Case((short,), number=Number(E164("18005550123"), country="US", zones=zones))
    for hour in range(24):
        verdict = case.judge(at("UTC", 2026, 6, 3, hour))
        assert (verdict.rule, verdict.until) == ("set.hours", None)


def test_an_hour_that_never_comes_and_one_that_comes_twice() -> None:
    night = CallingHours("set.hours", (((2 * 3600, 3 * 3600),),) * 7)
    case = Case((night,))
    assert case.refused(at("UTC", 2026, 3, 8, 6, 59, 59)) == "set.hours"  # 1:59:59; the next second is 3:00
    assert case.refused(at("UTC", 2026, 3, 8, 7)) == "set.hours"
    verdict = case.judge(at("UTC", 2026, 3, 8, 6))
    assert verdict.until == at("America/New_York", 2026, 3, 9, 2), "not on the day that has no such hour"
    once_more = CallingHours("set.hours", (((3600, 2 * 3600),),) * 7)
    case = Case((once_more,))
    assert [case.refused(at("UTC", 2026, 11, 1, hour)) for hour in (4, 5, 6, 7)] == ["set.hours", "", "", "set.hours"]


@pytest.mark.parametrize(
    ("stated", "by_number", "holds"),
    [("", ("FL",), True), ("FL", ("NY",), True), ("NY", ("FL",), True), ("NY", ("NY",), False), ("", (), True)],
)
def test_a_states_rules_hold_for_who_may_be_there(stated: str, by_number: tuple[str, ...], holds: bool) -> None:
    """By the address and by the number; of whom nobody knows the state: all states' rules."""
    number = Number(E164("13055550123"), country="US", zones=("America/New_York",), states=by_number)
    contact = Contact(ContactId(7), CAMPAIGN, (number,), state=stated)
    never = AttemptLimit("set.never", 1, DAY, Per.NUMBER)
    case = Case((never,), states=frozenset({"FL"}), number=number, contact=contact)
    _attempts(case, [NOON - SECOND])
    assert case.refused(NOON) == ("set.never" if holds else "")


def test_rules_of_both_countries_hold_where_address_and_number_differ() -> None:
    number = Number(E164("33142685300"), country="FR", zones=("Europe/Paris",))
    contact = Contact(ContactId(7), CAMPAIGN, (number,), country="US", zone="America/New_York")
    case = Case((), number=number, contact=contact)
    assert case.refused(NOON) == "no_rules"  # of France there are none
    assert "FR" in case.judge(NOON).why


# ── whose attempts count ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("per", "number", "contact", "debt", "counts"),
    [
        (Per.NUMBER, "12125550123", 8, "other", True),
        (Per.NUMBER, "12125550199", 7, "loan", False),
        (Per.CONTACT, "12125550199", 7, "other", True),
        (Per.CONTACT, "12125550123", 8, "loan", False),
        (Per.DEBT, "12125550199", 8, "loan", True),
        (Per.DEBT, "12125550123", 7, "other", False),
    ],
)
@pytest.mark.parametrize("since_claimed", [False, True])
def test_whose_attempts_a_limit_counts(
    per: Per, number: str, contact: int, debt: str, counts: bool, since_claimed: bool
) -> None:
    case = Case((AttemptLimit("set.limit", 1, DAY, per),))
    assert case.contact is not None
    case.contact = replace(case.contact, debt="loan")
    past = Past("a", NOON - SECOND, Happened.ATTEMPT, number, ContactId(contact), debt)
    if since_claimed:
        case.world.outbound.recent.add(past, NOON - SECOND)
    else:
        case.contact = replace(case.contact, past=(past,))
    assert case.refused(NOON) == ("set.limit" if counts else "")


def test_an_attempt_counts_once_however_often_it_is_known() -> None:
    case = Case((AttemptLimit("set.limit", 2, DAY, Per.NUMBER, undelivered=False),))
    _attempts(case, [NOON - SECOND])
    assert case.contact is not None
    case.world.outbound.recent.add(case.contact.past[0], NOON)
    assert case.refused(NOON) == ""
    newer = replace(case.contact.past[0], outcome=AttemptOutcome.BUSY)
    case.world.outbound.recent.add(newer, NOON)
    _attempts(case, [NOON - SECOND, NOON - 2 * SECOND])
    assert case.refused(NOON) == "", "as it is known last, one of the two rang nobody's phone"


# ── the house's own ──────────────────────────────────────────────────────────────────────────


def test_nothing_stands_against_it() -> None:
    verdict = Case((FROM_8_TO_21,)).judge(NOON)
    assert verdict.rule == "allowed"
    assert verdict.kept == ("set 2026-11-27", "always 1")


def test_nobody_is_called_where_nobody_has_said_when() -> None:
    """A rule set of the country is not enough: it must be of these calls, of this state, and say hours."""
    case = Case((FROM_8_TO_21,))
    (hours, _), night = case.world.policy.rule_sets, at("America/New_York", 2026, 6, 3, 3)
    for rules in (
        replace(hours, kinds=frozenset({CallKind.DEBT})),
        replace(hours, states=frozenset({"TX"})),
        replace(hours, rules=(AttemptLimit("set.limit", 9, DAY, Per.NUMBER),)),
        replace(hours, country="CA"),
    ):
        case.world.policy = replace(case.world.policy, rule_sets=(rules,))
        assert case.refused(night) == case.refused(NOON) == "no_rules", rules


def test_states_of_one_country_say_nothing_of_the_others() -> None:
    number = Number(E164("14165550123"), country="CA", zones=("America/Toronto",), states=("ON",))
    contact = Contact(ContactId(7), CAMPAIGN, (number,), country="US", zone="America/Toronto")
    never = AttemptLimit("set.never", 1, DAY, Per.NUMBER)
    case = Case((never,), states=frozenset({"FL"}), number=number, contact=contact)
    canada = replace(case.world.policy.rule_sets[1], id=RuleSetId("ca"), country="CA")
    case.world.policy = replace(case.world.policy, rule_sets=(*case.world.policy.rule_sets, canada))
    _attempts(case, [NOON - SECOND])
    assert case.refused(NOON) == "set.never", "who may be in any state of the US may be in Florida"


@pytest.mark.parametrize("per", [Per.CONTACT, Per.DEBT])
@pytest.mark.parametrize("since_claimed", [False, True])
def test_who_calls_us_is_known_by_any_of_their_numbers(per: Per, since_claimed: bool) -> None:
    """A debtor phones in from another number of theirs, and talks: the rest after it holds."""
    other = Number(E164("12125550199"), country="US", zones=("America/New_York",), states=("NY",))
    case = Case((Rest("set.rest", After.CONVERSATION, DAY, per),))
    assert case.contact is not None
    case.contact = replace(case.contact, numbers=(case.number, other), debt="loan")
    case.configure(after_conversation=0)
    talk = Past("c", NOON - SECOND, Happened.CONVERSATION, other.address.digits)
    if since_claimed:
        case.world.outbound.recent.add(talk, NOON - SECOND)
    else:
        case.contact = replace(case.contact, past=(talk,))
    assert case.refused(NOON) == "set.rest"
    case.contact = replace(case.contact, past=(replace(talk, number="12125550177"),))
    case.world.outbound.recent.erase(talk.number)
    assert case.refused(NOON) == ""


def _forbid(case: Case, what: str) -> None:  # noqa: C901 - a list
    out, number = case.world.outbound, case.number
    assert case.contact is not None
    match what:
        case "campaign":
            out.campaigns[CAMPAIGN].phase = CampaignPhase.PAUSED
        case "barred":
            case.number = replace(number, barred="another's")
            case.contact = replace(case.contact, numbers=(case.number,))
        case "not_theirs":
            case.contact = replace(case.contact, numbers=(Number(E164("12125550199")),))
        case "most_per_contact":
            case.contact = replace(case.contact, attempts=case.campaign.most_per_contact)
        case "most_per_number":
            case.contact = replace(case.contact, per_number=(case.campaign.most_per_number,))
        case "do_not_call_unread":
            out.do_not_call.clear()
        case "do_not_call":
            out.do_not_call[EVERYWHERE].add(number.address.digits)
        case "in_a_call":
            case.world.index.in_call(number.address.digits, "call", over=False)  # type: ignore[arg-type]
        case "being_called":
            out.busy[number_key(number.address.digits)] = AttemptId("a")
        case "promised":
            case.number = replace(number, promised=True)
            case.contact = replace(case.contact, numbers=(case.number,))
        case "conversation":
            talk = Past("c", NOON - DAY, Happened.CONVERSATION, number.address.digits)
            case.contact = replace(case.contact, past=(talk,))
        case "consent":
            case.configure(consent="sales")
        case "caller_id":
            case.caller_id = E164("442079460001")
        case "country":
            case.number = replace(number, country="")
            case.contact = replace(case.contact, numbers=(case.number,))
        case "no_rules":
            case.world.policy = replace(case.world.policy, rule_sets=())
        case "zone":
            out.zones.clear()
        case "house_hours":
            case.configure(hours="nine-to-five")
        case _:
            raise AssertionError(what)


@pytest.mark.parametrize(
    "what",
    [
        "campaign", "barred", "not_theirs", "most_per_contact", "most_per_number", "do_not_call_unread",
        "do_not_call", "in_a_call", "being_called", "promised", "conversation", "consent", "caller_id", "country",
        "no_rules", "zone", "house_hours",
    ],
)  # fmt: skip
def test_the_house_refuses(what: str) -> None:
    case = Case((FROM_8_TO_21,))
    assert case.refused(NOON) == ""
    _forbid(case, what)
    assert case.refused(NOON) == what


def test_hours_that_a_switch_has_closed() -> None:
    """Nobody knows until when, so the contact is not put off until the next morning."""
    case = Case((FROM_8_TO_21,))
    fire, daily = SwitchId("fire"), CalendarId("daily")
    calendar = Calendar(((0, 0),), (((8 * 3600, 86_400),),) * 7, closed_while=(fire,))
    case.world.policy = replace(case.world.policy, calendars={daily: calendar})
    case.configure(hours=daily)
    assert case.refused(NOON) == ""
    case.world.switches[fire] = Switch(fire, NOON, "eve")
    verdict = case.judge(NOON)
    assert (verdict.rule, verdict.until) == ("house_hours", None)
    assert "closed by the switch fire" in verdict.why


def test_a_list_of_the_campaigns_own_and_prefixes() -> None:
    case = Case()
    case.world.outbound.do_not_call[CAMPAIGN] = NumberSet()
    case.world.outbound.do_not_call[CAMPAIGN].add("1212", prefix=True)
    assert case.refused(NOON) == "do_not_call"
    case.world.outbound.do_not_call[CAMPAIGN].remove("1212", prefix=True)
    assert case.refused(NOON) == ""
    case.world.outbound.do_not_call["another"] = NumberSet(added={12125550123})
    assert case.refused(NOON) == ""


def test_withheld_and_unanswered_numbers_are_not_shown() -> None:
    case = Case()
    case.caller_id = None
    assert case.refused(NOON) == "caller_id"
    case.caller_id = OWN
    case.world.policy = replace(case.world.policy, entries={})
    assert case.refused(NOON) == "caller_id"
    assert "nobody answers" in case.judge(NOON).why


def test_a_wrong_clock_or_an_unknown_one_calls_nobody() -> None:
    case = Case()
    about = case.judge(NOON)
    assert about.permit is not None
    for seen, allowed in (
        (None, False),
        (ClockSeen(2 * SECOND, NOON), True),
        (ClockSeen(2 * SECOND + 1, NOON), False),
        (ClockSeen(-2 * SECOND - 1, NOON), False),
        (ClockSeen(0, NOON - CLOCK_LIFE), True),
        (ClockSeen(0, NOON - CLOCK_LIFE - 1), False),
    ):
        case.world.outbound.clock = seen
        found = CHECKS[1](case.world, None, NOON)  # type: ignore[arg-type]
        assert (found is None) is allowed, seen


def test_a_claim_that_is_too_old_is_read_anew() -> None:
    assert CLAIM_LIFE == 3600 * SECOND
    assert [check.__name__ for check in CHECKS].index("_fresh") < [c.__name__ for c in CHECKS].index("_law")


def test_a_time_that_was_agreed_is_kept_after_a_conversation() -> None:
    case = Case()
    _forbid(case, "conversation")
    assert case.contact is not None
    case.contact = replace(case.contact, callback=Callback(NOON, case.number.address))
    assert case.refused(NOON) == ""
    case.contact = replace(case.contact, callback=Callback(NOON + SECOND, case.number.address))
    assert case.refused(NOON) == "conversation"


def test_who_calls_us_is_in_a_call_until_the_call_is_over() -> None:
    it = stage()
    it.do(CallArrived(NODE, LegId("l"), E164("442079460001"), "x", E164("12125550123"), "Zoe"))
    assert it.world.index.callers["12125550123"]
    it.gone("l")
    assert not it.world.index.callers


def test_kinds() -> None:
    """A rule set of debts says nothing of sales."""
    case = Case((AttemptLimit("set.limit", 1, DAY, Per.NUMBER),))
    _attempts(case, [NOON - SECOND])
    assert case.refused(NOON) == "set.limit"
    limit, always = case.world.policy.rule_sets
    sets = (replace(limit, kinds=frozenset({CallKind.DEBT})), always)
    case.world.policy = replace(case.world.policy, rule_sets=sets)
    assert case.refused(NOON) == ""


def test_the_wall_clock_of_the_tests_is_right() -> None:
    assert at("UTC", 1970, 1, 2) == DAY
    assert ZoneInfo("America/New_York").key in {"America/New_York"}
    assert local(offsets_of("America/New_York"), NOON)[1] == 12 * 3600
