"""Where calls go: a checked document's destinations, as the core's."""

from __future__ import annotations

from dataclasses import dataclass

from callctl.core.addresses import E164
from callctl.core.ids import AgentId, FlowId, MenuId, QueueId, SkillId, TrunkId
from callctl.core.policy import (
    MAILBOXES,
    Announce,
    Destination,
    HangUp,
    HangupReason,
    NumberRules,
    OptOut,
    OutsideNumber,
    Requirement,
    Stage,
    ToFlow,
    ToMenu,
    ToNumber,
    ToQueue,
    Voicemail,
)
from callctl.numbers import Numbering, outside
from callctl.settings.goals import AskModel, Goal, OptOutModel, Way
from callctl.settings.models import Document, TrunkModel
from callctl.settings.prompts import Speaker


@dataclass(frozen=True, slots=True)
class Ways:
    document: Document
    numbering: Numbering
    speaker: Speaker

    def goal(self, goal: Goal) -> Destination:
        if goal.announce is None:
            return self.way(goal)
        return Announce(self.speaker.said(goal.announce), HangUp() if goal.then is None else self.way(goal.then))

    def way(self, way: Way) -> ToMenu | ToFlow | ToQueue | HangUp | Voicemail | ToNumber | OptOut:
        if way.menu is not None:
            return ToMenu(MenuId(way.menu))
        if way.flow is not None:
            return ToFlow(FlowId(way.flow))
        if way.queue is not None:
            agent = AgentId(way.agent) if way.agent else None
            return ToQueue(QueueId(way.queue), way.priority or 0, stages(way.asks), agent)
        if way.voicemail is not None:
            return Voicemail(mailbox_of(way.voicemail, self.document))
        if way.number is not None:
            return ToNumber(self.outside(way.number, way.trunk))
        if way.opt_out is not None:
            said = self.speaker.said
            if isinstance(way.opt_out, OptOutModel):
                return OptOut(said(way.opt_out.prompts), said(way.opt_out.withheld))
            return OptOut(said(way.opt_out))
        return HangUp(way.hang_up or HangupReason.NORMAL)

    def outside(self, text: str, trunk: str | None) -> OutsideNumber:
        """A number of the public network, over a trunk: the only one where none is named."""
        name = trunk or next(iter(self.document.trunks))
        number = self.numbering.parse(text, NumberRules(country=self.document.country))
        assert isinstance(number, E164)
        rules = number_rules(self.document.trunks[name], self.document)
        return outside(number, TrunkId(name), rules)


def own_mailbox(text: str) -> str | None:
    """The number of one of `mailboxes`, as a destination names it; None: of a context of the operator's own."""
    box, _, context = text.partition("@")
    return box if context in ("", MAILBOXES) else None


def mailbox_of(text: str, document: Document) -> str:
    """As Asterisk knows it. Without `mailboxes` there are only the operator's own."""
    box = own_mailbox(text)
    return text if box is None or box not in document.mailboxes else f"{box}@{MAILBOXES}"


def number_rules(trunk: TrunkModel, document: Document) -> NumberRules:
    """How numbers are written on a trunk."""
    rules = trunk.numbers
    return NumberRules(rules.country or document.country, str(rules.send), rules.did_from)


def stages(asks: tuple[AskModel, ...]) -> tuple[Stage, ...]:
    """What is asked of an agent, by the wait."""
    return tuple(
        Stage(
            ask.after,
            Requirement(
                tuple(sorted((SkillId(skill), level) for skill, level in ask.needs.items())),
                tuple(SkillId(skill) for skill in ask.prefers),
                ask.min_penalty,
                ask.max_penalty,
            ),
        )
        for ask in asks
    )
