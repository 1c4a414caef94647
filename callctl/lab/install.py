"""Finds an Asterisk on this machine, or builds one in the cache: a rootfs of the distribution that has it.

    python -m callctl.lab.install [--cache FOLDER]

Debian 12 has no Asterisk package, the next release has a good one that needs that release's libc: so it goes into a
rootfs and is run by chroot. The mirror is the machine's own, read from its apt configuration.
"""

import argparse
import fcntl
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from callctl.lab.mirror import MirrorError, apt_proxy, debian_mirror

OLDEST = (22, 10, 1)
REFUSED = ("22.11.0-rc1",)
SUITE = "forky"
SPEECH = "espeak-ng"
"""What speaks the texts of prompts: it is run by callctl, so it has to be this machine's."""
LANGUAGES = ("en", "es", "fr", "it")
"""Those of Asterisk's own sounds that callctl can say values in."""
PACKAGES = (
    "asterisk",
    "asterisk-moh-opsound-wav",
    # The recordings, and the package that gives them their language's name.
    *(f"asterisk-core-sounds-{language}{kind}" for language in LANGUAGES for kind in ("", "-wav")),
)
SOUNDS = Path("usr/share/asterisk/sounds")
REPOSITORY = Path(__file__).resolve().parents[2]


class InstallError(RuntimeError):
    """No usable Asterisk, and why none could be set up; the text says what to do."""


@dataclass(frozen=True)
class Installation:
    """An Asterisk's program, as seen inside `root` (None: this machine's own). `runs` is where instances live."""

    binary: str
    version: str
    root: Path | None
    runs: Path

    def new_folder(self, name: str) -> tuple[Path, Path]:
        """A folder for one instance, made empty: its path for this process, and for Asterisk."""
        if self.root is None:
            folder = inside = self.runs / f"{name}-{os.getpid()}"
        else:
            inside = Path("/lab") / f"{name}-{os.getpid()}"
            folder = self.root / inside.relative_to("/")
        _sweep(folder.parent)
        count = 1
        while folder.exists():
            count += 1
            folder, inside = (p.with_name(f"{name}{count}-{os.getpid()}") for p in (folder, inside))
        folder.mkdir(parents=True)
        return folder, inside


def _sweep(parent: Path) -> None:
    """Delete the folders left by processes that are gone (a test run that was killed)."""
    for folder in parent.glob("*-*"):
        pid = folder.name.rpartition("-")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def cache_folder() -> Path:
    """$CALLCTL_CACHE, or .cache/ beside the package."""
    return Path(os.environ.get("CALLCTL_CACHE") or REPOSITORY / ".cache").absolute()


def ensure(cache: Path | None = None, console: Console | None = None) -> Installation:
    """An Asterisk that can be run: the machine's, or the cache's, built now if need be (about a minute).

    With it what speaks, where that can be installed. InstallError when there is no Asterisk and it cannot be built.
    """
    cache = cache or cache_folder()
    why_not = []
    with _lock(cache / "install.lock"):
        _speech(cache / "speech.log", console or Console(stderr=True))
    installed = shutil.which("asterisk") or ("/usr/sbin/asterisk" if Path("/usr/sbin/asterisk").exists() else None)
    if installed is not None:
        version = version_of([installed])
        if usable(version):
            return Installation(installed, version, None, cache / "run")
        why_not.append(f"the installed Asterisk is {version or 'of unknown version'}")
    if os.geteuid() != 0:
        why_not.append("only root can run one from a rootfs")
        raise InstallError(
            f"no usable Asterisk: {'; '.join(why_not) or 'none is installed'}. Install Asterisk "
            f"{'.'.join(map(str, OLDEST))} or newer (not {', '.join(REFUSED)}), or run this as root"
        )
    root = cache / f"rootfs-{SUITE}"
    with _lock(cache / "install.lock"):
        if not (root / ".complete").exists():
            build(root, console or Console(stderr=True))
        elif lacking := _lacking(root):  # an earlier callctl's
            _carry_out(_install_steps(root, lacking), root, console or Console(stderr=True))
        link_languages(root)
    _name_the_host(root)
    version = version_of(["chroot", str(root), "asterisk"])
    if not usable(version):
        raise InstallError(f"the Asterisk in {root} is {version or 'broken'}: delete that folder and try again")
    return Installation("/usr/sbin/asterisk", version, root, cache / "run")


def _speech(log: Path, console: Console) -> None:
    """Install what speaks, from Debian. Where that cannot be (no Debian, or not root) only texts go unspoken."""
    if shutil.which(SPEECH) is not None or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", SPEECH]
    with console.status(f"Installing {SPEECH}"):
        log.write_text("")
        try:
            try:
                _run(f"Installing {SPEECH}", install, log)
            except InstallError:  # its lists may be old, or none
                _run("Reading package lists", ["apt-get", "update"], log)
                _run(f"Installing {SPEECH}", install, log)
        except InstallError as error:
            console.print(f"{SPEECH} is not there, and prompts that are text cannot be spoken: {error}", markup=False)


