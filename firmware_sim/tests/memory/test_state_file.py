"""The journal of one device's memory."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from firmware_sim.errors import StateFileDamaged, StateFileError, StateFileUnusable
from firmware_sim.memory.state_file import StateFile, latest_instant_ms
from protocols.errors import StrikeplateError


class Clock:
    """A bench clock that ticks at every look."""

    def __init__(self, now_ms: int = 1_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        self.now_ms += 1
        return self.now_ms


def make(path: Path, device_id: str = "lock-1", now_ms: int = 1_000) -> StateFile:
    return StateFile(path, device_id=device_id, instant_ms=Clock(now_ms))


def filled(path: Path, *bodies: bytes) -> StateFile:
    file = make(path)
    file.replace([])
    for body in bodies:
        file.append(body)
    return file


def test_load_without_a_file_finds_nothing(tmp_path: Path) -> None:
    assert make(tmp_path / "a").load() is None


def test_load_gives_what_was_replaced_and_appended_in_order(tmp_path: Path) -> None:
    file = make(tmp_path / "a")
    file.replace([b"snapshot", b""])
    file.append(b"one")
    file.append(b"two" * 1000)
    again = make(tmp_path / "a")
    assert again.load() == [b"snapshot", b"", b"one", b"two" * 1000]
    assert again.latest_instant_ms == 1_004
    again.append(b"three")
    assert make(tmp_path / "a").load() == [b"snapshot", b"", b"one", b"two" * 1000, b"three"]


def test_file_is_for_its_owner_only(tmp_path: Path) -> None:
    filled(tmp_path / "a")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_every_prefix_of_a_file_gives_a_prefix_of_its_frames(tmp_path: Path) -> None:
    path = tmp_path / "a"
    bodies = [b"first", b"", b"\x00" * 7, b"a longer body than the others" * 2]
    file = make(path)
    file.replace([])
    ends = [path.stat().st_size]
    for body in bodies:
        file.append(body)
        ends.append(path.stat().st_size)
    data = path.read_bytes()
    for length in range(ends[0], len(data) + 1):
        path.write_bytes(data[:length])
        whole = sum(end <= length for end in ends) - 1
        torn = make(path)
        assert torn.load() == bodies[:whole]
        # The torn tail is gone, so what comes next is found.
        torn.append(b"next")
        assert make(path).load() == [*bodies[:whole], b"next"]
    for length in range(ends[0]):
        path.write_bytes(data[:length])
        with pytest.raises(StateFileUnusable, match="device memory"):
            make(path).load()


def test_every_flipped_byte_before_the_last_frame_is_an_error_that_names_the_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a"
    filled(path, b"first", b"second", b"the last one")
    data = path.read_bytes()
    last_frame = len(data) - (4 + 8 + 4 + len(b"the last one") + 4)
    for offset in range(last_frame):
        path.write_bytes(data[:offset] + bytes((data[offset] ^ 0x55,)) + data[offset + 1 :])
        with pytest.raises(StateFileError) as caught:
            make(path).load()
        assert str(path) in str(caught.value)
        assert caught.value.path == path


def test_damaged_last_body_is_a_torn_tail(tmp_path: Path) -> None:
    path = tmp_path / "a"
    filled(path, b"first", b"last")
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes((data[-1] ^ 1,)))
    assert make(path).load() == [b"first"]


def test_tail_of_zeros_is_a_torn_tail(tmp_path: Path) -> None:
    path = tmp_path / "a"
    filled(path, b"first")
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(100))
    assert make(path).load() == [b"first"]
    assert path.read_bytes() == whole


def test_damage_is_told_with_its_offset(tmp_path: Path) -> None:
    path = tmp_path / "a"
    file = filled(path)
    start = path.stat().st_size
    file.append(b"first")
    file.append(b"second")
    data = bytearray(path.read_bytes())
    data[start + 17] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(StateFileDamaged, match=f"at byte {start}") as caught:
        make(path).load()
    assert caught.value.offset == start


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a device memory"),
        (b"SQLite format 3\x00", "not a device memory"),
        (b"SPMEM\x01\x06lock-1", "not version 2"),
        (b"SPMEM", "not version 2"),
        (b"SPMEM\x02\x06lock-2" + bytes(4), "not the memory of device lock-1"),
    ],
)
def test_foreign_file_is_refused_by_name(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(StateFileUnusable, match=reason) as caught:
        make(path).load()
    assert str(path) in str(caught.value)
    assert isinstance(caught.value, StrikeplateError)


def test_file_of_another_device_is_refused(tmp_path: Path) -> None:
    filled(tmp_path / "a")
    with pytest.raises(StateFileUnusable, match="lock-2"):
        make(tmp_path / "a", device_id="lock-2").load()


def test_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    file = make(tmp_path)
    with pytest.raises(StateFileUnusable, match="directory"):
        file.load()
    with pytest.raises(StateFileUnusable):
        file.append(b"x")
    with pytest.raises(StateFileUnusable):
        file.replace([])
    with pytest.raises(StateFileUnusable):
        latest_instant_ms([tmp_path])


def test_replace_cut_before_the_rename_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    filled(path, b"old")
    # What a crash in the middle of `replace` leaves behind.
    path.with_name("a.new").write_bytes(b"half of a new one")
    file = make(path)
    assert file.load() == [b"old"]
    file.replace([b"new"])
    assert make(path).load() == [b"new"]
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a"]


def test_append_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    file = filled(path, b"first")
    before = path.read_bytes()
    really_write = os.write

    def full_disk(descriptor: int, data: memoryview) -> int:
        if len(data) > 10:
            return really_write(descriptor, data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full_disk)
    with pytest.raises(StateFileUnusable, match="No space left"):
        file.append(b"second")
    monkeypatch.undo()
    assert path.read_bytes() == before
    file.append(b"third")
    assert make(path).load() == [b"first", b"third"]


def test_torn_tail_that_can_not_be_cut_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    filled(path, b"first")
    path.write_bytes(path.read_bytes() + b"\x01")

    def refuse(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StateFileUnusable, match="Input/output"):
        make(path).load()


def appends_until_compaction(file: StateFile) -> int:
    appends = 0
    while not file.wants_compaction:
        file.append(bytes(8_192))
        appends += 1
    return appends


def test_compaction_is_wanted_when_a_file_has_grown_enough(tmp_path: Path) -> None:
    file = filled(tmp_path / "a")
    assert appends_until_compaction(file) == 8  # 64 KiB
    file.replace([bytes(65_536)])
    assert appends_until_compaction(file) == 16  # twice what it held


def test_large_file_found_at_start_wants_compaction(tmp_path: Path) -> None:
    filled(tmp_path / "a", *(bytes(8_192) for _ in range(30)))
    again = make(tmp_path / "a")
    again.load()
    assert again.wants_compaction
    again.replace([bytes(100_000)])
    assert not again.wants_compaction


def test_latest_instant_is_the_highest_of_all_files(tmp_path: Path) -> None:
    for name, now_ms in (("a", 5_000), ("b", 9_000), ("c", 7_000)):
        file = make(tmp_path / name, device_id=name * 3, now_ms=now_ms)
        file.replace([b"x"])
        file.append(b"y")
    paths = sorted(tmp_path.iterdir())
    assert latest_instant_ms(paths) == 9_002
    assert latest_instant_ms([]) is None
    (tmp_path / "d").write_bytes(b"something else")
    with pytest.raises(StateFileUnusable, match="not a device memory"):
        latest_instant_ms(sorted(tmp_path.iterdir()))


def test_latest_instant_never_falls_when_the_clock_does(tmp_path: Path) -> None:
    file = make(tmp_path / "a", now_ms=9_000)
    file.replace([b"x"])
    file._instant_ms = lambda: 10
    file.append(b"y")
    assert file.latest_instant_ms == 9_001
    assert latest_instant_ms([tmp_path / "a"]) == 9_001
