"""AMI: what phones and trunks are like. The only place that knows panoramisk.

panoramisk sends unanswered actions again after a reconnect, lets line ends through, takes no notice of pings that
nobody answers, and waits for ever. So here every connection is a new Manager with an empty queue, every action has
a deadline and is checked before it is sent, pings must be answered, and callbacks are synchronous.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import structlog
from panoramisk import Manager
from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol

from callctl.asterisk import mailboxes
from callctl.asterisk.backoff import Backoff
from callctl.asterisk.phones import MOST_CONTACTS, Contact, Lists, Phones, Said
from callctl.core.ids import MailboxId, NodeId
from callctl.core.policy import MAILBOXES, Policy
from callctl.runtime.mailboxes import BoxNow, Message
from callctl.runtime.ports import Inbox

DEADLINE = 5.0
"""Seconds for one action."""
PING_EVERY = 5.0
PING_DEADLINE = 3.0
COUNT_EVERY = 15.0
"""Seconds between two looks at the mailboxes."""
LONGEST_UNFINISHED = 1_000_000
"""Bytes that may come without a message's end."""
BUFFER_MOST = 50_000
WANTED = frozenset({"ContactStatus", "DeviceStateChange", "Registry", "UserEvent"})
"""No other event is believed: Asterisk 22.10.1 writes a caller's number as it came into every event that shows a
channel, line ends included, so a caller can forge events. manager.conf lets none of those through."""
TOGETHER = 40
"""Questions asked at one time during a full look."""

_SUBJECT = re.compile(r"[A-Za-z0-9_.@;:~+-]{1,200}")

log = structlog.get_logger("callctl.asterisk")

_quiet = logging.getLogger("callctl.panoramisk")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


class AmiError(Exception):
    """Something is wrong with the way to AMI; the text is for the operator."""


class AmiRefusedError(AmiError):
    """The user or the password is not accepted, or it lacks a right."""


class OutcomeUnknownError(AmiError):
    """The action was sent, but no answer came: it may have been done."""


class BadValueError(AmiError):
    """A name or value that would end AMI's line or split its list."""


@dataclass(frozen=True, slots=True)
class AmiAddress:
    """Where an Asterisk's AMI is, and how to get in. The secret is not printed."""

    host: str
    port: int
    user: str
    secret: str = field(repr=False)

    @property
    def where(self) -> str:
        return f"AMI at {self.host}:{self.port}"


class _Protocol(AMIProtocol):  # type: ignore[misc]
    """panoramisk's protocol with a bound, and with a fault that ends the connection instead of half a message."""

    def data_received(self, data: bytes) -> None:
        try:
            super().data_received(data)
        except Exception as error:
            self.connection_lost(error)
            return
        if not self.closed and self.queue and len(self.queue[0]) > LONGEST_UNFINISHED:
            self.connection_lost(ValueError("a message without an end"))

    def connection_lost(self, exc: object) -> None:
        if self.factory is not None:  # else it was lost before anybody took it
            super().connection_lost(exc)


class _OneConnection(Manager):  # type: ignore[misc]
    """A Manager that never reconnects and never pings by itself."""

    def __init__(self, on_message: Callable[[Said], None], on_lost: Callable[[str], None]) -> None:
        # latin-1 keeps every byte, also of a UTF-8 character that is split between two reads.
        super().__init__(encoding="latin-1", log=_quiet)
        self._on_lost = on_lost
        self.register_event("*", lambda _, message: on_message(_plain(message)))

    def ping(self) -> None:
        """Ours are checked."""

    def connection_lost(self, exc: object) -> None:
        self.close()
        self._on_lost(str(exc or "closed by Asterisk"))


def _plain(message: Any) -> dict[str, str]:
    """A message as text: header names in lower case; of a repeated header the last value."""
    found = {}
    for key, value in message.items():
        text = value[-1] if isinstance(value, list) else value
        found[key.lower()] = str(text).encode("latin-1", "replace").decode("utf-8", "replace")
    return found


