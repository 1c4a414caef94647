"""Deliberate breakages of core and loop. Each is a line of the source made wrong; the simulation must notice it.

    python -m tests.sim.mutations        what notices each, as a table for docs/simulation.md

Left out are lines that have a net below them (a phone that rings for an earlier life is hung up by the snapshot, and
by its own ringing): no single breakage of theirs can be heard.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "callctl"
SEEDS = 1500
"""Of those who call; a third of that where people on lists are called."""
UNTIL_WRONG = f"""
import sys
from callctl.sim.plan import draw, draw_calls
from callctl.sim.run import run
calls = sys.argv[1] == "calls"
for seed in range({SEEDS} // (3 if calls else 1)):
    report = run(draw_calls(seed) if calls else draw(seed))
    if report.wrong:
        sys.exit(f"seed {{seed}}: {{report.wrong[0]}}")
"""


@dataclass(frozen=True)
class Mutation:
    name: str
    file: str
    """Within callctl/."""
    old: str
    """Stands exactly once in the file: a mutation that no longer fits the code is told at once."""
    new: str
    calls: bool = False
    """It is looked for where people on lists are called."""


MUTATIONS = (
    Mutation(
        "who is to be asked after the talk is hung up",
        "core/offers.py",
        "_is_here(turn, call) and aftertalk.goes_on(turn, call, agent):",
        "False:",
    ),
    Mutation(
        "who was not drawn is asked",
        "core/aftertalk.py",
        "    if not call.story.to_ask or isinstance",
        "    if isinstance",
    ),
    Mutation(
        "the bridge stays behind a caller who is asked",
        "core/aftertalk.py",
        "DropBridge(call.node, phase.bridge, call.leg), ",
        "",
    ),
    Mutation(
        "the agent of a caller who is asked stays on the call",
        "core/aftertalk.py",
        "        agents.wrap_up(turn, agent, call, queue.id)\n",
        "        pass\n",
    ),
    Mutation(
        "a talk behind which something was asked is forgotten",
        "core/calls.py",
        "    if story.asked_after is not None:\n        story.outcome = Outcome.ANSWERED",
        "    if False:\n        story.outcome = Outcome.ANSWERED",
    ),
    Mutation(
        "the record of a call that goes on is written with the end of wrap-up",
        "core/agents.py",
        "    if call.story.ended is not None:  # else the record",
        "    if True:  # else the record",
    ),
    Mutation(
        "who hung up on the agent while nobody listened is asked",
        "core/recovery.py",
        "    unnamed.sort(key=lambda leg: leg.role is not LegRole.CALLER)",
        "    unnamed.sort(key=lambda leg: leg.role is LegRole.CALLER)",
    ),
    Mutation(
        "who presses nothing waits for ever",
        "core/deadlines.py",
        "            ivr.no_digit(turn, call, phase)",
        "            pass",
    ),
    Mutation(
        "a switch is off after a start",
        "core/recovery.py",
        "    world.switches = {it.id: it for it in switches if it.id in policy.switches}\n",
        "",
    ),
    Mutation("a switch that is turned is not stored", "core/switches.py", "    turn.switches.add(name)\n", ""),
    Mutation(
        "a call that nobody took loses its place",
        "core/calls.py",
        "move(turn, call, trigger, Queued(place))\n    turn.tell(CallRequeued",
        "move(turn, call, trigger, Queued(Place(place.queue, 0, turn.now + 1)))\n    call.phase = Queued(place)\n"
        "    turn.tell(CallRequeued",
    ),
    Mutation(
        "the losers of a ring ring on",
        "core/offers.py",
        "turn.wish(Hangup(leg.node, loser, HangupReason.ANSWERED_ELSEWHERE))",
        "pass",
    ),
    Mutation(
        "the agent's leg is not hung up when the caller leaves",
        "core/calls.py",
        "turn.wish(Hangup(call.node, leg, reason))",
        "pass",
    ),
    Mutation(
        "the caller's leg is not hung up at the end",
        "core/calls.py",
        "turn.wish(Hangup(call.node, call.leg, reason))",
        "pass",
    ),
    Mutation(
        "the bridge is not dropped",
        "core/calls.py",
        "            turn.wish(DropBridge(call.node, phase.bridge))\n            agents.wrap_up",
        "            agents.wrap_up",
    ),
    Mutation(
        "no record is written",
        "core/calls.py",
        "    turn.records.add(call.id)\n    turn.tell(ended_fact(call))",
        "    turn.tell(ended_fact(call))",
    ),
    Mutation(
        "an agent freed by a failed bridge stays on the call",
        "core/offers.py",
        'agents.release(turn, agent, "bridge failed")',
        "pass",
    ),
    Mutation(
        "the lease is not renewed",
        "core/deadlines.py",
        "        calls.renew_lease(turn, call)",
        "        call.lease_renew = None",
    ),
    Mutation(
        "leaving the app is not noticed", "core/engine.py", "    leg.left_by = turn.now + LEFT_GRACE\n", "    return\n"
    ),
    Mutation(
        "a restart of the PBX is not noticed",
        "core/nodes.py",
        "restarted = bool(node.booted) and node.booted != event.booted",
        "restarted = False",
    ),
    Mutation(
        "what was missed of callers is not asked for",
        "core/recovery.py",
        "            yield LegGone(node, leg.id)\n",
        "            pass\n",
    ),
    Mutation(
        "who came while nobody listened is forgotten",
        "core/recovery.py",
        "            yield found.arrival",
        "            pass",
    ),
    Mutation(
        "an answer that was missed is not made good",
        "core/recovery.py",
        "    if found.state is LegState.UP and found.in_app:\n        yield LegAnswered(leg.node, leg.id)",
        "    if found.state is LegState.UP and found.in_app:\n        pass",
    ),
    Mutation(
        "bridges are not owed",
        "core/recovery.py",
        "            yield Bridge(node, call.id, call.leg, phase.agent_leg, phase.attempt + 1, phase.own)",
        "            pass",
    ),
    Mutation(
        "music is not owed",
        "core/recovery.py",
        "                yield Hold(call.node, call.leg, place.queue, world.policy.queues[place.queue].music)",
        "                pass",
    ),
    Mutation(
        "legs that nobody wants are not owed their end",
        "core/recovery.py",
        "        elif not _wanted(world, leg):",
        "        elif False:",
    ),
    Mutation(
        "bridges of an earlier life are not owed their end",
        "core/recovery.py",
        "        if bridge not in talks and is_ours(bridge):",
        "        if False:",
    ),
    Mutation("a menu is not played again", "core/recovery.py", "        ivr.resume(turn, call)\n", ""),
    Mutation(
        "lists are believed against events",
        "core/recovery.py",
        "if leg.node == node and leg.id not in named]",
        "if leg.node == node]",
    ),
    Mutation(
        "a playback that is over starts the wait of another",
        "core/ivr.py",
        "case InMenu() | Announcing() | LookingUp() as phase if phase.playing == event.playback:",
        "case InMenu() | Announcing() | LookingUp() as phase:",
    ),
    Mutation(
        "the prompts go on behind a digit", "core/ivr.py", "    _stop(turn, call, phase.playing)\n    to =", "    to ="
    ),
    Mutation(
        "agents and callers of one queue alone are matched",
        "core/engine.py",
        "    while (choice := choose(turn.world, turn.dirty, turn.now)) is not None:",
        "    while (choice := choose(turn.world, sorted(turn.dirty)[:1], turn.now)) is not None:",
    ),
    Mutation(
        "the loop stores a batch's last step alone",
        "runtime/loop.py",
        "        self.calls.update((c.id, copied(c)) for c in touched.calls)",
        "        self.calls = {c.id: copied(c) for c in touched.calls}",
    ),
    Mutation(
        "the loop shares its rows with the World",
        "runtime/loop.py",
        "        self.agents.update((a.id, replace(a)) for a in touched.agents)",
        "        self.agents.update((a.id, replace(a)) for a in touched.agents[1:])",
    ),
    Mutation(
        "the rows of ended calls stay", "runtime/loop.py", "            self.closed.add(gone)", "            pass"
    ),
    Mutation(
        "the loop forgets records",
        "runtime/loop.py",
        "        self.ended.update((c.id, copied(c)) for c in touched.records)",
        "        self.ended = {c.id: copied(c) for c in touched.records}",
    ),
    Mutation(
        "who has just gone is not named to a snapshot",
        "runtime/window.py",
        "gone = frozenset(self._gone) | frozenset(self._left)",
        "gone = frozenset[LegId]()",
    ),
    Mutation(
        "who is being made is not named to a snapshot",
        "runtime/window.py",
        "named = frozenset(self._named or ()) | self._making | gone",
        "named = gone",
    ),
    Mutation(
        "whom the lists have and nobody has met is not met",
        "core/recovery.py",
        "unknown = found.leg not in world.legs and found.leg not in gone",
        "unknown = False",
    ),
    Mutation(
        "phones ring on when nobody waits any more",
        "core/rings.py",
        "turn.wish(*(Hangup(call.node, leg, reason) for leg in sorted(agent.state.legs) if not agent.is_on_line(leg)))",
        "pass",
    ),
    Mutation(
        "asking for less is forgotten",
        "core/deadlines.py",
        "        phase = calls.relax(turn, call, phase)",
        "        pass",
    ),
    Mutation(
        "a reload does not hold for those who wait",
        "core/policies.py",
        "        if reread(turn, call):",
        "        if False:",
    ),
    Mutation(
        "the order of agents changes when one goes",
        "core/policies.py",
        "agents={**new.agents, **kept_agents},",
        "agents={**kept_agents, **new.agents},",
    ),
    Mutation(
        "who was rung as well rings on though a colleague has the call",
        "core/briefing.py",
        "rings.withdraw(turn, turn.world.agents[name], call, RingResult.ANSWERED_ELSEWHERE)",
        "pass",
    ),
    Mutation(
        "behind the words there is no music",
        "core/waiting.py",
        "    turn.wish(Hold(call.node, call.leg, queue.id, queue.music))\n    every",
        "    every",
    ),
    Mutation(
        "a caller who pays only from an agent on is never answered",
        "core/briefing.py",
        "    calls.answer(turn, call)\n",
        "",
    ),
    Mutation(
        "a handover that was lost is not owed",
        "core/recovery.py",
        "            if not phase.taken:",
        "            if False:",
    ),
    Mutation(
        "what went out over a trunk is not stored",
        "core/compliance.py",
        "    turn.trunks.add(used.id)\n",
        "",
    ),
    Mutation(
        "an agent in wrap-up is rung",
        "core/turn.py",
        "    if not isinstance(agent.state, Idle) or agent.held_until is not None or not ready:",
        "    if not isinstance(agent.state, Idle | WrapUp) or agent.held_until is not None or not ready:",
    ),
    Mutation(
        "flows that a caller has entered are not stored",
        "core/walk.py",
        "        turn.flows.add(version)\n",
        "",
    ),
    Mutation(
        "the answer of a server does not stop what plays meanwhile",
        "core/ivr.py",
        "    _stop(turn, call, phase.playing)\n    if not isinstance(node, Lookup):",
        "    if not isinstance(node, Lookup):",
    ),
    Mutation(
        "prompts go on behind the first of several digits",
        "core/ivr.py",
        '    _stop(turn, call, phase.playing)\n    digits = _pressed(phase.digits) + ("" if',
        '    digits = _pressed(phase.digits) + ("" if',
    ),
    Mutation(
        "a server that says nothing is waited for without an end",
        "core/deadlines.py",
        "            ivr.no_answer(turn, call, phase)",
        "            pass",
    ),
    Mutation(
        "an answer counts for whatever is asked now",
        "core/ivr.py",
        "not isinstance(phase, LookingUp) or phase.request != event.request:",
        "phase.request != event.request:",
    ),
    Mutation(
        "after an outage nobody asks the server again, and the caller hears nothing",
        "core/ivr.py",
        "        case LookingUp():\n            _ask_server_again(turn, call, call.phase)",
        "        case LookingUp():\n            pass",
    ),
    Mutation(
        "several digits have no end",
        "core/ivr.py",
        "heard_by=None, digit_by=turn.now + node.pause)",
        "heard_by=None, digit_by=None)",
    ),
)

DIALS_AGAIN = """            from callctl.core.commands import Dial
            from callctl.core.permits import Permit, Purpose
            from callctl.core.policy import OutsideNumber
            to = OutsideNumber(call.caller, call.trunk, "", "")
            yield Dial(call.node, call.leg, call.id, Permit(Purpose.CAMPAIGN, to), "", 35_000_000)
            return  # the dialplan's"""
OF_CALLS = tuple(
    Mutation(name, file, old, new, calls=True)
    for name, file, old, new in (
        (
            "a call goes out before its commit",
            "runtime/gate.py",
            '            self._begin(self._dial(command, self._seq()), "dial")',
            "            del self._dials[command.leg]\n            self._pbx.send(command)",
        ),
        (
            "the spool counts as a commit",
            "runtime/gate.py",
            "await self._journal.committed(seq)",
            "await self._journal.flushed(seq)",
        ),
        (
            "what was lost is dialled again",
            "core/recovery.py",
            "            return  # the dialplan's; and what was lost is never dialled again",
            DIALS_AGAIN,
        ),
        (
            "who was cut off is tried again",
            "core/dialing.py",
            "return Planned(whom, Standing.UNKNOWN, now,",
            "return Planned(whom, Standing.LATER, now,",
        ),
        (
            "a call that goes on is forgotten by a restart",
            "core/recovery.py",
            "            dialing.begun(world.outbound, attempt)",
            "            pass",
        ),
        (
            "the harbour comes too late",
            "core/customers.py",
            "    harbour_by = greeted + pacers.grace(turn.world, policy)",
            "    harbour_by = turn.now + 10 * SECOND",
        ),
        (
            "who answers for a campaign that is no more is hung up",
            "core/customers.py",
            "    elif then is Then.AGENT:\n",
            "    elif False:\n",
        ),
        ("a line is hung up after a talk", "core/calls.py", "    if agent.is_on_line(leg):\n", "    if False:\n"),
        (
            "an agent on the line stays reserved when the caller leaves",
            "core/rings.py",
            "    if agent.open_line in agent.state.legs:",
            "    if False:",
        ),
        (
            "who talks over a line is parted by a restart",
            "core/engine.py",
            "            recovery.keep_together(turn, talks)\n",
            "",
        ),
        (
            "an opt-out is not heard",
            "core/judgement.py",
            "        if numbers.holds_number(int(digits)):",
            "        if False:",
        ),
        (
            "a trunk that fails is not left alone",
            "core/trunking.py",
            "    if load.held_until > now:\n        return 0,",
            "    if False:\n        return 0,",
        ),
        (
            "the abandoned are not counted",
            "core/pacers.py",
            "    campaign.budget.abandon()\n",
            "",
        ),
        ("a contact is not let go", "core/dialing.py", "    let_go(turn, plan)\n", ""),
        (
            "who comes for a stopped campaign is kept",
            "core/dialing.py",
            "        else:  # it was stopped meanwhile\n            let_go(",
            "        else:\n            (lambda *args: None)(",
        ),
        (
            "it rings for ever",
            "core/customers.py",
            "    until = turn.now + pacers.ring_timeout(turn.world, policy)",
            "    until = turn.now + 100 * pacers.ring_timeout(turn.world, policy)",
        ),
        (
            "attempts begin while the database is away",
            "core/lines.py",
            "    if not turn.world.outbound.database_up:\n",
            "    if False:\n",
        ),
        (
            "an agent hears the ringing tone for ever",
            "core/agents.py",
            '        hush(turn, call)\n        move(turn, agent, "not reached"',
            '        move(turn, agent, "not reached"',
        ),
        (
            "who answered while nobody listened is not met",
            "core/recovery.py",
            "        yield replace(found.arrival, late=True)",
            "        pass",
        ),
        (
            "who was erased is looked at",
            "core/lists.py",
            "            turn.touch_agent(agent)  # there is nobody to look at any more",
            "            pass",
        ),
        ("what a campaign is doing is not stored", "core/lists.py", "    turn.campaigns.add(name)\n", ""),
    )
)


def noticed(mutation: Mutation, folder: Path) -> str:
    """What a simulation says first of a copy of the package broken in that way; empty: nothing. The copy is made in
    `folder`.

    Raises:
        ValueError: the mutation does not fit the code any more.
        RuntimeError: the broken package does not run at all.
    """
    shutil.copytree(PACKAGE, folder / "callctl", ignore=shutil.ignore_patterns("__pycache__", "lab"))
    file = folder / "callctl" / mutation.file
    text = file.read_text(encoding="utf-8")
    if text.count(mutation.old) != 1:
        raise ValueError(f"{mutation.file} has {text.count(mutation.old)} times: {mutation.old}")
    file.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", UNTIL_WRONG, "calls" if mutation.calls else ""]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=110)
    said = done.stderr.strip()
    if done.returncode not in (0, 1) or (said and not said.startswith("seed ")):
        raise RuntimeError(said)
    return said


def main() -> None:
    print("| Broken on purpose | What the simulation says first |\n|---|---|")
    for mutation in (*MUTATIONS, *OF_CALLS):
        with tempfile.TemporaryDirectory() as folder:
            said = noticed(mutation, Path(folder)) or "**nothing**"
        print(f"| {mutation.name} | {said.replace('|', '/')[:150]} |", flush=True)


if __name__ == "__main__":
    main()
