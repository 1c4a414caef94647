"""What callers hear while they wait, beside the music: their place, and words of the operator's choice.

An announcement delays no offer: phones ring while it plays, and it is stopped before the caller is joined with anybody.
"""

from __future__ import annotations

from dataclasses import replace

from callctl.core import calls
from callctl.core.commands import Hold, Play, StopPlay, Unhold
from callctl.core.events import PlaybackEnded
from callctl.core.facts import CallerTold, PromptFailed
from callctl.core.ids import SECOND, Micros, PlaybackId
from callctl.core.model import Call, Offered, Place, Queued
from callctl.core.policy import WaitingWords
from callctl.core.turn import Turn

WORDS_MOST: Micros = 60 * SECOND
"""Nobody said within so long that the words have ended: back to the music."""
POSITION_MOST = 20
"""Every language of Asterisk's sounds has a file for each number up to it. Who stands behind it hears "more than"."""


def speak(turn: Turn, call: Call, phase: Queued | Offered) -> None:
    """It is time for words."""
    place = phase.place
    if place.playing is not None:
        quiet(turn, call, phase, "words end")
        return
    words = turn.world.policy.queues[place.queue].words
    prompts = _prompts(words, place, calls.position(turn, call)) if words is not None else ()
    if not prompts:
        calls.move(turn, call, "is told", replace(phase, place=replace(place, says_at=None)))
        return
    playing = PlaybackId(turn.world.ids.ulid(turn.now))
    play = Play(call.node, call.leg, playing, prompts, language=call.language)
    turn.wish(Unhold(call.node, call.leg, place.queue), play)
    told = replace(place, playing=playing, says_at=turn.now + WORDS_MOST, said=place.said + 1)
    calls.move(turn, call, "is told", replace(phase, place=told))
    turn.tell(CallerTold(call.id, place.queue, prompts))


def _prompts(words: WaitingWords, place: Place, position: int) -> tuple[str, ...]:
    said = words.prompts[place.said % len(words.prompts)] if words.prompts else ()
    return (*position_prompts(position), *said) if words.position else said


def position_prompts(position: int) -> tuple[str, ...]:
    """The caller's place in Asterisk's own words. Files, not `number:`, which Asterisk plays past any stop."""
    if position == 1:
        return ("sound:queue-youarenext",)
    if position <= POSITION_MOST:
        return ("sound:queue-thereare", f"sound:digits/{position}", "sound:queue-callswaiting")
    return ("sound:queue-quantity1", f"sound:digits/{POSITION_MOST}", "sound:queue-quantity2")


def ended(turn: Turn, call: Call, phase: Queued | Offered, event: PlaybackEnded) -> None:
    """The words are over, or could not be played: back to the music."""
    if phase.place.playing != event.playback:
        turn.stray(event, phase)
        return
    if event.failed:
        turn.tell(PromptFailed(call.id, ()))
    quiet(turn, call, phase, "words end")


def quiet(turn: Turn, call: Call, phase: Queued | Offered, trigger: str) -> None:
    """Back to the music, until the next time."""
    queue = turn.world.policy.queues[phase.place.queue]
    turn.wish(Hold(call.node, call.leg, queue.id, queue.music))
    every = queue.words.every if queue.words is not None else 0
    place = replace(phase.place, playing=None, says_at=turn.now + every if every else None)
    calls.move(turn, call, trigger, replace(phase, place=place))


def hush(turn: Turn, call: Call, place: Place) -> Place:
    """Stop the words: the caller goes elsewhere. The place without them."""
    if place.playing is None:
        return place
    turn.wish(StopPlay(call.node, place.playing))
    return replace(place, playing=None, says_at=turn.now)


def resume(turn: Turn, call: Call) -> None:
    """After an outage it is not known what plays: stop it, and back to the music."""
    phase = call.phase
    if isinstance(phase, Queued | Offered) and phase.place.playing is not None:
        turn.wish(StopPlay(call.node, phase.place.playing))
        quiet(turn, call, phase, "recovered")
