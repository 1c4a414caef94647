"""A plan: everything that people and mishaps do in one run, made from a seed before the run begins.

What happens is data, so a run that fails can be made shorter by leaving things out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from typing import TypeAlias

from callctl.core.events import CampaignWish, PreviewWish, Wish
from callctl.core.policy import Strategy
from callctl.sim.flows import FLOW_ENTRIES
from callctl.sim.lists import CAMPAIGNS, NAILED, digits_of
from callctl.sim.office import CALL_BACK, ENTRIES, NEVER_AGAIN, NOT_THEIRS, SOLD, TO_DESK, TO_FRONT, TO_MENU, TO_QUEUE

# All times and lengths are in seconds of the run.


class Manner(StrEnum):
    """What a phone does when it rings."""

    ANSWERS = "answers"
    VOICEMAIL = "voicemail"
    """Answers, and presses no key."""
    NEVER = "never"
    REJECTS = "rejects"
    BUSY = "busy"
    FORWARDS = "forwards"
    BROKEN = "broken"
    """503."""


class Reach(StrEnum):
    """What becomes of a call to somebody on a list."""

    PERSON = "person"
    LEAVES = "leaves"
    """A person, who hangs up at once, or soon."""
    UNSURE = "unsure"
    """A person, as detection is not sure of."""
    MACHINE = "machine"
    SILENT = "silent"
    FAX = "fax"
    SIT = "sit"
    """An announcement that there is no such number."""
    RINGS_ON = "rings_on"
    NO_SIGN = "no_sign"
    """The network does not even say that it rings."""
    BUSY = "busy"
    REJECTS = "rejects"
    INVALID = "invalid"
    TRUNK_FAILS = "trunk_fails"


class Ill(StrEnum):
    """What goes wrong. `much`, from 0 to 1, says how much of it."""

    LINK_CUT = "link_cut"
    """ARI and AMI for `length`; `much` of what is under way still arrives."""
    LINK_STALLED = "link_stalled"
    KILLED = "killed"
    """callctl, within a batch (`much`: how far in it); started again after `length`."""
    KILLED_TWICE = "killed_twice"
    FROZEN = "frozen"
    """SIGSTOP for `length`."""
    BUSY = "busy"
    """callctl's core has its hands full for `length`, while the link goes on; a second at the most."""
    PBX_KILLED = "pbx_killed"
    POSTGRES_AWAY = "postgres_away"
    COMMAND_FAILS = "command_fails"
    """Below a half of `much`: before it had an effect; else only its answer says so."""
    STEP_LOST = "step_lost"
    """None of a step's commands arrive; below a half of `much` the link breaks, else an audit finds out."""
    DOUBLED = "doubled"
    """An event comes twice: below a half of `much` at once, else late."""
    REDIRECTED = "redirected"
    """Somebody sends a channel (`much`: which) into the dialplan."""
    HUNG_UP = "hung_up"
    """Somebody hangs a channel up at the PBX."""
    AUDITED = "audited"
    """No ill: the periodic audit, just now."""


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody dials a number, presses keys (each so long after the arrival), waits, talks, hangs up."""

    at: float
    leg: str
    number: str
    presses: tuple[tuple[float, str], ...]
    patience: float
    talk: float
    agent_ends: bool


@dataclass(frozen=True, slots=True)
class Phone:
    """How a phone behaves from now on."""

    at: float
    phone: str
    manner: Manner
    rings_after: float
    then_after: float


@dataclass(frozen=True, slots=True)
class Contacts:
    """A phone registers so many contacts; none: it is gone."""

    at: float
    phone: str
    count: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A phone is in use by something that is not callctl's."""

    at: float
    phone: str
    length: float


@dataclass(frozen=True, slots=True)
class Ask:
    at: float
    agent: str
    wish: Wish


@dataclass(frozen=True, slots=True)
class Flip:
    """Somebody turns the office's switch on, or off."""

    at: float
    on: bool


