"""From "the call arrived" to "the two are bridged", as Asterisk's own AMI events tell it, for both sides alike.

Agents are always more than calls here, so a free agent never comes later than the call. The events are kept as
bytes and read when the load is over: the measuring must not take the time that it measures.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from callctl.lab.ports import HOST

USER = "bench"

Message = dict[str, str]


def manager_conf(secret: str) -> str:
    """The AMI user of the bench: it hears of new channels and of bridges, and may do nothing."""
    return f"""
[{USER}]
secret={secret}
deny=0.0.0.0/0.0.0.0
permit=127.0.0.1/255.255.255.255
read=call
writetimeout=5000
eventfilter(action(include),name(Newchannel)) =
eventfilter(action(include),name(BridgeEnter)) =
"""


class Delays:
    """Listens between `start` and `stop`."""

    def __init__(self, port: int, secret: str) -> None:
        self._port = port
        self._secret = secret
        self._heard: list[bytes] = []
        self._task: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def start(self) -> None:
        reader, self._writer = await asyncio.open_connection(HOST, self._port)
        self._writer.write(f"Action: Login\r\nUsername: {USER}\r\nSecret: {self._secret}\r\n\r\n".encode())
        self._task = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(1 << 16):
            self._heard.append(data)

    async def stop(self) -> None:
        assert self._writer is not None
        assert self._task is not None
        self._writer.close()
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def seconds(self) -> list[float]:
        """One delay for each call that both came and was bridged meanwhile, in order of the bridging."""
        return delays(b"".join(self._heard))


def delays(heard: bytes) -> list[float]:
    """The delays, in seconds, that a stream of AMI events tells of."""
    arrived: dict[str, float] = {}
    bridges: dict[str, set[str]] = {}
    found: list[float] = []
    for message in _messages(heard):
        if message["Event"] == "Newchannel":
            if message["Channel"].startswith(("PJSIP/trunk-carrier-", "PJSIP/bench-callers-")):
                arrived[message["Uniqueid"]] = float(message["Timestamp"])
        elif message["Event"] == "BridgeEnter" and message["BridgeTechnology"] != "holding_bridge":
            legs = bridges.setdefault(message["BridgeUniqueid"], set())
            legs.add(message["Uniqueid"])
            for caller in legs & arrived.keys() if len(legs) == 2 else ():
                found.append(float(message["Timestamp"]) - arrived.pop(caller))
    return found


def _messages(heard: bytes) -> Iterator[Message]:
    for text in heard.decode("utf-8", "replace").split("\r\n\r\n"):
        message = dict(line.split(": ", 1) for line in text.split("\r\n") if ": " in line)
        if "Event" in message and "Timestamp" in message:
            yield message
