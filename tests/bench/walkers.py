"""Callers who walk through nodes, on SIP phones by hand: they press keys by RFC 4733, and know when they hear what.

All of them share one socket for SIP and one for RTP: Asterisk gives each call a port of its own, by which its packets
are told apart. What is heard is stamped with the time at which the kernel got it, what is pressed with the time at
which it is given to the kernel. Each sends silence every 20 ms, as telephones do: Asterisk looks after a channel when
it hears something.
"""

from __future__ import annotations

import asyncio
import random
import re
import secrets
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from callctl.lab.ports import HOST
from callctl.lab.rawsip import RawSip, reply
from tests.bench.talkers import ALAW, EVERY, FRAME, QUIET, RATE, SO_TIMESTAMPNS, linear

TONES = [400.0 + 150.0 * n for n in range(10)]
"""Hz: whole periods in each packet of 20 ms, so that a tone's packets are all the same bytes."""
EVENTS = 101
"""The payload type of telephone-event."""
PRESSED = 5
"""Packets that a key is held down: 100 ms, more than the 80 ms to which Asterisk would make a shorter one."""
ENDS = 3
"""A key's end is sent so often."""
PAUSE = 5
"""Packets of silence between two keys of one input: 100 ms."""
SLOTS = 5
"""Callers speak in turns, these many within 20 ms."""
REACTS = (0.1, 0.8)
"""Seconds from hearing a node's last prompt begin to pressing its first key."""
PATIENCE = 15.0
"""Seconds after which a call is given up."""
MAIN = 0.5
"""Of a packet's power: more than that, and it is this tone's."""
FAINT = 100.0
BUFFER = 1 << 23
_RTP = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")
_TIMESPEC = struct.Struct("@qq")
_WAVES = np.exp(-2j * np.pi * np.outer(TONES, np.arange(FRAME)) / RATE)


class Tones:
    """Which of the tones a packet is. Asterisk makes the same packet of the same tone, so few are new."""

    def __init__(self) -> None:
        self._known: dict[bytes, int | None] = {}

    def of(self, payload: bytes) -> int | None:
        try:
            return self._known[payload]
        except KeyError:
            found = self._known[payload] = _tone_in(payload)
            return found


def _tone_in(payload: bytes) -> int | None:
    samples = linear(payload)
    power = float(np.sum(samples * samples))
    if len(samples) != FRAME or power < FAINT * FAINT * FRAME:
        return None
    shares = 2 * np.abs(_WAVES @ samples) ** 2 / (FRAME * power)
    best = int(np.argmax(shares))
    return best if shares[best] > MAIN else None


@dataclass(frozen=True, slots=True)
class Step:
    """A node's last key, and what came of it. Unix times."""

    node: int
    """From 0."""
    pressed: float
    """When the key's first packet was sent."""
    released: float
    """When the first packet that says it is over was sent."""
    heard: float
    """When the next prompt's first packet came."""
    during: bool
    """The prompt played still when the key was released."""