@dataclass(frozen=True, slots=True)
class Reload:
    """Another configuration: the number of one of `office.POLICIES`."""

    at: float
    policy: int


@dataclass(frozen=True, slots=True)
class Mishap:
    at: float
    ill: Ill
    length: float
    much: float


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody is put on a list, and may be called from then on."""

    at: float
    contact: int
    number: int
    """Several contacts may have the same."""
    campaign: str
    reaches: tuple[Reach, ...]
    """What becomes of the first call, of the second, …"""
    rings_after: float
    answers_after: float
    listens: float
    """How long detection takes, where it is on."""
    quiet: float
    """How long before its end the greeting was over."""
    leaves_after: float
    patience: float
    talk: float
    agent_ends: bool
    press: str
    """The key that is pressed whenever prompts are heard; empty: none."""
    presses_after: float

    @property
    def digits(self) -> str:
        return digits_of(self.number)


@dataclass(frozen=True, slots=True)
class Drive:
    """Somebody starts, pauses or stops a campaign."""

    at: float
    campaign: str
    wish: CampaignWish


@dataclass(frozen=True, slots=True)
class Look:
    """An agent asks for a contact, or has the one that is looked at dialled or left."""

    at: float
    agent: str
    wish: PreviewWish


@dataclass(frozen=True, slots=True)
class LeaveLine:
    """An agent hangs up whatever the phone has."""

    at: float
    agent: str


@dataclass(frozen=True, slots=True)
class Say:
    """An agent says what the call came to."""

    at: float
    agent: str
    disposition: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A number is put on the house's do-not-call list."""

    at: float
    number: int


@dataclass(frozen=True, slots=True)
class Erase:
    """All of a contact is erased."""

    at: float
    contact: int
    number: int


ListAct: TypeAlias = Person | Drive | Look | LeaveLine | Say | Bar | Erase
Act: TypeAlias = Call | Phone | Contacts | Elsewhere | Ask | Flip | Reload | Mishap | ListAct


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    """Also of what is drawn while it runs: how long things are under way."""
    length: float
    acts: tuple[Act, ...]
    agents: tuple[str, ...] = ("ana", "ben", "carl")
    contacts: tuple[int, ...] = (1,)
    """How many each agent's phone has at first, in turn."""
    strategy: Strategy = Strategy.LONGEST_IDLE
    slowness: float = 1.0
    """How much longer than on a good day everything is under way."""
    audit_every: float = 30.0
    lists: Lists | None = None
    """How people on lists are called; None: nobody is."""


@dataclass(frozen=True, slots=True)
class Lists:
    blended: bool = False
    """The agents of the queue `sales` serve the campaign `push`, beside callers."""
    channels: int = 0
    """Of the trunk; 0: no limit."""
    sampled: bool = False
    """Agents get some of those whom detection took for machines."""


DAY_CALL_GAP = 3.0
"""Mean seconds between two calls of the long run."""


def draw(seed: int) -> Plan:
    """A minute or so of a small office on a bad day."""
    rng = Random(f"plan {seed}")
    length = rng.choice((30.0, 60.0, 90.0))
    agents = ("ana", "ben", "carl")[: rng.randint(1, 3)] + rng.choice(((), (), ("mob",)))
    count = rng.choice((rng.randint(1, 8), rng.randint(8, 25)))
    acts: list[Act] = [_call(rng, n, rng.uniform(0, length)) for n in range(1, count + 1)]
    some: tuple[tuple[int, Callable[[], Act]], ...] = (
        (rng.randint(0, 5), lambda: _phone(rng, rng.uniform(0, length), rng.choice(agents))),
        (rng.randint(0, 2), lambda: Contacts(rng.uniform(0, length), rng.choice(agents), rng.randint(0, 2))),
        (rng.randint(0, 1), lambda: Elsewhere(rng.uniform(0, length), rng.choice(agents), rng.uniform(1, 20))),
        (rng.randint(0, 3), lambda: Ask(rng.uniform(0, length), rng.choice(agents), rng.choice(list(Wish)))),
        (rng.choice((0, 0, 0, 1)), lambda: Reload(rng.uniform(0, length), rng.randint(0, 4))),
        (rng.randint(1, 5), lambda: _mishap(rng, rng.uniform(0, length))),
    )
    acts += [make() for count, make in some for _ in range(count)]
    acts += _flips(seed, length) + _into_flows(seed, length) + _reloads(seed, length)
    contacts = tuple(rng.choice((1, 1, 2)) for _ in agents)
    slowness, audit_every = rng.choice((1.0, 1.0, 5.0, 40.0)), rng.choice((30.0, 30.0, 7.0, 1.0))
    strategy = rng.choice(list(Strategy))
    return Plan(seed, length, _in_order(acts), agents, contacts, strategy, slowness, audit_every)


