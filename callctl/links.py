"""Every node's parts: the ARI link, the AMI telemetry, the files that callctl writes for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from callctl.api.ports import Condition
from callctl.asterisk.ami import Ami, AmiAddress
from callctl.asterisk.ari import AriAddress, AriError
from callctl.asterisk.link import Link
from callctl.asterisk.provision import FILES, VOICEMAIL, Secrets, files, modules_of, write_if_changed
from callctl.core.commands import Beat, Command
from callctl.core.ids import MailboxId, NodeId, PhoneId, TrunkId
from callctl.runtime.mailboxes import BoxNow, Message
from callctl.runtime.ports import Inbox
from callctl.settings import Loaded, NodeSettings

log = structlog.get_logger("callctl.links")


Written = Mapping[NodeId, Mapping[str, str | None]]
"""By node and file, what stood there before; None: nothing."""


@dataclass(slots=True)
class _Node:
    """The parts of one node."""

    settings: NodeSettings
    link: Link
    ami: Ami
    stale: set[str] = field(default_factory=set)
    """Asterisk modules that have yet to read what callctl wrote."""
    reloading: asyncio.Lock = field(default_factory=asyncio.Lock)


class Links:
    """All nodes. Fulfils `runtime.ports.Pbx`."""

    def __init__(self, loaded: Loaded, inbox: Inbox, fail: Callable[[str], None]) -> None:
        self._nodes = {settings.id: _parts(settings, loaded, inbox) for settings in loaded.daemon.nodes.values()}
        self._fail = fail
        self._tasks: set[asyncio.Task[object]] = set()
        self._muted_until = 0.0

    def send(self, command: Command) -> None:
        """Give a command to its node's link."""
        if isinstance(command, Beat) and time.monotonic() < self._muted_until:
            return
        self._nodes[command.node].link.send(command)

    def mute(self, seconds: float) -> None:
        """Send no heartbeat for so long: new callers take the fallback as soon as the last one has run out."""
        self._muted_until = time.monotonic() + seconds

    def start(self, loaded: Loaded) -> None:
        """Write the nodes' files, then connect, and keep connected.

        Raises:
            OSError, ProvisionError: the files cannot be written.
        """
        self.write(loaded)
        for node in self._nodes.values():
            if node.settings.provision:
                # Asterisk may have started before the files were written, or with older ones: it reads them once more.
                # Without mailboxes there need be no voicemail in it.
                node.stale.update(modules_of(it for it in FILES if it != VOICEMAIL or loaded.policy.mailboxes))
            node.link.on_live = self._live(node)
            node.link.start()
            node.ami.start()
            self._watch(self._deposed(node))

    async def stop(self) -> None:
        """Disconnect from all nodes. Calls are not touched."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(part.stop() for n in self._nodes.values() for part in (n.link, n.ami)))

    def write(self, loaded: Loaded) -> Written:
        """Write all nodes' files for a new configuration: every one of them, or none.

        Raises:
            OSError, ProvisionError: they cannot be written; nothing was changed.
        """
        wanted = {name: files(loaded.policy, _secrets(loaded), name) for name in self._provisioned()}
        before = {name: _found(self._folder(name), texts) for name, texts in wanted.items()}
        try:
            for name, texts in wanted.items():
                self._put(name, texts)
        except OSError:
            self.put_back(before)
            raise
        return before

    def put_back(self, before: Written) -> None:
        """The files as they were. Never raises: what cannot be put back is said."""
        for name, texts in before.items():
            try:
                self._put(name, {file: text for file, text in texts.items() if text is not None})
                for file in [file for file, text in texts.items() if text is None]:
                    (self._folder(name) / file).unlink(missing_ok=True)
            except OSError as error:
                log.critical(
                    "pbx_files_not_put_back", node=name, why=str(error), then="written anew by the next reload"
                )
            if self._nodes[name].stale and self._nodes[name].link.health.up:
                self._watch(self._have_read(self._nodes[name]))  # it may have read the others when it came back

    async def have_read(self) -> tuple[str, ...]:
        """Have every Asterisk read what was written; one that is away reads it when it is back. What was not read, a
        line for each, for people."""
        return tuple([line for node in self._nodes.values() for line in await self._have_read(node)])

    def speak_of(self, loaded: Loaded) -> None:
        """Read numbers, phones and trunks by the new policy from now on. The core has it already."""
        for node in self._nodes.values():
            node.link.apply(loaded.policy)
            node.ami.apply(loaded.policy)

    def resync(self) -> None:
        """The World was rebuilt, or has not been told everything: tell it all anew, also of phones and trunks."""
        for node in self._nodes.values():
            node.link.resync()
            node.ami.relist()

    def conditions(self) -> Iterator[Condition]:
        """What readyz says of the nodes."""
        for name, node in self._nodes.items():
            health = node.link.health
            yield Condition(f"{name}.ari", health.up, health.why)
            yield Condition(f"{name}.ami", node.ami.up, node.ami.why)

    # ── mailboxes ────────────────────────────────────────────────────────────────────────────

    def boxes(self) -> dict[MailboxId, BoxNow]:
        """The configuration's mailboxes as last counted, on all nodes together."""
        return _together(node.ami.boxes for node in self._nodes.values())

    async def count(self) -> dict[MailboxId, BoxNow]:
        """The same, counted now. AmiError: an Asterisk does not say."""
        return _together([await node.ami.count() for node in self._nodes.values()])

    async def messages(self, box: MailboxId) -> list[Message]:
        """What lies in one, the newest first. AmiError: an Asterisk does not say."""
        found = [message for node in self._nodes.values() for message in await node.ami.messages(box)]
        return sorted(found, key=lambda it: it.at or 0, reverse=True)

    # ── the files ────────────────────────────────────────────────────────────────────────────

    def _provisioned(self) -> list[NodeId]:
        return [name for name, node in self._nodes.items() if node.settings.provision]

    def _folder(self, name: NodeId) -> Path:
        return self._nodes[name].settings.include_dir

    def _put(self, name: NodeId, texts: Mapping[str, str]) -> None:
        """What differs, noted as yet to be read, though writing it may fail halfway."""
        node, folder = self._nodes[name], self._folder(name)
        node.stale.update(modules_of(file for file, text in _found(folder, texts).items() if text != texts[file]))
        write_if_changed(folder, texts)

    async def _have_read(self, node: _Node) -> list[str]:
        """Have Asterisk read what was written; what cannot be done now is done when the link is back. Phones and trunks
        are told anew in any case: else an Asterisk without one of the modules would leave every phone unreachable.
        Returns what was not read."""
        unread: dict[str, list[str]] = {}
        async with node.reloading:
            for module in sorted(node.stale):
                try:
                    await node.link.reload(module)
                except AriError as error:
                    log.warning("module_not_reloaded", node=node.settings.id, module=module, why=str(error))
                    unread.setdefault(str(error), []).append(module)
                else:
                    node.stale.discard(module)
            node.ami.relist()
        return [_unread(node.settings.id, modules, why) for why, modules in unread.items()]

    def _live(self, node: _Node) -> Callable[[], None]:
        """After each (re)connect: the files are read, and phones and trunks told anew. A restarted PBX has forgotten
        its phones, and so has the core; AMI may have told before the core knew of the restart."""
        return lambda: self._watch(self._have_read(node))

    # ── life ─────────────────────────────────────────────────────────────────────────────────

    async def _deposed(self, node: _Node) -> None:
        await node.link.replaced.wait()
        self._fail(f"another callctl has taken over the calls of node {node.settings.id}")

    def _watch(self, work: Coroutine[None, None, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _unread(node: NodeId, modules: Iterable[str], why: str) -> str:
    return (
        f"node {node}: Asterisk has not reloaded {', '.join(modules)} ({why}): there it works by the old files until "
        f"the link comes back, or the next reload"
    )


def _parts(settings: NodeSettings, loaded: Loaded, inbox: Inbox) -> _Node:
    ari, ami = settings.ari, settings.ami
    return _Node(
        settings,
        Link(settings.id, AriAddress(ari.url, ari.user, ari.password.reveal()), inbox, loaded.policy),
        Ami(settings.id, AmiAddress(ami.host, ami.port, ami.user, ami.password.reveal()), inbox, loaded.policy),
    )


def _together(nodes: Iterable[Mapping[MailboxId, BoxNow]]) -> dict[MailboxId, BoxNow]:
    sums: dict[MailboxId, BoxNow] = {}
    for boxes in nodes:
        for name, box in boxes.items():
            sums[name] = sums.get(name, BoxNow()) + box
    return sums


def _found(folder: Path, texts: Iterable[str]) -> dict[str, str | None]:
    """These files as they are; None: not there, or no text."""
    found: dict[str, str | None] = {}
    for file in texts:
        try:
            found[file] = (folder / file).read_text(encoding="utf-8")
        except (FileNotFoundError, UnicodeDecodeError):
            found[file] = None
    return found


def _secrets(loaded: Loaded) -> Secrets:
    """Passwords of phones and trunks, and PINs, from `phone:<id>`, `trunk:<id>` and `mailbox:<id>`."""
    phones: dict[PhoneId, str] = {}
    trunks: dict[TrunkId, str] = {}
    mailboxes: dict[MailboxId, str] = {}
    for name, secret in loaded.secrets.items():
        kind, _, owner = name.partition(":")
        if kind == "phone":
            phones[PhoneId(owner)] = secret.reveal()
        elif kind == "mailbox":
            mailboxes[MailboxId(owner)] = secret.reveal()
        else:
            trunks[TrunkId(owner)] = secret.reveal()
    return Secrets(phones, trunks, mailboxes)
