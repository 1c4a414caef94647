"""What the links do around a node's reconnect: have the files read, have phones told anew. No Asterisk here."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from callctl.asterisk.ami import Ami
from callctl.asterisk.ari import RequestFailedError
from callctl.asterisk.link import Link
from callctl.links import Links
from callctl.runtime.inbox import BoundedInbox
from callctl.settings import load

pytestmark = pytest.mark.adapter

ENVIRON = {"ARI": "ari-password", "AMI": "ami-password"}


class House:
    """Links of one node whose Asterisk is not there; what they ask of it."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, refused: str = "", provision: bool = True) -> None:
        self.reloaded: list[str] = []
        self.told_anew = asyncio.Event()
        self.link: Link | None = None
        folder.mkdir()
        (folder / "a.yaml").write_text(
            "nodes: {pbx: {ari: {password: env:ARI}, ami: {password: env:AMI}, "
            f"provision: {str(provision).lower()}, include_dir: {folder / 'out'}}}}}\n"
        )

        async def reload(link: Link, module: str) -> None:
            self.reloaded.append(module)
            if module == refused:
                raise RequestFailedError(409, "not loaded")

        def start(link: Link) -> None:
            self.link = link

        patch.setattr(Link, "start", start)
        patch.setattr(Link, "reload", reload)
        patch.setattr(Ami, "start", lambda ami: None)
        patch.setattr(Ami, "relist", lambda ami: self.told_anew.set())
        self.loaded = load(folder, environ=ENVIRON)
        self.links = Links(self.loaded, BoundedInbox(), lambda why: None)

    async def connect(self) -> None:
        self.links.start(self.loaded)
        assert self.link is not None
        self.link.on_live()
        await asyncio.wait_for(self.told_anew.wait(), 5)
        await self.links.stop()


async def test_phones_are_told_anew_though_a_module_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path / "c", monkeypatch, refused="pbx_config.so")
    await house.connect()
    assert "res_pjsip.so" in house.reloaded


async def test_a_pbx_that_callctl_does_not_provision_is_not_reloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path / "c", monkeypatch, provision=False)
    await house.connect()
    assert house.reloaded == []