def draw_calls(seed: int) -> Plan:
    """A minute or less of an office that calls people on lists, on a bad day."""
    rng = Random(f"calls {seed}")
    if seed % 8 == 7:
        return _at_full_speed(rng, seed)
    length = rng.choice((30.0, 45.0, 60.0))
    agents = rng.choice(OFFICES)
    campaigns = rng.sample(sorted(CAMPAIGNS), rng.choice((1, 1, 2, 3)))
    count = rng.choice((rng.randint(1, 6), rng.randint(5, 15), rng.randint(15, 40)))
    people = range(1, count + 1)
    acts: list[Act] = [Drive(rng.uniform(0, 2), name, CampaignWish.START) for name in campaigns]
    acts += [_person(rng, n, rng.choice(campaigns), rng.choice((0.0, 0.0, rng.uniform(0, length)))) for n in people]
    acts += [_call(rng, n, rng.uniform(0, length)) for n in range(rng.choice((0, 0, 3, 8)))]
    some: tuple[tuple[int, Callable[[], Act]], ...] = (
        (rng.randint(0, 4), lambda: _phone(rng, rng.uniform(0, length), rng.choice(agents))),
        (rng.randint(0, 1), lambda: Contacts(rng.uniform(0, length), rng.choice(agents), rng.randint(0, 2))),
        (rng.randint(0, 1), lambda: Elsewhere(rng.uniform(0, length), rng.choice(agents), rng.uniform(1, 20))),
        (rng.randint(0, 2), lambda: Ask(rng.uniform(0, length), rng.choice(agents), rng.choice(list(Wish)))),
        (rng.choice((0, 0, 1)), lambda: Reload(rng.uniform(0, length), rng.choice((0, 1, 2, 3, 3, 3, 4)))),
        (rng.randint(0, 4), lambda: _mishap(rng, rng.uniform(0, length), MORE_ILLS)),
        (
            rng.randint(0, 2),
            lambda: Drive(rng.uniform(3, length), rng.choice(campaigns), rng.choice(list(CampaignWish))),
        ),
        (rng.randint(0, 2), lambda: LeaveLine(rng.uniform(3, length), rng.choice(agents))),
        (rng.randint(0, 3), lambda: Say(rng.uniform(3, length), rng.choice(agents), rng.choice(SAID))),
        (rng.choice((0, 0, 1)), lambda: Bar(rng.uniform(0, length), rng.choice(people))),
        (rng.choice((0, 0, 0, 1)), lambda: _erase(rng.uniform(0, length), rng.choice(people))),
    )
    acts += [make() for count, make in some for _ in range(count)]
    if {"look", "ask"} & set(campaigns):
        acts += [
            act for _ in range(rng.randint(2, 8)) for act in _looks(rng, rng.uniform(0, length), rng.choice(agents))
        ]
    contacts = tuple(rng.choice((1, 1, 2)) for _ in agents)
    slowness, audit_every = rng.choice((1.0, 1.0, 5.0, 40.0)), rng.choice((30.0, 30.0, 7.0, 1.0))
    lists = Lists(rng.random() < 0.3, rng.choice((0, 0, 2, 5)), sampled=seed % 2 == 1)
    return Plan(
        seed, length, _in_order(acts), agents, contacts, rng.choice(list(Strategy)), slowness, audit_every, lists
    )


