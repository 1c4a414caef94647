"""A call's way in words, from its stored facts: what happened when, and the why of each choice. A campaign's too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from callctl.api.causes import words
from callctl.api.ports import Stored
from callctl.core import facts as f
from callctl.core.campaigns import Then
from callctl.core.events import Heard
from callctl.core.ids import SECOND, AgentId, Micros
from callctl.core.model import Outcome, Party, RingResult
from callctl.core.policy import (
    ANYBODY,
    Announce,
    Drop,
    Feature,
    HangUp,
    HangupReason,
    OptOut,
    Overflow,
    Policy,
    Strategy,
    ToFlow,
    ToMenu,
    ToNumber,
    ToQueue,
    Voicemail,
)
from callctl.core.routing import amount
from callctl.core.ways import Back, Next, Way
from callctl.runtime.masking import Masking
from callctl.runtime.views import Plain, in_seconds, iso


@dataclass(frozen=True, slots=True)
class Teller:
    """How to name things: agents by their names, numbers as far as they may be shown."""

    policy: Policy
    masking: Masking

    def agent(self, name: AgentId) -> str:
        known = self.policy.agents.get(name)
        return name if known is None or known.name in ("", name) else f"{known.name} ({name})"


def explain(events: Sequence[Stored], teller: Teller) -> list[Plain]:
    """One entry a fact: `at`, `after` (seconds since the first), `kind` (the fact's name), `text`."""
    return [
        {
            "at": iso(it.at),
            "after": in_seconds(it.at - events[0].at),
            "kind": it.kind,
            "text": _told(it, teller),
        }
        for it in events
    ]


def still_waits(why: str, now: Micros, entered: Micros) -> Plain:
    """The last entry of a call that waits: it is no fact, but how things are now."""
    return {"at": iso(now), "after": in_seconds(now - entered), "kind": "StillWaits", "text": f"Still waits: {why}"}


def _told(it: Stored, teller: Teller) -> str:
    tell = None if it.fact is None else _TOLD.get(type(it.fact))
    return f"{it.kind}: no words for it in this version" if tell is None else tell(it.fact, teller)


def length(of: Micros) -> str:
    """A length of time for people: `0.4 s`, `12.0 s`, `3 min 5 s`, `1 h 2 min`. So in the command line's lists too."""
    tenths = (of + SECOND // 20) // (SECOND // 10)
    if tenths < 600:
        return f"{tenths / 10:.1f} s"
    whole = tenths // 10
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def whither(to: Way | Feature | Drop) -> str:
    """A destination in words, after "goes to"."""
    match to:
        case ToMenu():
            return f"menu {to.menu}"
        case ToFlow():
            return f"flow {to.flow}"
        case Next():
            return f"node {to.node}"
        case Back():
            return "the flow that called this one"
        case ToQueue():
            return f"queue {to.queue}" + (f" with priority {to.priority}" if to.priority else "")
        case Voicemail():
            return f"voicemail {to.box}"
        case ToNumber():
            return f"number {to.to.number} over {to.to.trunk}"
        case HangUp():
            return "hang-up" + ("" if to.reason is HangupReason.NORMAL else f" ({to.reason.value})")
        case Announce():
            return f"an announcement, then {whither(to.then)}"
        case OptOut():
            return "the do-not-call list"
        case Drop():
            return "a message after the beep"
        case Feature():
            return f"feature code {to.value}"
        case _:
            assert_never(to)


_RESULTS: Mapping[RingResult, str] = {
    RingResult.ANSWERED: "answered",
    RingResult.NO_ANSWER: "did not answer",
    RingResult.REJECTED: "rejected the call",
    RingResult.BUSY: "was busy, or said so",
    RingResult.NOT_ACCEPTED: "picked up, and did not accept the call",
    RingResult.DROPPED: "picked up, and hung up at once",
    RingResult.ANSWERED_ELSEWHERE: "was rung too: a colleague has the call",
    RingResult.FORWARDED: "has the phone forwarded: refused",
    RingResult.UNREACHABLE: "could not be reached",
    RingResult.ABANDONED: "was still ringing when the caller left",
    RingResult.GHOST: "answered when the caller had already gone",
    RingResult.LOST: "was lost with the PBX or the way to it",
}

_OUTCOMES: Mapping[Outcome, str] = {
    Outcome.ANSWERED: "answered",
    Outcome.ABANDONED: "abandoned: the caller left while waiting",
    Outcome.LEFT_IN_MENU: "the caller left in a menu or announcement",
    Outcome.COMPLETED: "completed as configured, without an agent",
    Outcome.BLOCKED: "the caller's number is blocked",
    Outcome.UNKNOWN_NUMBER: "the number dialled is not configured",
    Outcome.WAITED_TOO_LONG: "waited the queue's longest wait",
    Outcome.VOICEMAIL: "sent to voicemail",
    Outcome.SENT_OUT: "sent to an outside number",
    Outcome.OVERFLOWED: "sent on by a queue, and answered by nobody",
    Outcome.LEFT_FOR_FALLBACK: "the caller went to the dialplan's fallback",
    Outcome.PBX_LOST: "lost with the PBX",
    Outcome.FAILED: "failed",
    Outcome.NOT_REACHED: "nobody answered",
    Outcome.MACHINE: "a machine answered",
    Outcome.HUNG_UP: "answered, and hung up before an agent was to come",
}

_PARTIES: Mapping[Party, str] = {
    Party.CALLER: "the caller",
    Party.AGENT: "the agent",
    Party.CALLCTL: "callctl",
    Party.PBX: "the PBX",
}


def _because(cause: int, sip: int) -> str:
    said = words(cause, sip)
    return f": {said}" if said else ""


def _entered(fact: f.CallEntered, teller: Teller) -> str:
    caller, dialled = teller.masking.address(fact.caller), teller.masking.text(fact.dialled)
    called = f"caller {caller} dialled {dialled or 'no number'}"
    return f"Entered on {fact.node}: {called}; goes to {whither(fact.to)}"


def _menu(fact: f.MenuEntered, _: Teller) -> str:
    again = f", try {fact.tries}" if fact.tries > 1 else ""
    return f"Menu {fact.menu}{again}: prompts started"


def _digit(fact: f.DigitTaken, teller: Teller) -> str:
    digit = teller.masking.digits(fact.digit)
    if fact.to is None:
        return f"Pressed {digit} in menu {fact.menu}: no option there"
    return f"Pressed {digit} in menu {fact.menu}: goes to {whither(fact.to)}"


def _digits(fact: f.DigitsTaken, teller: Teller) -> str:
    digits = teller.masking.digits(fact.digits) if fact.digits else "•" * fact.count
    return f"Entered {digits or 'nothing'} in {fact.menu}" + ("" if fact.fits else ": not what was asked for")


def _walked(fact: f.Walked, _: Teller) -> str:
    return f"Came through {' → '.join(fact.nodes)}"


def _looked_up(fact: f.LookupAnswered, _: Teller) -> str:
    return f"Looked up in {fact.node}, {length(fact.took)}: {fact.failed.replace('_', ' ') or 'found'}"


def _noted(fact: f.Noted, teller: Teller) -> str:
    return "Noted " + ", ".join(f"{name}: {teller.masking.text(said)}" for name, said in fact.values.items())


def _timed_out(fact: f.DigitTimedOut, _: Teller) -> str:
    return f"No digit came in menu {fact.menu} (try {fact.tries})"


def _prompt_failed(fact: f.PromptFailed, _: Teller) -> str:
    return f"Prompt could not be played: {', '.join(fact.prompts)}"


def _queued(fact: f.CallQueued, _: Teller) -> str:
    priority = f", priority {fact.priority}" if fact.priority else ""
    if fact.wants is not None:
        priority += f", at first for {fact.wants} alone"
    return f"Queued in {fact.queue} at place {fact.position}{priority}; music"


def _offered(fact: f.CallOffered, teller: Teller) -> str:
    phones = "" if len(fact.legs) == 1 else f" on {len(fact.legs)} contacts"
    return f"Offered to {teller.agent(fact.agent)}{phones}: {fact.why}{_considered(fact, teller)}"


def _considered(fact: f.CallOffered, teller: Teller) -> str:
    """All who were looked at, with their numbers, where the `why` has not named them all."""
    queue = teller.policy.queues.get(fact.queue)
    if len(fact.considered) < 3 or queue is None:
        return ""
    first = fact.considered[0]
    said = []
    for it in fact.considered:
        numbers = [f"idle {it.idle / SECOND:.1f} s", *([f"preferred {it.preference}"] if it.preference else [])]
        if queue.strategy not in (Strategy.LONGEST_IDLE, Strategy.RING_PROGRESSIVELY, Strategy.LEAST_RECENT):
            numbers.append(amount(queue.strategy, it, first, ANYBODY, 0))
        elif it.penalty:
            numbers.append(f"penalty {it.penalty}")
        said.append(f"{it.agent} {', '.join(filter(None, numbers))}")
    more = f" and {fact.fitted - len(said)} more" if fact.fitted > len(said) else ""
    return f"; considered: {' · '.join(said)}{more}"


def _dropped(fact: f.AgentDropped, teller: Teller) -> str:
    return f"{teller.agent(fact.agent)} hung up at once: a miss, and no talk"


def _words(fact: f.CallerTold, _: Teller) -> str:
    return f"Waiting in {fact.queue}, hears {', '.join(fact.prompts)}"


def _handed_over(fact: f.CallHandedOver, _: Teller) -> str:
    return f"Handed over to the dialplan: {whither(fact.to)}"


def _voicemail(fact: f.VoicemailLeft, _: Teller) -> str:
    return f"Left a message of {fact.length / SECOND:.0f} s in mailbox {fact.mailbox}"


def _refused(fact: f.DialRefused, _: Teller) -> str:
    return f"Not dialled ({fact.purpose}): {fact.why}"


def _accepted(fact: f.AgentAccepted, teller: Teller) -> str:
    return f"{teller.agent(fact.agent)} pressed {fact.key}: accepted"


def _relaxed(fact: f.CallRelaxed, _: Teller) -> str:
    return f"After {length(fact.waited)} in {fact.queue} asks for {fact.asks}"


def _ring_ended(fact: f.RingEnded, teller: Teller) -> str:
    cause = "" if fact.result is RingResult.ANSWERED else _because(fact.cause, fact.sip)
    return f"{teller.agent(fact.agent)} {_RESULTS[fact.result]} after {length(fact.rang)}{cause}"


def _ghost(fact: f.GhostAnswered, teller: Teller) -> str:
    return f"{teller.agent(fact.agent)} answered, but the caller had already gone: no miss, no wrap-up"


def _requeued(fact: f.CallRequeued, _: Teller) -> str:
    return f"Back in {fact.queue} at place {fact.position}: {fact.why}"


_OVERFLOWS: Mapping[Overflow, str] = {
    Overflow.CLOSED: "closed at this time",
    Overflow.FULL: "full",
    Overflow.UNSTAFFED: "not staffed",
    Overflow.WAITED: "its longest wait",
    Overflow.EXIT_KEY: "the caller pressed an exit key",
    Overflow.AGAIN: "the caller was sent on from there before",
}


def _flowed_out(fact: f.FlowedOut, _: Teller) -> str:
    where = f"Waited {length(fact.waited)} in {fact.queue}" if fact.taken else f"Not taken by {fact.queue}"
    why = _OVERFLOWS[fact.why] if fact.switch is None else f"closed by the switch {fact.switch}"
    return f"{where}, {why}: goes to {whither(fact.to)}"


def _connected(fact: f.CallConnected, teller: Teller) -> str:
    if fact.campaign is not None:
        return f"Connected to {teller.agent(fact.agent)} {fact.waited / SECOND:.2f} s after it was known to be a person"
    return f"Connected to {teller.agent(fact.agent)} after {length(fact.waited)} in {fact.queue}"


def _asked_after(fact: f.AskedAfter, teller: Teller) -> str:
    return f"{teller.agent(fact.agent)} hung up after {length(fact.talked)} of talk: goes to {whither(fact.to)}"


def _ended(fact: f.CallEnded, _: Teller) -> str:
    talked = f", {length(fact.talked)} of talk" if fact.talked else ""
    waited = f", {length(fact.waited)} of waiting" if fact.waited and not fact.talked else ""
    by, outcome = _PARTIES[fact.by], _OUTCOMES[fact.outcome]
    if fact.campaign is not None:  # nobody called: somebody was
        by = "who was called" if fact.by is Party.CALLER else by
        outcome = "abandoned: no agent came within the grace" if fact.outcome is Outcome.ABANDONED else outcome
    return f"Ended by {by}{talked}{waited} ({outcome}){_because(fact.cause, fact.sip)}"


def _wrapped_up(fact: f.WrapUpEnded, teller: Teller) -> str:
    return f"Wrap-up of {teller.agent(fact.agent)} over after {length(fact.lasted)}"


def _said(fact: f.DispositionNoted, teller: Teller) -> str:
    who = teller.agent(fact.agent) if fact.by == "agent" else "Nobody in time, so the default"
    amount = "" if fact.amount is None else f", {fact.amount // 100}.{fact.amount % 100:02}"
    return f"{who} says: {fact.disposition}{amount}"


def _awaited(fact: f.DispositionAwaited, teller: Teller) -> str:
    return f"Wrap-up of {teller.agent(fact.agent)} goes on: what the call came to must be said"


def _callback(fact: f.CallbackAgreed, teller: Teller) -> str:
    whose = f"{teller.agent(fact.agent)} calls" if fact.personal else "somebody calls"
    return f"Agreed: {whose} back at {iso(fact.at)} (campaign {fact.campaign})"


# ── a call to somebody on a list ─────────────────────────────────────────────────────────────────


def _dialled(fact: f.CallDialled, teller: Teller) -> str:
    number, shown = teller.masking.address(fact.number), teller.masking.address(fact.caller_id)
    whom = f", for {teller.agent(fact.agent)}" if fact.agent is not None else ""
    contact = f"contact {fact.contact} at {number}"
    return f"Dialled for {fact.campaign}: {contact} over {fact.trunk}, showing {shown}{whom} (attempt {fact.attempt})"


def _picked_up(fact: f.CallPickedUp, _: Teller) -> str:
    fast = ": sooner than a person answers on this trunk" if fact.too_fast else ""
    return f"Picked up {length(fact.after)} after the dial{fast}"


_HEARD: Mapping[Heard, str] = {
    Heard.NOTHING: "Nobody listened who it is (no detection)",
    Heard.HUMAN: "Heard a person",
    Heard.MACHINE: "Heard an answering machine",
    Heard.UNSURE: "Heard somebody, and could not tell whether a person",
    Heard.SILENCE: "Heard silence",
    Heard.FAX: "Heard a fax",
    Heard.SIT: "Heard the network's tone for a number that cannot be reached",
}
_THEN: Mapping[Then, str] = {
    Then.AGENT: "goes to an agent",
    Then.HANG_UP: "hung up",
    Then.MESSAGE: "a message is left after the beep",
}


def _judged(fact: f.AnswerJudged, _: Teller) -> str:
    after = f" after {length(fact.took)}" if fact.heard is not Heard.NOTHING else ""
    why = ", as one of the sample by which detection is measured" if fact.sampled else ""
    return f"{_HEARD[fact.heard]}{after}: {_THEN[fact.then]}{why}"


def _waits(fact: f.CustomerWaits, _: Teller) -> str:
    return f"Waits for an agent of {fact.queue}, owed within {fact.grace_left / SECOND:.2f} s"


def _harbour(fact: f.HarbourReached, _: Teller) -> str:
    after = f"{fact.after / SECOND:.2f} s after the answer"
    return f"No agent came within the grace: hears the safe harbour, {after}; the call is an abandoned one"


def _message(fact: f.MessageDropped, _: Teller) -> str:
    return "The message was played to its end, after the beep"


def _opted_out(fact: f.OptedOut, teller: Teller) -> str:
    if fact.number is None:
        return "Asked by a key not to be called any more; the number is withheld, and cannot be listed"
    return f"Asked by a key not to be called any more: {teller.masking.address(fact.number)} is on the do-not-call list"


# ── a campaign ───────────────────────────────────────────────────────────────────────────────────


def _paced(fact: f.Paced, _: Teller) -> str:
    return f"{fact.dial} begun; decided: {fact.why}"


def _campaign_changed(fact: f.CampaignChanged, _: Teller) -> str:
    return f"Is {fact.phase.value} from now on" + (f", by {fact.by}" if fact.by else "")


def _campaign_refused(fact: f.CampaignRefused, _: Teller) -> str:
    return f"Not done: {fact.wish}: {fact.why}"


def _detection_off(fact: f.DetectionOff, _: Teller) -> str:
    share = f"{fact.mistaken} of {fact.people} people were taken for machines"
    return f"Answering machine detection is off from now on: {share}"


def _trunk_held(fact: f.TrunkHeld, teller: Teller) -> str:
    times = "once" if fact.failures == 1 else f"{fact.failures} times in a row"
    return (
        f"Trunk {fact.trunk} is left alone until {iso(fact.until)}: it failed {times} ({teller.masking.text(fact.why)})"
    )


_TOLD: Mapping[type[Any], Callable[[Any, Teller], str]] = {
    f.CallEntered: _entered,
    f.CallDialled: _dialled,
    f.CallPickedUp: _picked_up,
    f.AnswerJudged: _judged,
    f.CustomerWaits: _waits,
    f.HarbourReached: _harbour,
    f.MessageDropped: _message,
    f.OptedOut: _opted_out,
    f.Paced: _paced,
    f.CampaignChanged: _campaign_changed,
    f.CampaignRefused: _campaign_refused,
    f.DetectionOff: _detection_off,
    f.TrunkHeld: _trunk_held,
    f.MenuEntered: _menu,
    f.DigitTaken: _digit,
    f.DigitTimedOut: _timed_out,
    f.DigitsTaken: _digits,
    f.Walked: _walked,
    f.LookupAnswered: _looked_up,
    f.Noted: _noted,
    f.PromptFailed: _prompt_failed,
    f.CallQueued: _queued,
    f.CallRelaxed: _relaxed,
    f.CallOffered: _offered,
    f.CallerTold: _words,
    f.CallHandedOver: _handed_over,
    f.VoicemailLeft: _voicemail,
    f.DialRefused: _refused,
    f.AgentAccepted: _accepted,
    f.AgentDropped: _dropped,
    f.RingEnded: _ring_ended,
    f.GhostAnswered: _ghost,
    f.CallRequeued: _requeued,
    f.FlowedOut: _flowed_out,
    f.CallConnected: _connected,
    f.AskedAfter: _asked_after,
    f.CallEnded: _ended,
    f.WrapUpEnded: _wrapped_up,
    f.DispositionNoted: _said,
    f.DispositionAwaited: _awaited,
    f.CallbackAgreed: _callback,
}
"""The facts that tell a call's way, or a campaign's; the others are about neither."""
