"""The node machine: the link to one PBX as the core sees it, its heartbeat, and what a loss means."""

from __future__ import annotations

from dataclasses import replace

from callctl.core import agents, calls, nailing, offers, recovery
from callctl.core.commands import Beat, Bridge
from callctl.core.events import LinkLost, LinkRestored, Synced
from callctl.core.facts import NodeChanged
from callctl.core.ids import SECOND, Micros
from callctl.core.model import Down, Ended, LegRole, Node, NodePhase, Outcome, Party, Syncing, Up
from callctl.core.turn import Moves, Turn, moved

MOVES: Moves = {
    (Down, "link restored"): (Syncing,),
    (Up, "link restored"): (Syncing,),
    (Syncing, "link restored"): (Syncing,),
    (Syncing, "synced"): (Up,),
    (Up, "synced"): (Up,),
    (Up, "link lost"): (Down,),
    (Syncing, "link lost"): (Down,),
    (Up, "beat"): (Up,),
}
"""Drawn in callctl/README.md."""

BEAT: Micros = 1 * SECOND
"""Every how long the heartbeat is written. The dialplan believes it for 10 s."""


def move(turn: Turn, node: Node, trigger: str, phase: NodePhase) -> None:
    """Make a transition that the table has."""
    moved(MOVES, node.phase, trigger, phase)
    node.phase = phase
    turn.touch_node(node)


def link_lost(turn: Turn, event: LinkLost) -> None:
    """The way to the PBX is gone: nothing is commanded and nobody is routed there until it is back."""
    node = turn.world.nodes[event.node]
    if not isinstance(node.phase, Down):
        move(turn, node, "link lost", Down(turn.now))
        turn.tell(NodeChanged(node.id, "down", "link lost"))
        for agent in turn.world.agents.values():
            legs = agent.line.legs if agent.line is not None and not agent.line.up else ()
            if agent.line is not None and any(turn.world.legs[it].node == node.id for it in legs):
                agent.line = replace(agent.line, until=None)  # whether it rings nobody knows; time begins anew then
                turn.touch_agent(agent)


def link_restored(turn: Turn, event: LinkRestored) -> None:
    """The way is back. If the PBX was restarted meanwhile, its older legs are lost."""
    node = turn.world.nodes[event.node]
    move(turn, node, "link restored", Syncing())
    restarted = bool(node.booted) and node.booted != event.booted
    node.booted = event.booted
    turn.tell(NodeChanged(node.id, "syncing", "another PBX process" if restarted else "link restored"))
    if restarted:
        _pbx_lost(turn, node)


def _pbx_lost(turn: Turn, node: Node) -> None:
    """Nobody on this node talks any more, and no phone is rung before it has registered or qualified again."""
    world = turn.world
    for call in [c for c in world.calls.values() if c.node == node.id]:
        if not isinstance(call.phase, Ended):
            calls.end(turn, call, "pbx lost", Outcome.PBX_LOST, Party.PBX)
    for leg in [leg for leg in world.legs.values() if leg.node == node.id]:
        if leg.agent is None:
            turn.drop_leg(leg)
        elif leg.role is LegRole.LINE:
            turn.drop_leg(leg)
            nailing.lost(turn, world.agents[leg.agent])
        else:
            offers.leg_gone(turn, world.agents[leg.agent], leg, 0, 0)
    for agent in world.agents.values():
        policy = world.policy.agents.get(agent.id)
        if policy is not None and world.policy.phones[policy.phone].node == node.id:
            agents.contacts_changed(turn, agent, ())
            agents.device_busy(turn, agent, False)
            agents.outside_reachable(turn, agent)


def synced(turn: Turn, event: Synced) -> None:
    """The snapshot has been held against what we know (`recovery.missed` was applied): send what is owed."""
    world, node = turn.world, turn.world.nodes[event.node]
    recovering = isinstance(node.phase, Syncing)
    if recovering:
        turn.commands = [c for c in turn.commands if c.node != node.id]
    move(turn, node, "synced", Up(turn.now) if recovering else node.phase)
    owed = list(recovery.owed(world, node.id, event.snapshot, turn.now, event.gone))
    for command in owed:
        if isinstance(command, Bridge):
            offers.joined_again(turn, command)
    turn.wish(*owed)
    if recovering:
        recovery.resume(turn, node.id)
        turn.tell(NodeChanged(node.id, "up", "in charge"))


def due(turn: Turn, node: Node) -> None:
    """The heartbeat's time has come."""
    if isinstance(node.phase, Up) and node.phase.beat_at <= turn.now:
        turn.wish(Beat(node.id))
        move(turn, node, "beat", Up(turn.now + BEAT))