def _at_full_speed(rng: Random, seed: int) -> Plan:
    """One campaign with people who answer quickly and talk for a moment; every few seconds something goes wrong."""
    length, campaign = 40.0, rng.choice(("push", "push", "predict", "blast"))
    acts: list[Act] = [Drive(0.5, campaign, CampaignWish.START)]
    for n in range(1, 31):
        usual = _person(rng, n, campaign, 0.0)
        quick = replace(usual, rings_after=0.02, answers_after=rng.uniform(0.1, 2), listens=0.3, quiet=0.3, talk=3.0)
        acts.append(replace(quick, agent_ends=False))
    at = 2.0
    while (at := at + rng.uniform(1, 5)) < length:
        acts.append(Mishap(at, rng.choice((*MORE_ILLS, *[Ill.KILLED] * 6)), rng.uniform(0.01, 2), rng.random()))
    return Plan(seed, length, _in_order(acts), (NAILED, f"{NAILED}-too"), (1,), lists=Lists(sampled=seed % 2 == 1))


def day(seed: int, hours: float, agents: int) -> Plan:
    """A long day of a large office, a tenth of its agents on numbers outside: does memory stay flat?"""
    rng = Random(f"day {seed}")
    names = tuple(f"{'mob' if n % 10 == 9 else 'a'}{n:03d}" for n in range(agents))
    acts: list[Act] = []
    at, n = 0.0, 0
    while (at := at + rng.expovariate(1 / DAY_CALL_GAP)) < hours * 3600:
        n += 1
        acts.append(_call(rng, n, at))
        if n % 50 == 0:
            acts.append(_phone(rng, at, rng.choice(names)))
        if n % 200 == 0:
            acts.append(Mishap(at, rng.choice(list(Ill)), 2.0, rng.random()))
    return Plan(seed, hours * 3600, _in_order(acts), names)


def _in_order(acts: list[Act]) -> tuple[Act, ...]:
    return tuple(sorted(acts, key=lambda act: act.at))


def _call(rng: Random, n: int, at: float) -> Call:
    number = rng.choice([TO_MENU, *[TO_QUEUE] * 5, *[TO_DESK, TO_FRONT] * 3, *ENTRIES, "19995550100"])
    presses = tuple((rng.uniform(0, 12), rng.choice("1123459#")) for _ in range(rng.choice((0, 0, 1, 2, 3))))
    patience = rng.choice((rng.uniform(0.1, 4), rng.uniform(1, 60)))
    talk, agent_ends = rng.uniform(0.2, 30), rng.random() < 0.5
    return Call(round(at, 6), f"c{n}", number, tuple(sorted(presses)), patience, talk, agent_ends)


def _phone(rng: Random, at: float, phone: str) -> Phone:
    manner = rng.choice([Manner.ANSWERS, Manner.ANSWERS, *Manner])
    return Phone(at, phone, manner, rng.choice((0.02, 0.3)), rng.uniform(0.01, 8))


def _flips(seed: int, length: float) -> list[Flip]:
    """In every third office. Of a generator of their own: what else happens there is as it was without them."""
    rng = Random(f"flips {seed}")
    return [Flip(rng.uniform(0, length), rng.random() < 0.6) for _ in range(rng.choice((0, 0, rng.randint(1, 5))))]


def _reloads(seed: int, length: float) -> list[Act]:
    """More of them in every third office: what a reload does to those who wait is seen in few runs."""
    rng = Random(f"reloads {seed}")
    count = rng.choice((0, 0, rng.randint(1, 2)))
    return [Reload(round(rng.uniform(0, length), 6), rng.randint(0, 4)) for _ in range(count)]


