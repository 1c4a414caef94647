"""A caller enters: from a trunk or a phone, to a number or a feature code."""

from __future__ import annotations

from callctl.core import agents, calls, dispositions, ivr, switches
from callctl.core.addresses import Withheld
from callctl.core.commands import Lease, Watch
from callctl.core.events import CallArrived, DispositionChosen
from callctl.core.facts import CallEntered
from callctl.core.ids import CallId
from callctl.core.model import Agent, Arrived, Call, Outcome
from callctl.core.policy import Feature, HangUp, HangupReason
from callctl.core.turn import Turn, caller_leg

PAUSE_FIRST = "sound:silence/1"
"""A short beep right behind the answer would be over before the phone's audio is there."""

FEATURE_PROMPTS: dict[Feature, tuple[str, ...]] = {
    Feature.LOGIN: ("sound:agent-loginok",),
    Feature.LOGOUT: ("sound:agent-loggedoff",),
    Feature.PAUSE: ("sound:do-not-disturb", "sound:activated"),
    Feature.UNPAUSE: ("sound:do-not-disturb", "sound:de-activated"),
    Feature.DISPOSITION: ("sound:beep",),
}


def arrive(turn: Turn, event: CallArrived) -> None:
    """A caller enters: from a trunk or a phone, to a number or a feature code."""
    if event.leg in turn.world.legs:
        turn.stray(event, "known leg")
        return
    world, now = turn.world, turn.now
    call = Call(
        id=CallId(world.ids.ulid(now)),
        node=event.node,
        leg=event.leg,
        phase=Arrived(),
        entered=now,
        caller=event.caller,
        caller_name=event.caller_name,
        dialled=event.dialled_text,
        called="" if isinstance(event.dialled, Withheld) else str(event.dialled),
        trunk=event.trunk,
        phone=event.phone,
        diverted_from=event.diverted_from,
        lease_renew=now + world.policy.lease_renewal,
    )
    world.calls[call.id] = call
    turn.add_leg(caller_leg(call))
    turn.wish(Watch(call.node, call.leg), Lease(call.node, call.leg, world.policy.lease))
    if event.feature_code:
        _use_feature(turn, call, event.feature_code)
        return
    to = world.policy.entries.get(event.dialled)
    known = to is not None
    to = to or world.policy.unknown_number
    caller = world.policy.callers.get(event.caller)
    if caller is not None and caller.blocked:
        to = world.policy.blocked
    turn.tell(CallEntered(call.id, call.node, call.leg, call.caller, call.dialled, to))
    if caller is not None and caller.blocked:
        call.story.outcome = Outcome.BLOCKED
    elif not known:
        call.story.outcome = Outcome.UNKNOWN_NUMBER
    ivr.enter(turn, call, to, "goes to its entry")


def _use_feature(turn: Turn, call: Call, code: str) -> None:
    feature = turn.world.policy.features.get(code)
    agent = turn.world.agent_of_phone(call.phone)
    call.feature = feature
    calls.answer(turn, call)
    turn.tell(
        CallEntered(
            call.id,
            call.node,
            call.leg,
            call.caller,
            call.dialled,
            feature or HangUp(HangupReason.UNALLOCATED),
        )
    )
    prompts: tuple[str, ...] = ("sound:beeperr",)
    if feature is Feature.SWITCH:
        prompts = switches.dialled(turn, call.phone, code) or prompts
    elif (
        feature in FEATURE_PROMPTS and agent is not None
    ):  # voicemail is the dialplan's: it comes from an old one alone
        refused = _say(turn, agent, code) if feature is Feature.DISPOSITION else _ask(turn, agent, feature)
        prompts = prompts if refused else FEATURE_PROMPTS[feature]
    ivr.announce(turn, call, (PAUSE_FIRST, *prompts), HangUp(), "goes to its entry")


def _ask(turn: Turn, agent: Agent, feature: Feature) -> str:
    return agents.ask(turn, agent, feature.value, "", "phone")


def _say(turn: Turn, agent: Agent, code: str) -> str:
    found = next(it.id for it in turn.world.policy.dispositions.values() if it.code == code)
    return dispositions.choose(turn, agent, DispositionChosen(agent.id, found))
