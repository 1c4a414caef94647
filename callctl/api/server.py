"""Listens: on loopback TCP for the public application, on a unix socket for the control application."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import stat
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

SHUTDOWN_SECONDS = 2.0
"""How long requests under way may take when the daemon stops."""

_LONGEST_PATH = 107
"""Bytes that the kernel's sockaddr_un holds, less the end."""


class ListenError(Exception):
    """The API cannot listen there; `str()` says where, why, and what to do."""


@dataclass(slots=True)
class Server:
    """One application that listens. `address` is what to tell people."""

    runner: web.AppRunner
    address: str
    path: Path | None = None
    inode: int = field(default=0)

    async def refuse(self) -> None:
        """Take no new connections; requests under way go on."""
        for site in list(self.runner.sites):
            await site.stop()

    async def stop(self, patience: float = SHUTDOWN_SECONDS) -> None:
        """Stop listening, let requests under way end, and take the socket's file away if it is still ours.

        What has not ended after `patience` seconds is cut off.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self.runner.cleanup()
        if self.path is not None:
            try:
                if os.stat(self.path).st_ino == self.inode:
                    os.unlink(self.path)
            except FileNotFoundError:
                pass


async def listen_tcp(app: web.Application, host: str, port: int) -> Server:
    """Listen on TCP; port 0 takes a free one.

    Raises:
        ListenError: the port is taken, or the address is not ours.
    """
    runner = await _set_up(app)
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        if error.errno == errno.EADDRINUSE:
            why = f"another program listens there; `ss -ltnp 'sport = :{port}'` names it"
        else:
            why = os.strerror(error.errno) if error.errno else str(error)
        raise ListenError(f"cannot listen on {host}:{port}: {why}; set another port or stop it") from error
    bound = runner.addresses[0]
    return Server(runner, f"http://{bound[0]}:{bound[1]}")


async def listen_unix(app: web.Application, path: Path, mode: int = 0o660) -> Server:
    """Listen on a unix socket that only `mode` may open, from its first moment on.

    A socket's file that nobody listens on is left from a daemon that was killed: it is replaced.

    Raises:
        ListenError: another daemon listens there, or the path cannot be made.
    """
    runner = await _set_up(app)
    try:
        listening = _bind_unix(path, mode)
        await web.SockSite(runner, listening).start()
    except OSError as error:
        await runner.cleanup()
        why = os.strerror(error.errno) if error.errno else str(error)
        raise ListenError(f"cannot listen on the control socket {path}: {why}") from error
    except ListenError:
        await runner.cleanup()
        raise
    return Server(runner, str(path), path, os.stat(path).st_ino)


async def _set_up(app: web.Application) -> web.AppRunner:
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=SHUTDOWN_SECONDS,
        keepalive_timeout=30,
        max_line_size=4096,
        max_field_size=4096,
    )
    await runner.setup()
    return runner


def _bind_unix(path: Path, mode: int) -> socket.socket:
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise ListenError(f"the control socket's path {path} is too long: at most {_LONGEST_PATH} bytes")
    _clear_stale(path)
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o777 & ~mode)
    try:
        listening.bind(str(path))
    except OSError:
        listening.close()
        raise
    finally:
        os.umask(before)
    listening.setblocking(False)
    return listening


def _clear_stale(path: Path) -> None:
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise ListenError(f"{path} exists and is no socket: move it away, or name another control socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError as error:
            raise ListenError(f"cannot tell whether a daemon listens on {path}: {error}") from error
    raise ListenError(f"another callctl listens on {path}: stop it, or name another control socket")
