"""Checked flows to the core's. What is written in short becomes nodes of its own: `NAME?`, `NAME?en`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import assert_never

from callctl.core.conditions import names_in
from callctl.core.flows import (
    NO_FLOWS,
    Branch,
    Chance,
    Compares,
    Enter,
    Figure,
    Flow,
    Flows,
    Gather,
    Goes,
    InLanguage,
    Lookup,
    Menu,
    Node,
    Note,
    Open,
    Prompt,
    Prompts,
    Put,
    QueueHas,
    Relation,
    Speak,
    Spoken,
    Test,
    parts,
)
from callctl.core.hours import Calendar
from callctl.core.ids import CalendarId, FlowId, MenuId, QueueId
from callctl.core.policy import Answering
from callctl.core.ways import Back, Next, Way
from callctl.settings.canonical import digest
from callctl.settings.flow_parts import NodeForm, declared, nodes_of, secrets, start_of
from callctl.settings.flow_types import several
from callctl.settings.flows import (
    RETURN,
    AnyPrompt,
    AnyWord,
    BranchModel,
    CallModel,
    CaseModel,
    ConfirmModel,
    FlowModel,
    GatherModel,
    GoesModel,
    HoursModel,
    LanguageModel,
    LookupModel,
    MenuNodeModel,
    NoteModel,
    NothingModel,
    PlayModel,
    SayModel,
    SetModel,
)
from callctl.settings.goals import Goal
from callctl.settings.models import Document
from callctl.settings.prompts import SpeakModel
from callctl.settings.ways import Ways

WITHHELD = "withheld"


def flows_of(document: Document, ways: Ways, calendars: Mapping[CalendarId, Calendar]) -> Flows:
    """All flows, and the calendars that they look at. `document` has no mistakes."""
    if not document.flows:
        return NO_FLOWS
    hidden = secrets(document)
    flows = {FlowId(name): _Builder(name, flow, ways, hidden).flow() for name, flow in sorted(document.flows.items())}
    looked_at = {
        test.calendar
        for flow in flows.values()
        for node in flow.nodes.values()
        if isinstance(node, Branch)
        for tests, _ in node.cases
        for test in tests
        if isinstance(test, Open)
    }
    all_of_it = Flows("", flows, {name: calendars[name] for name in sorted(looked_at)})
    return replace(all_of_it, version=digest(all_of_it))


class _Builder:
    """Of one flow."""

    def __init__(self, name: str, model: FlowModel, ways: Ways, hidden: frozenset[str]) -> None:
        self.name = name
        self.model = model
        self.ways = ways
        self.hidden = hidden

    def flow(self) -> Flow:
        nodes: dict[str, Node] = {}
        for name, form in nodes_of(self.model).items():
            nodes.update(self._nodes(name, form))
        start = start_of(self.model)
        assert start is not None
        values = {name: it.default for name, it in declared(self.model) if it.default is not None}
        answers = self.model.answer is Answering.ON_ENTRY
        return Flow(FlowId(self.name), start, nodes, values, answers, next(iter(self.model.languages), ""))

    def _nodes(self, name: str, form: NodeForm) -> Iterator[tuple[str, Node]]:
        """The node, and those that it is short for."""
        match form:
            case PlayModel():
                yield name, Speak(self._prompts(form.play), self._way(form.then))
            case MenuNodeModel():
                yield name, self._menu(name, form)
            case GatherModel():
                yield from self._gather(name, form)
            case LookupModel():
                yield name, self._lookup(form)
            case BranchModel():
                cases = tuple((tests, self._way(case.then)) for case in form.branch for tests in _cases(case))
                yield name, Branch(cases, self._way(form.otherwise))
            case HoursModel():
                test = Open(CalendarId(form.hours))
                yield name, Branch((((test,), self._way(form.open)),), self._way(form.closed))
            case SetModel():
                values = tuple((it, text) for it, text in form.set.items() if it != "language")
                yield name, Put(values, self._way(form.then), form.set.get("language", ""))
            case NoteModel():
                yield name, Note(tuple(form.note.items()), self._way(form.then))
            case CallModel():
                yield name, Enter(FlowId(form.call), self._way(form.then))
            case GoesModel():
                yield name, Goes(self._way(form.goes))
            case LanguageModel():
                yield from self._language(name, form)
            case NothingModel() | None:
                raise AssertionError(f"{self.name}/{name}")
            case _:
                assert_never(form)

    def _menu(self, name: str, form: MenuNodeModel) -> Menu:
        return Menu(
            id=self._id(name),
            prompts=self._prompts(form.menu),
            options={key: self._way(way) for key, way in form.options.items()},
            give_up=self._way(form.give_up),
            timeout=form.timeout,
            tries=form.tries,
            invalid=self._prompts(form.invalid),
            no_input=self._prompts(form.no_input),
            barge_in=form.barge_in,
        )

    def _gather(self, name: str, form: GatherModel) -> Iterator[tuple[str, Node]]:
        asks = f"{name}?"
        node = Gather(
            id=self._id(name),
            prompts=self._prompts(form.gather),
            into=form.into,
            then=Next(asks) if form.confirm else self._way(form.then),
            give_up=self._way(form.give_up),
            least=form.digits[0],
            most=form.digits[1],
            end=form.end,
            timeout=form.timeout,
            pause=form.pause,
            tries=form.tries,
            luhn=form.luhn,
            pattern=form.pattern or "",
            invalid=self._prompts(form.invalid),
            no_input=self._prompts(form.no_input),
            barge_in=form.barge_in,
            sensitive=form.into in self.hidden,
        )
        yield name, node
        if form.confirm:
            confirm = form.confirm if isinstance(form.confirm, ConfirmModel) else ConfirmModel()
            yield asks, self._confirm(asks, node, confirm, name, self._way(form.then))

    def _confirm(self, asks: str, of: Gather, form: ConfirmModel, name: str, then: Way) -> Menu:
        """Says the digits back."""
        digits = Spoken("digits", f"{{{of.into}}}")
        prompts = self._prompts(form.play)
        if not prompts:
            yes, no = _key_sound(form.yes), _key_sound(form.no)
            correct, other = ("sound:if-correct-press", yes), ("sound:vm-press", no, "sound:vm-toenternumber")
            prompts = ("sound:you-entered", digits, *correct, *other)
        elif not any(of.into in names_in(it.of) for it in parts(prompts) if isinstance(it, Spoken)):
            prompts = (digits, *prompts)
        return Menu(
            id=self._id(asks),
            prompts=prompts,
            options={form.yes: then, form.no: Next(name)},
            give_up=of.give_up,
            timeout=of.timeout,
            tries=of.tries,
            invalid=of.invalid,
            no_input=of.no_input,
            barge_in=of.barge_in,
        )

    def _lookup(self, form: LookupModel) -> Lookup:
        return Lookup(
            url=form.lookup,
            into=tuple(form.into.items()),
            then=self._way(form.then),
            failed=self._way(form.failed),
            headers=form.headers or "",
            timeout=form.timeout,
            meanwhile=self._prompts(form.meanwhile),
        )

    def _language(self, name: str, form: LanguageModel) -> Iterator[tuple[str, Node]]:
        then = self._way(form.then)
        yield (
            name,
            Menu(
                id=self._id(name),
                prompts=self._prompts(form.prompts),
                options={key: Next(f"{name}?{language}") for key, language in form.language.items()},
                give_up=then if form.give_up is None else self._way(form.give_up),
                timeout=form.timeout,
                tries=form.tries,
                invalid=self._prompts(form.invalid),
                no_input=self._prompts(form.no_input),
                barge_in=form.barge_in,
            ),
        )
        for language in form.language.values():
            yield f"{name}?{language}", Put((), then, language)

    def _id(self, node: str) -> MenuId:
        return MenuId(f"{self.name}/{node}")

    def _way(self, way: str | Goal) -> Way:
        if isinstance(way, Goal):
            return self.ways.goal(way)
        return Back() if way == RETURN else Next(way)

    def _prompts(self, prompts: tuple[AnyPrompt, ...]) -> Prompts:
        return tuple(map(self._prompt, prompts))

    def _prompt(self, prompt: AnyPrompt) -> Prompt:
        match prompt:
            case dict():
                by_language = {name: prompt[name] for name in self.model.languages}
                return InLanguage({k: tuple(self._word(it, k) for it in words) for k, words in by_language.items()})
            case SpeakModel() if isinstance(prompt.speak, dict):
                return InLanguage({name: (self._media(prompt, name),) for name in self.model.languages})
            case _:
                return self._word(prompt, next(iter(self.model.languages), ""))

    def _word(self, word: AnyWord, language: str) -> str | Spoken:
        match word:
            case SayModel():
                return Spoken(word.say.value, word.of)
            case SpeakModel():
                return self._media(word, language)
            case _:
                return word

    def _media(self, prompt: SpeakModel, language: str) -> str:
        (media,) = self.ways.speaker.said((prompt,), language)
        return media


def _key_sound(key: str) -> str:
    return "sound:digits/" + {"*": "star", "#": "pound"}.get(key, key)


# ── tests ────────────────────────────────────────────────────────────────────────────────────


def _cases(case: CaseModel) -> Iterator[tuple[Test, ...]]:
    """A case's tests; several such where one of its keys means either of two tests."""
    fixed: list[Test] = []
    if case.open is not None:
        fixed.append(Open(CalendarId(case.open)))
    if case.closed is not None:
        fixed.append(Open(CalendarId(case.closed), meant=False))
    fixed += _of_value(case)
    fixed += _of_queue(case)
    if case.chance is not None:
        fixed.append(Chance(case.chance // 10))
    either = [_of_number(f"{{{name}}}", getattr(case, name)) for name in ("caller", "called")]
    either.append(_of_language(case.language))
    for some in product(*(tests for tests in either if tests)):
        yield (*some, *fixed)


def _of_number(what: str, few: str | tuple[str, ...] | None) -> list[Test]:
    """Numbers of the public network by their beginning, extensions as a whole; who withholds the number has none."""
    known = several(few or ())
    begins = tuple(it for it in known if it.startswith("+"))
    whole = tuple("" if it == WITHHELD else it for it in known if not it.startswith("+"))
    tests: list[Test] = []
    if begins:
        tests.append(Compares(what, Relation.BEGINS, begins))
    if whole:
        tests.append(Compares(what, Relation.IS, whole))
    return tests


def _of_language(few: str | tuple[str, ...] | None) -> list[Test]:
    """`fr_CA` is French too."""
    known = several(few or ())
    tests: list[Test] = [Compares("{language}", Relation.IS, known)] if known else []
    regions = tuple(f"{it}_" for it in known if "_" not in it)
    if regions:
        tests.append(Compares("{language}", Relation.BEGINS, regions))
    return tests


def _of_value(case: CaseModel) -> Iterator[Test]:
    if case.value is None:
        return
    what = case.value if "{" in case.value else f"{{{case.value}}}"
    given = (
        (Relation.IS, case.equals),
        (Relation.BEGINS, case.begins),
        (Relation.FITS, case.fits),
        (Relation.ABOVE, case.above),
        (Relation.BELOW, case.below),
    )
    for relation, few in given:
        if few is not None:
            yield Compares(what, relation, several(few))


def _of_queue(case: CaseModel) -> Iterator[Test]:
    if case.queue is None:
        return
    for figure in Figure:
        bounds = getattr(case, figure.value)
        if bounds is not None:
            least = 0 if bounds.above is None else bounds.above + 1
            most = None if bounds.below is None else bounds.below - 1
            yield QueueHas(QueueId(case.queue), figure, least, most)
