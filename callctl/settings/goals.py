"""The form of destinations: where calls go. What each is to the core is in ways.py."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import Discriminator, Field, Tag

from callctl.core.ids import Micros
from callctl.core.policy import HangupReason, OptOut
from callctl.settings import types as t
from callctl.settings.prompts import Said
from callctl.settings.strict import Strict, lasting
from callctl.settings.types import bad

Level = Annotated[int, t.Whole(1, 100)]
Penalty = Annotated[int, t.Whole(0, 1000)]


class AskModel(Strict):
    """What is asked of an agent, once the caller has waited so long and until the next of the list."""

    after: Annotated[Micros, t.Length("1s", "24h", zero=True)] = lasting(
        "0s", "Of waiting. Later than the one before it in the list."
    )
    needs: dict[t.SkillRef, Level] = Field(default={}, description="Skills, each with the least level, 1 to 100.")
    prefers: Annotated[tuple[t.SkillRef, ...], Field(max_length=16)] = Field(
        default=(), description="Whose levels in these add up to most come first."
    )
    min_penalty: Penalty = Field(default=0, description="Only agents of at least this penalty.")
    max_penalty: Penalty | None = Field(default=None, description="Only agents of at most this penalty.")

    def judge(self) -> None:
        if self.max_penalty is not None and self.max_penalty < self.min_penalty:
            raise bad("no penalty is at least `min_penalty` and at most this", "raise it", "max_penalty")


Asks = Annotated[tuple[AskModel, ...], Field(max_length=16)]


def in_order(asks: tuple[AskModel, ...]) -> None:
    """Each later than the one before it."""
    for before, after in pairwise(asks):
        if after.after <= before.after:
            raise bad("an `after` is not later than the one before it", "write them in order of `after`", "asks")


_OPT_OUT = OptOut()


class OptOutModel(Strict):
    """The number goes onto the house's do-not-call list, and the call ends."""

    prompts: Said = Field(default=_OPT_OUT.prompts, description="What is said then.")
    withheld: Said = Field(
        default=_OPT_OUT.withheld, description="What is said to a caller who withholds the number: it cannot be listed."
    )


AnyOptOut = Annotated[
    Annotated[OptOutModel, Tag("mapping")] | Annotated[Said, Tag("list")],
    Discriminator(lambda raw: "list" if isinstance(raw, list | tuple) else "mapping"),
]
"""A list is the prompts alone."""


class Way(Strict):
    """Where a call goes: one of `menu`, `flow`, `queue`, `voicemail`, `number`, `opt_out` or `hang_up`."""

    menu: t.MenuRef | None = Field(default=None, description="The menu that the caller enters.")
    flow: t.FlowRef | None = Field(default=None, description="The flow that the caller enters, at its start.")
    queue: t.QueueRef | None = Field(default=None, description="The queue that the caller waits in.")
    priority: Annotated[int, t.Whole(0, 1000)] | None = Field(
        default=None, description="With `queue`: points of the caller's score, see docs/acd.md. 0 if not given."
    )
    asks: Asks = Field(default=(), description="With `queue`: in place of what the queue asks of an agent.")
    agent: t.AgentRef | None = Field(
        default=None, description="With `queue`: for this agent alone at first, as long as the queue's `patience`."
    )
    voicemail: t.Mailbox | None = Field(
        default=None, description="One of `mailboxes`, or a mailbox of Asterisk's own such as `100@default`; for good."
    )
    number: t.NumberText | None = Field(
        default=None, description="A number of the public network that `dialing` allows, for good."
    )
    trunk: t.TrunkRef | None = Field(default=None, description="With `number`: over this trunk, if there are several.")
    opt_out: AnyOptOut | None = Field(
        default=None, description="The number goes onto the do-not-call list, and the call ends; `{}`, or what is said."
    )
    hang_up: Annotated[HangupReason, t.OneOf(HangupReason)] | None = Field(
        default=None, description="End the call, with this reason."
    )

    _ways: ClassVar[tuple[str, ...]] = ("menu", "flow", "queue", "voicemail", "number", "opt_out", "hang_up")

    def judge(self) -> None:
        given = [way for way in self._ways if getattr(self, way) is not None]
        choices = ", ".join(f"`{way}`" for way in self._ways)
        if not given:
            raise bad("this leads nowhere", f"write one of {choices}")
        if len(given) > 1:
            raise bad(f"`{given[1]}` stands beside `{given[0]}`", f"keep one of {choices}", given[1])
        if self.priority is not None and self.queue is None:
            raise bad("a priority without a queue", "remove it, or add `queue`", "priority")
        if self.asks and self.queue is None:
            raise bad("something is asked of agents, without a queue", "remove it, or add `queue`", "asks")
        if self.agent is not None and self.queue is None:
            raise bad("an agent without a queue", "add a `queue` that the agent serves", "agent")
        if self.trunk is not None and self.number is None:
            raise bad("a trunk without a number", "remove it, or add `number`", "trunk")
        in_order(self.asks)


class Goal(Way):
    """Where a call goes: one of these, or `announce` (with `then`)."""

    announce: Said | None = Field(default=None, description="Play these prompts, then go where `then` says.")
    then: Way | None = Field(default=None, description="After `announce`; hang up if not given.")

    _ways: ClassVar[tuple[str, ...]] = (*Way._ways, "announce")

    def judge(self) -> None:
        super().judge()
        if self.then is not None and self.announce is None:
            raise bad("`then` without `announce`", "remove it, or add `announce`", "then")
