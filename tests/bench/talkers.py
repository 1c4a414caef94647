"""People on SIP phones by hand, who know to the packet what they said when, and what they heard when.

An agent's phone and the customers of one bench are one process with one clock: what is said is stamped when it is
given to the kernel, what is heard when the kernel got it. What a phone's own buffers would add is not in it.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from numpy.typing import NDArray

from callctl.lab.ports import HOST
from callctl.lab.rawsip import RawSip, reply

RATE = 8_000
FRAME = 160
"""Samples of a packet: 20 ms."""
EVERY = FRAME / RATE
ALAW = 8
"""The payload type of RFC 3551."""
QUIET = bytes([0xD5]) * FRAME
SO_TIMESTAMPNS = 35
"""Of Linux' asm-generic/socket.h: each datagram comes with the time at which the kernel got it."""
_RTP = struct.Struct("!BBHII")
_TIMESPEC = struct.Struct("@qq")


def _alaw_values() -> NDArray[np.float64]:
    """What each of the 256 codes stands for (ITU-T G.711)."""
    code = np.arange(256) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    size = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, size, -size).astype(np.float64)


VALUES = _alaw_values()
_ORDER = np.argsort(VALUES)


def alaw(samples: NDArray[np.float64]) -> bytes:
    """Each sample as the code next to it."""
    between = (VALUES[_ORDER][1:] + VALUES[_ORDER][:-1]) / 2
    return bytes(_ORDER[np.searchsorted(between, samples)].astype(np.uint8))


def linear(payload: bytes) -> NDArray[np.float64]:
    return VALUES[np.frombuffer(payload, dtype=np.uint8)]


@dataclass(slots=True)
class Media:
    """One end's audio: a UDP socket of its own."""

    heard: list[tuple[float, bytes]] = field(default_factory=list)
    """When (Unix time) each packet came, and what was in it."""
    said: list[float] = field(default_factory=list)
    """When each packet was sent."""
    to: int = 0
    """The other end's port."""
    _socket: socket.socket | None = None
    _number: Iterator[int] = field(default_factory=count)
    _source: int = field(default_factory=lambda: secrets.randbits(32))

    def open(self) -> int:
        """Listen; the port."""
        self._socket = opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        opened.bind((HOST, 0))
        asyncio.get_running_loop().add_reader(opened.fileno(), self._read)
        return int(opened.getsockname()[1])

    def close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _read(self) -> None:
        assert self._socket is not None
        while True:
            try:
                data, notes, _, _ = self._socket.recvmsg(2048, 64)
            except BlockingIOError:
                return
            seconds, nanos = _TIMESPEC.unpack(notes[0][2][: _TIMESPEC.size])
            if len(data) == _RTP.size + FRAME and data[1] & 0x7F == ALAW:
                self.heard.append((seconds + nanos / 1e9, data[_RTP.size :]))

    def say(self, payload: bytes) -> None:
        """One packet, now."""
        if self._socket is None:
            return
        number = next(self._number)
        head = _RTP.pack(0x80, ALAW | (0x80 if number == 0 else 0), number & 0xFFFF, number * FRAME, self._source)
        self.said.append(time.time())
        self._socket.sendto(head + payload, (HOST, self.to))


class Talk:
    """A call that has come to one of these people. It goes on until either side has hung up."""

    def __init__(self, sip: RawSip, invite: bytes, node_sip: int) -> None:
        self.media = Media()
        self.answered_at = 0.0
        """Unix time: when the 200 was sent."""
        self.over = asyncio.Event()
        self.invite = invite
        self._sip = sip
        self._node_sip = node_sip
        self._tag = secrets.token_hex(4).encode()
        self._last = b""

    @property
    def number(self) -> str:
        """What was dialled."""
        match = re.match(rb"INVITE sip:([^@;>\s]+)", self.invite)
        return match[1].decode() if match else ""

    def again(self) -> None:
        """The same INVITE once more: the answer was lost."""
        if self._last:
            self._sip.send(self._last, self._node_sip)

    def ring(self) -> None:
        self._answer("180 Ringing")

    def answer(self) -> None:
        """Pick up."""
        port = self.media.open()
        self.media.to = int(re.search(rb"\nm=audio (\d+)", self.invite)[1])  # type: ignore[index]
        sdp = (
            f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP {ALAW}\r\na=rtpmap:{ALAW} PCMA/{RATE}\r\na=ptime:20\r\n"
        )
        self.answered_at = time.time()
        self._answer("200 OK", sdp.encode())

    async def talk(self, says: Callable[[int], bytes | None]) -> None:
        """Say packet after packet, until the call is over or there is nothing to say (None)."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for n in count():
            frame = says(n)
            if frame is None or self.over.is_set():
                return
            self.media.say(frame)
            await asyncio.sleep(max(0.0, begin + (n + 1) * EVERY - loop.time()))

    def hang_up(self) -> None:
        if self.over.is_set():
            return
        to, from_ = self._header(b"To", b"t"), self._header(b"From", b"f")
        contact = re.search(rb"<(sips?:[^>]+)>", self._header(b"Contact", b"m"))
        head = [
            b"BYE " + (contact[1] if contact else b"") + b" SIP/2.0",
            f"Via: SIP/2.0/UDP {HOST}:{self._sip.port};branch=z9hG4bK{secrets.token_hex(8)}".encode(),
            b"Max-Forwards: 70",
            b"From: " + to + b";tag=" + self._tag,
            b"To: " + from_,
            b"Call-ID: " + self._header(b"Call-ID", b"i"),
            b"CSeq: 1 BYE",
            b"Content-Length: 0",
        ]
        self._sip.send(b"\r\n".join(head) + b"\r\n\r\n", self._node_sip)
        self.ended()

    def ended(self) -> None:
        self.over.set()
        self.media.close()

    def _answer(self, status: str, body: bytes = b"") -> None:
        said = reply(self.invite, status, [f"Contact: <sip:raw@{HOST}:{self._sip.port}>".encode()])
        said = said.replace(b";tag=raw", b";tag=" + self._tag)
        if body:
            kind = b"Content-Type: application/sdp\r\nContent-Length: " + str(len(body)).encode()
            said = said.replace(b"Content-Length: 0", kind) + body
        self._last = said
        self._sip.send(said, self._node_sip)

    def _header(self, name: bytes, short: bytes) -> bytes:
        match = re.search(rb"\r\n(?:" + name + rb"|" + short + rb")\s*:\s*([^\r\n]*)", self.invite, re.IGNORECASE)
        return match[1] if match else b""


class People:
    """Whoever is behind one SIP socket. `picks_up` is called with each new call."""

    def __init__(self, sip: RawSip, node_sip: int, picks_up: Callable[[Talk], None]) -> None:
        self.talks: dict[bytes, Talk] = {}
        self._node_sip = node_sip
        self._picks_up = picks_up
        self._sip = sip
        sip.respond = self._respond

    def _respond(self, request: bytes) -> bytes | None:
        match = re.search(rb"\r\n(?:Call-ID|i)\s*:\s*(\S+)", request, re.IGNORECASE)
        call_id = match[1] if match else b""
        talk = self.talks.get(call_id)
        if request.startswith(b"INVITE"):
            if talk is not None:
                talk.again()
            else:
                self.talks[call_id] = talk = Talk(self._sip, request, self._node_sip)
                self._picks_up(talk)
            return None
        if request.startswith((b"BYE", b"CANCEL")) and talk is not None:
            talk.ended()
        return None if request.startswith(b"ACK") else reply(request, "200 OK")

    def close(self) -> None:
        for talk in self.talks.values():
            talk.ended()
        self._sip.close()
