"""The composition root, with a store and links that do nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from callctl import daemon
from callctl.lab.ports import free_tcp
from callctl.links import Links
from callctl.runtime.loop import Loop
from callctl.runtime.ports import Restored
from callctl.settings import load

pytestmark = pytest.mark.adapter


async def test_a_loop_that_dies_ends_the_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dies(loop: Loop) -> None:
        raise RuntimeError("a fault of an observer")

    async def nothing(*_: object, **__: object) -> None:
        return None

    async def store(*_: object, **__: object) -> SimpleNamespace:
        return SimpleNamespace(restored=Restored(), journal=SimpleNamespace(), close=nothing)

    monkeypatch.setenv("SECRET", "postgresql://nobody@127.0.0.1/none")
    monkeypatch.setattr(Loop, "run", dies)
    monkeypatch.setattr(Links, "start", lambda *_: None)
    monkeypatch.setattr(daemon, "open_store", store)
    port = free_tcp()
    config = tmp_path / "c"
    config.mkdir()
    (config / "a.yaml").write_text(
        "nodes: {pbx: {ari: {password: env:SECRET}, ami: {password: env:SECRET}}}\n"
        f"http: {{port: {port}}}\ndatabase: {{url: env:SECRET}}\n"
        f"control_socket: {tmp_path / 's'}\nstate_dir: {tmp_path / 'state'}\n"
    )
    house = daemon.Daemon(config, None, load(config))
    assert await asyncio.wait_for(house.main(), 10) == 1