def _into_flows(seed: int, length: float) -> list[Act]:
    """Callers who press much, in every other office; of a generator of their own too."""
    rng = Random(f"flows {seed}")
    return [_flow_call(rng, n, rng.uniform(0, length)) for n in range(rng.choice((0, rng.randint(1, 6))))]


PRESSED = ("1", "2", "3", "4", "6", "8", "0", "18#", "2222", "9876", "5", "#", "*#", "0123456789*#")
"""At a time: keys of the flows' menus, numbers that they ask for, and whatever comes."""


def _flow_call(rng: Random, n: int, at: float) -> Call:
    presses: list[tuple[float, str]] = []
    now = 0.0
    for keys in rng.choices(PRESSED, k=rng.choice((0, 1, 4, 8))):
        now += rng.choice((rng.uniform(0.05, 2), rng.uniform(2, 8)))
        for key in keys:
            presses.append((now, key))
            now += rng.uniform(0.05, 0.5)
    number = rng.choice(list(FLOW_ENTRIES))
    return Call(round(at, 6), f"f{n}", number, tuple(presses), rng.uniform(5, 90), rng.uniform(0.2, 30), n % 2 == 0)


def _mishap(rng: Random, at: float, ills: tuple[Ill, ...] = tuple(Ill)) -> Mishap:
    length = rng.choice((rng.uniform(0.01, 1), rng.uniform(1, 10), rng.uniform(5, 30)))
    return Mishap(at, rng.choice(ills), length, rng.random())


MORE_ILLS = (*Ill, *[Ill.KILLED] * 6, *[Ill.POSTGRES_AWAY] * 3)
"""A call to somebody on a list is promised to Postgres first."""
SAID = (SOLD, NEVER_AGAIN, CALL_BACK, NOT_THEIRS)


OFFICES = (
    (NAILED,),
    (NAILED, "ana"),
    (NAILED, f"{NAILED}-too", "ana"),
    (NAILED, f"{NAILED}-too", f"{NAILED}-three"),
    ("ana", "ben"),
    (NAILED, "ana", "mob"),
)
REACHES = (
    *[Reach.PERSON] * 16,
    *[reach for reach in Reach if reach not in (Reach.NO_SIGN, Reach.TRUNK_FAILS)] * 2,
    *Reach,
)


def _person(rng: Random, n: int, campaign: str, at: float) -> Person:
    """Of ten contacts one has another's number."""
    number = rng.randint(1, n) if rng.random() < 0.1 else n
    listens = rng.uniform(0.3, 4)
    return Person(
        round(at, 6),
        n,
        number,
        campaign,
        tuple(rng.choice(REACHES) for _ in range(rng.randint(1, 3))),
        rings_after=rng.choice((0.02, 0.3, 2.0)),
        answers_after=rng.choice((0.01, rng.uniform(0.1, 5), rng.uniform(1, 14))),
        listens=listens,
        quiet=min(listens, 0.8),
        leaves_after=rng.uniform(0.01, 3),
        patience=rng.choice((rng.uniform(0.1, 5), 60.0, 60.0)),
        talk=rng.choice((rng.uniform(0.2, 5), rng.uniform(1, 20))),
        agent_ends=rng.random() < 0.1,
        press=rng.choice(("", "", "", "9", "1")),
        presses_after=rng.uniform(0.1, 5),
    )


def _erase(at: float, n: int) -> Erase:
    return Erase(at, n, n)


def _looks(rng: Random, at: float, agent: str) -> list[Look]:
    """A contact is asked for, and dialled or left a moment later."""
    then = rng.choice((PreviewWish.DIAL, PreviewWish.DIAL, PreviewWish.SKIP))
    return [Look(at, agent, PreviewWish.NEXT), Look(at + rng.uniform(0.5, 4), agent, then)]
