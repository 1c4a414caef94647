"""The IVR: walks a caller through menus and announcements, which are values of the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from callctl.core import admission, calls, conditions, handover, lists, waiting, walk
from callctl.core.addresses import E164
from callctl.core.commands import Play, StopPlay, Unhold
from callctl.core.events import DigitPressed, LookedUp, PlaybackEnded
from callctl.core.facts import (
    DigitsTaken,
    DigitTaken,
    DigitTimedOut,
    FlowedOut,
    LookupAnswered,
    MenuEntered,
    OptedOut,
    PromptFailed,
)
from callctl.core.flows import Gather, Lookup, Menu, Prompts, Speak, Spot, Stay
from callctl.core.ids import SECOND, LookupId, Micros, PlaybackId, QueueId, SwitchId
from callctl.core.lookups import Ask, LookupFailure, fill
from callctl.core.model import (
    Announcing,
    Call,
    Flow,
    Hidden,
    InMenu,
    LookingUp,
    MenuVisit,
    Offered,
    Outcome,
    Party,
    Place,
    Queued,
    QueueVisit,
    RingResult,
    Value,
)
from callctl.core.policy import Overflow
from callctl.core.turn import Turn
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

MAX_VISITS = 100
"""A caller who goes from menu to menu more often than this is hung up on: a bound on every record."""
NOTHING = ("sound:silence/1",)
"""Played where there are no prompts."""
LOOKUP_MARGIN: Micros = 2 * SECOND
"""So long after its time the end of a lookup is still waited for: whoever asks knows best why it failed."""
PROMPTS_MOST: Micros = 600 * SECOND
"""Prompts of which nobody says that they are over count as heard then: the event may be lost, and a caller is not to
hear silence for ever. Longer ones are cut off."""


def enter(turn: Turn, call: Call, to: Way, trigger: str, at: Spot | None = None) -> None:
    """The caller goes a way; `at`: from this node of a flow."""
    if isinstance(to, ToFlow | Next | Back):
        found = walk.settle(turn, call, to, at)
        if isinstance(found, tuple):
            _arrive(turn, call, *found, trigger)
            return
        to = found
    match to:
        case ToMenu(menu):
            _ask(turn, call, turn.world.policy.menus[menu], None, trigger)
        case ToQueue() | ToNumber() if call.story.asked_after is not None:
            # `check` refuses such ways; a reload may have made one under the caller. One call has one talk.
            calls.end(turn, call, trigger, Outcome.COMPLETED, Party.CALLCTL)
        case ToQueue(queue):
            refusal = admission.refusal(turn.world, call, turn.world.policy.queues[queue], turn.now)
            if refusal is None:
                calls.enqueue(turn, call, to, trigger)
            else:
                why, other, switch = refusal
                _refused(turn, call, queue, why, other, trigger, switch)
        case Announce(prompts, then):
            calls.answer(turn, call)
            announce(turn, call, prompts, then, trigger)
        case Voicemail() | ToNumber():
            if not handover.hand_over(turn, call, to, trigger):
                _not_dialled(turn, call, to, trigger)
        case OptOut():
            _opt_out(turn, call, to, trigger)
        case HangUp(reason):  # who is refused unanswered hears the network's busy tone, and pays nothing
            calls.end(turn, call, trigger, Outcome.COMPLETED, Party.CALLCTL, reason)
        case ToFlow() | Next() | Back():
            raise AssertionError(f"{to} was walked, and leads nowhere")
        case _:
            assert_never(to)


def _arrive(turn: Turn, call: Call, node: Stay, at: Spot, trigger: str) -> None:
    """The caller has come to a node of a flow."""
    match node:
        case Menu() | Gather():
            _ask(turn, call, node, at, trigger)
        case Speak(prompts, then):
            calls.answer(turn, call)
            announce(turn, call, walk.heard(turn.world, call, prompts) or NOTHING, then, trigger, at=at)
        case Lookup():
            calls.answer(turn, call)
            _look_up(turn, call, node, at, LookupId(turn.world.ids.ulid(turn.now)), trigger)
        case _:
            assert_never(node)


def _ask(turn: Turn, call: Call, node: Menu | Gather, at: Spot | None, trigger: str) -> None:
    """The caller is to press keys."""
    if len(call.story.menus) >= MAX_VISITS:
        calls.end(turn, call, trigger, Outcome.COMPLETED, Party.CALLCTL)
        return
    calls.answer(turn, call)
    call.story.menus.append(MenuVisit(node.id, turn.now))
    _play_menu(turn, call, node, at, 1, (), trigger)


def _not_dialled(turn: Turn, call: Call, to: Destination, trigger: str) -> None:
    """The number may not be dialled: the caller goes where there is always somewhere to go."""
    last = turn.world.policy.last_resort
    if to in (last, last.then if isinstance(last, Announce) else None):
        calls.end(turn, call, trigger, Outcome.COMPLETED, Party.CALLCTL, HangupReason.CONGESTION)
    else:
        enter(turn, call, last, trigger)


def _opt_out(turn: Turn, call: Call, to: OptOut, trigger: str) -> None:
    """The person does not want to be called any more: in force at once."""
    calls.answer(turn, call)
    number = call.caller if isinstance(call.caller, E164) else None
    if number is not None:
        lists.refuse_to_call(turn, number, "a key, pressed in a call")
    turn.tell(OptedOut(call.id, number))
    said = to.prompts if number is not None else to.withheld
    announce(turn, call, said, HangUp(), trigger, promise=number is not None)


def announce(
    turn: Turn,
    call: Call,
    prompts: tuple[str, ...],
    then: Way,
    trigger: str,
    *,
    promise: bool = False,
    at: Spot | None = None,
) -> None:
    """Play prompts to the caller, then go on; `at`: from this node of a flow."""
    playback = _play(turn, call, prompts, promise=promise)
    calls.move(turn, call, trigger, Announcing(playback, prompts, then, turn.now + PROMPTS_MOST, at))


def digit(turn: Turn, call: Call, event: DigitPressed) -> None:
    """The caller pressed a digit. Outside a menu and a queue, or during prompts without barge-in, it means nothing."""
    phase = call.phase
    if isinstance(phase, Queued | Offered):
        exit_key(turn, call, phase, event)
        return
    if not isinstance(phase, InMenu):
        turn.stray(event, phase)
        return
    node = _node(turn, phase)
    if phase.playing is not None and not node.barge_in:
        turn.stray(event, "InMenu without barge-in")
        return
    call.flow = None  # from here on it is the caller's own choice
    if isinstance(node, Gather):
        _digit_of_several(turn, call, phase, node, event.digit)
        return
    _note_digit(call, event.digit)
    _stop(turn, call, phase.playing)
    to = node.options.get(event.digit)
    turn.tell(DigitTaken(call.id, phase.menu, event.digit, to))
    if to is not None:
        enter(turn, call, to, "digit", phase.spot)
    else:
        _again(turn, call, node, phase, node.invalid, "digit")


def _note_digit(call: Call, digit: str) -> None:
    visit = call.story.menus[-1]
    call.story.menus[-1] = replace(visit, digits=(visit.digits + digit)[:32])


def _digit_of_several(turn: Turn, call: Call, phase: InMenu, node: Gather, digit: str) -> None:
    """One more; with the last, or the key that ends it, the input is over."""
    _note_digit(call, "•" if node.sensitive else digit)
    _stop(turn, call, phase.playing)
    digits = _pressed(phase.digits) + ("" if digit == node.end else digit)
    phase = replace(phase, digits=Hidden(digits) if node.sensitive else digits)
    if digit == node.end or len(digits) >= node.most:
        _gathered(turn, call, phase, node, "digit")
    else:
        phase = replace(phase, playing=None, heard_by=None, digit_by=turn.now + node.pause)
        calls.move(turn, call, "digit", phase)


def _pressed(digits: Value) -> str:
    return digits.text if isinstance(digits, Hidden) else digits


def _gathered(turn: Turn, call: Call, phase: InMenu, node: Gather, trigger: str) -> None:
    """The input is over: on, if it is such as was asked for."""
    digits = _pressed(phase.digits)
    right = node.least <= len(digits) <= node.most and digits.isascii() and digits.isdigit()
    right = right and (not node.pattern or conditions.fits(node.pattern, digits))
    right = right and (not node.luhn or conditions.luhn(digits))
    turn.tell(DigitsTaken(call.id, node.id, "" if node.sensitive else digits, len(digits), right))
    if right:
        call.values = {**call.values, node.into: phase.digits}
        enter(turn, call, node.then, trigger, phase.spot)
    else:
        _again(turn, call, node, phase, node.invalid, trigger)


def no_digit(turn: Turn, call: Call, phase: InMenu) -> None:
    """The time for a digit is over."""
    node = _node(turn, phase)
    if isinstance(node, Gather) and _pressed(phase.digits):
        _gathered(turn, call, phase, node, "no digit")
        return
    turn.tell(DigitTimedOut(call.id, phase.menu, phase.tries))
    _again(turn, call, node, phase, node.no_input, "no digit")


def _node(turn: Turn, phase: InMenu) -> Menu | Gather:
    """Where the caller is to press keys. A flow's node that nobody remembers, or that is another kind of node now, is
    a menu without options: the caller hears that one is sorry, and goes to the last resort."""
    if phase.spot is None:
        return turn.world.policy.menus[phase.menu]
    node = walk.node_at(turn.world, phase.spot)
    if isinstance(node, Menu | Gather):
        return node
    return Menu(phase.menu, ("sound:im-sorry",), {}, turn.world.policy.last_resort, tries=1)


def _refused(
    turn: Turn, call: Call, queue: QueueId, why: Overflow, to: Destination, trigger: str, switch: SwitchId | None
) -> None:
    """The queue does not take the caller. Each queue can do so once, so this ends."""
    calls.visited(turn, call, QueueVisit(queue, turn.now, turn.now, why))
    since = call.flow.since if call.flow is not None else None
    _flows(turn, call, queue, since, why, to, taken=False, switch=switch)
    if isinstance(call.phase, Queued) and call.is_answered and not isinstance(to, ToQueue):
        turn.wish(Unhold(call.node, call.leg, call.phase.place.queue))  # out of the queue that sent the caller here
    enter(turn, call, to, trigger)


def send_on(turn: Turn, call: Call, place: Place, why: Overflow, to: Destination) -> None:
    """The caller does not wait any longer in this queue."""
    visit = call.story.queues[-1]
    call.story.queues[-1] = replace(visit, left=turn.now, why=why)
    _flows(turn, call, place.queue, place.since, why, to)
    waiting.hush(turn, call, place)
    if not isinstance(to, ToQueue) and call.is_answered:
        turn.wish(Unhold(call.node, call.leg, place.queue))
    trigger = "exit key" if why is Overflow.EXIT_KEY else "sent on"
    enter(turn, call, to, trigger)


def _flows(
    turn: Turn,
    call: Call,
    queue: QueueId,
    since: Micros | None,
    why: Overflow,
    to: Destination,
    *,
    taken: bool = True,
    switch: SwitchId | None = None,
) -> None:
    turn.tell(FlowedOut(call.id, queue, why, taken, turn.now - since if since is not None else 0, to, switch))
    if why is Overflow.EXIT_KEY:
        call.flow = None  # the caller's own choice
        return
    call.story.outcome = Outcome.WAITED_TOO_LONG if why is Overflow.WAITED else Outcome.OVERFLOWED
    known = call.flow.queues if call.flow is not None else ()
    call.flow = Flow(since, (*known, queue))


def exit_key(turn: Turn, call: Call, phase: Queued | Offered, event: DigitPressed) -> None:
    """A waiting caller pressed a key, which may lead out of the queue."""
    place = phase.place
    to = turn.world.policy.queues[place.queue].exit_keys.get(event.digit)
    if to is None or place.harbour_by is not None:  # who was called has the safe harbour's keys, and no others
        turn.stray(event, phase)
        return
    if isinstance(phase, Offered):
        calls.withdraw_all(turn, call, phase, RingResult.ABANDONED)
        calls.move(turn, call, "exit key", Queued(place))
    send_on(turn, call, place, Overflow.EXIT_KEY, to)


def playback_ended(turn: Turn, call: Call, event: PlaybackEnded) -> None:
    """The prompts are over, or could not be played: then the caller is treated as having heard them."""
    match call.phase:
        case InMenu() | Announcing() | LookingUp() as phase if phase.playing == event.playback:
            _heard(turn, call, phase, event.failed)
        case Queued() | Offered() as phase:
            waiting.ended(turn, call, phase, event)
        case _:
            turn.stray(event, call.phase)  # a digit stopped it, say


def not_told(turn: Turn, call: Call, phase: InMenu | Announcing | LookingUp) -> None:
    """The prompts must be over by now."""
    _stop(turn, call, phase.playing)
    _heard(turn, call, phase, failed=True)


def _heard(turn: Turn, call: Call, phase: InMenu | Announcing | LookingUp, failed: bool) -> None:
    if failed:
        turn.tell(PromptFailed(call.id, _prompts(turn, call, phase)))
    match phase:
        case InMenu():
            digit_by = turn.now + _node(turn, phase).timeout
            calls.move(turn, call, "prompts end", replace(phase, playing=None, digit_by=digit_by, heard_by=None))
        case Announcing(then=then):
            enter(turn, call, then, "prompts end", phase.spot)
        case LookingUp():  # what cannot be played would be tried again and again
            calls.move(turn, call, "prompts end", _meanwhile(turn, call, phase, again=not failed))


def _prompts(turn: Turn, call: Call, phase: InMenu | Announcing | LookingUp) -> tuple[str, ...]:
    match phase:
        case InMenu():
            return walk.heard(turn.world, call, _node(turn, phase).prompts)
        case Announcing(prompts=prompts):
            return prompts
        case LookingUp(spot):
            node = walk.node_at(turn.world, spot)
            return walk.heard(turn.world, call, node.meanwhile) if isinstance(node, Lookup) else ()


def resume(turn: Turn, call: Call) -> None:
    """After an outage: what was being played is not known, so the node where the caller stands plays again; and what
    was being looked up is asked again."""
    match call.phase:
        case InMenu(playing=playing, tries=tries) as phase:
            _stop(turn, call, playing)
            playback = _play(turn, call, _prompts(turn, call, phase))
            again = InMenu(phase.menu, tries, playback, None, turn.now + PROMPTS_MOST, phase.spot)
            calls.move(turn, call, "recovered", again)
        case Queued() | Offered():
            waiting.resume(turn, call)
        case Announcing(playing, prompts, then, spot=spot):
            _stop(turn, call, playing)
            announce(turn, call, prompts, then, "recovered", at=spot)
        case LookingUp():
            _ask_server_again(turn, call, call.phase)


# ── lookups ──────────────────────────────────────────────────────────────────────────────────


def _look_up(turn: Turn, call: Call, node: Lookup, at: Spot, request: LookupId, trigger: str) -> None:
    """Ask, and wait for the answer."""
    url = fill(node.url, walk.plain(turn.world, call))
    if url is None:  # no value where one is needed
        turn.tell(LookupAnswered(call.id, at.name, LookupFailure.MISSING, 0))
        enter(turn, call, node.failed, trigger, at)
        return
    turn.asks.append(Ask(call.id, request, url, node.headers or None, node.timeout, node.into))
    phase = LookingUp(at, request, turn.now, turn.now + node.timeout + LOOKUP_MARGIN)
    calls.move(turn, call, trigger, _meanwhile(turn, call, phase))


def _ask_server_again(turn: Turn, call: Call, phase: LookingUp) -> None:
    """Nobody may be asking any more. Where what is to be asked was kept in memory alone the caller is asked first."""
    _stop(turn, call, phase.playing)
    node = walk.node_at(turn.world, phase.spot)
    if not isinstance(node, Lookup):
        calls.move(turn, call, "recovered", replace(phase, playing=None, heard_by=None))
    elif (asks := walk.asks_again(turn.world, call, node, phase.spot)) is not None:
        _ask(turn, call, *asks, "recovered")
    else:
        _look_up(turn, call, node, phase.spot, phase.request, "recovered")


def _meanwhile(turn: Turn, call: Call, phase: LookingUp, *, again: bool = True) -> LookingUp:
    prompts = _prompts(turn, call, phase) if again else ()
    if not prompts:
        return replace(phase, playing=None, heard_by=None)
    return replace(phase, playing=_play(turn, call, prompts), heard_by=turn.now + PROMPTS_MOST)


def looked_up(turn: Turn, event: LookedUp) -> None:
    """The answer. Of a question that nobody waits for any more it means nothing."""
    call = turn.world.calls.get(event.call)
    phase = call.phase if call is not None else None
    if call is None or not isinstance(phase, LookingUp) or phase.request != event.request:
        turn.stray(event, "nobody waits" if phase is None else phase)
        return
    _answered(turn, call, phase, event.found, event.failed, "answer comes")


def no_answer(turn: Turn, call: Call, phase: LookingUp) -> None:
    """It has taken too long, and nobody has said so."""
    _answered(turn, call, phase, {}, LookupFailure.TIMEOUT, "no answer in time")


def _answered(turn: Turn, call: Call, phase: LookingUp, found: Mapping[str, str], failed: str, trigger: str) -> None:
    node = walk.node_at(turn.world, phase.spot)
    turn.tell(LookupAnswered(call.id, phase.spot.name, failed, turn.now - phase.since))
    _stop(turn, call, phase.playing)
    if not isinstance(node, Lookup):  # nobody remembers what was asked
        enter(turn, call, turn.world.policy.last_resort, trigger)
        return
    call.values = {**call.values, **found}
    enter(turn, call, node.failed if failed else node.then, trigger, phase.spot)


# ── prompts ──────────────────────────────────────────────────────────────────────────────────


def _stop(turn: Turn, call: Call, playing: PlaybackId | None) -> None:
    """It may still play: two prompts would be heard one after the other, and a bridge would wait for both."""
    if playing is not None:
        turn.wish(StopPlay(call.node, playing))


def _again(turn: Turn, call: Call, node: Menu | Gather, phase: InMenu, first: Prompts, trigger: str) -> None:
    if phase.tries >= node.tries:
        enter(turn, call, node.give_up, trigger, phase.spot)
    else:
        _play_menu(turn, call, node, phase.spot, phase.tries + 1, first, trigger)


def _play_menu(
    turn: Turn, call: Call, node: Menu | Gather, at: Spot | None, tries: int, first: Prompts, trigger: str
) -> None:
    playback = _play(turn, call, walk.heard(turn.world, call, (*first, *node.prompts)) or NOTHING)
    calls.move(turn, call, trigger, InMenu(node.id, tries, playback, None, turn.now + PROMPTS_MOST, at))
    turn.tell(MenuEntered(call.id, node.id, tries))


def _play(turn: Turn, call: Call, prompts: tuple[str, ...], *, promise: bool = False) -> PlaybackId:
    playback = PlaybackId(turn.world.ids.ulid(turn.now))
    turn.wish(Play(call.node, call.leg, playback, prompts, promise, call.language))
    return playback
