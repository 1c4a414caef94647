"""The form of campaigns and dispositions, and what they are to the core (core/campaigns.py says what each means).

What must hold between a campaign and other sections is in check_campaigns.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Annotated

from pydantic import Field
from pydantic_core import PydanticCustomError

from callctl.core.addresses import E164
from callctl.core.campaigns import (
    RETRIES,
    Blend,
    CallerId,
    CampaignPolicy,
    Compare,
    Detection,
    Disposition,
    DispositionPolicy,
    Filter,
    Mode,
    NextNumber,
    Order,
    Over,
    Preview,
    Retry,
    Then,
    Value,
)
from callctl.core.ids import CalendarId, CampaignId, DispositionId, MenuId, Micros, QueueId, TrunkId
from callctl.core.law import AttemptOutcome, CallKind
from callctl.settings import types as t
from callctl.settings.lists import ListModel
from callctl.settings.prompts import Sound, Speaker
from callctl.settings.strict import Strict, key, lasting, refuse
from callctl.settings.types import bad

# ── dispositions ─────────────────────────────────────────────────────────────────────────────


class RetryModel(Strict):
    """When somebody is tried again."""

    delay: Annotated[Micros, t.Length("1m", "365d")] = key("After so long.", "4h")
    growth: Annotated[int, t.Whole(100, 1000)] = Field(
        default=100, description="Percent by which each further delay is longer: 200 doubles it."
    )
    most: Annotated[int, t.Whole(1, 100)] = Field(
        default=5, description="Attempts of one contact that may end so; then it is done."
    )
    number: Annotated[NextNumber, t.OneOf(NextNumber)] = Field(
        default=NextNumber.SAME, description="The `same` number again, or the contact's `next`."
    )


class Flag(StrEnum):
    """What a disposition does, beside being noted."""

    SALE = "sale"
    RESOLVED = "resolved"
    CALLBACK = "callback"
    DO_NOT_CALL = "do_not_call"
    WRONG_NUMBER = "wrong_number"
    MACHINE = "machine"
    RIGHT_PARTY = "right_party"
    REFUSED = "refused"


class DispositionModel(Strict):
    """What an agent says that a call came to; or a group of such, under `below`."""

    label: t.Label = key("In words.", "Sold")
    code: t.FeatureCode | None = Field(default=None, description="What an agent dials to say so.")
    flags: Annotated[tuple[Annotated[Flag, t.OneOf(Flag)], ...], Field(max_length=len(Flag))] = Field(
        default=(), description="What it does: see docs/campaigns.md."
    )
    campaign: t.CampaignRef | None = Field(
        default=None, description="With `callback`: whose list a caller goes onto who is on none."
    )
    retry: Annotated[Micros, t.Length("1m", "365d", zero=True)] = lasting(
        "0s", "Somebody on a list of whom it is said is called again after so long; 0s: not for this."
    )
    below: dict[t.Name, DispositionModel] = Field(
        default={}, description="A group: what may be chosen below it; the group itself may not."
    )

    def judge(self) -> None:
        if self.below:
            for name in ("code", "flags", "campaign", "retry"):
                if name in self.model_fields_set:
                    raise bad("a group cannot be chosen", f"move `{name}` to what is below it", name)
        if self.campaign is not None and Flag.CALLBACK not in self.flags:
            raise bad("a campaign without the flag `callback`", "add the flag, or remove it", "campaign")
        if self.retry and Flag.DO_NOT_CALL in self.flags:
            raise bad("`retry`, and `do_not_call`", "keep one of them", "retry")
        if Flag.SALE in self.flags and Flag.REFUSED in self.flags:
            raise bad("both `sale` and `refused`", "keep one of them", "flags")


class SayingModel(Strict):
    """What is asked of agents at the end of a queue's calls."""

    of: Annotated[tuple[t.Name, ...], Field(max_length=200)] = Field(
        default=(), description="The dispositions that may be chosen; all if not given."
    )
    required: t.Bool = Field(default=False, description="Wrap-up goes on until one is chosen.")
    default: t.Name | None = Field(default=None, description="Noted when wrap-up ends without one.")

    def judge(self) -> None:
        if self.required and self.default is not None:
            raise bad("required, and with a default: it never comes to that", "keep one of them", "default")


def chosen(dispositions: Mapping[str, DispositionModel]) -> Iterator[tuple[tuple[str, ...], DispositionModel, str]]:
    """Every disposition of the tree: its keys from the top, itself, and the group that it is in."""

    def walk(
        these: Mapping[str, DispositionModel], path: tuple[str, ...], parent: str
    ) -> Iterator[tuple[tuple[str, ...], DispositionModel, str]]:
        for name, it in (these or {}).items():
            yield (*path, name), it, parent
            yield from walk(it.below or {}, (*path, name, "below"), name)

    return walk(dispositions, ("dispositions",), "")


