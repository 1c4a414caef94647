"""The form of flows: nodes by name, and where each leads. What a node is to the core is in flow_build.py.

A node is known by the one key that says what it does: `play`, `menu`, `gather`, …
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, TypeAlias

from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from callctl.core.conditions import lengths
from callctl.core.ids import Micros
from callctl.core.policy import Answering
from callctl.core.spoken import Saying
from callctl.settings import flow_types as ft
from callctl.settings import types as t
from callctl.settings.goals import Goal
from callctl.settings.prompts import SpeakModel
from callctl.settings.strict import Strict, key, lasting
from callctl.settings.types import bad, nearest

KINDS = ("play", "menu", "gather", "lookup", "branch", "set", "note", "call", "goes", "hours", "language")
"""What a node can do; each is the key of one."""


# ── ways and prompts ─────────────────────────────────────────────────────────────────────────

FlowWay = Annotated[
    Annotated[ft.NodeName, Tag("text")] | Annotated[Goal, Tag("mapping")],
    Discriminator(lambda raw: "mapping" if isinstance(raw, dict) else "text"),
]
"""A node of the flow, `return`, or anything that a call can go to."""
RETURN = "return"


class SayModel(Strict):
    """A value, said in the caller's language."""

    say: Annotated[Saying, t.OneOf(Saying)] = key("As what.", "date")
    of: ft.Template = key("The value, or text with values in it.", '"{due}"')


def _word_form(raw: object) -> str:
    if not isinstance(raw, dict | BaseModel):
        return "text"
    return "speak" if isinstance(raw, SpeakModel) or (isinstance(raw, dict) and "speak" in raw) else "say"


_Word = Annotated[
    Annotated[t.Media, Tag("text")] | Annotated[SayModel, Tag("say")] | Annotated[SpeakModel, Tag("speak")],
    Discriminator(_word_form),
]
_Words = Annotated[tuple[_Word, ...], Field(min_length=1, max_length=32)]


def _prompt_form(raw: object) -> str:
    languages = isinstance(raw, dict) and not {"say", "of", "speak"} & raw.keys()
    return "languages" if languages else _word_form(raw)


_Prompt = Annotated[
    Annotated[t.Media, Tag("text")]
    | Annotated[SayModel, Tag("say")]
    | Annotated[SpeakModel, Tag("speak")]
    | Annotated[Annotated[dict[t.Language, _Words], Field(min_length=1)], Tag("languages")],
    Discriminator(_prompt_form),
]
FlowPrompts = Annotated[tuple[_Prompt, ...], Field(max_length=32)]
SomePrompts = Annotated[tuple[_Prompt, ...], Field(min_length=1, max_length=32)]
AnyWord: TypeAlias = str | SayModel | SpeakModel
AnyPrompt: TypeAlias = AnyWord | dict[str, tuple[AnyWord, ...]]


# ── values ───────────────────────────────────────────────────────────────────────────────────


class ValueType(StrEnum):
    TEXT = "text"
    DIGITS = "digits"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    TIME = "time"


_TYPED = {
    ValueType.TEXT: (".*", "text"),
    ValueType.DIGITS: ("[0-9*#]*", "digits"),
    ValueType.NUMBER: (r"-?[0-9]+(?:\.[0-9]+)?", "a number such as `12` or `2.5`"),
    ValueType.MONEY: (r"(?:[A-Z]{3} ?)?-?[0-9]+(?:\.[0-9]+)?(?: ?[A-Z]{3})?", "an amount such as `12.50 EUR`"),
    ValueType.DATE: (r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "a date such as `2026-12-25`"),
    ValueType.TIME: (r"[0-9]{2}:[0-9]{2}", "a time such as `14:30`"),
}


class ValueModel(Strict):
    """A value that callers have."""

    type: Annotated[ValueType, t.OneOf(ValueType)] = Field(default=ValueType.TEXT, description="What it holds.")
    default: ft.Plain | None = Field(default=None, description="What it is until something else is put into it.")
    sensitive: t.Bool = Field(
        default=False, description="Pressed by the caller, and kept in memory alone: in no record, row or log."
    )

    def judge(self) -> None:
        if self.sensitive and self.default is not None:
            raise bad("a default of what is sensitive", "remove it: it would stand in this file", "default")
        pattern, wanted = _TYPED[self.type]
        if self.default and not re.fullmatch(pattern, self.default):
            raise bad(f"this default is no {self.type}", f"write {wanted}", "default")


AnyValue = Annotated[
    Annotated[Annotated[ValueType, t.OneOf(ValueType)], Tag("text")] | Annotated[ValueModel, Tag("mapping")],
    Discriminator(lambda raw: "mapping" if isinstance(raw, dict) else "text"),
]
"""A word is the type alone."""


