"""The telephone network and the people on it: a second Asterisk, the simulator.

Callers come in on the node's trunk, press digits, send a tone and record what they hear. Phones register at the
node, and act as they are told when they ring. Numbers dialled by the node arrive here as well.
"""

import asyncio
import itertools
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import aiohttp

from callctl.lab.ami import Ami, Message
from callctl.lab.asterisk import Asterisk, AsteriskError
from callctl.lab.conf import fill, override
from callctl.lab.install import Installation
from callctl.lab.line import Condition, Line
from callctl.lab.node import directories
from callctl.lab.phones import Account, Phone, account_conf, contact_conf, customer_conf, trunk_conf
from callctl.lab.ports import HOST, choose

SIMULATOR = Path(__file__).parent / "simulator"
# What a SIP header, a name or a number given by a test must not hold: the simulator's own configuration is text.
_SAFE = re.compile(r"[A-Za-z0-9_+*#.-]+")


@dataclass(frozen=True)
class Arrival:
    """A call that came to the simulator: to a phone, or to a number of the telephone network (then `phone` is "").

    `number` and `name` are the caller ID it came with, `asserted` its P-Asserted-Identity header, URL-encoded; `auto`
    are the headers by which a phone answers by itself.
    """

    phone: str
    dialled: str
    number: str
    presentation: str
    asserted: str
    channel: str
    name: str = ""
    auto: str = ""