def dispositions_of(models: Mapping[str, DispositionModel]) -> dict[DispositionId, Disposition]:
    """Those that may be chosen, by name."""
    return {
        DispositionId(path[-1]): _disposition(path[-1], model, parent)
        for path, model, parent in chosen(models)
        if not model.below
    }


def _disposition(name: str, model: DispositionModel, parent: str) -> Disposition:
    return Disposition(
        id=DispositionId(name),
        label=model.label,
        code=model.code or "",
        parent=DispositionId(parent) if parent else None,
        campaign=CampaignId(model.campaign) if model.campaign else None,
        retry=model.retry,
        **{str(flag): True for flag in model.flags},
    )


def saying_of(model: SayingModel) -> DispositionPolicy:
    default = DispositionId(model.default) if model.default else None
    return DispositionPolicy(model.required, default, tuple(DispositionId(name) for name in model.of))


def _retry(model: RetryModel) -> Retry:
    return Retry(model.delay, model.growth, model.most, model.number)


# ── campaigns ────────────────────────────────────────────────────────────────────────────────


class CallerIdModel(Strict):
    """A number that is shown to those who are called."""

    number: t.NumberText = key("One of yours, and answered: it stands under `numbers`.", "+442079460000")
    verified: t.Label = key("How you know that it is yours.", "carrier's letter of 2026-05-04")
    areas: Annotated[tuple[t.NumberArea, ...], Field(max_length=1000)] = Field(
        default=(),
        description="Shown to numbers that begin so, the longest first: `+44 20`. To all others if not given.",
    )
    trunks: Annotated[tuple[t.TrunkRef, ...], Field(max_length=32)] = Field(
        default=(), description="Shown on calls over these of the campaign's trunks; over all if not given."
    )


class DetectionModel(Strict):
    """Answering machine detection: Asterisk's AMD, before anybody hears anything. Its time is part of the grace."""

    machine: Annotated[Then, t.OneOf(Then)] = Field(
        default=Then.HANG_UP,
        description="A machine answered: `hang_up`, leave the `message`, or as a person (`agent`).",
    )
    unsure: Annotated[Then, t.OneOf(Then)] = Field(default=Then.AGENT, description="It could not tell within its time.")
    silence: Annotated[Then, t.OneOf(Then)] = Field(default=Then.AGENT, description="Nobody said anything.")
    message: Annotated[tuple[Sound, ...], Field(max_length=32)] = Field(
        default=(), description="What is left on the machine after the beep."
    )
    off_at: t.Share | None = Field(
        default=None,
        description="It goes off, with an alarm, where it took so many people for machines, as dispositions tell;"
        " as `most_abandoned` if not given; 0%: never.",
    )
    sample: t.Share = Field(
        default=1000,
        description="Of the answers that would get no agent, so many do, whose dispositions tell how often detection"
        " errs; 0%: none, and nobody knows.",
    )

    def judge(self) -> None:
        leaving = [name for name in ("machine", "unsure", "silence") if getattr(self, name) is Then.MESSAGE]
        if leaving and not self.message:
            raise bad("there is no message to leave", "add `message: [sound:…]` beside it", leaving[0])
        if self.message and not leaving:
            raise bad("a message that nothing leaves", "add `machine: message`, or remove it", "message")


class PreviewModel(Strict):
    """How an agent looks at a contact before the call."""

    limit: Annotated[Micros, t.Length("5s", "1h", zero=True)] = lasting("0s", "For so long; 0s: as long as it takes.")
    over: Annotated[Over, t.OneOf(Over)] = Field(
        default=Over.DIAL,
        description="After the `limit`: `dial`, `skip` (somebody else gets the contact), or `pause` the agent.",
    )
    skip: t.Bool = Field(default=True, description="The agent may leave the contact to somebody else.")

    def judge(self) -> None:
        if "over" in self.model_fields_set and not self.limit:
            raise bad("`over` without `limit`: it never comes to that", "add `limit`, or remove it", "over")


class BlendModel(Strict):
    """Agents who serve callers too: callers come first."""

    keep_free: Annotated[int, t.Whole(0, 1000)] = Field(
        default=0, description="So many free agents are left to callers: nobody is dialled for them."
    )
    resume_after: Annotated[Micros, t.Length("1s", "1h", zero=True)] = lasting(
        "10s", "Nobody is dialled while callers wait for the campaign's agents, nor for so long after."
    )


FieldText = Annotated[str | bool, t.FieldValue()]