def check_text(text: str) -> str:
    """The text, or BadValueError: a bare line feed ends AMI's line too, and a comma splits a list."""
    if any(c in text for c in "\r\n\0,"):
        raise BadValueError("a line end, NUL or comma in an AMI header")
    return text


class Connection:
    """One AMI connection's life, from login to loss."""

    def __init__(self, address: AmiAddress, on_message: Callable[[Said], None]) -> None:
        self.address = address
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._manager = _OneConnection(on_message, self._lost)
        self._open: set[asyncio.Future[Any]] = set()

    def _lost(self, why: str) -> None:
        if not self.lost.done():
            self.lost.set_result(why)
        for future in list(self._open):
            if not future.done():
                future.set_exception(OutcomeUnknownError("the connection was lost before the answer"))

    async def connect(self) -> None:
        """Log in by challenge. AmiError with the reason when that cannot be."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(DEADLINE):
                pair = await loop.create_connection(_Protocol, self.address.host, self.address.port)
        except (OSError, TimeoutError) as error:
            raise AmiError(f"{self.address.where} cannot be reached: {error or 'no answer in time'}") from None
        made: asyncio.Future[Any] = loop.create_future()
        made.set_result(pair)
        self._manager.loop = loop
        self._manager.connection_made(made)
        challenge = (await self.action("Challenge", AuthType="MD5"))[0].get("challenge", "")
        key = hashlib.md5((challenge + self.address.secret).encode(), usedforsecurity=False).hexdigest()
        answer = await self.action(
            "Login", AuthType="MD5", Username=self.address.user, Key=key, _constant={"Events": "system,call,user"}
        )
        if answer[0].get("response") != "Success":
            raise AmiRefusedError(
                f"{self.address.where} does not accept user {self.address.user!r} with this secret (see manager.conf)"
            )

    async def action(
        self, name: str, *, _constant: dict[str, str] | None = None, _deadline: float = DEADLINE, **headers: str
    ) -> list[dict[str, str]]:
        """The answer, and for a list its items. BadValueError before sending, OutcomeUnknownError after.

        `_constant` headers are ours, written in this file, and may hold commas.
        """
        checked = {check_text(key): check_text(value) for key, value in headers.items()}
        action = Action({"Action": name, **checked, **(_constant or {})})
        if self.lost.done() or self._manager.protocol is None:
            raise AmiError("not connected")
        future: asyncio.Future[Any] = action.future
        self._open.add(future)
        try:
            async with asyncio.timeout(_deadline):
                self._manager.protocol.send(action, as_list=None)
                answer = await future
        except TimeoutError:
            raise OutcomeUnknownError(f"AMI did not answer {name} in {_deadline:.0f} s") from None
        finally:
            self._open.discard(future)
            self._manager.protocol.responses.pop(action.id, None)
        return [_plain(message) for message in (answer if isinstance(answer, list) else [answer])]

    async def listing(self, name: str, item: str, **headers: str) -> list[Said]:
        """The items of a list action. AmiRefusedError where the user lacks the right."""
        answer = await self.action(name, _constant=None, _deadline=2 * DEADLINE, **headers)
        if answer[0].get("response") == "Error":
            said = answer[0].get("message", "")
            if said.startswith(("No ", "Unable to retrieve")):
                return []  # Asterisk calls an empty list an error
            raise AmiRefusedError(f"{self.address.where}: {name} was refused ({said[:80]})")
        return [message for message in answer if message.get("event") == item]

    async def function(self, name: str, subject: str, field: str) -> str:
        """The value of a dialplan function of ours; empty when it has none. `subject` is a PJSIP object's name."""
        if not _SUBJECT.fullmatch(subject):
            return ""
        answer = await self.action("Getvar", _constant={"Variable": f"{name}({subject},{field})"})
        return answer[0].get("value", "") if answer[0].get("response") == "Success" else ""

    async def ping(self) -> None:
        await self.action("Ping", _deadline=PING_DEADLINE)

    def close(self) -> None:
        self._manager.close()
        self._lost("closed by us")


