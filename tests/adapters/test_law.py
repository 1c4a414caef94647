"""The law as data: what rule sets become, and each figure of the samples in config/ against its source."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from phonenumbers import SUPPORTED_REGIONS

from callctl.core.hours import Span
from callctl.core.law import (
    AbandonedLimit,
    After,
    AttemptLimit,
    CallingHours,
    CallKind,
    ConsentNeeded,
    Per,
    Rest,
    Rule,
    RuleSet,
)
from callctl.settings import Loaded, changes, create_missing, load
from callctl.settings.days_off import categories_of, days_off, subdivisions
from callctl.settings.law_text import rule_text
from callctl.settings.types import duration, percent_text
from callctl.states import STATES

pytestmark = pytest.mark.adapter

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "config"
NODES = 'nodes: {pbx: {ari: {password: "env:S"}, ami: {password: "env:S"}, include_dir: callctl.d}}\n'


def length(text: str) -> int:
    """The length of time in microseconds."""
    found = duration(text)
    assert found is not None
    return found


def of_clock(text: str) -> Span:
    """`08:00-21:00` in seconds since midnight, without the code that is tested."""
    start, end = (int(it[:2]) * 3600 + int(it[3:]) * 60 for it in text.split("-"))
    return start, end


def every_day(*hours: str) -> tuple[tuple[Span, ...], ...]:
    return (tuple(map(of_clock, hours)),) * 7


def day(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return loaded_sample(tmp_path_factory.mktemp("overlay"))


def loaded_sample(overlay: Path, more: str = "") -> Loaded:
    (overlay / "over.yaml").write_text("nodes: {pbx: {include_dir: callctl.d}}\n" + more)
    create_missing(SAMPLE, overlay)
    return load(SAMPLE, overlay, {})


def law(folder: Path, text: str, more: str = "") -> Loaded:
    """What a configuration with these rule sets becomes."""
    folder.mkdir(exist_ok=True)
    (folder / "a.yaml").write_text(NODES + more + "rule_sets:\n" + text)
    return load(folder, environ={"S": "x"})


# ── the samples ──────────────────────────────────────────────────────────────────────────────

SETS = {
    "ca-crtc": ("CA", set(), {CallKind.SALES}),
    "de-codex": ("DE", set(), set(CallKind)),
    "de-uwg": ("DE", set(), {CallKind.SALES}),
    "fr": ("FR", set(), {CallKind.SALES}),
    "gb-ofcom": ("GB", set(), set(CallKind)),
    "us-federal": ("US", set(), {CallKind.SALES}),
    "us-florida": ("US", {"FL"}, {CallKind.SALES}),
    "us-maryland": ("US", {"MD"}, {CallKind.SALES}),
    "us-massachusetts": ("US", {"MA"}, {CallKind.DEBT}),
    "us-oklahoma": ("US", {"OK"}, {CallKind.SALES}),
    "us-reg-f": ("US", set(), {CallKind.DEBT}),
    "us-texas": ("US", {"TX"}, {CallKind.SALES}),
    "us-washington": ("US", {"WA"}, {CallKind.SALES}),
}
SETS |= {f"{country.lower()}-house": (country, set(), set(CallKind)) for country in ("CA", "DE", "FR", "GB", "US")}
OFCOM = "Ofcom, statement on persistent misuse, withdrawn 2017-02-28"
CODEX = "Codex of DDV and CCV"
CRTC = "CRTC Unsolicited Telecommunications Rules"
FLORIDA = "Fla. Stat. 501.616(6)"
OKLAHOMA = "Telephone Solicitation Act of 2022, 15 O.S. 775C"
MARYLAND = "Stop the Spam Calls Act of 2023, Commercial Law 14-4502"
FRANCE = "Code de la consommation D. 223-9 (decree 2022-1313)"
EIGHT_TO_EIGHT = every_day("08:00-20:00")
EIGHT_TO_NINE = every_day("08:00-21:00")
TEXAS = ((of_clock("09:00-21:00"),),) * 6 + ((of_clock("12:00-21:00"),),)
CANADA = ((of_clock("09:00-21:30"),),) * 5 + ((of_clock("10:00-18:00"),),) * 2
FRENCH = ((of_clock("10:00-13:00"), of_clock("14:00-20:00")),) * 5 + ((),) * 2
H24, D7, D30, D60 = length("24h"), length("7d"), length("30d"), length("60d")
S2, S15, H72 = length("2s"), length("15s"), length("72h")

HOUSE = ((of_clock("08:00-21:00"),),) * 6 + ((of_clock("10:00-18:00"),),)
RULES: list[Rule] = [
    *(
        CallingHours(f"{country}-house.hours", HOUSE, source="a choice of the house; make it yours")
        for country in ("ca", "de", "fr", "gb", "us")
    ),
    CallingHours("ca-crtc.hours", CANADA, source=CRTC, verified=False),
    AbandonedLimit("ca-crtc.abandoned", 5000, D30, S2, 0, source=CRTC, verified=False),
    AbandonedLimit("de-codex.ring", 100_000, H24, S2, S15, source=CODEX),
    Rest("de-codex.rest", After.ABANDONED, H72, Per.NUMBER, CODEX),
    ConsentNeeded("de-uwg.consent", "sales", 0, "UWG § 7"),
    CallingHours("fr.hours", FRENCH, days_off("FR", None, ("public",)), FRANCE),
    AttemptLimit("fr.attempts", 4, D30, Per.CONTACT, True, FRANCE),
    AttemptLimit("fr.attempts-number", 4, D30, Per.NUMBER, True, FRANCE),
    Rest("fr.refusal", After.REFUSAL, D60, Per.CONTACT, FRANCE, False),
    Rest("fr.refusal-number", After.REFUSAL, D60, Per.NUMBER, FRANCE, False),
    ConsentNeeded("fr.consent", "sales", 0, "The law on consent, in force from 2026-08-11", False),
    AbandonedLimit("gb-ofcom.abandoned", 3000, H24, S2, S15, True, OFCOM, False),
    Rest("gb-ofcom.rest", After.ABANDONED, H72, Per.NUMBER, OFCOM),
    Rest("gb-ofcom.machine", After.MACHINE, H24, Per.NUMBER, OFCOM, False),
    CallingHours("us-federal.hours", EIGHT_TO_NINE, source="47 CFR 64.1200(c)(1)"),
    AbandonedLimit("us-federal.abandoned", 3000, D30, S2, S15, source="16 CFR 310.4(b)(4)"),
    CallingHours("us-florida.hours", EIGHT_TO_EIGHT, source=FLORIDA),
    AttemptLimit("us-florida.attempts", 3, H24, Per.CONTACT, True, FLORIDA),
    CallingHours("us-maryland.hours", EIGHT_TO_EIGHT, source=MARYLAND),
    AttemptLimit("us-maryland.attempts", 3, H24, Per.CONTACT, True, MARYLAND),
    AttemptLimit("us-massachusetts.attempts", 2, D7, Per.DEBT, True, "940 CMR 7.04(1)(f)", False),
    CallingHours("us-oklahoma.hours", EIGHT_TO_EIGHT, source=OKLAHOMA),
    AttemptLimit("us-oklahoma.attempts", 3, H24, Per.CONTACT, True, OKLAHOMA),
    CallingHours("us-reg-f.hours", EIGHT_TO_NINE, source="12 CFR 1006.6"),
    AttemptLimit("us-reg-f.attempts", 7, D7, Per.DEBT, False, "12 CFR 1006.14(b)(2)"),
    Rest("us-reg-f.rest", After.CONVERSATION, D7, Per.DEBT, "12 CFR 1006.14(b)(2)", False),
    CallingHours("us-texas.hours", TEXAS, source="Texas SB 140, in force from 2025-09-01", verified=False),
    CallingHours("us-washington.hours", EIGHT_TO_EIGHT, source="Washington HB 1497"),
]


def test_whom_the_samples_are_for(sample: Loaded) -> None:
    sets = {it.id: (it.country, set(it.states), set(it.kinds)) for it in sample.policy.rule_sets}
    assert sets == SETS
    assert {it.version for it in sample.policy.rule_sets} == {"2026-11-27"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_what_its_source_says(sample: Loaded, rule: Rule) -> None:
    assert {it.id: it for it in rules_of(sample)}[rule.id] == rule


def test_there_is_no_other_rule(sample: Loaded) -> None:
    assert {it.id for it in rules_of(sample)} == {it.id for it in RULES}


def rules_of(loaded: Loaded) -> list[Rule]:
    return [rule for it in loaded.policy.rule_sets for rule in it.rules]


def test_what_is_said_of_the_samples(sample: Loaded, tmp_path: Path) -> None:
    """Sets for nobody once for each country; of the others each that has unverified rules."""
    said = [f"{it.path}: {it.wrong}; {it.right}" for it in sample.warnings if it.path.startswith("rule_sets")]
    assert said == [
        "rule_sets.ca-crtc: `dialing` allows no number of CA: 2 rule sets for nobody; "
        'add `dialing: {allowed: ["+1"]}`, or remove what is not needed',
        "rule_sets.de-uwg: `dialing` allows no number of DE: 3 rule sets for nobody; "
        'add `dialing: {allowed: ["+49"]}`, or remove what is not needed',
        "rule_sets.fr: `dialing` allows no number of FR: 2 rule sets for nobody; "
        'add `dialing: {allowed: ["+33"]}`, or remove what is not needed',
        "rule_sets.gb-ofcom: 2 rules unverified in rule set `gb-ofcom`: abandoned, machine; have counsel check",
        "rule_sets.us-federal: `dialing` allows no number of US: 9 rule sets for nobody; "
        'add `dialing: {allowed: ["+1"]}`, or remove what is not needed',
    ]
    everywhere = loaded_sample(tmp_path, 'dialing: {allowed: ["+1555", "+33", "+4", "+49"]}\n')
    assert {it.path: it.wrong.split(": ")[1] for it in everywhere.warnings if it.path.startswith("rule_sets")} == {
        "rule_sets.ca-crtc": "hours, abandoned",
        "rule_sets.fr": "refusal, refusal-number, consent",
        "rule_sets.gb-ofcom": "abandoned, machine",
        "rule_sets.us-massachusetts": "attempts",
        "rule_sets.us-reg-f": "rest",
        "rule_sets.us-texas": "hours",
    }


def test_nobody_in_france_is_called_on_holidays(sample: Loaded) -> None:
    """Code du travail L. 3133-1; Easter 2026 is the 5th of April."""
    (hours,) = (rule for rule in rules_of(sample) if rule.id == "fr.hours")
    assert isinstance(hours, CallingHours)
    assert sorted(it for it in hours.closed if day("2026-01-01") <= it <= day("2026-12-31")) == [
        day(text)
        for text in (
            *("2026-01-01", "2026-04-06", "2026-05-01", "2026-05-08", "2026-05-14", "2026-05-25", "2026-07-14"),
            *("2026-08-15", "2026-11-01", "2026-11-11", "2026-12-25"),
        )
    ]
    assert (min(hours.closed), max(hours.closed)) == (day("2024-01-01"), day("2040-12-25"))


def test_holidays_of_every_country_that_the_library_has() -> None:
    """Some countries are made of others, and of some it knows fewer years: none of that is an error."""
    known = [country for country in SUPPORTED_REGIONS if subdivisions(country) is not None]
    assert len(known) > 200
    without = {c for c in known if "public" in categories_of(c) and not days_off(c, None, ("public",))}
    assert without == {"IO", "UA"}  # no one is at home in the one; the other has none under martial law


# ── rules of one's own ───────────────────────────────────────────────────────────────────────

HEAD = "version: 2026-01-02, title: T, country: FR"
LATE = "{kind: rest, after: refusal, lasting: 7d, per: number, source: S, verified: true}"


def test_all_that_may_be_written(tmp_path: Path) -> None:
    loaded = law(
        tmp_path / "c",
        "  x:\n"
        "    version: 2026-01-02\n"
        "    title: T\n"
        "    country: US\n"
        "    states: [FL, TX]\n"
        "    kinds: [survey, service]\n"
        "    counsel: checked by A. Lovelace on 2026-01-01\n"
        "    rules:\n"
        "      h: {kind: calling_hours, week: {fri-sat: ['13:00-24:00', '08:00-12:30']}, closed: [2026-12-24],\n"
        "          holidays: {country: FR, subdivision: '57', categories: [public]}, source: S, verified: true}\n"
        "      a: {kind: attempt_limit, most: 2, within: 1h30m, per: number, source: S}\n"
        "      r: {kind: rest, after: machine, lasting: 3d, per: contact, source: S}\n"
        "      c: {kind: consent_needed, scope: gifts, max_age: 365d, source: S}\n"
        "      l: {kind: abandoned_limit, most: 2.125%, window: 24h, grace: 1500ms, least_ring: 20s,\n"
        "          machines_count: true, source: S}\n",
    )
    spans = (of_clock("08:00-12:30"), of_clock("13:00-24:00"))
    closed = days_off("FR", "57", ("public",)) | {day("2026-12-24")}
    assert loaded.policy.rule_sets == (
        RuleSet(
            id=loaded.policy.rule_sets[0].id,
            version="2026-01-02",
            country="US",
            states=frozenset({"FL", "TX"}),
            kinds=frozenset({CallKind.SURVEY, CallKind.SERVICE}),
            rules=(
                AttemptLimit("x.a", 2, length("90m"), Per.NUMBER, True, "S", False),
                ConsentNeeded("x.c", "gifts", length("365d"), "S", False),
                CallingHours("x.h", ((), (), (), (), spans, spans, ()), closed, "S", True),
                AbandonedLimit("x.l", 2125, H24, length("1500ms"), length("20s"), True, "S", False),
                Rest("x.r", After.MACHINE, length("3d"), Per.CONTACT, "S", False),
            ),
        ),
    )
    assert day("2026-04-03") in closed  # Good Friday, in Moselle alone
    assert day("2026-04-03") not in days_off("FR", None, ("public",))


def test_the_order_in_the_files_means_nothing(tmp_path: Path) -> None:
    one = law(tmp_path / "1", f"  a: {{{HEAD}, rules: {{x: {LATE}}}}}\n  b: {{{HEAD}, rules: {{x: {LATE}}}}}\n")
    two = law(tmp_path / "2", f"  b: {{{HEAD}, rules: {{x: {LATE}}}}}\n  a: {{{HEAD}, rules: {{x: {LATE}}}}}\n")
    assert one.policy == two.policy
    assert one.policy.sha == two.policy.sha


def test_the_sha_names_the_law_too(tmp_path: Path) -> None:
    states = ["FL, TX, OK, MD, WA, CA", "CA, WA, MD, OK, TX, FL", "CA, WA, MD, OK, TX"]
    shas = [
        law(
            tmp_path / str(i),
            f"  a: {{version: 2026-01-02, title: T, country: US, states: [{it}], kinds: [sales, debt], "
            f"rules: {{x: {LATE}}}}}\n",
        ).policy.sha
        for i, it in enumerate(states)
    ]
    assert shas[0] == shas[1] != shas[2]


def test_hours_of_different_people_need_nothing_in_common(tmp_path: Path) -> None:
    text = "".join(
        f"  {name}: {{version: 2026-01-02, title: T, country: {country}, states: [{states}], kinds: [{kinds}], "
        f"rules: {{x: {{kind: calling_hours, week: {{mon: ['{hours}']}}, source: S, verified: true}}}}}}\n"
        for name, country, states, kinds, hours in (
            ("a", "US", "FL", "sales", "08:00-10:00"),
            ("b", "US", "TX", "sales", "10:00-12:00"),
            ("c", "US", "FL", "debt", "12:00-14:00"),
            ("d", "CA", "", "sales", "14:00-16:00"),
        )
    )
    assert law(tmp_path / "c", text, "country: US\n").warnings == ()


def test_what_a_reload_changes_is_said_rule_by_rule(tmp_path: Path) -> None:
    old = law(
        tmp_path / "1",
        f"  gone: {{{HEAD}, rules: {{x: {LATE}}}}}\n"
        "  us: {version: 2026-01-02, title: T, country: US, states: [FL], rules: {\n"
        f"    gone: {{kind: consent_needed, scope: gifts, source: S}}, rest: {LATE},\n"
        "    hours: {kind: calling_hours, week: {mon-fri: ['08:00-20:00'], sat: ['09:00-12:00']}, source: S,\n"
        "      closed: [2026-12-24]},\n"
        "    limit: {kind: abandoned_limit, most: 3%, window: 30d, source: S}}}\n",
    ).policy
    new = law(
        tmp_path / "2",
        f"  new: {{{HEAD}, rules: {{x: {LATE}}}}}\n"
        "  us: {version: 2026-02-03, title: Other, country: US, kinds: [sales, debt], rules: {\n"
        "    new: {kind: consent_needed, scope: sales, max_age: 30d, source: S},\n"
        "    rest: {kind: attempt_limit, most: 3, within: 24h, per: contact, undelivered: false, source: S,\n"
        "      verified: true},\n"
        "    hours: {kind: calling_hours, week: {mon-sun: ['08:00-20:00']}, source: S 2, verified: true,\n"
        "      closed: [2026-12-25, 2026-12-26, 2027-01-01, 2027-01-02, 2027-01-03, 2027-01-04, 2027-01-05,\n"
        "        2027-01-06, 2027-01-07, 2027-01-08]},\n"
        "    limit: {kind: abandoned_limit, most: 2.5%, window: 30d, machines_count: true, source: S}}}\n",
    ).policy
    assert changes(old, old) == []
    rest = "no attempt for 7d after a refusal, per number"
    assert changes(old, new) == [
        "rule set gone: removed",
        "rule set us.version: 2026-01-02 → 2026-02-03",
        "rule set us.states: FL → all",
        "rule set us.kinds: debt, sales, service, survey → debt, sales",
        "rule set us: rule gone: removed",
        "rule set us: rule hours: calls mon-fri 08:00-20:00, sat 09:00-12:00, not on 1 closed day → "
        "calls mon-sun 08:00-20:00, not on 10 closed days",
        "rule set us: rule hours: closed too on 2026-12-25, 2026-12-26, 2027-01-01, 2027-01-02, 2027-01-03, "
        "2027-01-04, 2027-01-05, 2027-01-06 and 2 more",
        "rule set us: rule hours: closed no longer on 2026-12-24",
        "rule set us: rule hours.source: S → S 2",
        "rule set us: rule hours.verified: no → yes",
        "rule set us: rule limit: at most 3% abandoned in each 30d, 2s after the greeting; rings at least 15s → "
        "at most 2.5% abandoned in each 30d, 2s after the greeting; rings at least 15s; "
        "persons taken for machines count",
        f"rule set us: rule rest: {rest} → "
        "at most 3 attempts in 24h per contact; calls that rang nobody's phone do not count",
        "rule set us: rule new: added (consent needed for sales, given within 30d)",
        "rule set new: added (version 2026-01-02)",
        f"rule set new: rule x: added ({rest})",
    ]


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0%"), (3000, "3%"), (125, "0.125%"), (2500, "2.5%"), (100_000, "100%")]
)
def test_a_percent_is_exact(tmp_path: Path, share: int, text: str) -> None:
    assert percent_text(share) == text
    rule = f"{{kind: abandoned_limit, most: {text}, window: 30d, source: S}}"
    (limit,) = rules_of(law(tmp_path / "c", f"  a: {{{HEAD}, rules: {{x: {rule}}}}}\n"))
    assert isinstance(limit, AbandonedLimit)
    assert limit.most == share


def test_the_states_are_those_of_iso_3166() -> None:
    """50 states, the district and five territories; ten provinces and three territories."""
    assert {country: len(states) for country, states in STATES.items()} == {"US": 56, "CA": 13}


# ── what is written of them ──────────────────────────────────────────────────────────────────


def test_each_rule_has_its_row_in_the_docs(sample: Loaded) -> None:
    """A row that is missing is printed as it should be: put it into docs/law.md."""
    lines = (ROOT / "docs" / "law.md").read_text(encoding="utf-8").splitlines()
    rows = [row_of(it, rule) for it in sample.policy.rule_sets for rule in it.rules]
    assert [row for row in rows if row not in lines] == []
    told = [line.split("`")[1] for line in lines if line.startswith("| `") and "test_judgement" in line]
    assert told == [rule.id for rule in rules_of(sample)]


def row_of(it: RuleSet, rule: Rule) -> str:
    edges = f"`tests/core/test_judgement.py::test_edges[{rule.id}]`"
    verified = "yes" if rule.verified else "**no**"
    return f"| `{rule.id}` | {rule_text(rule)} | {rule.source} | {it.version} | {verified} | {edges} |"


def test_each_sample_says_that_counsel_must_check(sample: Loaded) -> None:
    files = sorted(SAMPLE.glob("law-*.yaml"))
    assert [file.name for file in files] == [f"law-{name}.yaml" for name in ("ca", "de", "fr", "gb", "us")]
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    assert text.count("    counsel: have counsel check\n") == len(sample.policy.rule_sets)
