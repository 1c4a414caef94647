"""All of an Asterisk node's links as one thing, and all nodes as the loop's `Pbx`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from callctl.asterisk.ami import Ami, AmiAddress
from callctl.asterisk.ari import AriAddress, AriError
from callctl.asterisk.link import Health, Link
from callctl.asterisk.provision import MODULES, Secrets, files, modules_of, write_if_changed
from callctl.core.commands import Command
from callctl.core.ids import NodeId
from callctl.core.policy import Policy
from callctl.runtime.ports import Inbox

log = structlog.get_logger("callctl.asterisk")


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Where one node is. `generated`: the folder `callctl.d` in Asterisk's etc; None: nothing is written there."""

    node: NodeId
    ari: AriAddress
    ami: AmiAddress
    generated: Path | None = None


class Node:
    """One Asterisk: its ARI link, its AMI link, its generated files."""

    def __init__(self, address: NodeAddress, inbox: Inbox, policy: Policy) -> None:
        self.address = address
        self.link = Link(address.node, address.ari, inbox, policy, on_up=self._on_up)
        self.ami = Ami(address.node, address.ami, inbox, policy)
        self.trouble = ""
        """Why the generated files are not in force; empty: they are."""
        # Whoever wrote the files may have died before the reload: once at the start they are all loaded again.
        self._unloaded: set[str] = set(MODULES) if address.generated is not None else set()
        self._reloading = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self.link.start()
        self.ami.start()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(self.link.stop(), self.ami.stop(), *self._tasks, return_exceptions=True)

    def write(self, wanted: Mapping[str, str]) -> None:
        """Write the node's files where they differ. OSError when they cannot be written."""
        if self.address.generated is not None:
            self._unloaded |= write_if_changed(self.address.generated, wanted)

    async def apply(self, policy: Policy) -> None:
        """Have Asterisk load what was written, then read events by the new policy."""
        self.link.apply(policy)
        await self._reload()
        self.ami.apply(policy)

    def _on_up(self) -> None:
        task = asyncio.create_task(self._reload_and_look())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reload_and_look(self) -> None:
        await self._reload()
        # The core forgets the contacts of a PBX that was restarted: tell them again.
        self.ami.relist()

    async def _reload(self) -> None:
        """Reload what changed. While the link is down it stays to be done at the next connect."""
        async with self._reloading:
            changed, self._unloaded = self._unloaded, set()
            try:
                for module in modules_of(changed):
                    await self.link.reload(module)
            except AriError as error:
                self._unloaded |= changed
                self.trouble = f"phones and trunks are not loaded: {error}"
                log.warning("reload_failed", node=self.address.node, why=str(error))
            else:
                self.trouble = ""


class Asterisk:
    """Every node. Fulfils `runtime.ports.Pbx`."""

    def __init__(self, nodes: Iterable[NodeAddress], inbox: Inbox, policy: Policy) -> None:
        self.nodes = {address.node: Node(address, inbox, policy) for address in nodes}

    def start(self) -> None:
        """Begin to connect to every node; comes back at once."""
        for node in self.nodes.values():
            node.start()

    async def stop(self) -> None:
        """Disconnect. Calls are not touched."""
        await asyncio.gather(*(node.stop() for node in self.nodes.values()))

    def send(self, command: Command) -> None:
        """Carry a command out on its node. Never blocks, never raises."""
        node = self.nodes.get(command.node)
        if node is None:
            log.error("command_for_no_node", command=type(command).__name__)
            return
        node.link.send(command)

    def render(self, policy: Policy, secrets: Secrets) -> dict[NodeId, dict[str, str]]:
        """The files of every node. ProvisionError when a value must not be written; nothing is changed."""
        return {node: files(policy, secrets, node) for node in self.nodes}

    async def apply(self, policy: Policy, rendered: Mapping[NodeId, Mapping[str, str]]) -> None:
        """Put a checked policy into force: write, reload, read by it. OSError when a folder cannot be written."""
        for node, wanted in rendered.items():
            self.nodes[node].write(wanted)
        await asyncio.gather(*(node.apply(policy) for node in self.nodes.values()))

    def health(self) -> tuple[Health, ...]:
        """Of every node, both links: for `readyz`."""
        found: list[Health] = []
        for name, node in self.nodes.items():
            found.append(node.link.health)
            found.append(Health(name, node.ami.up, f"AMI: {node.ami.why}", since=node.ami.since))
            if node.trouble:
                found.append(Health(name, False, node.trouble))
        return tuple(found)

    def replaced(self) -> bool:
        """Whether another daemon has taken over a node: this one must not go on."""
        return any(node.link.replaced.is_set() for node in self.nodes.values())
