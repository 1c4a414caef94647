"""What the links do around a node's reconnect: have the files read, have phones told anew. No Asterisk here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from callctl import links as links_module
from callctl.asterisk.ami import Ami
from callctl.asterisk.ari import RequestFailedError
from callctl.asterisk.link import Link
from callctl.asterisk.provision import write_if_changed
from callctl.core.events import TimePassed
from callctl.core.ids import NodeId
from callctl.daemon import Daemon
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


async def test_who_asked_for_a_reload_is_told_what_asterisk_has_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path / "c", monkeypatch, refused="pbx_config.so")
    house.links.write(house.loaded)
    (said,) = await house.links.have_read()
    assert said.startswith("node pbx: Asterisk has not reloaded pbx_config.so (409 not loaded)")
    assert len(house.reloaded) > 1


async def test_a_pbx_that_callctl_does_not_provision_is_not_reloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path / "c", monkeypatch, provision=False)
    await house.connect()
    assert house.reloaded == []


def two_nodes(folder: Path, extension: int) -> Links:
    """Each with a phone of this number."""
    node = "ari: {password: env:ARI}, ami: {password: env:AMI}"
    folder.mkdir(exist_ok=True)
    (folder / "a.yaml").write_text(
        f"nodes:\n  pbx: {{{node}, include_dir: {folder / 'one'}}}\n"
        f"  other: {{{node}, include_dir: {folder / 'two'}}}\n"
        "phones:\n"
        f"  a: {{node: pbx, extension: {extension}, password: env:ARI}}\n"
        f"  b: {{node: other, extension: {extension + 1}, password: env:ARI}}\n"
    )
    return Links(load(folder, environ=ENVIRON), BoundedInbox(), lambda why: None)


def found(folder: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in folder.glob("*/*.conf")}


def test_all_nodes_files_are_written_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "c"
    links = two_nodes(folder, 100)
    links.write(load(folder, environ=ENVIRON))
    before = found(folder)
    assert len(before) == 6
    two_nodes(folder, 200)
    really = write_if_changed
    written: list[str] = []

    def full(at: Path, wanted: Mapping[str, str]) -> set[str]:
        if at.name == "two" and not written:
            written.extend(really(at, {"pjsip.conf": wanted["pjsip.conf"]}))
            raise OSError(28, "no space left")
        return really(at, wanted)

    monkeypatch.setattr(links_module, "write_if_changed", full)
    with pytest.raises(OSError, match="no space"):
        links.write(load(folder, environ=ENVIRON))
    assert written == ["pjsip.conf"]
    assert found(folder) == before
    links.write(load(folder, environ=ENVIRON))
    assert found(folder) != before


def test_what_was_not_there_before_is_taken_away_again(tmp_path: Path) -> None:
    links = two_nodes(tmp_path / "c", 100)
    links.put_back(links.write(load(tmp_path / "c", environ=ENVIRON)))
    assert found(tmp_path / "c") == {}
    links.put_back({NodeId("pbx"): {"pjsip.conf": None}})


async def test_after_dropped_events_the_links_begin_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    monkeypatch.setattr(Link, "resync", lambda link: begun.append("ari"))
    monkeypatch.setattr(Ami, "relist", lambda ami: begun.append("ami"))
    monkeypatch.setenv("SECRET", "x")
    made = tmp_path / "c"
    made.mkdir()
    (made / "a.yaml").write_text(
        f"nodes: {{pbx: {{ari: {{password: env:SECRET}}, ami: {{password: env:SECRET}}}}}}\nstate_dir: {tmp_path}\n"
    )
    house = Daemon(made, None, load(made))
    house.inbox.bound = 2
    for _ in range(3):
        house.inbox.put(TimePassed())
    house.inbox.take()
    assert begun == ["ari", "ami"]
