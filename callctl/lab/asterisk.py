"""One Asterisk on this machine: started, asked, killed and cleared away.

It may be the machine's own or one in a rootfs. There it runs by chroot alone: its folder lies inside the rootfs,
so nothing is mounted and nothing can be left mounted. The kernel ends it when this process dies.
"""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

from callctl.lab.install import Installation
from callctl.lab.ports import Ports, choose

BOOT_SECONDS = 30.0
STOP_SECONDS = 10.0
DIRECTORIES = ("etc", "lib", "db", "keys", "spool", "run", "log", "cache")
_SOCKET_PATH_MAX = 100  # of the 108 that the kernel's sockaddr_un holds


class AsteriskError(RuntimeError):
    """An Asterisk that does not start, stop or answer; the text says what it logged."""


class Asterisk:
    """One instance in its own folder.

    `files` are its configuration, by path under etc/. `folder` is that folder as this process sees it, `inside`
    the same as Asterisk sees it (they differ in a rootfs): what goes into configuration or into a request is
    `inside`, what is read or written here is `folder`.
    """

    def __init__(
        self, installation: Installation, name: str, files: Mapping[str, str], ports: Ports | None = None
    ) -> None:
        self.installation = installation
        self.name = name
        self.ports = ports or choose()
        self.folder, self.inside = installation.new_folder(name)
        self._process: asyncio.subprocess.Process | None = None
        for directory in DIRECTORIES:
            (self.folder / directory).mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            self.write(path, text)
        if len(str(self.inside / "run/asterisk.ctl")) > _SOCKET_PATH_MAX:
            raise AsteriskError(f"the path {self.inside} is too long for a unix socket: set CALLCTL_CACHE")

    def write(self, path: str, text: str) -> None:
        """Put a configuration file under etc/ (no reload)."""
        target = self.folder / "etc" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    @property
    def etc(self) -> Path:
        return self.folder / "etc"

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def log(self) -> Path:
        """What Asterisk logged; the first thing to read when a test fails."""
        return self.folder / "log" / "messages.log"

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Boot, and wait until it is fully booted. AsteriskError with the log's tail when it does not."""
        if self.pid is not None:
            raise AsteriskError(f"{self.name} already runs")
        with contextlib.suppress(FileNotFoundError):
            (self.folder / "run/asterisk.ctl").unlink()
        with (self.folder / "log" / "console.log").open("ab") as console:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(), stdin=asyncio.subprocess.DEVNULL, stdout=console, stderr=console,
                start_new_session=True,
            )  # fmt: skip
        try:
            async with asyncio.timeout(BOOT_SECONDS):
                await self._booted()
        except TimeoutError:
            await self.kill()
            raise AsteriskError(f"{self.name} did not boot in {BOOT_SECONDS:.0f} s\n{self.tail()}") from None

    def _command(self) -> list[str]:
        conf = str(self.inside / "etc/asterisk.conf")
        # -f: stays a child of this process. pdeathsig: dies with it, even when this process is killed.
        inner = [self.installation.binary, "-f", "-C", conf]
        if self.installation.root is not None:
            inner = ["chroot", str(self.installation.root), *inner]
        return ["setpriv", "--pdeathsig", "KILL", *inner]

    async def _booted(self) -> None:
        while True:
            process = self._process
            assert process is not None
            if process.returncode is not None:
                raise AsteriskError(f"{self.name} ended at start ({process.returncode})\n{self.tail()}")
            with contextlib.suppress(OSError, AsteriskError):
                await self.cli("core waitfullybooted")
                return
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """End it in order (calls are cut), or by force after a while. No error when it does not run."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        self._process = None

    async def kill(self) -> None:
        """End it as a crash would: SIGKILL, nothing said to anybody."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            process.kill()
            await process.wait()
        self._process = None

    async def restart(self, *, crash: bool = False) -> None:
        """Stop (or kill) and start again, on the same folder, ports and database."""
        await (self.kill() if crash else self.stop())
        await self.start()

    def freeze(self) -> None:
        """SIGSTOP: alive, and answering nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: the end of `freeze`."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is None:
            raise AsteriskError(f"{self.name} does not run")
        os.kill(self.pid, number)

    def remove(self) -> None:
        """Delete the folder of one that does not run."""
        if self.pid is not None:
            raise AsteriskError(f"{self.name} still runs")
        shutil.rmtree(self.folder, ignore_errors=True)

    async def cli(self, command: str, timeout: float = 10.0) -> str:
        """What the command line of this Asterisk prints for `command`. AsteriskError when it does not answer."""
        try:
            async with asyncio.timeout(timeout):
                return await self._cli(command)
        except TimeoutError:
            raise AsteriskError(f"{self.name}: no answer to {command!r} in {timeout:.0f} s") from None
        except ConnectionError as error:
            raise AsteriskError(f"{self.name}: cannot ask {command!r}: {error}") from None

    async def _cli(self, command: str) -> str:
        control = self.folder / "run/asterisk.ctl"
        # Seen from outside a rootfs the path may be longer than a socket's name can be: name it by its folder's
        # descriptor instead.
        descriptor = os.open(control.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            reader, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{descriptor}/{control.name}")
        finally:
            os.close(descriptor)
        try:
            banner = await reader.readline()
            if not banner:
                raise ConnectionResetError("closed at once")
            writer.write(b"cli quit after " + command.encode() + b"\0")
            await writer.drain()
            return (await reader.read()).replace(b"\0", b"").decode("utf-8", "replace").strip()
        finally:
            writer.close()

    def tail(self, lines: int = 30) -> str:
        """The last lines logged, for an error message."""
        for path in (self.log, self.folder / "log" / "console.log"):
            with contextlib.suppress(OSError):
                text = path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
                if text:
                    return "\n".join(text)
        return "(nothing logged)"
