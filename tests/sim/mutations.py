"""Deliberate breakages of core and loop. Each is a line of the source made wrong; the simulation must notice it.

`old` stands exactly once in its file, so that a mutation which no longer fits the code fails its test at once.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    name: str
    file: str
    """Within callctl/."""
    old: str
    new: str


MUTATIONS = (
    Mutation(
        "a call that nobody took loses its place",
        "core/calls.py",
        "move(turn, call, trigger, Queued(phase.queue, phase.priority, phase.since, phase.leave_by))",
        "move(turn, call, trigger, Queued(phase.queue, phase.priority, turn.now + 1, phase.leave_by)); "
        "call.phase = Queued(phase.queue, phase.priority, phase.since, phase.leave_by)",
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
        "            turn.wish(DropBridge(call.node, call.id))\n            agents.wrap_up",
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
        'agents.release(turn, agent, "bridge failed", hold=True)',
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
        "            yield Bridge(node, call.id, call.leg, call.phase.agent_leg)",
        "            pass",
    ),
    Mutation(
        "music is not owed",
        "core/recovery.py",
        "                yield Hold(call.node, call.leg, queue, world.policy.queues[queue].music)",
        "                pass",
    ),
    Mutation(
        "legs that nobody wants are not owed their end",
        "core/recovery.py",
        "        elif not _wanted(world, leg):",
        "        elif False:",
    ),
    Mutation(
        "legs of an earlier life are not owed their end",
        "core/recovery.py",
        "            if found.in_app or rings_on:",
        "            if False:",
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
        "an audit judges legs made a moment ago",
        "core/engine.py",
        "named |= recovery.young(turn.world, turn.now)",
        "pass",
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
        "deadlines are not looked at",
        "runtime/loop.py",
        "            if due is not None and due <= self._clock.now():",
        "            if False:",
    ),
    Mutation(
        "commands are sent in the wrong order",
        "runtime/loop.py",
        "        for command in result.commands:",
        "        for command in reversed(result.commands):",
    ),
    Mutation(
        "who has just gone is not named to a snapshot",
        "runtime/window.py",
        "named = frozenset(self._named or ()) | self._making | self._gone.keys() | self._left.keys()",
        "named = frozenset(self._named or ()) | self._making",
    ),
    Mutation(
        "who is being made is not named to a snapshot",
        "runtime/window.py",
        "named = frozenset(self._named or ()) | self._making | self._gone.keys() | self._left.keys()",
        "named = frozenset(self._gone.keys()) | self._left.keys()",
    ),
)