@dataclass(slots=True)
class Walker:
    """One call. Node after node plays two tones of its own; the caller begins to press keys in the second, or after
    it."""

    keys: Sequence[str]
    """What to press at each node, one after the other; empty: only listen."""
    draw: random.Random
    steps: list[Step] = field(default_factory=list)
    walked: bool = False
    """Every node was heard, every key pressed, and then the other end hung up."""
    why: str = ""
    """Why not."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    """Where Asterisk listens; 0: not known yet."""
    _at: int = -1
    """The node at which the caller is, from 0; -1: at none yet."""
    _expects: int = 0
    """The tone that means something next."""
    _pressed: float = 0.0
    _released: float = 0.0
    _last_heard: float = 0.0
    _sends: int = 0
    _to_press: str = ""
    """At this node, the key that is held first."""
    _event: int | None = None
    """How many packets of the key that is pressed are sent; below 0: it is pressed in so many packets; None: no key
    is."""
    _event_at: int = 0
    _source: int = field(default_factory=lambda: secrets.randbits(32))

    def hear(self, at: float, tone: int) -> None:
        if tone == self._expects:
            if tone % 2 == 0:
                self._hears_node(at)
            else:
                self._expects = tone + 1
                if self.keys[self._at]:
                    asyncio.get_running_loop().call_later(self.draw.uniform(*REACTS), self._press)
        self._last_heard = at

    def _hears_node(self, at: float) -> None:
        if self._released:
            during = self._released - self._last_heard < 2 * EVERY
            self.steps.append(Step(self._at, self._pressed, self._released, at, during))
        self._at += 1
        self._released = 0.0
        self._expects += 1

    def _press(self) -> None:
        if not self.over.is_set():
            self._to_press, self._event = self.keys[self._at], 0

    def packets(self) -> Iterator[bytes]:
        """What is to be sent now."""
        at = self._sends
        self._sends += 1
        if self._event is None or self._event < 0:
            self._event = None if self._event is None else self._event + 1
            yield _RTP.pack(0x80, ALAW, at & 0xFFFF, at * FRAME & 0xFFFFFFFF, self._source) + QUIET
            return
        n, self._event = self._event, self._event + 1
        if n == 0:
            self._pressed, self._event_at = time.time(), at * FRAME
        if n < PRESSED:
            yield self._key(at, n == 0, False, (n + 1) * FRAME)
            return
        released = time.time()
        for _ in range(ENDS):
            yield self._key(self._sends - 1, False, True, PRESSED * FRAME)
            self._sends += 1
        self._to_press = self._to_press[1:]
        self._event = -PAUSE if self._to_press else None
        self._released = 0.0 if self._to_press else released

    def _key(self, number: int, first: bool, last: bool, lasts: int) -> bytes:
        code = "0123456789*#".index(self._to_press[0])
        head = _RTP.pack(0x80, EVENTS | (0x80 if first else 0), number & 0xFFFF, self._event_at, self._source)
        return head + _EVENT.pack(code, (0x80 if last else 0) | 10, lasts)

    def ended(self, why: str) -> None:
        if not self.over.is_set():
            heard = self._expects == 2 * len(self.keys)
            self.walked = why == "" and heard and (not self.keys[-1] or self._released > 0.0)
            self.why = "" if self.walked else why or self.place("hung up")
            self.over.set()

    def place(self, what: str) -> str:
        """That this happened where the caller is."""
        return f"{what} at node {self._at + 1}"


class Line(RawSip):
    """The callers' telephone line. `walk` is one call."""

    def __init__(self) -> None:
        super().__init__()
        self._tones = Tones()
        self._walkers: dict[bytes, Walker] = {}
        """By Call-ID."""
        self._answers: dict[bytes, asyncio.Queue[bytes]] = {}
        self._slots: list[dict[int, Walker]] = [{} for _ in range(SLOTS)]
        """Who speaks together, by Asterisk's port."""
        self._rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._task: asyncio.Task[None] | None = None
        self.late = 0.0
        """Seconds by which the callers' own clock was late at worst: much more than 20 ms, and they measure
        themselves."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        sip = transport.get_extra_info("socket")
        for one in (sip, self._rtp):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self._rtp.setblocking(False)
        self._rtp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._rtp.bind((HOST, 0))
        loop = asyncio.get_running_loop()
        loop.add_reader(self._rtp.fileno(), self._hear)
        self._task = loop.create_task(self._speak())

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        asyncio.get_running_loop().remove_reader(self._rtp.fileno())
        self._rtp.close()
        super().close()

    def _slot(self, port: int) -> dict[int, Walker]:
        return self._slots[port // 2 % SLOTS]  # RTP's ports are even

    # ── audio ────────────────────────────────────────────────────────────────────────────────

    def _hear(self) -> None:
        while True:
            try:
                data, notes, _, (_, port) = self._rtp.recvmsg(2048, 64)
            except BlockingIOError:
                return
            walker = self._slot(port).get(port)
            if walker is None or data[1] & 0x7F != ALAW:
                continue
            tone = self._tones.of(data[_RTP.size :])
            if tone is not None:
                seconds, nanos = _TIMESPEC.unpack(notes[0][2][: _TIMESPEC.size])
                walker.hear(seconds + nanos / 1e9, tone)

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        begin, turn = loop.time(), 0
        while True:
            for port, walker in self._slots[turn % SLOTS].items():
                for packet in walker.packets():
                    self._rtp.sendto(packet, (HOST, port))
            turn += 1
            wait = begin + turn * EVERY / SLOTS - loop.time()
            self.late = max(self.late, -wait)
            await asyncio.sleep(max(0.0, wait))

    # ── SIP ──────────────────────────────────────────────────────────────────────────────────

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        call_id = _header(data, "Call-ID")
        if data.startswith(b"SIP/2.0"):
            if call_id in self._answers:
                self._answers[call_id].put_nowait(data)
            return
        walker = self._walkers.get(call_id)
        if data.startswith(b"BYE") and walker is not None:
            walker.ended("")
        if not data.startswith(b"ACK"):
            self.send(reply(data, "200 OK"), addr[1])

    async def walk(self, number: str, caller: str, node_sip: int, walker: Walker) -> None:
        """The whole call."""
        port = self._rtp.getsockname()[1]
        sdp = (
            f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP {ALAW} {EVENTS}\r\na=rtpmap:{ALAW} PCMA/{RATE}\r\n"
            f"a=rtpmap:{EVENTS} telephone-event/{RATE}\r\na=fmtp:{EVENTS} 0-15\r\na=ptime:20\r\n"
        ).encode()
        from_ = f"From: <sip:{caller}@{HOST}>;tag={secrets.token_hex(4)}".encode()
        answers: asyncio.Queue[bytes] = asyncio.Queue()
        call_id = self.request("INVITE", number, node_sip, [from_, f"To: <sip:{number}@{HOST}>".encode()], sdp)
        self._walkers[call_id], self._answers[call_id] = walker, answers
        answer = b""
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await _final(answers)
                self._in_dialog("ACK", answer, node_sip)
                if not answer.startswith(b"SIP/2.0 200"):
                    walker.ended(answer.split(b"\r\n", 1)[0].decode())
                    return
                walker.port = int(re.search(rb"\nm=audio (\d+)", answer)[1])  # type: ignore[index]
                self._slot(walker.port)[walker.port] = walker
                await walker.over.wait()
        except TimeoutError:
            walker.ended(walker.place("stuck") if walker.port else "not answered")
            if walker.port:
                self._in_dialog("BYE", answer, node_sip)
        finally:
            self._slot(walker.port).pop(walker.port, None)
            del self._answers[call_id], self._walkers[call_id]

    def _in_dialog(self, method: str, answer: bytes, node_sip: int) -> None:
        """A request of the dialog, or the ACK, that an INVITE's final answer makes possible."""
        contact = re.search(rb"\r\nContact\s*:[^<\r]*<(sips?:[^>]+)>", answer, re.IGNORECASE)
        count = int(_header(answer, "CSeq").split()[0]) + (method != "ACK")
        via = f"SIP/2.0/UDP {HOST}:{self.port};branch=z9hG4bK{secrets.token_hex(8)}".encode()
        head = [
            method.encode() + b" " + (contact[1] if contact else b"sip:s@127.0.0.1") + b" SIP/2.0",
            b"Via: " + (via if answer.startswith(b"SIP/2.0 2") else _header(answer, "Via")),
            b"Max-Forwards: 70",
            *(f"{name}: ".encode() + _header(answer, name) for name in ("From", "To", "Call-ID")),
            f"CSeq: {count} {method}".encode(),
            b"Content-Length: 0",
        ]
        self.send(b"\r\n".join(head) + b"\r\n\r\n", node_sip)


async def _final(answers: asyncio.Queue[bytes]) -> bytes:
    while (answer := await answers.get()).startswith(b"SIP/2.0 1"):
        pass
    return answer


def _header(message: bytes, name: str) -> bytes:
    match = re.search(rb"\r\n" + name.encode() + rb"\s*:\s*([^\r\n]*)", message, re.IGNORECASE)
    return match[1] if match else b""
