"""What systemd is told: that callctl is up, that its loop turns, that it ends. Without systemd, nothing.

See sd_notify(3): datagrams to the socket that $NOTIFY_SOCKET names.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import MutableMapping

ALIVE_EVERY = 1.0
"""Seconds between two signs of life, at least: the loop turns far more often."""


class Notify:
    """Never blocks, never raises: systemd judges by what does not come."""

    def __init__(self, address: str = "") -> None:
        """`address` as in $NOTIFY_SOCKET: a path, or `@name` for an abstract socket; empty: nobody listens."""
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if address else None
        if self._socket is not None:
            self._socket.setblocking(False)
        self._alive_at = 0.0

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str] = os.environ) -> Notify:
        """The socket that we were given; taken out of the environment, lest our Postgres speak for us."""
        return cls(environ.pop("NOTIFY_SOCKET", ""))

    def ready(self) -> None:
        self._say("READY=1\nSTATUS=started")

    def waiting(self, what: str) -> None:
        """Why it is not ready yet; shown by `systemctl status`."""
        self._say("STATUS=waiting for " + " ".join(what.split()))

    def alive(self) -> None:
        """From the loop's own turn; as often as one likes."""
        now = time.monotonic()
        if self._socket is not None and now - self._alive_at >= ALIVE_EVERY:
            self._alive_at = now
            self._say("WATCHDOG=1")

    def stopping(self) -> None:
        self._say("STOPPING=1\nSTATUS=stopping")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _say(self, text: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.sendto(text.encode(), self._address)