class FilterModel(Strict):
    """Only contacts whose field compares so. Give one comparison."""

    field: t.Label = key("The name of a contact's field.", "balance")
    is_: FieldText | None = Field(default=None, alias="is", description="Equal to this.")
    is_not: FieldText | None = Field(default=None, description="Not equal to it, or not there.")
    at_least: Annotated[int, t.Whole(-(10**15), 10**15)] | None = Field(default=None, description="A number.")
    at_most: Annotated[int, t.Whole(-(10**15), 10**15)] | None = Field(default=None, description="A number.")
    one_of: Annotated[tuple[FieldText, ...], Field(max_length=1000)] = Field(default=(), description="Any of these.")

    def judge(self) -> None:
        given = [c for c in Compare if self.compared(c)]
        if len(given) != 1:
            words = ", ".join(f"`{c}`" for c in Compare)
            if not given:
                raise bad("nothing is compared", f"add one of {words}")
            raise bad("a filter compares in one way", f"keep one of {words}")

    def compared(self, how: Compare) -> tuple[Value, ...]:
        found = getattr(self, "is_" if how is Compare.IS else str(how))
        if found is None:
            return ()
        return tuple(map(_value, found if isinstance(found, tuple) else (found,)))


def _value(found: str | bool | int) -> Value:
    """Digits mean a number: YAML's own text and numbers look alike here, and the query compares with either."""
    return int(found) if isinstance(found, str) and re.fullmatch(r"-?(?:0|[1-9][0-9]{0,14})", found) else found


AHEAD = (Mode.POWER, Mode.PREDICTIVE)
"""Whose calls are made before it is known which agent will have them."""
_MODES_OF: Mapping[str, tuple[Mode, ...]] = {
    "lines_per_agent": (Mode.POWER,),
    "message": (Mode.BROADCAST,),
    "preview": (Mode.PREVIEW, Mode.MANUAL),
    "harbour": tuple(mode for mode in Mode if mode is not Mode.BROADCAST),
}
"""Keys that say something in these modes alone."""


class CampaignModel(Strict):
    """Calls to a list of people."""

    kind: Annotated[CallKind, t.OneOf(CallKind)] = key("What the calls are in law.", "sales")
    mode: Annotated[Mode, t.OneOf(Mode)] = Field(default=Mode.PREVIEW, description="How its numbers are dialled.")
    queue: t.QueueRef | None = Field(default=None, description="Whose agents talk; with any mode but `broadcast`.")
    hours: t.CalendarRef | None = Field(
        default=None, description="When the house calls; the law's hours hold beside it. Always if not given."
    )
    trunks: Annotated[tuple[t.TrunkRef, ...], Field(min_length=1, max_length=32)] = key(
        "Over which the calls go, in this order.", "[carrier]"
    )
    caller_ids: Annotated[tuple[CallerIdModel, ...], Field(min_length=1, max_length=1000)] = key(
        "Numbers that are shown. None: nobody is called.", "[{number: +442079460000, verified: carrier's letter}]"
    )
    order: Annotated[Order, t.OneOf(Order)] = Field(
        default=Order.OLDEST, description="Which contact comes first, of those of the same priority."
    )
    filters: Annotated[tuple[FilterModel, ...], Field(max_length=32)] = Field(
        default=(), description="Only contacts that fit all of these."
    )
    retries: dict[Annotated[AttemptOutcome, t.OneOf(AttemptOutcome)], RetryModel | None] = Field(
        default={}, description="By how an attempt ended; `null`: not again. What is not given is as docs/campaigns.md."
    )
    most_per_number: Annotated[int, t.Whole(1, 1000)] = Field(default=10, description="Attempts at one number, in all.")
    most_per_contact: Annotated[int, t.Whole(1, 1000)] = Field(default=15, description="Attempts in all.")
    consent: t.Scope | None = Field(
        default=None, description="The consent that the house asks for, beside the law's: a word of yours."
    )
    after_conversation: Annotated[Micros, t.Length("1h", "365d", zero=True)] = lasting(
        "7d", "Who talked with an agent about something else is left in peace for so long; 0s: not at all."
    )
    callback_window: Annotated[Micros, t.Length("1m", "30d")] = lasting(
        "1h", "How long a callback that an agent promised is theirs alone; then it is anybody's."
    )
    lines_per_agent: Annotated[int, t.Hundredths(1, 10)] = Field(
        default=100,
        description="With `power`: so many lines for each free agent; 1: progressive.",
        json_schema_extra={"default": 1},
    )
    most_lines: Annotated[int, t.Whole(0, 10_000)] = Field(
        default=0, description="Calls at a time that are not yet with an agent; 0: as many as its trunks carry."
    )
    ring_timeout: Annotated[Micros, t.Length("5s", "3m")] = lasting(
        "25s", "How long it rings, from the network's first sign that it does."
    )
    connect_timeout: Annotated[Micros, t.Length("2s", "1m")] = lasting("15s", "How long that sign is waited for.")
    grace: Annotated[Micros, t.Length("100ms", "1m")] | None = Field(
        default=None,
        description="An agent comes within so long of the answer, or of the greeting's end with `detection`; then the"
        " call is abandoned. 2s if not given; a shorter one of a rule set's comes before it.",
    )
    most_abandoned: t.Share | None = Field(
        default=None,
        description="Of the calls that people answered. 3% if not given; a lower one of a rule set's comes before it.",
    )
    harbour: t.MenuRef | None = Field(
        default=None, description="With `power` and `predictive`: the menu for who finds no agent within the grace."
    )
    message: t.MenuRef | None = Field(default=None, description="With `broadcast`: the menu that who answers hears.")
    detection: DetectionModel | None = Field(
        default=None, description="Of answering machines; if not given, whoever answers is taken for a person."
    )
    preview: PreviewModel = Field(
        default=PreviewModel(), description="With `preview` and `manual`: how an agent looks at a contact."
    )
    blend: BlendModel = Field(default=BlendModel(), description="Where its agents serve callers too.")
    list: ListModel = Field(default=ListModel(), description="How its lists are read: `callctl contacts import`.")

    def judge(self) -> None:
        refuse(self._mistakes())

    def _mistakes(self) -> Iterator[PydanticCustomError]:
        if self.mode is not Mode.BROADCAST and self.queue is None:
            yield bad("`queue` is missing: nobody would talk", "add `queue`, or make it `mode: broadcast`")
        if self.mode in AHEAD and self.harbour is None:
            right = "add `harbour`, a menu that says who called, with a key to `opt_out`"
            yield bad("`harbour` is missing: who finds no agent in time would hear nothing", right)
        if self.mode is Mode.BROADCAST and self.message is None:
            yield bad("`message` is missing: nothing would be said", "add `message`, a menu with a key to `opt_out`")
        for name, modes in _MODES_OF.items():
            if name in self.model_fields_set and self.mode not in modes:
                which = " or ".join(f"`mode: {mode}`" for mode in modes)
                wrong = f"`{name}` with `mode: {self.mode}`: it never comes to that"
                yield bad(wrong, f"remove it, or make it {which}" if len(modes) < 3 else "remove it", name)
        if AttemptOutcome.UNKNOWN in self.retries or AttemptOutcome.ANSWERED in self.retries:
            yield bad("who talked, and of whom nobody knows, is not tried again by itself", "remove it", "retries")


