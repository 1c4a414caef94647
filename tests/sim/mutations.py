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
UNTIL_WRONG = f"""
import sys
from callctl.sim.plan import draw
from callctl.sim.run import run
for seed in range({SEEDS}):
    report = run(draw(seed))
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


MUTATIONS = (
    Mutation(
        "who presses nothing waits for ever",
        "core/deadlines.py",
        "            ivr.no_digit(turn, call, phase)",
        "            pass",
    ),
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
        "turn.wish(Hangup(call.node, agent_leg, HangupReason.NORMAL))",
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
        "        yield LegAnswered(leg.node, leg.id)",
        "        pass",
    ),
    Mutation(
        "bridges are not owed",
        "core/recovery.py",
        "            yield Bridge(node, call.id, call.leg, call.phase.agent_leg, call.phase.attempt + 1)",
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
        "if leg.node == node and leg.id not in named]:",
        "if leg.node == node]:",
    ),
    Mutation(
        "a playback that is over starts the wait of another",
        "core/ivr.py",
        "case InMenu(menu_id, _, playing) if playing == event.playback:",
        "case InMenu(menu_id, _, playing):",
    ),
    Mutation(
        "the prompts go on behind a digit", "core/ivr.py", "    _stop(turn, call, phase.playing)\n    to =", "    to ="
    ),
    Mutation(
        "agents and callers are not matched",
        "core/engine.py",
        "    while (choice := choose(turn.world, turn.dirty, turn.now)) is not None:",
        "    if (choice := choose(turn.world, turn.dirty, turn.now)) is not None:",
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
        "turn.wish(*(Hangup(call.node, leg, reason) for leg in sorted(agent.state.legs)))",
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
        "            if found.in_app and not phase.taken:\n                yield handover.owed(world, call, phase)\n",
        "",
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
        "    if not isinstance(agent.state, Idle) or agent.held_until is not None or policy is None:",
        "    if not isinstance(agent.state, Idle | WrapUp) or agent.held_until is not None or policy is None:",
    ),
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
    command = [sys.executable, "-c", UNTIL_WRONG]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=110)
    said = done.stderr.strip()
    if done.returncode not in (0, 1) or (said and not said.startswith("seed ")):
        raise RuntimeError(said)
    return said


def main() -> None:
    print("| Broken on purpose | What the simulation says first |\n|---|---|")
    for mutation in MUTATIONS:
        with tempfile.TemporaryDirectory() as folder:
            said = noticed(mutation, Path(folder)) or "**nothing**"
        print(f"| {mutation.name} | {said.replace('|', '/')[:150]} |", flush=True)


if __name__ == "__main__":
    main()
