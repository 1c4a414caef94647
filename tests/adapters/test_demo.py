"""The demo's parts that need no Asterisk."""

from __future__ import annotations

from pathlib import Path

import pytest

from callctl.lab import demo
from callctl.lab.house import database_url
from callctl.store.errors import StoreError

pytestmark = pytest.mark.adapter

NODES = "nodes: {pbx: {ari: {password: env:SECRET}, ami: {password: env:SECRET}}}\n"


def test_calls_are_counted_where_they_are_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    config, overlay = tmp_path / "config", tmp_path / "overlay"
    for folder, text in ((config, NODES), (overlay, "database: {url: postgresql://somewhere/else}\n")):
        folder.mkdir()
        (folder / "a.yaml").write_text(text)
    assert database_url(config, overlay) == "postgresql://somewhere/else"


def test_a_database_that_cannot_be_asked_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fails(*_: object) -> int:
        raise StoreError("postgresql://somewhere/else: not reachable")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "ensure", lambda console: None)
    monkeypatch.setattr(demo.Demo, "run", fails)
    assert demo.main([]) == 1
    assert "The demo stopped: postgresql://somewhere/else: not reachable" in capsys.readouterr().out