def _name_the_host(root: Path) -> None:
    """Give the rootfs an /etc/hosts: Asterisk looks its host's name up for each media stream, and waits seconds for
    a name server that does not know it."""
    hosts = f"127.0.0.1 localhost {socket.gethostname()}\n"
    path = root / "etc/hosts"
    if not path.exists() or path.read_text(encoding="utf-8") != hosts:
        path.write_text(hosts, encoding="utf-8")


def _lacking(root: Path) -> list[str]:
    """The packages that dpkg does not know as installed in it, and configured."""
    status = (root / "var/lib/dpkg/status").read_text(encoding="utf-8")
    installed = set(re.findall(r"^Package: (.+)\nStatus: install ok installed$", status, re.MULTILINE))
    return [name for name in PACKAGES if name not in installed]


def link_languages(root: Path) -> None:
    """Make the links from languages to their voices relative. Debian's lead over /etc/alternatives of the rootfs: who
    looks for sounds from outside of it finds nothing there."""
    sounds = root / SOUNDS
    for link in sounds.iterdir():
        voice = _inside(root, link)
        if link.is_symlink() and os.readlink(link).startswith("/") and voice is not None and voice.parent == sounds:
            relative = link.with_name(f".{link.name}")
            relative.unlink(missing_ok=True)
            relative.symlink_to(voice.name)
            relative.replace(link)


def _inside(root: Path, path: Path) -> Path | None:
    """What a path is a link to, as seen inside `root`; None: nothing."""
    for _ in range(10):
        if not path.is_symlink():
            return path if path.exists() else None
        target = os.readlink(path)
        path = root / target.lstrip("/") if target.startswith("/") else path.parent / target
    return None


def version_of(command: list[str]) -> str:
    """What `asterisk -V` says, without the packager's suffix; "" when it does not run."""
    try:
        done = subprocess.run([*command, "-V"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = re.search(r"Asterisk (?:certified/)?(\d+\.\d+\.\d+(?:-rc\d+)?)", done.stdout)
    return match[1] if match else ""


def usable(version: str) -> bool:
    """Whether callctl works with that version; "" is not."""
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    if match is None or version in REFUSED:
        return False
    return tuple(int(part) for part in match.groups()) >= OLDEST


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Two builds at once would spoil each other: the second waits for the first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def build(root: Path, console: Console) -> None:
    """Make the rootfs. It appears under its name only when it is whole; what a broken run left is deleted first."""
    unfinished = root.with_name(root.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.rmtree(root, ignore_errors=True)
    try:
        mirror = debian_mirror()
    except MirrorError as error:
        raise InstallError(f"cannot build an Asterisk: {error}") from None
    _carry_out(_steps(unfinished, mirror), root, console)
    (unfinished / ".complete").write_text(time.strftime("%FT%TZ\n", time.gmtime()))
    unfinished.rename(root)


def _carry_out(steps: list[tuple[str, list[str]]], root: Path, console: Console) -> None:
    """One after the other; what they print goes into a file beside the rootfs."""
    log = root.with_name(root.name + ".log")
    log.write_text("")
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console
    ) as progress:
        task = progress.add_task("Asterisk", total=len(steps))
        for what, command in steps:
            progress.update(task, description=what)
            _run(what, command, log)
            progress.advance(task)


def _steps(root: Path, mirror: str) -> list[tuple[str, list[str]]]:
    steps = []
    if shutil.which("debootstrap") is None:
        steps.append(("Reading package lists", ["apt-get", "update"]))
        steps.append(("Installing debootstrap", ["apt-get", "install", "-y", "--no-install-recommends", "debootstrap"]))
    # The script of sid serves any later release that this debootstrap does not know by name.
    script = "/usr/share/debootstrap/scripts/sid"
    https = ["--include=ca-certificates"] if mirror.startswith("https") else []
    bootstrap = ["debootstrap", "--variant=minbase", *https, SUITE, str(root), mirror, script]
    return [*steps, ("Building a root file system", bootstrap), *_install_steps(root, PACKAGES)]


def _install_steps(root: Path, packages: Iterable[str]) -> list[tuple[str, list[str]]]:
    apt = ["chroot", str(root), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    return [
        # A mirror that is a snapshot has a Release file past its date; signatures are still checked.
        ("Reading its package lists", [*apt, "-o", "Acquire::Check-Valid-Until=false", "update"]),
        ("Installing Asterisk in it", [*apt, "install", "-y", "--no-install-recommends", *packages]),
        ("Clearing its package cache", [*apt, "clean"]),
    ]


def _run(what: str, command: list[str], log: Path) -> None:
    with log.open("a") as out:
        out.write(f"== {what}\n")
        out.flush()
        environment = {**apt_proxy(), **os.environ}
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=environment)
    if done.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise InstallError(f"{what} failed ({done.returncode}); {log} ends with:\n{tail}")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m callctl.lab.install", description="Find or build an Asterisk.")
    parser.add_argument("--cache", type=Path, help="the folder to build in (default: $CALLCTL_CACHE, or .cache)")
    options = parser.parse_args(argv)
    try:
        installation = ensure(options.cache)
    except InstallError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    where = f"in {installation.root}" if installation.root else "installed on this machine"
    print(f"Asterisk {installation.version}, {where}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