@dataclass
class _State:
    """What AMI has told so far."""

    lines: dict[str, Line] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Network:
    """The simulator. `node_sip` is the node's SIP port; `accounts` are the phones that register there."""

    def __init__(
        self, installation: Installation, node_sip: int, accounts: Iterable[Account] = (), name: str = "network"
    ) -> None:
        self._secret = secrets.token_hex(16)
        self._node_sip = node_sip
        self._state = _State()
        self._ids = itertools.count(1)
        self.asterisk = Asterisk(installation, name, {}, choose())
        self.phones = {a.name: Phone(self, a) for a in accounts}
        self.customers: list[Account] = []
        """Who may register at the telephone network; in force at the start, or at `reload_phones`."""
        self._write_files()
        self.ami = Ami()
        self._http: aiohttp.ClientSession | None = None

    def _write_files(self) -> None:
        ports, inside = self.asterisk.ports, self.asterisk.inside
        files = {
            p.name: fill(p.read_text(encoding="utf-8"), {"SECRET": self._secret})
            for p in sorted(SIMULATOR.glob("*.conf"))
        }
        changes = (
            ("pjsip.conf", "transport-trunk", "bind", f"{HOST}:{ports.sip}"),
            ("pjsip.conf", "transport-phones", "bind", f"{HOST}:{ports.sip2}"),
            ("http.conf", "general", "bindport", str(ports.http)),
            ("manager.conf", "general", "port", str(ports.ami)),
            ("rtp.conf", "general", "rtpstart", str(ports.rtp_first)),
            ("rtp.conf", "general", "rtpend", str(ports.rtp_last)),
            ("extensions.conf", "globals", "NODE_PORT", str(self._node_sip)),
        )
        for name, section, key, value in changes:
            files[name] = override(files[name], section, key, value)
        files["asterisk.conf"] = directories(inside) + files["asterisk.conf"]
        for name, text in files.items():
            self.asterisk.write(name, text)
        self._write_phones()

    def _write_phones(self) -> None:
        parts = [trunk_conf(self._node_sip), *map(customer_conf, self.customers)]
        for phone in self.phones.values():
            parts.append(account_conf(phone.account, self._node_sip))
            parts += [contact_conf(phone.account, self._node_sip, c) for c in range(phone.contacts)]
        self.asterisk.write("phones.conf", "\n".join(parts))

    @property
    def trunk_port(self) -> int:
        """The port that the telephone network's calls come from and go to: the address of the node's trunk."""
        return self.asterisk.ports.sip

    async def start(self) -> None:
        """Boot the simulator; its phones begin to register by themselves, and keep trying."""
        await self.asterisk.start()
        self.ami.listeners.append(self._on_event)
        await self.ami.connect(HOST, self.asterisk.ports.ami, "simulator", self._secret)
        self._http = aiohttp.ClientSession(
            base_url=f"http://{HOST}:{self.asterisk.ports.http}/ari/",
            headers={"Authorization": aiohttp.encode_basic_auth("simulator", self._secret)},
        )

    async def stop(self) -> None:
        """Hang everybody up and end."""
        if self._http is not None:
            await self._http.close()
            self._http = None
        await self.ami.close()
        await self.asterisk.stop()

    def remove(self) -> None:
        """Delete its folder with all recordings."""
        self.asterisk.remove()

    # --- people

    def phone(self, name: str) -> Phone:
        return self.phones[name]

    async def add_phone(self, account: Account) -> Phone:
        """A phone more, while running."""
        phone = self.phones[account.name] = Phone(self, account)
        await self.reload_phones()
        return phone

    async def reload_phones(self) -> None:
        """Apply what changed in accounts and contacts."""
        self._write_phones()
        if self.asterisk.pid is not None:
            await self.asterisk.cli("module reload res_pjsip.so")
            await self.asterisk.cli("module reload res_pjsip_outbound_registration.so")

    async def call(
        self,
        did: str,
        caller: str = "+33612345678",
        *,
        name: str = "",
        tone_hz: float = 0,
        headers: dict[str, str] | None = None,
        withheld: bool = False,
        timeout: float = 120,
        over: str = "node",
    ) -> Line:
        """A caller dials `did` on the node's trunk (`over`: on the line that a customer registered). Returned as soon
        as it is dialled: see `Line.wait_answered`.

        `headers` are added to the INVITE. `withheld`: the From is anonymous and the number stands in
        P-Asserted-Identity, with Privacy: id, as networks do it. `timeout` in seconds is how long the caller lets
        it ring.
        """
        headers = dict(headers or {})
        if withheld:
            headers |= {"P-Asserted-Identity": f"<sip:{_safe(caller)}@{HOST}>", "Privacy": "id"}
            name, caller = "Anonymous", "anonymous"
        variables = {f"PJSIP_HEADER(add,{key})": value for key, value in headers.items()}
        return await self.originate(f"PJSIP/{_safe(did)}@{over}", (name, caller), tone_hz, variables, timeout)

    async def originate(
        self, endpoint: str, caller: tuple[str, str], tone_hz: float, variables: dict[str, str], timeout: float
    ) -> Line:
        """Place a call from the simulator; `caller` is (name, number)."""
        line_id = f"line-{secrets.token_hex(8)}-{next(self._ids):06d}"
        line = self._state.lines[line_id] = Line(self, line_id)
        query = {
            "endpoint": endpoint, "context": "talk", "extension": "s", "priority": "1",
            "channelId": line_id, "timeout": str(int(timeout)), "callerId": f'"{caller[0]}" <{caller[1]}>',
        }  # fmt: skip
        tones = {"TONE": f"{tone_hz:g}"}
        await self.request("POST", "channels", query, {"variables": {**tones, **variables}})
        return line

    async def behave(self, number: str, how: str, tone_hz: float = 0) -> None:
        """How a number of the telephone network acts when the node dials it: see `phones.Behaviour`."""
        await self.set_global(f"BEHAVE_{_digits(number)}", how)
        await self.set_global(f"TONE_{_digits(number)}", f"{tone_hz:g}")

    # --- what arrived

    @property
    def arrivals(self) -> list[Arrival]:
        """Every call that came from the node so far, oldest first."""
        return list(self._state.arrivals)

    def line(self, channel_id: str) -> Line:
        """The line of an arrival (or of a call), by channel id."""
        return self._state.lines[channel_id]

    async def wait_arrival(self, *, phone: str = "", dialled: str = "", after: int = 0, timeout: float = 10) -> Arrival:
        """The first call to that phone or number among the arrivals from index `after` on."""

        def found() -> Arrival | None:
            for arrival in self._state.arrivals[after:]:
                if (phone and arrival.phone.split("~")[0] == phone) or (dialled and arrival.dialled == dialled):
                    return arrival
            return None

        await self.until(lambda: found() is not None, f"a call to {phone or dialled}", timeout)
        arrival = found()
        assert arrival is not None
        return arrival

    # --- plumbing

    async def until(self, condition: Condition, what: str, timeout: float) -> None:
        """Wait until `condition()`; AsteriskError saying `what` was awaited when it does not come."""
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    self._state.changed.clear()
                    await self._state.changed.wait()
        except TimeoutError:
            raise AsteriskError(f"waited {timeout:g} s for {what}, in vain") from None

    async def request(
        self, method: str, path: str, query: dict[str, str], body: object = None, gone_ok: bool = False
    ) -> None:
        """One ARI request; AsteriskError for a refusal."""
        if self._http is None:
            raise AsteriskError("the simulator is not started")
        async with self._http.request(method, path, params=query, json=body) as answer:
            if answer.status >= 400 and not (gone_ok and answer.status == 404):
                raise AsteriskError(f"{method} {path}: {answer.status} {await answer.text()}")

    async def set_global(self, name: str, value: str) -> None:
        await self.request("POST", "asterisk/variable", {"variable": name, "value": value})

    def _on_event(self, event: Message) -> None:
        channel_id = event.get("Uniqueid", "")
        kind = event["Event"]
        if kind == "Newchannel" and channel_id not in self._state.lines:
            self._state.lines[channel_id] = Line(self, channel_id)
        line = self._state.lines.get(channel_id)
        if line is not None:
            line.on_event(event)
        if kind == "UserEvent" and event.get("UserEvent") == "SimArrived":
            self._state.arrivals.append(
                Arrival(
                    phone=event.get("Phone", ""),
                    dialled=event.get("Dialled", ""),
                    number=event.get("Number", ""),
                    presentation=event.get("Pres", ""),
                    asserted=event.get("Asserted", ""),
                    channel=channel_id,
                    name=unquote(event.get("Name", "")),
                    auto=unquote(event.get("Auto", "")).strip("|"),
                )
            )
        self._state.changed.set()


def _safe(text: str) -> str:
    if not _SAFE.fullmatch(text):
        raise ValueError(f"not a number or name: {text!r}")
    return text


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)
