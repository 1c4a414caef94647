"""SIP by hand on the floor: callers that send whatever they like, and agents' phones that show what they are sent."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from callctl.lab.ports import HOST
from callctl.lab.rawphone import RawPhone
from callctl.lab.rawsip import RawSip, invite, reply
from tests.e2e.floor import Floor


@asynccontextmanager
async def phone_by_hand(floor: Floor, agent: str) -> AsyncIterator[RawPhone]:
    """The agent's phone, in place of the one that the network plays."""
    played = floor.phone(agent)
    await played.unregister()
    await floor.until_agent(agent, phone="unreachable")
    phone = await RawPhone.open(played.account, floor.house.node.ports.sip)
    try:
        await floor.until_agent(agent, phone="reachable")
        yield phone
    finally:
        await phone.register(expires=0)
        phone.close()
        await played.register()


class Ringing:
    """A phone by hand that rings until it is cancelled; `ends` are the CANCELs that came."""

    def __init__(self, phone: RawPhone) -> None:
        self.phone = phone
        self.ends: list[bytes] = []
        phone.sip.respond = self._respond

    def _respond(self, request: bytes) -> bytes | None:
        if request.startswith((b"OPTIONS", b"BYE")):
            return reply(request, "200 OK")
        if request.startswith(b"INVITE"):
            return reply(request, "180 Ringing")
        if request.startswith(b"CANCEL"):
            self.ends.append(request)
            self.phone.sip.send(reply(self.phone.invites[-1], "487 Request Terminated"), self._port())
            return reply(request, "200 OK")
        return None

    def _port(self) -> int:
        return self.phone.node_sip


def header(message: bytes, name: str) -> str:
    """One header's value, as text; empty: it is not there. AssertionError: it is there twice."""
    found = re.findall(rb"\r\n" + name.encode() + rb":\s*([^\r\n]*)", message.split(b"\r\n\r\n", 1)[0], re.IGNORECASE)
    assert len(found) < 2, f"{name} twice"
    return found[0].decode("utf-8", "strict") if found else ""


class RawCaller:
    """A peer of the node that calls by hand. It sends no audio."""

    def __init__(self, sip: RawSip, node_sip: int) -> None:
        self.sip = sip
        self._port = node_sip
        self._from = self._to = b""
        self._number = ""
        self._call_id = b""
        self._cseq = 0
        sip.respond = lambda request: None if request.startswith(b"ACK") else reply(request, "200 OK")

    @classmethod
    async def open(cls, node_sip: int) -> RawCaller:
        return cls(await RawSip.open(), node_sip)

    def invite(self, number: str, from_: bytes, extra: Iterable[bytes] = ()) -> None:
        """Dial; `from_` is the From header's address, `extra` are whole header lines, all exactly as given."""
        lines, body = invite(from_, "to", self._port)
        self._from, self._number = lines[0], number
        lines[1] = f"To: <sip:{number}@{HOST}:{self._port}>".encode()
        self._call_id = self.sip.request("INVITE", number, self._port, [*lines, *extra], body)

    async def answered(self) -> None:
        """Until it is; then acknowledge. AssertionError: refused."""
        said = await self.final()
        assert said.startswith(b"SIP/2.0 200"), said.split(b"\r\n")[0]
        self._to = re.search(rb"\r\n(To:[^\r\n]*)", said, re.IGNORECASE)[1]  # type: ignore[index]
        self._send("ACK")

    async def final(self) -> bytes:
        """The final answer to the INVITE."""
        return await self.sip.wait(
            lambda m: self._call_id in m and re.match(rb"SIP/2.0 [2-6]", m) is not None and b"INVITE" in m
        )

    def hangup(self) -> None:
        self._send("BYE")

    def info(self, body: bytes) -> None:
        """An INFO inside the call, with a key press as the body says."""
        self._send("INFO", body)

    async def ended(self) -> None:
        """Until the node says BYE."""
        await self.sip.wait(lambda m: m.startswith(b"BYE") and self._call_id in m, timeout=15)

    def _send(self, method: str, body: bytes = b"") -> None:
        """A request inside the call; the ACK has the INVITE's number, each other the next."""
        if method == "ACK":
            self._cseq = int(re.search(rb"CSeq:\s*(\d+)", self._answer())[1])  # type: ignore[index]
        else:
            self._cseq += 1
        head = [
            f"{method} sip:{self._number}@{HOST}:{self._port} SIP/2.0".encode(),
            f"Via: SIP/2.0/UDP {HOST}:{self.sip.port};branch=z9hG4bK{secrets.token_hex(8)}".encode(),
            b"Max-Forwards: 70",
            b"Call-ID: " + self._call_id,
            f"CSeq: {self._cseq} {method}".encode(),
            self._from,
            self._to,
            *([b"Content-Type: application/dtmf-relay"] if body else []),
            f"Content-Length: {len(body)}".encode(),
        ]
        self.sip.send(b"\r\n".join(head) + b"\r\n\r\n" + body, self._port)

    def _answer(self) -> bytes:
        return next(m for m in self.sip.received if self._call_id in m and m.startswith(b"SIP/2.0 200"))

    def close(self) -> None:
        self.sip.close()
