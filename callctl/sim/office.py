"""A small office, for the simulation and the tests of the core: one of everything that a caller can meet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from callctl.core.addresses import E164
from callctl.core.campaigns import CampaignPolicy, Disposition, DispositionPolicy
from callctl.core.flows import NO_FLOWS
from callctl.core.hours import DAY, Calendar
from callctl.core.ids import (
    SECOND,
    AgentId,
    CalendarId,
    CampaignId,
    DispositionId,
    MenuId,
    Micros,
    NodeId,
    PhoneId,
    QueueId,
    SkillId,
    SwitchId,
    TrunkId,
    seconds,
)
from callctl.core.law import CallKind
from callctl.core.policy import (
    ANYBODY,
    AgentPolicy,
    Announce,
    Answering,
    DefaultStatus,
    Destination,
    DialingRules,
    Feature,
    HangUp,
    HangupReason,
    Menu,
    OutsideNumber,
    PhoneKind,
    PhonePolicy,
    Policy,
    QueuePolicy,
    Requirement,
    Staffed,
    Stage,
    Strategy,
    SwitchPolicy,
    ToFlow,
    ToMenu,
    ToNumber,
    ToQueue,
    TrunkKind,
    TrunkPolicy,
    Voicemail,
    WaitingWords,
)
from callctl.sim.flows import ASKS, FLOW_ENTRIES, flows

NODE = NodeId("pbx")
START: Micros = 1_700_000_000 * SECOND
SALES, CARE, HELP, DESK, FRONT, SHUT = map(QueueId, ("sales", "care", "help", "desk", "front", "shut"))
NEVER, DAILY = map(CalendarId, ("never", "daily"))
LOCKED = SwitchId("locked")
"""While it is on two of the queues are closed."""
OUT = TrunkId("out")
OUTSIDE = "mob"
"""Agents whose name begins so work on a number of the public network."""
NUMBER = OutsideNumber(E164("447700900123"), OUT, "+447700900123", "trunk-out")
GERMAN = SkillId("german")
MAIN, SUB, SURVEY = map(MenuId, ("main", "sub", "survey"))

ENTRIES: dict[str, Destination] = {
    "442079460000": ToMenu(MAIN),
    "442079460001": ToQueue(SALES),
    "442079460002": ToQueue(SALES, priority=5),
    "442079460003": Announce(("sound:closed",), HangUp()),
    "442079460004": Announce(("sound:hello",), ToMenu(MAIN)),
    "442079460005": Announce(("sound:hello",), ToQueue(SALES)),
    "442079460006": HangUp(HangupReason.BUSY),
    "442079460007": ToQueue(CARE),
    "442079460008": ToQueue(HELP),
    "442079460009": ToQueue(SALES, stages=(Stage(0, Requirement(((GERMAN, 20),))), Stage(seconds(6), ANYBODY))),
    "442079460010": ToMenu(SUB),
    "442079460011": ToMenu(MenuId("gives-up-to-queue")),
    "442079460012": ToMenu(MenuId("gives-up-to-announcement")),
    "442079460013": ToMenu(MenuId("no-barge-in")),
    "442079460014": ToQueue(DESK),
    "442079460015": ToQueue(FRONT),
    "442079460016": Voicemail("100"),
    "442079460017": ToNumber(NUMBER),
    "442079460018": Announce(("sound:bye",), Voicemail("100")),
    "442079460019": ToMenu(MenuId("gives-up-to-voicemail")),
    "442079460020": Announce(("sound:hello",), ToQueue(SHUT)),
    **FLOW_ENTRIES,
}
TO_DESK, TO_FRONT, TO_VOICEMAIL = "442079460014", "442079460015", "442079460016"
TO_MENU, TO_QUEUE, TO_QUEUE_FIRST = "442079460000", "442079460001", "442079460002"
FEATURES = {
    "*45": Feature.LOGIN,
    "*46": Feature.LOGOUT,
    "*47": Feature.PAUSE,
    "*48": Feature.UNPAUSE,
    "*61": Feature.DISPOSITION,
    "*62": Feature.DISPOSITION,
    "*70": Feature.SWITCH,
}
SPRING = CampaignId("spring")
SOLD, NEVER_AGAIN, CALL_BACK, NOT_THEIRS = map(DispositionId, ("sold", "never-again", "call-back", "not-theirs"))
DISPOSITIONS = {
    SOLD: Disposition(SOLD, "Sold", "*61", sale=True),
    NEVER_AGAIN: Disposition(NEVER_AGAIN, "Never again", "*62", do_not_call=True, refused=True),
    CALL_BACK: Disposition(CALL_BACK, "Call back", "", callback=True, campaign=SPRING),
    NOT_THEIRS: Disposition(NOT_THEIRS, "Another's", "", wrong_number=True),
}


def menus() -> dict[MenuId, Menu]:
    """Menus that lead to every kind of destination, by digit and by giving up."""
    options: dict[str, Destination] = {
        "1": ToQueue(SALES),
        "2": Announce(("sound:hours",), ToMenu(MAIN)),
        "3": ToMenu(SUB),
        "4": HangUp(),
        "5": ToNumber(NUMBER),
    }
    give_up: dict[str, Destination] = {
        "main": HangUp(),
        "sub": ToMenu(MAIN),
        "gives-up-to-queue": ToQueue(SALES),
        "gives-up-to-announcement": Announce(("sound:bye",), HangUp()),
        "gives-up-to-voicemail": Voicemail("100"),
        "no-barge-in": HangUp(),
    }
    thanks = Announce(("sound:thanks",), HangUp())
    survey = Menu(
        SURVEY, ("sound:survey",), {**dict.fromkeys("12345", thanks), "9": Voicemail("100")}, HangUp(), tries=2
    )
    return {SURVEY: survey} | {
        MenuId(name): Menu(
            MenuId(name),
            (f"sound:{name}",),
            options,
            to,
            invalid=("sound:invalid",),
            no_input=("sound:nothing",),
            barge_in=name != "no-barge-in",
        )
        for name, to in give_up.items()
    }


STAGES = (
    Stage(0, Requirement(((GERMAN, 50),), prefers=(GERMAN,), max_penalty=0)),
    Stage(seconds(4), Requirement(((GERMAN, 20),), max_penalty=1)),
    Stage(seconds(9), ANYBODY),
)
"""Of those who wait in `help`."""


def _agent(name: str, at: int) -> AgentPolicy:
    """Of three agents one speaks German well, one a little, and one not at all."""
    return AgentPolicy(
        AgentId(name),
        name.title(),
        PhoneId(name),
        (SALES, CARE, HELP, DESK, FRONT),
        DefaultStatus.AVAILABLE,
        penalties={HELP: at % 3},
        skills=({GERMAN: 80}, {GERMAN: 30}, {})[at % 3],
    )


def _phone(name: str) -> PhonePolicy:
    if is_outside(name):
        return PhonePolicy(PhoneId(name), PhoneKind.OUTSIDE, name, NODE, outside=replace(NUMBER, dial=name))
    return PhonePolicy(PhoneId(name), PhoneKind.PROVISIONED, name, NODE)


def is_outside(name: str) -> bool:
    """Whether the agent works on a number of the public network."""
    return name.startswith(OUTSIDE)


def policy(
    agents: Iterable[str] = ("ana", "ben"), strategy: Strategy = Strategy.LONGEST_IDLE, **changes: object
) -> Policy:
    """A policy with these agents, each with a phone of the same name, in all queues and available at first."""
    names = tuple(agents)
    made = Policy(
        sha="first",
        entries={E164(number): to for number, to in ENTRIES.items()},
        menus=menus(),
        flows=flows(),
        queues={
            SALES: QueuePolicy(SALES, strategy),
            CARE: QueuePolicy(
                CARE,
                wrap_up=0,
                longest_talk=seconds(600),
                max_waiting=12,
                full=ToQueue(HELP),
                closed_while=(LOCKED,),
                closed=ToQueue(HELP),
                after=Announce(("sound:bye",), HangUp()),
            ),
            HELP: QueuePolicy(
                HELP,
                strategy,
                weight=2,
                ageing=3,
                stages=STAGES,
                max_waiting=4,
                full=ToQueue(CARE, priority=3),
                staffed=Staffed.AVAILABLE,
                unstaffed=ToQueue(SALES),
                unstaffed_after=seconds(2),
                longest_wait=seconds(25),
                give_up=ToQueue(CARE),
                last_agent=seconds(3600),
                patience=seconds(3),
                after=Voicemail("100"),
                returns=seconds(600),
                dispositions=DispositionPolicy(default=SOLD),
                exit_keys={
                    "9": ToMenu(SUB),
                    "8": ToQueue(SALES),
                    "7": HangUp(),
                    "6": Announce(("sound:bye",), HangUp()),
                    "5": ToNumber(NUMBER),
                    "4": ToFlow(ASKS),
                },
            ),
            DESK: QueuePolicy(
                DESK,
                Strategy.RING_ALL,
                whisper=("sound:desk",),
                display="{queue} {waited} {name}",
                words=WaitingWords(seconds(2), seconds(5), position=True, prompts=(("sound:soon",), ())),
                longest_wait=seconds(40),
                give_up=Voicemail("100"),
                hours=DAILY,
                closed=Announce(("sound:closed",), ToQueue(FRONT)),
                after=ToMenu(SURVEY),
                after_share=60_000,
                last_agent=seconds(3600),
            ),
            FRONT: QueuePolicy(
                FRONT,
                Strategy.RING_PROGRESSIVELY,
                ring_more=seconds(2),
                answer=Answering.ON_AGENT,
                words=WaitingWords(seconds(1)),
                longest_wait=seconds(30),
                give_up=ToQueue(DESK),
            ),
            SHUT: QueuePolicy(SHUT, hours=NEVER, closed=Announce(("sound:closed",), ToQueue(SALES))),
        },
        agents={AgentId(n): _agent(n, at) for at, n in enumerate(names)},
        phones={PhoneId(n): _phone(n) for n in names},
        trunks={OUT: TrunkPolicy(OUT, TrunkKind.IP, NODE, "192.0.2.200")},
        dialing=DialingRules(allowed=("44",)),
        calendars={
            NEVER: Calendar(((0, 0),), ((),) * 7),
            DAILY: Calendar(((0, 0),), (((0, DAY),),) * 7, closed_while=(LOCKED,)),
        },
        features=FEATURES,
        switches={LOCKED: SwitchPolicy(LOCKED, "Everybody out", "*70", ("sound:locked",), ("sound:unlocked",))},
        campaigns={SPRING: CampaignPolicy(SPRING, CallKind.SALES, queue=SALES, trunks=(OUT,))},
        dispositions=DISPOSITIONS,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def bare() -> Policy:
    """The configuration without menus, queues and numbers."""
    known = policy()
    agents = {name: replace(agent, queues=()) for name, agent in known.agents.items()}
    gone = replace(known, sha="bare", entries={}, menus={}, flows=NO_FLOWS, queues={})
    return replace(gone, agents=agents, features={}, switches={})


def variants(agents: tuple[str, ...], strategy: Strategy = Strategy.LONGEST_IDLE) -> tuple[Policy, ...]:
    """The configurations that a run may change between; the first is the one it begins with."""
    full = policy(agents, strategy)
    turned = policy(agents[::-1], Strategy.RR_MEMORY)
    easy = replace(turned.queues[HELP], stages=(Stage(0, Requirement(max_penalty=1)), Stage(seconds(8), ANYBODY)))
    turned = replace(turned, sha="turned", queues={**turned.queues, HELP: easy}, flows=flows("flows 2"))
    fewer = replace(policy(agents[:-1], strategy), sha="fewer")
    quiet = replace(full, sha="quiet", menus={}, entries={}, dialing=DialingRules(stopped=True))
    return (full, fewer, quiet, bare(), turned)
