"""The ways of a policy as a Mermaid flowchart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from callctl.core.policy import (
    Announce,
    Destination,
    HangUp,
    HangupReason,
    OptOut,
    Policy,
    QueuePolicy,
    Staffed,
    ToMenu,
    ToNumber,
    ToQueue,
    Voicemail,
)


def drawn(policy: Policy, begins: Mapping[str, Destination]) -> str:
    """The flowchart of all that can be reached from `begins`, by their names. Every place is drawn once."""
    return "\n".join(("flowchart LR", *_Drawing(policy).lines(begins)))


class _Drawing:
    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._names: dict[Destination, str] = {}
        self._lines: list[str] = []

    def lines(self, begins: Mapping[str, Destination]) -> list[str]:
        todo: list[Destination] = []
        for n, (name, to) in enumerate(begins.items()):
            self._line(f"in{n}([{_text(name)}])")
            self._edge(f"in{n}", "", to, todo)
        while todo:
            place = todo.pop(0)
            for label, to in self._onward(place):
                self._edge(self._names[place], label, to, todo)
        return self._lines

    def _edge(self, name: str, label: str, to: Destination, todo: list[Destination]) -> None:
        to = _place(to)
        if to not in self._names:
            self._names[to] = f"n{len(self._names)}"
            self._line(f"{self._names[to]}{_shape(to)}")
            todo.append(to)
        self._line(f"{name} -->{f'|{_text(label)}|' if label else ''} {self._names[to]}")

    def _line(self, text: str) -> None:
        self._lines.append(f"    {text}")

    def _onward(self, place: Destination) -> Iterator[tuple[str, Destination]]:
        match place:
            case ToMenu(menu):
                yield from self._policy.menus[menu].options.items()
                yield "gives up", self._policy.menus[menu].give_up
            case ToQueue(queue):
                yield from _out_of(self._policy, self._policy.queues[queue])
            case Announce(_, then):
                yield "", then


def _out_of(policy: Policy, queue: QueuePolicy) -> Iterator[tuple[str, Destination]]:
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


def _place(to: Destination) -> Destination:
    """Who comes how does not matter for where they are."""
    return ToQueue(to.queue) if isinstance(to, ToQueue) else to


def _shape(to: Destination) -> str:
    match to:
        case ToMenu(menu):
            return f"{{{{{_text(f'menu {menu}')}}}}}"
        case ToQueue(queue):
            return f"[[{_text(f'queue {queue}')}]]"
        case Announce(prompts):
            return f"[{_text(' '.join(prompts))}]"
        case ToNumber(number):
            return f"([{_text(f'number {number.number}')}])"
        case Voicemail(mailbox):
            return f"([{_text(f'voicemail {mailbox}')}])"
        case OptOut():
            return f"([{_text('do-not-call list')}])"
        case HangUp(reason):
            return f"([{_text('hang up' + ('' if reason is HangupReason.NORMAL else f' ({reason.value})'))}])"


def _text(text: str) -> str:
    """Mermaid's own form of text in quotes, in which nothing is markup."""
    return '"' + "".join(c if c.isalnum() or c in " +-_.:/*()" else f"#{ord(c)};" for c in text) + '"'
