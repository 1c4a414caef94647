"""The ways of a policy as a Mermaid flowchart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from callctl.core.flows import (
    Branch,
    Chance,
    Compares,
    Enter,
    Gather,
    Goes,
    InLanguage,
    Lookup,
    Menu,
    Node,
    Note,
    Open,
    Prompt,
    Put,
    QueueHas,
    Relation,
    Speak,
    Spoken,
    Spot,
    Test,
)
from callctl.core.policy import Policy, QueuePolicy, Staffed
from callctl.core.ways import (
    Announce,
    Back,
    Destination,
    HangUp,
    HangupReason,
    Next,
    OptOut,
    ToFlow,
    ToMenu,
    ToNumber,
    ToQueue,
    Voicemail,
    Way,
)

_Place: TypeAlias = Destination | Back | Spot
_SHOWN = 60
"""Characters of what is played, or held against values."""


def drawn(policy: Policy, begins: Mapping[str, Destination]) -> str:
    """The flowchart of all that can be reached from `begins`, by their names. Every place is drawn once."""
    return "\n".join(("flowchart LR", *_Drawing(policy).lines(begins)))


class _Drawing:
    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._names: dict[_Place, str] = {}
        self._lines: list[str] = []

    def lines(self, begins: Mapping[str, Destination]) -> list[str]:
        todo: list[_Place] = []
        for n, (name, to) in enumerate(begins.items()):
            self._line(f"in{n}([{_text(name)}])")
            self._edge(f"in{n}", "", to, None, todo)
        while todo:
            place = todo.pop(0)
            for label, way in self._onward(place):
                self._edge(self._names[place], label, way, place if isinstance(place, Spot) else None, todo)
        return self._lines

    def _edge(self, name: str, label: str, to: Way, at: Spot | None, todo: list[_Place]) -> None:
        place = self._place(to, at)
        if place not in self._names:
            self._names[place] = f"n{len(self._names)}"
            self._line(f"{self._names[place]}{self._shape(place)}")
            todo.append(place)
        self._line(f"{name} -->{f'|{_text(label)}|' if label else ''} {self._names[place]}")

    def _line(self, text: str) -> None:
        self._lines.append(f"    {text}")

    def _place(self, to: Way, at: Spot | None) -> _Place:
        """Who comes how does not matter for where they are."""
        match to:
            case ToQueue(queue):
                return ToQueue(queue)
            case ToFlow(flow) if flow in self._policy.flows.of:
                return Spot("", flow, self._policy.flows.of[flow].start)
            case Next(node):
                return Spot("", at.flow, node) if at is not None else HangUp()
            case _:
                return to

    def _onward(self, place: _Place) -> Iterator[tuple[str, Way]]:
        match place:
            case ToMenu(menu):
                yield from _out_of_menu(self._policy.menus[menu])
            case ToQueue(queue):
                yield from _out_of_queue(self._policy, self._policy.queues[queue])
            case Announce(_, then):
                yield "", then
            case Spot(_, flow, node) if (there := self._policy.flows.of[flow].nodes.get(node)) is not None:
                yield from _out_of_node(there)

    def _shape(self, place: _Place) -> str:
        match place:
            case Spot(_, flow, node):
                return _shape_of_node(place.name, self._policy.flows.of[flow].nodes.get(node))
            case Back():
                return f"([{_text('back to the flow that called')}])"
            case _:
                return _shape(place)


def _out_of_menu(menu: Menu) -> Iterator[tuple[str, Way]]:
    yield from menu.options.items()
    yield "gives up", menu.give_up


def _out_of_queue(policy: Policy, queue: QueuePolicy) -> Iterator[tuple[str, Way]]:
    calendar = policy.calendars[queue.hours] if queue.hours is not None else None
    switches = dict.fromkeys((*queue.closed_while, *(calendar.closed_while if calendar is not None else ())))
    closed = [*(["out of hours"] if calendar is not None else []), *(f"{name} on" for name in switches)]
    if closed:
        yield " or ".join(closed), queue.closed
    if queue.max_waiting:
        yield "full", queue.full
    if queue.staffed is not Staffed.ANYWAY:
        yield "no agents", queue.unstaffed
    if queue.longest_wait:
        yield "waited too long", queue.give_up
    if not isinstance(queue.after, HangUp) and queue.after_share:
        yield "after the talk", queue.after
    yield from queue.exit_keys.items()


def _out_of_node(node: Node) -> Iterator[tuple[str, Way]]:
    match node:
        case Menu():
            yield from _out_of_menu(node)
        case Gather(then=then, give_up=give_up):
            yield node.into, then
            yield "gives up", give_up
        case Lookup(then=then, failed=failed):
            yield "found", then
            yield "failed", failed
        case Branch(cases, otherwise):
            yield from ((" and ".join(map(_test, tests)), way) for tests, way in cases)
            yield "otherwise", otherwise
        case Enter(flow, then):
            yield "calls", ToFlow(flow)
            yield "comes back", then
        case Speak(then=then) | Put(then=then) | Note(then=then) | Goes(then):
            yield "", then


def _test(test: Test) -> str:
    match test:
        case Compares(what, relation, to):
            words = "" if relation is Relation.IS else f"{relation.value} "
            return _short(f"{what} {words}{', '.join(to)}")
        case Open(calendar, meant):
            return f"{calendar} {'open' if meant else 'closed'}"
        case QueueHas(queue, figure, least, most):
            return f"{queue} {figure.value} {least} to {'any' if most is None else most}"
        case Chance(of):
            return f"{of / 100:g} of 100"


def _shape_of_node(name: str, node: Node | None) -> str:
    match node:
        case Menu(prompts=prompts):
            return f"{{{{{_text(f'{name}: {_played(prompts)}')}}}}}"
        case Gather(prompts=prompts):
            return f"[/{_text(f'{name}: {_played(prompts)}')}/]"
        case Speak(prompts):
            return f"[{_text(f'{name}: {_played(prompts)}')}]"
        case Branch():
            return f"{{{_text(name)}}}"
        case Lookup(url=url):
            return f"[({_text(_short(f'{name}: {url}'))})]"
        case _:
            return f"[{_text(name)}]"


def _played(prompts: tuple[Prompt, ...]) -> str:
    said = []
    for prompt in prompts:
        match prompt:
            case Spoken(kind, of):
                said.append(f"{kind} {of}")
            case InLanguage(of_language):
                said.append("/".join(of_language))
            case str():
                said.append(prompt.removeprefix("sound:"))
    return _short(" ".join(said))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _shape(to: Destination) -> str:
    match to:
        case ToMenu(menu):
            return f"{{{{{_text(f'menu {menu}')}}}}}"
        case ToFlow(flow):  # of this configuration none
            return f"[{_text(f'flow {flow}')}]"
        case ToQueue(queue):
            return f"[[{_text(f'queue {queue}')}]]"
        case Announce(prompts):
            return f"[{_text(' '.join(prompts))}]"
        case ToNumber(number):
            return f"([{_text(f'number {number.number}')}])"
        case Voicemail() as voicemail:
            return f"([{_text(f'voicemail {voicemail.box}')}])"
        case OptOut():
            return f"([{_text('do-not-call list')}])"
        case HangUp(reason):
            return f"([{_text('hang up' + ('' if reason is HangupReason.NORMAL else f' ({reason.value})'))}])"


def _text(text: str) -> str:
    """Mermaid's own form of text in quotes, in which nothing is markup."""
    return '"' + "".join(c if c.isalnum() or c in " +-_.:/*()" else f"#{ord(c)};" for c in text) + '"'
