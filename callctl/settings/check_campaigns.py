"""What must hold between campaigns and the rest: who talks, what is heard, what is shown, what the law allows.

A key that could not be read is None, and is passed over: it is told already.
"""

from __future__ import annotations

from collections.abc import Iterator

from callctl.core.campaigns import Then
from callctl.core.law import CallKind
from callctl.numbers import Numbering
from callctl.settings.campaigns import AHEAD, CallerIdModel, CampaignModel, Flag, chosen
from callctl.settings.errors import KeyPath, Mistake, shown
from callctl.settings.goals import Goal
from callctl.settings.law import AbandonedLimitModel
from callctl.settings.models import Document, MenuModel
from callctl.settings.numbering import caller_numbers, entry_address, reaches
from callctl.settings.types import duration_text, nearest, percent_text

_NAMED = 12
"""So many agents are named in one line."""


def campaign_mistakes(document: Document, numbering: Numbering) -> Iterator[Mistake]:
    """What no campaign can be dialled with."""
    yield from _numbers_shown(document, numbering)
    for name, campaign in document.campaigns.items():
        yield from _phones_that_ring(document, name, campaign)
        yield from _beyond_the_law(document, name, campaign)


def campaign_oddities(document: Document) -> Iterator[Mistake]:
    """What may be meant, but is odd."""
    for name, campaign in document.campaigns.items():
        for key in ("harbour", "message"):
            menu = document.menus.get(getattr(campaign, key) or "")
            if menu is not None and menu.options is not None and not _opts_out(menu):
                wrong = f"the menu {shown(getattr(campaign, key))} has no key by which people are called no more"
                yield Mistake(("campaigns", name, key), wrong, "add one to its `options`: `9: {opt_out: {}}`")
        yield from _longer_than_the_law(document, name, campaign)
        yield from _never_measured(document, name, campaign)


# ── numbers that are shown ───────────────────────────────────────────────────────────────────


def _numbers_shown(document: Document, numbering: Numbering) -> Iterator[Mistake]:
    owned = caller_numbers(document, numbering)
    answered = {entry_address(text, numbering) for text in document.numbers}
    for name, campaign in document.campaigns.items():
        for i, own in enumerate(campaign.caller_ids or ()):
            path: KeyPath = ("campaigns", name, "caller_ids", i, "number")
            if own.number and own.number not in owned:
                wrong = f"{shown(own.number)} is no valid number of the public network"
                yield Mistake(path, wrong, "write a number such as `+442079460000`")
            elif own.number and owned[own.number] not in answered:
                wrong = f"who calls {shown(own.number)} back reaches nobody"
                yield Mistake(path, wrong, f"say under `numbers` where calls to {owned[own.number]} go")
            yield from _other_trunks(path[:-1], own, campaign)


def _other_trunks(path: KeyPath, own: CallerIdModel, campaign: CampaignModel) -> Iterator[Mistake]:
    for i, trunk in enumerate(own.trunks or ()):
        if campaign.trunks is not None and trunk not in campaign.trunks:
            wrong = f"the campaign's calls do not go over {shown(trunk)}"
            yield Mistake((*path, "trunks", i), wrong, nearest(trunk, campaign.trunks))


# ── who talks, and what is heard ─────────────────────────────────────────────────────────────


def _phones_that_ring(document: Document, name: str, campaign: CampaignModel) -> Iterator[Mistake]:
    """Where calls are made ahead, the customer is there first: only a line that is open is quick enough."""
    if campaign.mode not in AHEAD or campaign.queue is None:
        return
    agents = document.agents.items()
    rung = [agent for agent, it in agents if campaign.queue in (it.queues or ()) and it.nailed_up is False]
    if rung:
        some = ", ".join(rung[:_NAMED]) + (" …" if len(rung) > _NAMED else "")
        wrong = f"its agents are rung for each call ({some}): the customer would hear the phone ring"
        right = "add `nailed_up: true` to each of them, or name a queue whose agents all have it"
        yield Mistake(("campaigns", name, "queue"), wrong, right)


def _never_measured(document: Document, name: str, campaign: CampaignModel) -> Iterator[Mistake]:
    """Agents label the sample of answering machines by a disposition."""
    known, queue = campaign.detection, document.queues.get(campaign.queue or "")
    if known is None or queue is None or not known.sample:
        return
    away = any(getattr(known, heard) is not Then.AGENT for heard in ("machine", "unsure", "silence"))
    offered = queue.dispositions.of if queue.dispositions is not None else ()
    told = (path[-1] for path, it, _ in chosen(document.dispositions) if Flag.MACHINE in (it.flags or ()))
    if away and not any(not offered or each in offered for each in told):
        wrong = "how often it takes people for machines will not be known: its agents have no word for a machine"
        right = "add a disposition with `flags: [machine]`, or say `sample: 0%`"
        yield Mistake(("campaigns", name, "detection"), wrong, right)


def _opts_out(menu: MenuModel) -> bool:
    def does(goal: Goal) -> bool:
        return goal.opt_out is not None or (goal.then is not None and goal.then.opt_out is not None)

    return any(does(goal) for goal in menu.options.values())


# ── the law on abandoned calls ───────────────────────────────────────────────────────────────


def _limits(document: Document, kind: CallKind | None) -> Iterator[tuple[str, AbandonedLimitModel]]:
    """The rules on abandoned calls for such calls, of countries whose numbers may be dialled, each with its name."""
    for name, model in document.rule_sets.items():
        if model.country is None or kind not in (model.kinds or ()) or not reaches(document, model.country):
            continue
        for rule, it in (model.rules or {}).items():
            if isinstance(it, AbandonedLimitModel):
                yield f"{name}.{rule}", it


def _beyond_the_law(document: Document, name: str, campaign: CampaignModel) -> Iterator[Mistake]:
    for rule, limit in _limits(document, campaign.kind):
        if campaign.most_abandoned is not None and campaign.most_abandoned > limit.most:
            most = percent_text(limit.most)
            wrong = f"{percent_text(campaign.most_abandoned)} is more than {shown(rule)} allows ({limit.source})"
            yield Mistake(("campaigns", name, "most_abandoned"), wrong, f"at most `{most}`")
        if campaign.ring_timeout is not None and campaign.ring_timeout < limit.least_ring:
            least = duration_text(limit.least_ring)
            wrong = f"{duration_text(campaign.ring_timeout)} is less than {shown(rule)} asks for ({limit.source})"
            yield Mistake(("campaigns", name, "ring_timeout"), wrong, f"at least `{least}`")


def _longer_than_the_law(document: Document, name: str, campaign: CampaignModel) -> Iterator[Mistake]:
    shortest = min(_limits(document, campaign.kind), key=lambda it: it[1].grace, default=None)
    if shortest is not None and campaign.grace is not None and campaign.grace > shortest[1].grace:
        rule, limit = shortest
        wrong = f"the shorter one of {shown(rule)} comes before it ({limit.source})"
        yield Mistake(("campaigns", name, "grace"), wrong, f"write `{duration_text(limit.grace)}`, or remove it")
