"""Memory on flash over a state file: every answered change is there after a kill, and no half."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware_sim.errors import StateFileUnusable
from firmware_sim.memory.flash_file import open_memory
from firmware_sim.memory.flash_map import FlashMap
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.interface import Change
from firmware_sim.memory.records import Record
from firmware_sim.memory.state_file import StateFile
from firmware_sim.tests.memory.samples import (
    FRESH,
    FULL,
    content_of,
    entries,
    factory,
    pin,
    user,
    write,
)


def state_file(path: Path) -> StateFile:
    return StateFile(path, device_id="lock-1", instant_ms=lambda: 1_752_148_800_000)


def opened(path: Path) -> FlashMemory:
    return open_memory(state_file(path), factory(), FRESH)


def test_new_device_is_on_disk_before_anything_happens(tmp_path: Path) -> None:
    open_memory(state_file(tmp_path / "a"), factory(), FULL)
    # Lockouts and the like lie in flash, and a new lock has none.
    assert opened(tmp_path / "a").state.bolt == FULL.bolt
    assert not opened(tmp_path / "a").state.is_powered


def test_memory_after_kill_at_every_byte_holds_every_answered_change_and_no_half(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a"
    memory = opened(path)
    answered = [(path.stat().st_size, content_of(memory))]
    for index in range(1, 5):
        write(memory, user(index), pin(index, b"%d" % (4000 + index)))
        answered.append((path.stat().st_size, content_of(memory)))
        memory.commit(Change(log=entries(memory), state=FULL))
        answered.append((path.stat().st_size, content_of(memory)))
    data = path.read_bytes()
    for length in range(answered[0][0], len(data) + 1):
        path.write_bytes(data[:length])
        expected = [content for size, content in answered if size <= length][-1]
        assert content_of(opened(path)) == expected


def test_journal_is_compacted_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a"
    memory = opened(path)
    for index in range(1_000):
        change = Change(records=(user(1, index + 1),), log=entries(memory), state=FULL)
        memory.commit(change)
    assert path.stat().st_size < 90_000
    again = opened(path)
    assert content_of(again) == content_of(memory)
    assert sum(again.flash.erase_counts) == sum(memory.flash.erase_counts) > 20


def test_change_that_can_not_be_kept_changes_nothing(tmp_path: Path) -> None:
    memory = opened(tmp_path / "a")
    write(memory, user(1))
    before, image = content_of(memory), memory.flash.image()
    (tmp_path / "a").unlink()
    with pytest.raises(StateFileUnusable):
        memory.commit(Change(records=(user(1, 2), pin(1)), log=entries(memory), state=FULL))
    assert (content_of(memory), memory.flash.image()) == (before, image)


def test_image_that_was_loaded_is_kept(tmp_path: Path) -> None:
    memory = opened(tmp_path / "a")
    write(memory, pin(1))
    image = memory.flash.image()
    write(memory, Record.tombstone(pin(1).key, 2))
    memory.load(0, image)
    assert content_of(opened(tmp_path / "a")) == content_of(memory)


@pytest.mark.parametrize(
    "frame",
    [
        b"\x05",  # too short for an entry
        b"\x09\x00\x00\x00\x00\x00\x00",  # an unknown kind
        b"\x01\x00\x00\x00\x00\x08\x00abcd",  # less data than it says
        b"\x02\xff\x00\x00\x00\x00\x00",  # a sector that this flash does not have
        b"\x03\x00\x00\x00\x00\x01\x00\x01",  # wear of one byte
        b"\x04\x00\x00\x00\x00\x01\x00\x01",  # hardware of one byte
    ],
)
def test_frame_of_another_version_names_the_file(tmp_path: Path, frame: bytes) -> None:
    state_file(tmp_path / "a").replace([frame])
    with pytest.raises(StateFileUnusable, match="does not fit this lock's flash"):
        opened(tmp_path / "a")


def test_file_of_a_lock_with_another_flash_is_refused(tmp_path: Path) -> None:
    open_memory(state_file(tmp_path / "a"), factory(FlashMap()), FRESH)
    with pytest.raises(StateFileUnusable, match="does not fit this lock's flash"):
        opened(tmp_path / "a")
