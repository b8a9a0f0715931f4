"""Power cuts over a whole lock: at every write block and erase, under every model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.flash.nor import Erase
from firmware_sim.flash.power_cut import SweepReport, ViolationKind, power_cut_sweep
from firmware_sim.flash.torn import TornModel
from firmware_sim.memory import flash_memory
from firmware_sim.memory.flash_file import new_memory
from firmware_sim.memory.flash_map import FlashMap
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.interface import Change
from firmware_sim.memory.item_store import ItemStore
from firmware_sim.memory.lock_promise import Step, is_chain, record_lock
from firmware_sim.memory.records import DeviceState, Record
from firmware_sim.tests.memory.samples import (
    FRESH,
    chain_of,
    entries,
    factory,
    pin,
    user,
)

# As small as a lock's flash can be, so that every workload collects sectors and turns the ring.
TINY = FlashMap(nvs_bytes=3_072, audit_bytes=1_024, meta_bytes=512, sector_bytes=512)
TIGHT = FlashMap(nvs_bytes=4_096, audit_bytes=2_048, meta_bytes=1_024, sector_bytes=1_024)


def wrote(*records: Record) -> Step:
    return lambda memory: memory.commit(Change(records=records))


def logged(count: int, **state: int) -> Step:
    def step(memory: FlashMemory) -> None:
        changed: DeviceState = dataclasses.replace(memory.state, **state)  # type: ignore[arg-type]  # Counters only.
        memory.commit(Change(log=entries(memory, count), state=changed))

    return step


def day(turns: int) -> Iterator[Step]:
    """A person gets a code, uses it, mistypes it, and loses it; again and again."""
    for turn in range(1, turns + 1):
        slot = turn % 5 + 1
        yield wrote(user(slot, 2 * turn))
        yield wrote(pin(slot, b"%07d" % turn, 2 * turn))
        yield logged(1, wrong_codes=turn % 5)
        yield logged(2, wrong_codes=0, lockouts=turn % 3, lockout_until_us=turn)
        tombstones = (pin(slot).key, user(slot).key)
        yield wrote(*(Record.tombstone(key, 2 * turn + 1) for key in tombstones))


@pytest.mark.parametrize(
    ("flash_map", "log_capacity", "turns", "images"),
    [(TINY, 15, 5, 1_000), pytest.param(TIGHT, 30, 12, 4_000, marks=pytest.mark.real_servers)],
)
def test_no_cut_breaks_a_promise_of_a_lock(
    flash_map: FlashMap, log_capacity: int, turns: int, images: int
) -> None:
    memory = new_memory(factory(flash_map, log_capacity=log_capacity), FRESH)
    recording, promise = record_lock(memory, day(turns))
    report = power_cut_sweep(recording, promise.mount, promise.check)
    assert report.findings == ()
    assert report.image_count > images
    assert sum(memory.flash.erase_counts) > 1


steps = st.one_of(
    st.builds(
        lambda slot, revision, name: wrote(user(slot, revision, name)),
        st.integers(1, 4),
        st.integers(1, 99),
        st.text("ab", max_size=8),
    ),
    st.builds(
        lambda slot, code, revision: wrote(pin(slot, code, revision), user(slot, revision)),
        st.integers(1, 4),
        st.sampled_from([b"1234", b"12345678"]),
        st.integers(1, 99),
    ),
    st.builds(
        lambda slot, revision: wrote(
            Record.tombstone(pin(slot).key, revision), Record.tombstone(user(slot).key, revision)
        ),
        st.integers(1, 4),
        st.integers(1, 99),
    ),
    st.builds(
        lambda count, wrong: logged(count, wrong_codes=wrong),
        st.integers(0, 3),
        st.integers(0, 9),
    ),
)


@settings(max_examples=3, deadline=None)
@given(st.lists(steps, min_size=5, max_size=12), st.integers(0, 99))
def test_no_cut_breaks_a_promise_whatever_the_workload(workload: list[Step], seed: int) -> None:
    memory = new_memory(factory(TINY, log_capacity=15), FRESH)
    recording, promise = record_lock(memory, workload)
    report = power_cut_sweep(recording, promise.mount, promise.check, seed=seed)
    assert report.findings == ()


def test_entry_that_reads_as_torn_at_first_and_as_whole_later_brings_nothing_back() -> None:
    # The checksum of one record ends with a byte 0xFF in a block of its own: it looks free.
    memory = new_memory(factory(TINY, log_capacity=15), FRESH)
    cleared = (Record.tombstone(pin(1).key, 9), Record.tombstone(user(1).key, 9))
    workload = [
        wrote(user(3, 83, "bb")),
        wrote(user(4, 1, "")),
        wrote(*cleared),
        wrote(user(1, 51, "bbaa")),
    ]
    recording, promise = record_lock(memory, workload)
    report = power_cut_sweep(
        recording, promise.mount, promise.check, models=[TornModel.UNSTABLE_BITS]
    )
    assert report.findings == ()


class TrustsBlank(ItemStore):
    """Settles its newest entry at power-up, but not the sector that was being erased."""

    __slots__ = ()

    def _settle(self) -> None:
        super()._settle()
        self._nvs._area.trusts_blank = True


def test_lock_that_writes_on_after_a_cut_keeps_that_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def swept() -> SweepReport:
        flash_map = FlashMap(
            nvs_bytes=2_048, audit_bytes=1_024, meta_bytes=512, sector_bytes=512, write_block=32
        )
        memory = new_memory(factory(flash_map, log_capacity=8), FRESH)
        for step in day(4):
            step(memory)
        recording, promise = record_lock(memory, day(2))
        assert any(isinstance(each, Erase) for each in recording.operations)
        return power_cut_sweep(
            recording,
            promise.mount,
            promise.check_and_write_on,
            models=[TornModel.UNSTABLE_BITS],
        )

    assert swept().findings == ()
    monkeypatch.setattr(flash_memory, "ItemStore", TrustsBlank)
    assert ViolationKind.LOST in {finding.violation.kind for finding in swept().findings}


def test_second_cut_while_the_lock_comes_up_breaks_nothing_either() -> None:
    memory = new_memory(factory(TIGHT, log_capacity=30), FRESH)
    recording, promise = record_lock(memory, day(3))
    report = power_cut_sweep(
        recording, promise.mount, promise.check, depth=2, models=[TornModel.NOTHING]
    )
    assert report.findings == ()


def test_log_with_a_hole_or_a_changed_record_is_no_chain() -> None:
    log = chain_of(0, 5)
    assert is_chain(log)
    assert is_chain(log[2:])
    assert not is_chain([*log[:2], *log[3:]])
    assert not is_chain([*log[:2], dataclasses.replace(log[2], utc_s=1), *log[3:]])
    assert not is_chain(chain_of(0, 5, b"abcd"))