# ── nodes ────────────────────────────────────────────────────────────────────────────────────


class NodeModel(Strict):
    """What is common to them: one key says what they do."""

    @model_validator(mode="before")
    @classmethod
    def _does_one_thing(cls, raw: Any) -> Any:
        if isinstance(raw, dict):
            kinds = [it for it in raw if it in KINDS]
            if len(kinds) > 1:
                right = "keep one of them: a node does one thing"
                raise bad(f"`{kinds[1]}` stands beside `{kinds[0]}`", right, kinds[1])
        return raw


class NothingModel(Strict):
    """Of a node without any of these keys."""

    @model_validator(mode="before")
    @classmethod
    def _does_nothing(cls, raw: Any) -> Any:
        if isinstance(raw, dict):
            for name in raw:
                if name not in _OF_ANY_NODE and (right := nearest(name, KINDS)).startswith("did"):
                    raise bad("this key is not known", right, name)
            raise bad("this node does nothing", f"write one of {', '.join(f'`{it}`' for it in KINDS)}")
        return raw


_TRIES = Annotated[int, t.Whole(1, 20)]


class PlayModel(NodeModel):
    """Prompts, and on."""

    play: SomePrompts = key("Played one after the other.", "[sound:hello-world]")
    then: FlowWay = key("Where the caller goes then.", "main")


class MenuNodeModel(NodeModel):
    """One key decides."""

    menu: SomePrompts = key("Played one after the other.", "[sound:vm-enter-num-to-call]")
    options: Annotated[dict[t.MenuKey, FlowWay], Field(min_length=1)] = key(
        "Where each key leads.", "{1: {queue: sales}}"
    )
    give_up: FlowWay = key("Where the caller goes when `tries` are used up.", "{hang_up: normal}")
    timeout: Annotated[Micros, t.Length("500ms", "1m")] = lasting("5s", "How long to wait for a key after the prompts.")
    tries: _TRIES = Field(default=3, description="How often the prompts are played, in all.")
    invalid: FlowPrompts = Field(default=(), description="Played after a key that leads nowhere.")
    no_input: FlowPrompts = Field(default=(), description="Played after a timeout.")
    barge_in: t.Bool = Field(default=True, description="A key during the prompts counts, and stops them.")


class ConfirmModel(Strict):
    """The digits are said back, and a key says whether they are right."""

    play: FlowPrompts = Field(
        default=(), description="Behind the digits; or all of it, where the value itself is said in it."
    )
    yes: t.MenuKey = Field(default="1", description="The digits are right.")
    no: t.MenuKey = Field(default="2", description="They are asked for again.")

    def judge(self) -> None:
        if self.yes == self.no:
            raise bad("the same key says yes", "choose another", "no")


AnyConfirm = Annotated[
    Annotated[t.Bool, Tag("text")] | Annotated[ConfirmModel, Tag("mapping")],
    Discriminator(lambda raw: "mapping" if isinstance(raw, dict) else "text"),
]


class GatherModel(NodeModel):
    """Several digits become a value."""

    gather: SomePrompts = key("Played one after the other.", "[sound:please-enter-the]")
    into: ft.ValueName = key("What the value is called.", "order")
    then: FlowWay = key("Where the caller goes with the digits.", "look")
    give_up: FlowWay = key("Where the caller goes when `tries` are used up.", "{hang_up: normal}")
    digits: Annotated[tuple[int, int], ft.DigitsRange()] = Field(
        default=(1, 32), description="How many: `6`, or `4-8`; with the most of them the input is over."
    )
    end: ft.EndKey = Field(default="#", description='This key ends the input; `""`: none does.')
    timeout: Annotated[Micros, t.Length("500ms", "1m")] = lasting("5s", "For the first digit, after the prompts.")
    pause: Annotated[Micros, t.Length("500ms", "1m")] = lasting("3s", "For each further one; then the input is over.")
    tries: _TRIES = Field(default=3, description="How often the prompts are played, in all.")
    luhn: t.Bool = Field(default=False, description="The last digit must be right, as that of a card's number.")
    pattern: Annotated[str, ft.DialPattern()] | None = Field(
        default=None, description="What the digits must be, as Asterisk writes it: X, Z, N, [1-5], and `.` or `!`."
    )
    confirm: AnyConfirm = Field(default=False, description="Say them back, and ask whether they are right.")
    invalid: FlowPrompts = Field(default=(), description="Played after digits that do not fit.")
    no_input: FlowPrompts = Field(default=(), description="Played when nothing was pressed.")
    barge_in: t.Bool = Field(default=True, description="A key during the prompts counts, and stops them.")

    def judge(self) -> None:
        if self.pattern is not None:
            least, most = lengths(self.pattern)
            if self.digits[1] < least or (most is not None and most < self.digits[0]):
                so_many = f"{least}" if most == least else f"{least} or more"
                raise bad(f"{so_many} digits fit this pattern, and `digits` says otherwise", "change one", "pattern")


