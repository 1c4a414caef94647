"""An operator's own cases: what a caller does, and where that must lead. YAML, read as the configuration is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import Discriminator, Field, Tag

from callctl.api.explain import Teller, whither
from callctl.core import facts as f
from callctl.core.flows import Lookup
from callctl.core.lookups import LookupFailure
from callctl.core.model import Outcome
from callctl.core.policy import Policy
from callctl.flows.acts import HANG_UP, act, is_act, words
from callctl.flows.entry import MistakenError, agent_of, begun, caller_of, destination, moment_of, switch_of
from callctl.runtime.masking import Masking
from callctl.settings import Problem, SettingsError
from callctl.settings.errors import KeyPath, Place, shown
from callctl.settings.strict import Strict, key
from callctl.settings.types import OneOf, Text, bad, nearest
from callctl.settings.validate import Validation
from callctl.settings.yamlfile import read
from callctl.sim.walk import Noticed, Walk

NOON = "2026-01-07T12:00"
"""A Wednesday without a holiday: the same case gives the same on any day."""

Name = Annotated[str, Text(r".{1,100}", "a name of at most 100 characters")]
Written = Annotated[str, Text(r".{1,200}", "a line of text", number=True)]
Act = Annotated[str, Text(r".{0,200}", "keys such as 1 or *9#, listen, answer, agent hangs up or hang up", number=True)]
Value = Annotated[str, Text(r".{0,200}", "a value, as text of at most 200 characters", number=True)]
Answer = Annotated[
    Annotated[Annotated[LookupFailure, OneOf(LookupFailure)], Tag("text")]
    | Annotated[dict[Name, Value], Tag("mapping")],
    Discriminator(lambda raw: "mapping" if isinstance(raw, dict) else "text"),
]
"""What a lookup finds, or why it does not."""
Answers = Annotated[
    Annotated[dict[Name, Answer], Tag("mapping")] | Annotated[tuple[Answer, ...], Tag("list")],
    Discriminator(lambda raw: "mapping" if isinstance(raw, dict) else "list"),
]


class CaseModel(Strict):
    """One caller."""

    entry: Written = key("A number of `numbers:`, a menu, a queue or a flow.", "main")
    at: Written | None = Field(
        default=None, description="When, such as 2026-12-24T18:30; noon of 2026-01-07 if not given."
    )
    caller: Written | None = Field(default=None, description="Who calls; the number is withheld if not given.")
    agents: tuple[Written, ...] = Field(default=(), description="Who is logged in, with a phone to ring.")
    on: tuple[Written, ...] = Field(default=(), description="Switches that are on.")
    does: tuple[Act, ...] = Field(
        default=(), description="Keys, `listen`, `answer`, `agent hangs up`, `hang up`, in this order."
    )
    lookups: Answers = Field(
        default={},
        description="What flows find, or why they do not: by node (`orders/look: {status: sent}`), or in order.",
    )
    path: tuple[Written, ...] | None = Field(
        default=None,
        description="Where the call comes: `menu main`, `node orders/hello`, `queue sales`, `agent ana`, …",
    )
    notes: dict[Name, Value] = Field(default={}, description="Among what flows write into the record.")
    hears: tuple[Written, ...] = Field(default=(), description="Prompts among those that are played, in this order.")
    end: Annotated[Outcome, OneOf(Outcome)] | None = Field(default=None, description="How the call record ends.")

    def judge(self) -> None:
        if self.path is None and not self.hears and not self.notes and self.end is None:
            raise bad("this expects nothing", "add `path`, `hears`, `notes` or `end`")


class CasesModel(Strict):
    """A file of cases."""

    cases: dict[Name, CaseModel] = Field(description="By their names, for people.")


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    place: Place
    form: CaseModel


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a case."""

    case: Case
    wrong: tuple[str, ...]
    """What was expected and did not happen; none: all is as it should be."""
    story: tuple[str, ...]
    """What became of the caller, in words."""


def cases_of(paths: Sequence[Path], policy: Policy) -> list[Case]:
    """The cases of the files. SettingsError with every mistake in any of them."""
    cases: list[Case] = []
    problems: list[Problem] = []
    for path in paths:
        tree, wrong = read(path)
        validation = Validation(tree, Place(str(path)), CasesModel)
        found = getattr(validation.document, "cases", {})  # what is wrong in a case has left its key empty
        wrong += validation.problems
        if not found and not wrong:
            wrong.append(Problem.at(Place(str(path)), (), "there are no cases", "write them under `cases:`"))
        problems += wrong
        for name, form in found.items():
            at: KeyPath = ("cases", name)
            cases.append(Case(name, validation.place(at, of_key=True), form))
            problems += [Problem.at(validation.place((*at, *p)), (*at, *p), w, r) for p, w, r in _strange(form, policy)]
    if problems:
        raise SettingsError(problems)
    return cases


