"""The IVR: walks a caller through menus and announcements, which are values of the policy."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from callctl.core import admission, calls, handover, lists, waiting
from callctl.core.addresses import E164
from callctl.core.commands import Play, StopPlay, Unhold
from callctl.core.events import DigitPressed, PlaybackEnded
from callctl.core.facts import DigitTaken, DigitTimedOut, FlowedOut, MenuEntered, OptedOut, PromptFailed
from callctl.core.ids import SECOND, Micros, PlaybackId, QueueId, SwitchId
from callctl.core.model import (
    Announcing,
    Call,
    Flow,
    InMenu,
    MenuVisit,
    Offered,
    Outcome,
    Party,
    Place,
    Queued,
    QueueVisit,
    RingResult,
)
from callctl.core.policy import (
    Announce,
    Destination,
    HangUp,
    HangupReason,
    Menu,
    OptOut,
    Overflow,
    ToMenu,
    ToNumber,
    ToQueue,
    Voicemail,
)
from callctl.core.turn import Turn

MAX_VISITS = 100
"""A caller who goes from menu to menu more often than this is hung up on: a bound on every record."""
PROMPTS_MOST: Micros = 600 * SECOND
"""Prompts of which nobody says that they are over count as heard then: the event may be lost, and a caller is not to
hear silence for ever. Longer ones are cut off."""


def enter(turn: Turn, call: Call, to: Destination, trigger: str) -> None:
    """The caller goes to a destination."""
    match to:
        case ToMenu(menu):
            if len(call.story.menus) >= MAX_VISITS:
                calls.end(turn, call, trigger, Outcome.COMPLETED, Party.CALLCTL)
                return
            calls.answer(turn, call)
            call.story.menus.append(MenuVisit(menu, turn.now))
            _play_menu(turn, call, turn.world.policy.menus[menu], 1, (), trigger)
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
        case _:
            assert_never(to)


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
    turn: Turn, call: Call, prompts: tuple[str, ...], then: Destination, trigger: str, *, promise: bool = False
) -> None:
    """Play prompts to the caller, then go on."""
    playback = _play(turn, call, prompts, promise=promise)
    calls.move(turn, call, trigger, Announcing(playback, prompts, then, turn.now + PROMPTS_MOST))


def digit(turn: Turn, call: Call, event: DigitPressed) -> None:
    """The caller pressed a digit. Outside a menu and a queue, or during prompts without barge-in, it means nothing."""
    phase = call.phase
    if isinstance(phase, Queued | Offered):
        exit_key(turn, call, phase, event)
        return
    if not isinstance(phase, InMenu):
        turn.stray(event, phase)
        return
    menu = turn.world.policy.menus[phase.menu]
    if phase.playing is not None and not menu.barge_in:
        turn.stray(event, "InMenu without barge-in")
        return
    visit = call.story.menus[-1]
    call.story.menus[-1] = replace(visit, digits=(visit.digits + event.digit)[:32])
    _stop(turn, call, phase.playing)
    to = menu.options.get(event.digit)
    call.flow = None  # from here on it is the caller's own choice
    turn.tell(DigitTaken(call.id, phase.menu, event.digit, to))
    if to is not None:
        enter(turn, call, to, "digit")
    else:
        _again(turn, call, menu, phase, menu.invalid, "digit")


def no_digit(turn: Turn, call: Call, phase: InMenu) -> None:
    """The time for a digit is over."""
    turn.tell(DigitTimedOut(call.id, phase.menu, phase.tries))
    menu = turn.world.policy.menus[phase.menu]
    _again(turn, call, menu, phase, menu.no_input, "no digit")


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
        case InMenu() | Announcing() as phase if phase.playing == event.playback:
            _heard(turn, call, phase, event.failed)
        case Queued() | Offered() as phase:
            waiting.ended(turn, call, phase, event)
        case _:
            turn.stray(event, call.phase)  # a digit stopped it, say


def not_told(turn: Turn, call: Call, phase: InMenu | Announcing) -> None:
    """The prompts must be over by now."""
    _stop(turn, call, phase.playing)
    _heard(turn, call, phase, failed=True)


def _heard(turn: Turn, call: Call, phase: InMenu | Announcing, failed: bool) -> None:
    prompts = turn.world.policy.menus[phase.menu].prompts if isinstance(phase, InMenu) else phase.prompts
    if failed:
        turn.tell(PromptFailed(call.id, prompts))
    if isinstance(phase, InMenu):
        digit_by = turn.now + turn.world.policy.menus[phase.menu].timeout
        calls.move(turn, call, "prompts end", replace(phase, playing=None, digit_by=digit_by, heard_by=None))
    else:
        enter(turn, call, phase.then, "prompts end")


def resume(turn: Turn, call: Call) -> None:
    """After an outage: what was being played is not known, so the node where the caller stands plays again."""
    match call.phase:
        case InMenu(menu_id, tries, playing):
            _stop(turn, call, playing)
            menu = turn.world.policy.menus[menu_id]
            playback = _play(turn, call, menu.prompts)
            calls.move(turn, call, "recovered", InMenu(menu_id, tries, playback, None, turn.now + PROMPTS_MOST))
        case Queued() | Offered():
            waiting.resume(turn, call)
        case Announcing(playing, prompts, then):
            _stop(turn, call, playing)
            announce(turn, call, prompts, then, "recovered")


def _stop(turn: Turn, call: Call, playing: PlaybackId | None) -> None:
    """It may still play: two prompts would be heard one after the other, and a bridge would wait for both."""
    if playing is not None:
        turn.wish(StopPlay(call.node, playing))


def _again(turn: Turn, call: Call, menu: Menu, phase: InMenu, first: tuple[str, ...], trigger: str) -> None:
    if phase.tries >= menu.tries:
        enter(turn, call, menu.give_up, trigger)
    else:
        _play_menu(turn, call, menu, phase.tries + 1, first, trigger)


def _play_menu(turn: Turn, call: Call, menu: Menu, tries: int, first: tuple[str, ...], trigger: str) -> None:
    playback = _play(turn, call, first + menu.prompts)
    calls.move(turn, call, trigger, InMenu(menu.id, tries, playback, None, turn.now + PROMPTS_MOST))
    turn.tell(MenuEntered(call.id, menu.id, tries))


def _play(turn: Turn, call: Call, prompts: tuple[str, ...], *, promise: bool = False) -> PlaybackId:
    playback = PlaybackId(turn.world.ids.ulid(turn.now))
    turn.wish(Play(call.node, call.leg, playback, prompts, promise))
    return playback