class LookupModel(NodeModel):
    """A question to an HTTP server, which answers with JSON."""

    lookup: Annotated[str, ft.LookupUrl()] = key("The URL, with values in it.", "https://crm.example/orders/{order}")
    into: Annotated[dict[ft.ValueName, ft.Pointer], Field(min_length=1, max_length=32)] = key(
        "Values, and where each stands in the answer.", "{status: /status}"
    )
    then: FlowWay = key("Where the caller goes with these values.", "tell")
    failed: FlowWay = key("Where the caller goes without them.", "sorry")
    headers: t.HeadersRef | None = Field(default=None, description="The name of headers that are sent along.")
    timeout: Annotated[Micros, t.Length("100ms", "30s")] = lasting("5s", "How long to wait for the answer.")
    meanwhile: FlowPrompts = Field(default=(), description="Played until the answer is there, again and again.")


class BoundsModel(Strict):
    """A figure's bounds, which are not in it."""

    above: Annotated[int, t.Whole(0, 100_000)] | None = Field(default=None, description="More than this.")
    below: Annotated[int, t.Whole(1, 100_000)] | None = Field(default=None, description="Less than this.")

    def judge(self) -> None:
        if self.above is None and self.below is None:
            raise bad("no bound is given", "add `above`, or `below`")
        if self.above is not None and self.below is not None and self.below - self.above < 2:
            raise bad("nothing is above the one and below the other", "raise it", "below")


FIGURES = ("waiting", "free", "staffed")
RELATIONS = ("is", "begins", "fits", "above", "below")


class CaseModel(Strict):
    """Tests, all of which must hold, and where the caller goes then."""

    then: FlowWay = key("Where the caller goes then.", "main")
    open: t.CalendarRef | None = Field(default=None, description="This calendar says that it is open now.")
    closed: t.CalendarRef | None = Field(default=None, description="This calendar says that it is closed now.")
    caller: ft.FewNumbers | None = Field(
        default=None, description="The caller's number begins so, is this extension, or is `withheld`."
    )
    called: ft.FewNumbers | None = Field(default=None, description="The number that was called begins so.")
    language: ft.FewLanguages | None = Field(default=None, description="The caller's language.")
    value: ft.ValueOrTemplate | None = Field(default=None, description="A value, or text with values in it, which …")
    equals: ft.FewTexts | None = Field(default=None, alias="is", description="… is this, or one of these.")
    begins: ft.FewTexts | None = Field(default=None, description="… begins so.")
    fits: ft.FewPatterns | None = Field(default=None, description="… fits this pattern of Asterisk's.")
    above: ft.NumberOrTemplate | None = Field(default=None, description="… is a number above this one.")
    below: ft.NumberOrTemplate | None = Field(default=None, description="… is a number below this one.")
    queue: t.QueueRef | None = Field(default=None, description="A queue, which has …")
    waiting: BoundsModel | None = Field(default=None, description="… so many callers who wait.")
    free: BoundsModel | None = Field(default=None, description="… so many agents who could be rung at once.")
    staffed: BoundsModel | None = Field(default=None, description="… so many agents who are logged in.")
    chance: Annotated[int, t.Percent()] | None = Field(default=None, description="So many callers, at random.")

    _tests: ClassVar[tuple[str, ...]] = ("open", "closed", "caller", "called", "language", "value", "queue", "chance")

    def judge(self) -> None:
        relations = [name for name in RELATIONS if getattr(self, "equals" if name == "is" else name) is not None]
        figures = [name for name in FIGURES if getattr(self, name) is not None]
        if relations and self.value is None:
            raise bad(f"`{relations[0]}` without a value", "add `value`", relations[0])
        if self.value is not None and not relations:
            raise bad("a value without what it is compared with", f"add one of: {', '.join(RELATIONS)}", "value")
        if figures and self.queue is None:
            raise bad(f"`{figures[0]}` without a queue", "add `queue`", figures[0])
        if self.queue is not None and not figures:
            raise bad("a queue without a figure of it", f"add one of: {', '.join(FIGURES)}", "queue")
        if all(getattr(self, name) is None for name in self._tests):
            raise bad("nothing is tested", f"add one of: {', '.join(self._tests)}")
        if self.chance is not None and self.chance % 10:
            raise bad("a chance has at most two decimals", "write one such as `12.5%`", "chance")
        plain = self.above and self.below and "{" not in self.above + self.below
        if plain and Decimal(self.below or 0) <= Decimal(self.above or 0):
            raise bad("nothing is above the one and below the other", "raise it", "below")


