"""The IVR: walks a caller through menus and announcements, which are values of the policy."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from callctl.core import calls
from callctl.core.commands import Play, StopPlay, Unhold
from callctl.core.events import DigitPressed, PlaybackEnded
from callctl.core.facts import DigitTaken, DigitTimedOut, MenuEntered, PromptFailed, WaitedTooLong
from callctl.core.ids import PlaybackId
from callctl.core.model import Announcing, Call, InMenu, MenuVisit, Outcome, Party, Queued
from callctl.core.policy import Announce, Destination, HangUp, Menu, ToMenu, ToQueue
from callctl.core.turn import Turn

MAX_VISITS = 100
"""A caller who goes from menu to menu more often than this is hung up on: a bound on every record."""


def enter(turn: Turn, call: Call, to: Destination, trigger: str) -> None:
    """The caller goes to a destination."""
    match to:
        case ToMenu(menu):
            if len(call.story.menus) >= MAX_VISITS:
                calls.end(turn, call, trigger, Outcome.COMPLETED, Party.CALLCTL)
                return
            call.story.menus.append(MenuVisit(menu, turn.now))
            _play_menu(turn, call, turn.world.policy.menus[menu], 1, (), trigger)
        case ToQueue():
            calls.enqueue(turn, call, to, trigger)
        case Announce(prompts, then):
            announce(turn, call, prompts, then, trigger)
        case HangUp(reason):
            calls.end(turn, call, trigger, Outcome.COMPLETED, Party.CALLCTL, reason)
        case _:
            assert_never(to)


def announce(turn: Turn, call: Call, prompts: tuple[str, ...], then: Destination, trigger: str) -> None:
    """Play prompts to the caller, then go on."""
    calls.move(turn, call, trigger, Announcing(_play(turn, call, prompts), prompts, then))


def digit(turn: Turn, call: Call, event: DigitPressed) -> None:
    """The caller pressed a digit. Outside a menu, or during prompts without barge-in, it means nothing."""
    phase = call.phase
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


def waited_too_long(turn: Turn, call: Call, phase: Queued) -> None:
    """The queue's longest wait is over: the caller goes where the queue gives up to."""
    to = turn.world.policy.queues[phase.queue].give_up
    turn.tell(WaitedTooLong(call.id, phase.queue, turn.now - phase.since, to))
    call.story.outcome = Outcome.WAITED_TOO_LONG
    if not isinstance(to, ToQueue):
        turn.wish(Unhold(call.node, call.leg, phase.queue))
    enter(turn, call, to, "longest wait")


def playback_ended(turn: Turn, call: Call, event: PlaybackEnded) -> None:
    """The prompts are over, or could not be played: then the caller is treated as having heard them."""
    match call.phase:
        case InMenu(menu_id, _, playing) if playing == event.playback:
            menu = turn.world.policy.menus[menu_id]
            if event.failed:
                turn.tell(PromptFailed(call.id, menu.prompts))
            waiting = replace(call.phase, playing=None, digit_by=turn.now + menu.timeout)
            calls.move(turn, call, "prompts end", waiting)
        case Announcing(playing, prompts, then) if playing == event.playback:
            if event.failed:
                turn.tell(PromptFailed(call.id, prompts))
            enter(turn, call, then, "prompts end")
        case _:
            turn.stray(event, call.phase)  # a digit stopped it, say


def resume(turn: Turn, call: Call) -> None:
    """After an outage: what was being played is not known, so the node where the caller stands plays again."""
    match call.phase:
        case InMenu(menu_id, tries, playing):
            _stop(turn, call, playing)
            menu = turn.world.policy.menus[menu_id]
            playback = _play(turn, call, menu.prompts)
            calls.move(turn, call, "recovered", InMenu(menu_id, tries, playback, None))
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
    calls.move(turn, call, trigger, InMenu(menu.id, tries, playback, None))
    turn.tell(MenuEntered(call.id, menu.id, tries))


def _play(turn: Turn, call: Call, prompts: tuple[str, ...]) -> PlaybackId:
    playback = PlaybackId(turn.world.ids.ulid(turn.now))
    turn.wish(Play(call.node, call.leg, playback, prompts))
    return playback