def campaign_of(name: str, model: CampaignModel, numbers: Mapping[str, E164], speaker: Speaker) -> CampaignPolicy:
    """The core's campaign. `numbers`: what each caller ID's text means."""
    retries = {**RETRIES, **{o: _retry(m) for o, m in model.retries.items() if m is not None}}
    said = {name: it for name in ("grace", "most_abandoned") if (it := getattr(model, name)) is not None}
    policy = CampaignPolicy(
        id=CampaignId(name),
        kind=model.kind,
        mode=model.mode,
        queue=QueueId(model.queue) if model.queue else None,
        hours=CalendarId(model.hours) if model.hours else None,
        trunks=tuple(TrunkId(trunk) for trunk in model.trunks),
        caller_ids=tuple(_caller_id(it, numbers[it.number]) for it in model.caller_ids),
        order=model.order,
        filters=tuple(_filter(it) for it in model.filters),
        retries={o: r for o, r in retries.items() if model.retries.get(o, r) is not None},
        most_per_number=model.most_per_number,
        most_per_contact=model.most_per_contact,
        consent=model.consent or "",
        after_conversation=model.after_conversation,
        callback_window=model.callback_window,
        lines_per_agent=model.lines_per_agent,
        most_lines=model.most_lines,
        ring_timeout=model.ring_timeout,
        connect_timeout=model.connect_timeout,
        harbour=MenuId(model.harbour) if model.harbour else None,
        message=MenuId(model.message) if model.message else None,
        preview=Preview(model.preview.limit, model.preview.over, model.preview.skip),
        blend=Blend(model.blend.keep_free, model.blend.resume_after),
        **said,
    )
    return replace(policy, detection=_detection(model.detection, policy.most_abandoned, speaker))


def _caller_id(model: CallerIdModel, number: E164) -> CallerId:
    return CallerId(number, model.verified, model.areas, tuple(TrunkId(trunk) for trunk in model.trunks))


def _detection(model: DetectionModel | None, most_abandoned: int, speaker: Speaker) -> Detection | None:
    """`most_abandoned`: of 100,000; so many mistakes alone would be as many abandoned calls as there may be."""
    if model is None:
        return None
    off_at = most_abandoned if model.off_at is None else model.off_at
    message = speaker.said(model.message)
    return Detection(model.machine, model.unsure, model.silence, message, off_at, model.sample)


def _filter(model: FilterModel) -> Filter:
    how = next(c for c in Compare if model.compared(c))
    return Filter(model.field, how, model.compared(how))