def _strange(form: CaseModel, policy: Policy) -> Iterator[tuple[KeyPath, str, str]]:
    """What a case says that this configuration, or a caller, does not have."""
    asked: list[tuple[KeyPath, Callable[[], object]]] = [
        *([(("entry",), partial(destination, form.entry, policy))] if form.entry else []),
        (("at",), partial(moment_of, form.at or NOON)),
        (("caller",), partial(caller_of, form.caller or "", policy)),
        *((("agents", n), partial(agent_of, name, policy)) for n, name in enumerate(form.agents or ())),
        *((("on", n), partial(switch_of, name, policy)) for n, name in enumerate(form.on or ())),
    ]
    for path, ask in asked:
        try:
            ask()
        except MistakenError as error:
            yield path, error.wrong, error.right
    yield from _strange_answers(form, policy)
    for n, text in enumerate(form.does or ()):
        if not is_act(text):
            yield (
                ("does", n),
                f"{shown(text)} is nothing that a caller does",
                "write keys, listen, answer, agent hangs up, hang up, at TIME, found NAME=… or failed timeout",
            )


def _strange_answers(form: CaseModel, policy: Policy) -> Iterator[tuple[KeyPath, str, str]]:
    """Answers that no node asks for."""
    nodes = {f"{flow.id}/{name}": it for flow in policy.flows.of.values() for name, it in flow.nodes.items()}
    known = {name: it for name, it in nodes.items() if isinstance(it, Lookup)}
    for name, answer in form.lookups.items() if isinstance(form.lookups, dict) else ():
        if name not in known:
            yield ("lookups", name), f"no flow has a node {shown(name)} that looks something up", nearest(name, known)
            continue
        wanted = [it for it, _ in known[name].into]
        for value in answer if isinstance(answer, dict) else ():
            if value not in wanted:
                yield ("lookups", name, value), f"{shown(value)} is not looked up there", nearest(value, wanted)


def ran(case: Case, policy: Policy) -> Ran:
    """Walk it. A caller who has done everything hangs up."""
    form = case.form
    since = moment_of(form.at or NOON)
    free = [agent_of(name, policy) for name in form.agents]
    on = [switch_of(name, policy) for name in form.on]
    walk = begun(policy, form.entry, caller_of(form.caller or "", policy), since, free, on)
    noticed: list[Noticed] = []
    in_order = [] if isinstance(form.lookups, dict) else list(form.lookups)
    for what in (None, *form.does, HANG_UP):
        if what is not None:
            act(walk, what)
        noticed += walk.noticed()
        while (answer := _answer(form, walk, in_order, noticed)) is not None:
            walk.found(answer) if isinstance(answer, dict) else walk.failed(answer)
            noticed += walk.noticed()
    teller = Teller(policy, Masking(unmask=True))
    return Ran(case, tuple(_missed(form, noticed)), tuple(words(it, teller, since) for it in noticed))


def _answer(
    form: CaseModel, walk: Walk, in_order: list[dict[str, str] | LookupFailure], noticed: Sequence[Noticed]
) -> dict[str, str] | LookupFailure | None:
    """Of the lookup for which the caller waits; None: nothing is looked up, or the case does not say."""
    if walk.waits_for is None:
        return None
    if not isinstance(form.lookups, dict):
        return in_order.pop(0) if in_order else None
    asks = next(it.fact.nodes[-1] for it in reversed(noticed) if isinstance(it.fact, f.Walked))
    return form.lookups.get(asks)


def _missed(form: CaseModel, noticed: Sequence[Noticed]) -> Iterator[str]:
    path = tuple(place for it in noticed for place in _places(it.fact))
    if form.path is not None and path != form.path:
        yield f"path is [{', '.join(path)}], not [{', '.join(form.path)}]"
    played = iter([prompt for it in noticed for prompt in (*it.says, *it.prompts)])
    for prompt in form.hears:
        if prompt not in played:  # the iterator goes on behind the one before
            yield f"{shown(prompt)} is not heard, or not in this order"
            break
    notes = {name: it for told in noticed if isinstance(told.fact, f.Noted) for name, it in told.fact.values.items()}
    for name, value in form.notes.items():
        if notes.get(name) != value:
            yield f"note {name} is {shown(notes[name]) if name in notes else 'not there'}, not {shown(value)}"
    end = next((it.fact.outcome for it in noticed if isinstance(it.fact, f.CallEnded)), None)
    if form.end is not None and end is not form.end:
        yield f"end is {end}, not {form.end}"


def _places(fact: f.Fact | None) -> Iterator[str]:
    match fact:
        case f.Walked(nodes=nodes):
            yield from (f"node {name}" for name in nodes)
        case f.MenuEntered(tries=1) if "/" not in fact.menu:  # a flow's node has been told
            yield f"menu {fact.menu}"
        case f.CallQueued():
            yield f"queue {fact.queue}"
        case f.CallConnected():
            yield f"agent {fact.agent}"
        case f.CallHandedOver():
            yield whither(fact.to)
        case f.OptedOut():
            yield "do-not-call list"
