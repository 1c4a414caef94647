"""Where a call can go."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from callctl.core.addresses import E164
from callctl.core.ids import AgentId, FlowId, MenuId, Micros, QueueId, SkillId, TrunkId


class HangupReason(StrEnum):
    """ARI's words for a hang-up reason."""

    NORMAL = "normal"
    BUSY = "busy"
    CONGESTION = "congestion"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNALLOCATED = "unallocated"
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Requirement:
    """What an agent must have to be offered a call, and what is liked in one."""

    needs: tuple[tuple[SkillId, int], ...] = ()
    """Skills, by name, each with the least level."""
    prefers: tuple[SkillId, ...] = ()
    """Of those who fit, and of the same penalty, whose levels in these add up to most come first."""
    min_penalty: int = 0
    max_penalty: int | None = None
    """None: however high."""
    only: AgentId | None = None
    """This agent, and nobody else."""

    def __str__(self) -> str:
        if self.only is not None:
            return f"{self.only} alone"
        said = [f"{skill} ≥ {level}" for skill, level in self.needs]
        if self.prefers:
            said.append("preferably " + " and ".join(self.prefers))
        if self.max_penalty is not None:
            said.append(f"penalty {self.min_penalty} to {self.max_penalty}")
        elif self.min_penalty:
            said.append(f"penalty {self.min_penalty} or more")
        return ", ".join(said) or "anybody"


ANYBODY = Requirement()


@dataclass(frozen=True, slots=True)
class Stage:
    """What is asked of an agent once the caller has waited so long, until the next stage."""

    after: Micros
    asks: Requirement


@dataclass(frozen=True, slots=True)
class ToMenu:
    menu: MenuId


@dataclass(frozen=True, slots=True)
class ToFlow:
    """Into a flow, at its start, as the flow is when the caller enters it."""

    flow: FlowId


@dataclass(frozen=True, slots=True)
class ToQueue:
    queue: QueueId
    priority: int = 0
    """Points of the caller's score: see `routing`."""
    stages: tuple[Stage, ...] = ()
    """In place of the queue's own; none: the queue's."""
    agent: AgentId | None = None
    """For this agent alone at first, as long as the queue's `patience`."""


@dataclass(frozen=True, slots=True)
class HangUp:
    reason: HangupReason = HangupReason.NORMAL


@dataclass(frozen=True, slots=True)
class OutsideNumber:
    """A number of the public network that may be dialled if the rules allow it, and how."""

    number: E164
    trunk: TrunkId
    dial: str
    """As the trunk is sent it."""
    endpoint: str
    """The trunk's PJSIP endpoint."""
    premium: bool = False
    """Who calls it pays more than for a call: a premium-rate number, say."""


MAILBOXES = "callctl"
"""The context of the configuration's mailboxes in Asterisk's voicemail: the operator's own stand in others."""


@dataclass(frozen=True, slots=True)
class Voicemail:
    """A mailbox of Asterisk's own voicemail. The dialplan takes the caller there, for good."""

    mailbox: str
    """`box@context`; a box of the configuration stands in the context `callctl`."""

    @property
    def box(self) -> str:
        """As the configuration names it."""
        return self.mailbox.removesuffix(f"@{MAILBOXES}")


@dataclass(frozen=True, slots=True)
class ToNumber:
    """A number of the public network. The dialplan takes the caller there, for good."""

    to: OutsideNumber


@dataclass(frozen=True, slots=True)
class OptOut:
    """The caller's number, or that of who was called, goes onto the house's do-not-call list; the prompts say so, and
    the call ends. From a withheld number nothing can be listed: the other prompts say that."""

    prompts: tuple[str, ...] = ("sound:auth-thankyou", "sound:goodbye")
    withheld: tuple[str, ...] = ("sound:im-sorry", "sound:goodbye")


@dataclass(frozen=True, slots=True)
class Announce:
    """Play the prompts, then go on."""

    prompts: tuple[str, ...]
    then: ToMenu | ToFlow | ToQueue | HangUp | Voicemail | ToNumber | OptOut


Destination: TypeAlias = ToMenu | ToFlow | ToQueue | HangUp | Voicemail | ToNumber | OptOut | Announce
"""From anywhere."""


@dataclass(frozen=True, slots=True)
class Next:
    """Another node of the flow in which the caller is."""

    node: str


@dataclass(frozen=True, slots=True)
class Back:
    """To the flow that called the one in which the caller is, behind the node that called it."""


Way: TypeAlias = Destination | Next | Back
"""From a node of a flow, or from a menu (which has no nodes beside it)."""