class BranchModel(NodeModel):
    """The first case that holds."""

    branch: Annotated[tuple[CaseModel, ...], Field(min_length=1, max_length=200)] = key(
        "Cases, in order.", "[{open: office, then: main}]"
    )
    otherwise: FlowWay = key("Where the caller goes when none holds.", "closed")


class SetModel(NodeModel):
    """Values are put in."""

    set: Annotated[dict[ft.ValueName, ft.Template], Field(min_length=1, max_length=32)] = key(
        "Values, each with text that may have values in it; `language` is the caller's.", "{tier: gold}"
    )
    then: FlowWay = key("Where the caller goes then.", "main")

    def judge(self) -> None:
        language = self.set.get("language")
        if language is not None and not re.fullmatch(ft.LANGUAGE, language):
            raise bad("a language is one word, without values in it", "write one such as `fr` or `en_GB`", "set")


class NoteModel(NodeModel):
    """Values are written into the call's record."""

    note: Annotated[dict[ft.ValueName, ft.Template], Field(min_length=1, max_length=32)] = key(
        "What is written, by name.", '{csat: "{score}"}'
    )
    then: FlowWay = key("Where the caller goes then.", "bye")


class CallModel(NodeModel):
    """Another flow, and when it leads back, on."""

    call: t.FlowRef = key("The flow.", "survey")
    then: FlowWay = key("Where the caller goes when it returns.", "main")


class GoesModel(NodeModel):
    """A name for a way."""

    goes: FlowWay = key("Where the caller goes.", "{hang_up: normal}")


class HoursModel(NodeModel):
    """A calendar decides: in short for a `branch`."""

    hours: t.CalendarRef = key("The calendar.", "office")
    open: FlowWay = key("Where the caller goes while it is open.", "main")
    closed: FlowWay = key("Where the caller goes while it is closed.", "bye")


class LanguageModel(NodeModel):
    """A key chooses the language: in short for a `menu` whose options set it."""

    language: Annotated[dict[t.MenuKey, t.Language], Field(min_length=1)] = key("Languages, by key.", "{1: en, 2: fr}")
    prompts: SomePrompts = key("What is said, in each of them.", "[sound:press-1]")
    then: FlowWay = key("Where the caller goes with the language.", "main")
    give_up: FlowWay | None = Field(default=None, description="After `tries`; as `then` if not given.")
    timeout: Annotated[Micros, t.Length("500ms", "1m")] = lasting("5s", "How long to wait for a key after the prompts.")
    tries: _TRIES = Field(default=3, description="How often the prompts are played, in all.")
    invalid: FlowPrompts = Field(default=(), description="Played after a key that is no language's.")
    no_input: FlowPrompts = Field(default=(), description="Played after a timeout.")
    barge_in: t.Bool = Field(default=True, description="A key during the prompts counts, and stops them.")


_OF_ANY_NODE = frozenset(name for model in NodeModel.__subclasses__() for name in model.model_fields)


def _kind(raw: object) -> str:
    if isinstance(raw, dict):
        return next((name for name in raw if name in KINDS), "nothing")
    return "nothing"


AnyNode = Annotated[
    Annotated[PlayModel, Tag("play")]
    | Annotated[MenuNodeModel, Tag("menu")]
    | Annotated[GatherModel, Tag("gather")]
    | Annotated[LookupModel, Tag("lookup")]
    | Annotated[BranchModel, Tag("branch")]
    | Annotated[SetModel, Tag("set")]
    | Annotated[NoteModel, Tag("note")]
    | Annotated[CallModel, Tag("call")]
    | Annotated[GoesModel, Tag("goes")]
    | Annotated[HoursModel, Tag("hours")]
    | Annotated[LanguageModel, Tag("language")]
    | Annotated[NothingModel, Tag("nothing")],
    Discriminator(_kind),
]


class FlowModel(Strict):
    """A caller's way, as nodes that lead to each other."""

    pieces: ClassVar[tuple[str, ...]] = ("nodes", "values")

    nodes: Annotated[dict[t.Name, AnyNode], Field(min_length=1)] = key(
        "What happens, by name.", "{bye: {goes: {hang_up: normal}}}"
    )
    start: ft.NodeName | None = Field(default=None, description="The node that callers enter; the first if not given.")
    answer: Annotated[Answering, t.OneOf(Answering)] = Field(
        default=Answering.ON_ENTRY,
        description="`on_agent`: the caller pays only from the first prompt or agent on, whichever comes first.",
    )
    languages: Annotated[tuple[t.Language, ...], Field(max_length=16)] = Field(
        default=(), description="Those that prompts must have; the first is for callers of any other."
    )
    values: dict[ft.ValueName, AnyValue] = Field(default={}, description="What callers have: types, defaults, secrecy.")
