"""What a call came to, as the agent says: noted during the call or in wrap-up, and in force when wrap-up ends. That a
person does not want to be called is in force at once."""

from __future__ import annotations

from callctl.core import detection, dialing, lists
from callctl.core.addresses import E164
from callctl.core.campaigns import HOUR, Disposition, DispositionPolicy
from callctl.core.contacts import Callback, Happened, Past
from callctl.core.events import DispositionChosen
from callctl.core.facts import (
    CallbackAgreed,
    DispositionAwaited,
    DispositionNoted,
    DispositionRefused,
)
from callctl.core.ids import SECOND, AgentId, CampaignId, Micros, QueueId
from callctl.core.ledger import Promised, Remembered, TriedAgain
from callctl.core.model import Agent, Call, OnCall, Said, WrapUp
from callctl.core.turn import Turn

AGAIN: Micros = 10 * SECOND
"""The least by which wrap-up goes on where a disposition is required."""
NOTHING = DispositionPolicy()
LONGEST_AHEAD: Micros = 366 * 24 * HOUR
"""For how far ahead a time may be agreed."""


def choose(turn: Turn, agent: Agent, event: DispositionChosen) -> str:
    """The agent says what the call came to; said again: the last word counts. The answer: why not, or nothing."""
    call = turn.world.calls.get(agent.state.call) if isinstance(agent.state, OnCall | WrapUp) else None
    known = turn.world.policy.dispositions.get(event.disposition)
    why_not = _why_not(turn, call, known, event)
    if why_not or call is None or known is None:
        turn.tell(DispositionRefused(agent.id, why_not))
        return why_not
    at = event.callback_at
    call.story.said = Said(known.id, "agent", event.amount, event.note, at, event.mine, event.number)
    turn.tell(DispositionNoted(call.id, agent.id, known.id, "agent", event.amount))
    if known.do_not_call and isinstance(call.caller, E164):
        lists.refuse_to_call(turn, call.caller, f"{known.id}, said by {agent.id}")
    turn.touch_call(call)
    if isinstance(agent.state, WrapUp):
        _end_of_wrap_up(turn, agent, call)
    return ""


def _end_of_wrap_up(turn: Turn, agent: Agent, call: Call) -> None:
    """Wrap-up that went on for this alone is over."""
    queue, ended = turn.world.policy.queues.get(call.story.queue or QueueId("")), call.story.talk_ended
    assert ended is not None
    if queue is None or ended + queue.wrap_up <= turn.now:
        turn.set_state(agent, WrapUp(call.id, turn.now))


def _why_not(turn: Turn, call: Call | None, known: Disposition | None, event: DispositionChosen) -> str:
    if call is None or call.story.queue is None:
        return "there is no call of a queue that it could be said of"
    if known is None:
        return f"there is no disposition {event.disposition}"
    allowed = policy_of(turn, call.story.queue).of
    if allowed and known.id not in allowed:
        return f"{known.id} is not among those of {call.story.queue}: {', '.join(allowed)}"
    if event.amount is not None and not known.sale:
        return f"{known.id} takes no amount: it is no sale"
    return _why_no_callback(turn, call, known, event)


def _why_no_callback(turn: Turn, call: Call, known: Disposition, event: DispositionChosen) -> str:
    at = event.callback_at
    if not known.callback:
        return f"{known.id} takes no time to call back" if at is not None else ""
    if at is None:
        return f"{known.id} wants a time to call back"
    if not turn.now < at < turn.now + LONGEST_AHEAD:
        return "the time to call back is over, or more than a year ahead"
    if not isinstance(call.caller, E164):
        return "there is no number that could be called back"
    return "" if known.campaign is not None else f"{known.id} names no campaign that calls back"


def policy_of(turn: Turn, queue: QueueId) -> DispositionPolicy:
    """What is asked of the agents of a queue; of one that is no more: nothing."""
    known = turn.world.policy.queues.get(queue)
    return NOTHING if known is None else known.dispositions


# ── the end of wrap-up ───────────────────────────────────────────────────────────────────────


def is_owed(turn: Turn, call: Call | None) -> bool:
    """Nobody has said what the call came to, and somebody must."""
    if call is None or call.story.queue is None or call.story.said is not None:
        return False
    policy = policy_of(turn, call.story.queue)
    return policy.required and policy.default is None


def goes_on(turn: Turn, agent: Agent, state: WrapUp) -> WrapUp | None:
    """Wrap-up that goes on, since a disposition is owed; None: it may end."""
    call = turn.world.calls.get(state.call)
    if call is None or not is_owed(turn, call):
        return None
    turn.tell(DispositionAwaited(call.id, agent.id))
    queue = turn.world.policy.queues.get(call.story.queue or QueueId(""))
    return WrapUp(state.call, turn.now + max(AGAIN, 0 if queue is None else queue.wrap_up))


def settle(turn: Turn, agent: AgentId, call: Call) -> None:
    """Wrap-up is over: what was said is in force; the default, where nothing was."""
    queue = call.story.queue
    default = policy_of(turn, queue).default if queue is not None else None
    if call.story.said is None and default is not None:
        call.story.said = Said(default, "default")
        turn.tell(DispositionNoted(call.id, agent, default, "default"))
        known = turn.world.policy.dispositions.get(default)
        if known is not None and known.do_not_call and isinstance(call.caller, E164):
            lists.refuse_to_call(turn, call.caller, f"{default}, since nobody said otherwise")
    said = call.story.said
    known = turn.world.policy.dispositions.get(said.disposition) if said is not None else None
    if said is not None and known is not None and said.by == "agent":
        detection.label(turn, call, machine=known.machine)
    if said is None or known is None or not isinstance(call.caller, E164):
        return
    if known.wrong_number:
        dialing.bar(turn, call.caller, call.contact, f"{known.id}, said by {agent}")
    if known.refused:
        past = Past(call.id, turn.now, Happened.REFUSAL, call.caller.digits, call.contact)
        dialing.remember(turn, past)
        turn.enter(Remembered(past, f"{known.id}, said by {agent}"))
    if known.retry and call.contact is not None:
        again = TriedAgain(call.contact, turn.now + known.retry, call.number_at, f"{known.id}, said by {agent}")
        turn.enter(again)
    if known.callback and said.callback_at is not None and known.campaign is not None:
        _promise(turn, agent, call, call.caller, known.campaign, said, said.callback_at)


def _promise(
    turn: Turn, agent: AgentId, call: Call, number: E164, campaign: CampaignId, said: Said, at: Micros
) -> None:
    policy = turn.world.policy.campaigns.get(campaign)
    window = policy.callback_window if policy is not None else HOUR
    whose, until = (agent, at + window) if said.mine else (None, 0)
    contact = call.contact if call.campaign == campaign else None
    back = Callback(at, number, whose, until, said.note)
    turn.enter(Promised(campaign, back, contact, call.caller_name, said.number))
    turn.tell(CallbackAgreed(call.id, agent, campaign, contact, at, said.mine))
