"""The spool: what it has taken survives, what it was taking when it was cut off was never promised."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from callctl.store.errors import StoreError
from callctl.store.spool import Spool, SpoolFullError

pytestmark = pytest.mark.adapter


def _opened(folder: Path, max_bytes: int = 10_000) -> Spool:
    spool = Spool(folder, max_bytes=max_bytes)
    spool.open()
    return spool


def _drain(spool: Spool) -> list[bytes]:
    found = []
    while payloads := spool.peek(2):
        found += payloads
        spool.pop(len(payloads))
    return found


def test_first_in_first_out_and_the_file_shrinks_when_empty(tmp_path: Path) -> None:
    spool = _opened(tmp_path)
    for payload in (b"one", b"", b"three" * 100):
        spool.append(payload)
    assert spool.waiting == spool.size > 500
    assert _drain(spool) == [b"one", b"", b"three" * 100]
    assert spool.waiting == spool.file.stat().st_size == 0
    spool.close()


def test_frames_survive_a_crash_half_way_through_draining(tmp_path: Path) -> None:
    spool = _opened(tmp_path)
    for payload in (b"one", b"two", b"three"):
        spool.append(payload)
    spool.pop()
    spool.close()
    again = _opened(tmp_path)  # "one" is back: the epoch's last_seq tells that it is stored
    assert _drain(again) == [b"one", b"two", b"three"]
    again.close()


@pytest.mark.parametrize("lost", range(1, 17))
def test_a_torn_tail_is_dropped_wherever_it_is_torn(tmp_path: Path, lost: int) -> None:
    spool = _opened(tmp_path)
    spool.append(b"whole")
    spool.append(b"torn!")
    spool.close()
    os.truncate(spool.file, spool.file.stat().st_size - lost)
    again = _opened(tmp_path)
    again.append(b"next")
    assert _drain(again) == [b"whole", b"next"]
    again.close()


def test_a_last_frame_whose_bytes_never_reached_the_disk_is_dropped(tmp_path: Path) -> None:
    spool = _opened(tmp_path)
    spool.append(b"whole")
    spool.append(b"garbled")
    spool.close()
    data = bytearray(spool.file.read_bytes())
    data[-3:] = b"\0\0\0"
    spool.file.write_bytes(data)
    again = _opened(tmp_path)
    assert _drain(again) == [b"whole"]
    again.close()


def test_a_damaged_frame_in_the_middle_is_kept_beside_and_skipped(tmp_path: Path) -> None:
    spool = _opened(tmp_path)
    for payload in (b"first", b"second", b"third"):
        spool.append(payload)
    spool.close()
    data = spool.file.read_bytes().replace(b"second", b"sXcond")
    spool.file.write_bytes(data)
    again = _opened(tmp_path)
    assert _drain(again) == [b"first", b"third"]
    assert again.damaged == 1
    assert (tmp_path / "journal.damaged").read_bytes() == b"sXcond\n"
    again.close()


def test_what_cannot_be_stored_is_kept_beside(tmp_path: Path) -> None:
    spool = _opened(tmp_path)
    spool.append(b"foreign")
    spool.append(b"ours")
    spool.peek()
    spool.set_aside("of another database")
    assert _drain(spool) == [b"ours"]
    assert (tmp_path / "journal.aside").read_bytes() == b"foreign\n"
    spool.close()


def test_the_bound_is_kept_and_nothing_is_left_of_what_did_not_fit(tmp_path: Path) -> None:
    spool = _opened(tmp_path, max_bytes=100)
    spool.append(b"x" * 50)
    with pytest.raises(SpoolFullError, match="has reached its bound of 100 bytes"):
        spool.append(b"y" * 50)
    spool.append(b"z")
    assert _drain(spool) == [b"x" * 50, b"z"]
    spool.close()


def test_a_full_disk_leaves_no_half_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = _opened(tmp_path)
    spool.append(b"before")
    write = os.pwrite
    room = [10]

    def short(fd: int, data: bytes, offset: int) -> int:
        if room[0] == 0:
            raise OSError(28, "No space left on device")
        taken = min(room[0], len(data))
        room[0] -= taken
        return write(fd, data[:taken], offset)

    monkeypatch.setattr(os, "pwrite", short)
    with pytest.raises(SpoolFullError, match="No space left on device"):
        spool.append(b"does not fit")
    room[0] = 1000
    spool.append(b"after")
    assert _drain(spool) == [b"before", b"after"]
    spool.close()


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    spool = _opened(tmp_path)
    with pytest.raises(StoreError, match="another callctl is using it"):
        Spool(tmp_path).open()
    spool.close()


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file/spool/journal\.spool: the spool cannot be used: Not a directory"):
        Spool(tmp_path / "file" / "spool").open()
