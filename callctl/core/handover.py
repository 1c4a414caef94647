"""Callers whom the dialplan takes over for good: to voicemail, or to a number of the public network.

They stay so whatever becomes of callctl. It only waits for their end, to complete the record.
"""

from __future__ import annotations

from dataclasses import replace

from callctl.core import calls, compliance
from callctl.core.commands import HandOver
from callctl.core.events import MessageLeft
from callctl.core.facts import CallHandedOver, VoicemailLeft
from callctl.core.ids import SECOND, Micros
from callctl.core.model import Call, HandedOver, World
from callctl.core.permits import Permit, Purpose
from callctl.core.policy import Drop, ToNumber, Voicemail
from callctl.core.turn import Turn

VOICEMAIL_MOST: Micros = 900 * SECOND
MESSAGE_MOST: Micros = 180 * SECOND
"""For the beep and the message."""


def hand_over(turn: Turn, call: Call, to: Voicemail | ToNumber, trigger: str) -> bool:
    """Send the caller there. False: the number may not be dialled now, and nothing has been done."""
    target = compliance.ask(turn, call, Purpose.OVERFLOW, to.to) if isinstance(to, ToNumber) else to
    if target is None:
        return False
    call.lease_renew = None
    calls.move(turn, call, trigger, HandedOver(to, turn.now))
    turn.wish(command(turn.world, call, target))
    turn.tell(CallHandedOver(call.id, to))
    return True


def leave_message(turn: Turn, call: Call, message: Drop, trigger: str) -> None:
    """An answering machine has answered: the dialplan waits for the beep, and plays the message."""
    call.lease_renew = None
    calls.move(turn, call, trigger, HandedOver(message, turn.now))
    turn.wish(command(turn.world, call, message))
    turn.tell(CallHandedOver(call.id, message))


def command(world: World, call: Call, to: Voicemail | Permit | Drop) -> HandOver:
    """What sends the caller there."""
    longest = {Voicemail: VOICEMAIL_MOST, Drop: MESSAGE_MOST}.get(type(to), world.policy.dialing.longest)
    return HandOver(call.node, call.leg, to, longest)


def owed(world: World, call: Call, phase: HandedOver) -> HandOver:
    """The caller stands in callctl's app still."""
    return command(world, call, compliance.again(phase))


def taken(turn: Turn, call: Call, phase: HandedOver) -> None:
    """The dialplan has the caller."""
    calls.move(turn, call, "is taken over", replace(phase, taken=True))


def message_left(turn: Turn, call: Call, mailbox: Voicemail, event: MessageLeft) -> None:
    """The caller has left a message. The call is not over: the dialplan hangs up, or the caller has."""
    if call.story.message_left is not None:
        turn.stray(event, call.phase)
        return
    call.story.message_left = turn.now
    turn.touch_call(call)
    turn.tell(VoicemailLeft(call.id, mailbox.box, event.length))
