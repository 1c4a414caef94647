"""A small office, for the simulation and the tests of the core: one of everything that a caller can meet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from callctl.core.ids import SECOND, AgentId, MenuId, Micros, NodeId, PhoneId, QueueId, seconds
from callctl.core.policy import (
    E164,
    AgentPolicy,
    Announce,
    DefaultStatus,
    Destination,
    Feature,
    HangUp,
    HangupReason,
    Menu,
    PhoneKind,
    PhonePolicy,
    Policy,
    QueuePolicy,
    ToMenu,
    ToQueue,
)

NODE = NodeId("pbx")
START: Micros = 1_700_000_000 * SECOND
SALES, CARE = QueueId("sales"), QueueId("care")
MAIN, SUB = MenuId("main"), MenuId("sub")

ENTRIES: dict[str, Destination] = {
    "442079460000": ToMenu(MAIN),
    "442079460001": ToQueue(SALES),
    "442079460002": ToQueue(SALES, priority=5),
    "442079460003": Announce(("sound:closed",), HangUp()),
    "442079460004": Announce(("sound:hello",), ToMenu(MAIN)),
    "442079460005": Announce(("sound:hello",), ToQueue(SALES)),
    "442079460006": HangUp(HangupReason.BUSY),
    "442079460007": ToQueue(CARE),
    "442079460010": ToMenu(SUB),
    "442079460011": ToMenu(MenuId("gives-up-to-queue")),
    "442079460012": ToMenu(MenuId("gives-up-to-announcement")),
    "442079460013": ToMenu(MenuId("no-barge-in")),
}
TO_MENU, TO_QUEUE, TO_QUEUE_FIRST = "442079460000", "442079460001", "442079460002"
FEATURES = {"*45": Feature.LOGIN, "*46": Feature.LOGOUT, "*47": Feature.PAUSE, "*48": Feature.UNPAUSE}


def menus() -> dict[MenuId, Menu]:
    """Menus that lead to every kind of destination, by digit and by giving up."""
    options: dict[str, Destination] = {
        "1": ToQueue(SALES),
        "2": Announce(("sound:hours",), ToMenu(MAIN)),
        "3": ToMenu(SUB),
        "4": HangUp(),
    }
    give_up: dict[str, Destination] = {
        "main": HangUp(),
        "sub": ToMenu(MAIN),
        "gives-up-to-queue": ToQueue(SALES),
        "gives-up-to-announcement": Announce(("sound:bye",), HangUp()),
        "no-barge-in": HangUp(),
    }
    return {
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


def policy(agents: Iterable[str] = ("ana", "ben"), **changes: object) -> Policy:
    """A policy with these agents, each with a phone of the same name, in both queues and available at first."""
    names = tuple(agents)
    made = Policy(
        sha="first",
        entries={E164(number): to for number, to in ENTRIES.items()},
        menus=menus(),
        queues={SALES: QueuePolicy(SALES), CARE: QueuePolicy(CARE, wrap_up=0, longest_talk=seconds(600))},
        agents={
            AgentId(n): AgentPolicy(AgentId(n), n.title(), PhoneId(n), (SALES, CARE), DefaultStatus.AVAILABLE)
            for n in names
        },
        phones={PhoneId(n): PhonePolicy(PhoneId(n), PhoneKind.PROVISIONED, n, NODE) for n in names},
        features=FEATURES,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def bare() -> Policy:
    """The configuration without menus, queues and numbers."""
    known = policy()
    agents = {name: replace(agent, queues=()) for name, agent in known.agents.items()}
    return replace(known, sha="bare", entries={}, menus={}, queues={}, agents=agents, features={})


def variants(agents: tuple[str, ...]) -> tuple[Policy, ...]:
    """The configurations that a run may change between; the first is the one it begins with."""
    full = policy(agents)
    return (full, policy(agents[:-1]), replace(full, sha="quiet", menus={}, entries={}), bare())
