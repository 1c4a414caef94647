"""The way after the talk: the agent has hung up, and the caller goes on where the queue says, to a survey say.

For the agent, the metrics and the record the talk is over: wrap-up runs as ever, and the outcome stays. What is left is
between the caller and the prompts, so no queue takes them again, and no number is dialled for them.
"""

from __future__ import annotations

from callctl.core import agents, ivr
from callctl.core.commands import DropBridge, Lease
from callctl.core.facts import AskedAfter
from callctl.core.model import Agent, Call, Connected, Ended, Outcome
from callctl.core.policy import HangUp, ToNumber, ToQueue
from callctl.core.turn import Turn

NOWHERE = HangUp | ToQueue | ToNumber
"""Where nobody is led after a talk. Where a flow leads is known once it is walked: `ivr.enter` holds it to the same."""


def goes_on(turn: Turn, call: Call, agent: Agent) -> bool:
    """The agent has hung up on a caller who is still there. True: the caller goes on, and nothing else is to be done;
    False: nothing has been done."""
    phase, connected = call.phase, call.story.connected
    assert isinstance(phase, Connected)
    assert connected is not None
    world, queue = turn.world, turn.world.policy.queues[phase.place.queue]
    talked = turn.now - connected
    if not call.story.to_ask or isinstance(queue.after, NOWHERE) or talked < queue.least_talk:
        return False
    if len(call.story.menus) >= ivr.MAX_VISITS:
        return False
    call.story.outcome, call.story.asked_after = Outcome.ANSWERED, turn.now
    turn.tell(AskedAfter(call.id, queue.id, agent.id, talked, queue.after))
    turn.wish(DropBridge(call.node, phase.bridge, call.leg), Lease(call.node, call.leg, world.policy.lease))
    call.lease_renew = turn.now + world.policy.lease_renewal
    ivr.enter(turn, call, queue.after, "agent leaves")
    if not isinstance(call.phase, Ended):  # else a flow that led nowhere has ended it, and the agent's part with it
        agents.wrap_up(turn, agent, call, queue.id)
    return True
