"""A wire that can be cut: a TCP proxy on loopback, to put between callctl and Asterisk."""

from __future__ import annotations

import asyncio
import contextlib

from callctl.lab.ports import HOST, free_tcp

PIECE = 65536
"""Bytes taken at one time."""


class Proxy:
    """Takes connections on `port` and carries them to `target` (a port on this machine), until it is cut."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = free_tcp()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def start(self) -> None:
        """Listen. OSError when the port was taken meanwhile."""
        self._server = await asyncio.start_server(self._carry, HOST, self.port)

    async def cut(self) -> None:
        """Break every connection and refuse new ones, until `mend`."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._open:
            writer.transport.abort()

    async def mend(self) -> None:
        """Let connections through again."""
        self._flowing.set()
        if self._server is None:
            await self.start()

    def clog(self) -> None:
        """Carry nothing more, and say so to nobody: connections stay open and silent, until `mend`."""
        self._flowing.clear()

    async def stop(self) -> None:
        self._flowing.set()
        await self.cut()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, out = await asyncio.open_connection(HOST, self.target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, out}
        self._open |= ends
        try:
            await asyncio.gather(self._pour(reader, out), self._pour(there, writer))
        finally:
            self._open -= ends
            for end in ends:
                end.close()

    async def _pour(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """One direction, to its end; the end is passed on."""
        with contextlib.suppress(ConnectionError):
            while data := await source.read(PIECE):
                await self._flowing.wait()
                target.write(data)
                await target.drain()
        with contextlib.suppress(OSError):
            if target.can_write_eof():
                target.write_eof()