class Ami:
    """The AMI link to one node: tells the inbox of contacts, devices, trunks and emergency calls."""

    def __init__(self, node: NodeId, address: AmiAddress, inbox: Inbox, policy: Policy) -> None:
        self.node = node
        self.address = address
        self.up = False
        self.why = "not connected yet"
        self.since = time.time()
        self.counted: Counter[str] = Counter()
        self._inbox = inbox
        self._phones = Phones(node, policy)
        self._buffer: list[Said] | None = []
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._policy = policy
        self._connection: Connection | None = None
        self._counted_at = 0.0
        self.boxes: dict[MailboxId, BoxNow] = {}
        """The configuration's mailboxes, as they were a quarter of a minute ago; none while the link is down."""

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"ami {self.node}")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def apply(self, policy: Policy) -> None:
        """Speak of this policy's phones and trunks from now on; a full look follows."""
        self._phones = Phones(self.node, policy)
        self._policy = policy
        self._counted_at = 0.0
        self.relist()

    def relist(self) -> None:
        """Ask for a full look: everything is told again, changed or not. At once or, if the link is down, later."""
        self._wanted.set()

    async def count(self) -> dict[MailboxId, BoxNow]:
        """The configuration's mailboxes, now. AmiError: Asterisk does not say."""
        if not self._policy.mailboxes:
            return {}
        if self._connection is None:
            raise AmiError(f"{self.address.where}: {self.why}")
        return mailboxes.boxes(await self._connection.listing("VoicemailUsersList", "VoicemailUserEntry"))

    async def messages(self, box: MailboxId) -> list[Message]:
        """What lies in a mailbox of the configuration. AmiError: Asterisk does not say."""
        if self._connection is None:
            raise AmiError(f"{self.address.where}: {self.why}")
        where = {"Context": MAILBOXES, "Mailbox": box}
        return mailboxes.messages(await self._connection.listing("VoicemailBoxSummary", "VoicemailBoxDetail", **where))

    async def _run(self) -> None:
        backoff, told = Backoff(), False
        while True:
            connection = Connection(self.address, self._on_message)
            try:
                self._buffer = []
                await connection.connect()
                self._connection = connection
                self._wanted.set()
                await self._stay(connection, backoff)
                why = connection.lost.result()
            except AmiError as error:
                why = str(error)
            except asyncio.CancelledError:
                connection.close()
                raise
            except Exception as error:  # a fault of ours must not leave the node without telemetry
                log.exception("ami_fault", node=self.node)
                why = f"a fault of callctl: {type(error).__name__}"
            self._connection, self._counted_at, self.boxes = None, 0.0, {}
            connection.close()
            told = told and not self.up
            (log.debug if told else log.warning)("ami_link_down", node=self.node, why=why)
            told = True
            self._set(False, why)
            await asyncio.sleep(backoff.next())

    async def _stay(self, connection: Connection, backoff: Backoff) -> None:
        """Look when asked to, ping, until the connection is lost. AmiError when Asterisk does not answer."""
        while not connection.lost.done():
            if self._wanted.is_set():
                await self._look(connection)
                backoff.reset()
                self._set(True, "connected")
            await self._count_at_times()
            wanted = asyncio.create_task(self._wanted.wait())
            try:
                await asyncio.wait((wanted, connection.lost), timeout=PING_EVERY, return_when=asyncio.FIRST_COMPLETED)
            finally:
                wanted.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await wanted
            if not connection.lost.done() and not self._wanted.is_set():
                await connection.ping()

    async def _count_at_times(self) -> None:
        """For the metrics. An Asterisk without voicemail, or whose user lacks the right, has no boxes to show."""
        if time.monotonic() - self._counted_at < COUNT_EVERY:
            return
        self._counted_at = time.monotonic()
        try:
            self.boxes = await self.count()
        except AmiRefusedError as error:
            self.boxes = {}
            log.debug("mailboxes_not_counted", node=self.node, why=str(error))

    async def _look(self, connection: Connection) -> None:
        """The three lists; events that come meanwhile are newer than the lists, and are applied after them."""
        self._wanted.clear()
        if self._buffer is None:
            self._buffer = []
        contacts, qualified = await self._contacts(connection)
        lists = Lists(
            contacts,
            await connection.listing("DeviceStateList", "DeviceStateChange"),
            await connection.listing("PJSIPShowRegistrationsOutbound", "OutboundRegistrationDetail"),
            qualified,
        )
        events = self._phones.full(lists)
        buffered, self._buffer = self._buffer, None
        for said in buffered:
            events += self._phones.event(said)
        self._tell(events)
        for endpoint in self._phones.unqualified():
            await connection.action("PJSIPQualify", Endpoint=endpoint)

    async def _contacts(self, connection: Connection) -> tuple[list[Contact], list[str]]:
        """Every contact of our phones and trunks, and which of the operator's endpoints Asterisk asks by itself. By
        functions of the dialplan: the lists of AMI need a right that opens far more."""
        found: list[Contact] = []
        qualified: list[str] = []
        for some in _slices(list(self._phones.endpoints())):
            answers = await asyncio.gather(*(_contacts_of(connection, *one) for one in some))
            for (endpoint, _), (contacts, asked) in zip(some, answers, strict=True):
                found += contacts
                qualified += [endpoint] if asked else []
        return found, qualified

    def _set(self, up: bool, why: str) -> None:
        if up != self.up:
            self.since = time.time()
            if up:
                log.info("ami_link_up", node=self.node)
        self.up, self.why = up, why

    def _on_message(self, said: Said) -> None:
        """From panoramisk's reader: quick, and never raises."""
        try:
            if said.get("event") not in WANTED:
                return
            if self._buffer is None:
                self._tell(self._phones.event(said))
            elif len(self._buffer) < BUFFER_MOST:
                self._buffer.append(said)
            else:
                self.counted["dropped"] += 1
        except Exception:
            self.counted["event_fault"] += 1
            log.exception("ami_event_fault", node=self.node, event=str(said.get("event"))[:40])

    def _tell(self, events: Iterable[Any]) -> None:
        for event in events:
            self._inbox.put(event)
        for endpoint, contact in self._phones.refused():
            log.warning(
                "contact_refused",
                node=self.node,
                endpoint=endpoint,
                contact=contact,
                why="it is too long, or holds what a dial string could read otherwise: it is not rung",
            )


Endpoint = tuple[str, bool]


def _slices(endpoints: list[Endpoint]) -> Iterable[list[Endpoint]]:
    return (endpoints[i : i + TOGETHER] for i in range(0, len(endpoints), TOGETHER))


async def _contacts_of(connection: Connection, endpoint: str, ours: bool) -> tuple[list[Contact], bool]:
    """Its contacts; and of one that callctl does not write, whether Asterisk asks them all by itself."""
    aors = [endpoint] if ours else _parts(await connection.function("PJSIP_ENDPOINT", endpoint, "aors"))
    found: list[Contact] = []
    for aor in aors:
        for name in _parts(await connection.function("PJSIP_AOR", aor, "contact")):
            uri = await connection.function("PJSIP_CONTACT", name, "uri")
            status = await connection.function("PJSIP_CONTACT", name, "status")
            found.append(Contact(endpoint, uri, status))
    if ours or not aors:
        return found, False
    every = [await connection.function("PJSIP_AOR", aor, "qualify_frequency") for aor in aors]
    return found, all(seconds.isdigit() and int(seconds) > 0 for seconds in every)


def _parts(text: str) -> list[str]:
    return [part for part in (p.strip() for p in text.split(",")) if part][:MOST_CONTACTS]
