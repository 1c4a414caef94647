"""SIP by hand, over UDP: what no decent telephone sends. For hostile and broken peers only.

One socket, requests and answers as bytes; nothing is checked, nothing is repeated.
"""

import asyncio
import re
import secrets
from collections.abc import Callable
from typing import Self, cast

from callctl.lab.ports import HOST

# Given a request, the answer to send, or None to stay silent.
Responder = Callable[[bytes], bytes | None]


class RawSip(asyncio.DatagramProtocol):
    """A UDP socket that speaks SIP; `received` holds every datagram, oldest first."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.respond: Responder = lambda request: None
        self._changed = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None
        self._cseq = 0

    @classmethod
    async def open(cls) -> Self:
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_datagram_endpoint(cls, local_addr=(HOST, 0))
        return protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # cast, not isinstance: 3.11's own datagram transport is no DatagramTransport
        self._transport = cast(asyncio.DatagramTransport, transport)

    @property
    def port(self) -> int:
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.received.append(data)
        self._changed.set()
        if not data.startswith(b"SIP/2.0"):
            answer = self.respond(data)
            if answer is not None:
                self.send(answer, addr[1])

    def send(self, data: bytes, port: int) -> None:
        assert self._transport is not None
        self._transport.sendto(data, (HOST, port))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def request(self, method: str, number: str, port: int, lines: list[bytes], body: bytes = b"") -> bytes:
        """Send one request to the node at `port`; `lines` are its From, To … headers as they are. Its Call-ID."""
        self._cseq += 1
        call_id = secrets.token_hex(8).encode()
        contact = number if method == "REGISTER" else "raw"
        head = [
            f"{method} sip:{number}@{HOST}:{port} SIP/2.0".encode(),
            f"Via: SIP/2.0/UDP {HOST}:{self.port};branch=z9hG4bK{secrets.token_hex(8)}".encode(),
            b"Max-Forwards: 70",
            b"Call-ID: " + call_id,
            f"CSeq: {self._cseq} {method}".encode(),
            f"Contact: <sip:{contact}@{HOST}:{self.port}>".encode(),
            *lines,
            *([b"Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}".encode(),
        ]
        self.send(b"\r\n".join(head) + b"\r\n\r\n" + body, port)
        return call_id

    async def wait(self, condition: Callable[[bytes], bool], timeout: float = 5) -> bytes:
        """The first datagram, from the start on, of which `condition` holds. TimeoutError when none comes."""
        async with asyncio.timeout(timeout):
            while True:
                for data in self.received:
                    if condition(data):
                        return data
                self._changed.clear()
                await self._changed.wait()


def invite(from_: bytes, to: str, port: int, rtp_port: int = 9) -> tuple[list[bytes], bytes]:
    """The headers and SDP of an INVITE whose From header is `from_`, exactly as given."""
    lines = [
        b"From: " + from_ + b";tag=" + secrets.token_hex(4).encode(),
        f"To: <sip:{to}@{HOST}:{port}>".encode(),
    ]
    sdp = f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\nm=audio {rtp_port} RTP/AVP 8 0\r\n"
    return lines, sdp.encode()


def reply(request: bytes, status: str, extra: list[bytes] | None = None) -> bytes:
    """An answer to `request` with `status` ("302 Moved"); the headers that SIP wants are copied."""
    copied = [
        line
        for line in request.split(b"\r\n\r\n", 1)[0].split(b"\r\n")[1:]
        if re.match(rb"(via|v|from|f|to|t|call-id|i|cseq)\s*:", line, re.IGNORECASE)
    ]
    copied = [
        line + b";tag=raw" if re.match(rb"(to|t)\s*:", line, re.IGNORECASE) and b";tag=" not in line else line
        for line in copied
    ]
    head = [f"SIP/2.0 {status}".encode(), *copied, *(extra or []), b"Content-Length: 0"]
    return b"\r\n".join(head) + b"\r\n\r\n"
