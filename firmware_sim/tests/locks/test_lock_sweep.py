"""The sweep over a whole lock: nothing is found in ours, and something in each that is broken."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

import pytest

from firmware_sim.flash.cut_replay import CutOutcome
from firmware_sim.flash.cut_token import cut_points, parse_cut_token
from firmware_sim.flash.errors import CutUnknown
from firmware_sim.flash.nor import Erase
from firmware_sim.flash.nvs_settings import LOCK_SETTINGS, NvsSettings, Recovery
from firmware_sim.flash.power_cut import SweepReport, ViolationKind
from firmware_sim.flash.torn import ALL_MODELS, TornModel
from firmware_sim.locks.lock_sweep import LockSweep, LockSweepPlan
from firmware_sim.memory import flash_file, flash_memory
from firmware_sim.memory.audit_ring import AuditRing
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.interface import Change
from firmware_sim.memory.item_store import ItemStore
from firmware_sim.tests.locks.rig import profile
from protocols.profiles.facts import FlashFacts
from protocols.profiles.parser import Profile
from protocols.strike.messages import LogRecord

BETWEEN: Final = (TornModel.NOTHING,)


def small(profile_id: str = "generic-native") -> Profile:
    """A lock whose flash goes round every few steps."""
    flash = FlashFacts(
        nvs_bytes=4 * 512, audit_bytes=2 * 512, meta_bytes=512, sector_bytes=512, write_block=4
    )
    return dataclasses.replace(
        profile(profile_id), flash=flash, log_capacity=flash.log_records_kept
    )


def swept(
    seed: int = 0,
    *,
    steps: int = 15,
    models: tuple[TornModel, ...] = BETWEEN,
    settings: NvsSettings = LOCK_SETTINGS,
) -> SweepReport:
    plan = LockSweepPlan(profile=small(), seed=seed, steps=steps, models=models, settings=settings)
    return LockSweep(plan).run()


def kinds(report: SweepReport) -> set[ViolationKind]:
    return {finding.violation.kind for finding in report.findings}


@pytest.mark.parametrize(
    ("profile_id", "seeds", "steps"),
    [
        ("generic-hashed", range(1), 6),
        # What takes long: a lock without a keypad, one with all types of users, more seeds.
        *(
            pytest.param(profile_id, range(2), 30, marks=[pytest.mark.real_servers])
            for profile_id in ("generic-native", "generic-hashed", "dormakaba-ambiance", "2n")
        ),
    ],
)
def test_no_cut_breaks_a_promise(profile_id: str, seeds: range, steps: int) -> None:
    images: set[TornModel] = set()
    for seed in seeds:
        report = LockSweep(LockSweepPlan(profile=small(profile_id), seed=seed, steps=steps)).run()
        assert report.findings == ()
        images |= report.images.keys()
    assert images >= set(ALL_MODELS) - {TornModel.HALF_ERASED}


@pytest.mark.real_servers  # As the one above, twice over.
def test_second_cut_while_the_lock_comes_up_breaks_nothing_either() -> None:
    plan = LockSweepPlan(profile=small(), seed=5, steps=4, models=BETWEEN, depth=2)
    sweep = LockSweep(plan)
    assert any(isinstance(each, Erase) for each in sweep.recording.operations)
    report = sweep.run()
    assert report.findings == ()
    assert report.image_count > 500


def test_workload_of_a_seed_is_the_same_every_time_and_meets_everything() -> None:
    def recorded(seed: int) -> LockSweep:
        return LockSweep(LockSweepPlan(profile=small(), seed=seed, steps=60))

    sweep = recorded(5)
    assert recorded(5).recording == sweep.recording
    assert recorded(6).recording != sweep.recording
    # The flash goes round, or half of the sweep would have nothing to do.
    erased = {each.sector for each in sweep.recording.operations if isinstance(each, Erase)}
    assert erased & set(range(4))
    assert erased & {4, 5}


# --- broken memories ------------------------------------------------------------------------


class AnswersEarly(ItemStore):
    """Says "done" when the change is in RAM: it is written before the next one."""

    __slots__ = ("_waiting",)

    def write(self, items: Sequence[tuple[int, bytes]]) -> None:
        super().write(getattr(self, "_waiting", ()))
        self._waiting = items


class LogsLate(AuditRing):
    """Says "done" when the log record is in RAM."""

    __slots__ = ("_waiting",)

    def append(self, record: LogRecord) -> None:
        waiting = getattr(self, "_waiting", None)
        if waiting is not None:
            super().append(waiting)
        self._waiting = record
        self.next_index, self.chain = record.index + 1, record.chain


class NoBatch(ItemStore):
    """Writes what belongs together one by one."""

    __slots__ = ()

    def write(self, items: Sequence[tuple[int, bytes]]) -> None:
        for item_id, data in items:
            super().write([(item_id, data)])


class ForgetsBatch(ItemStore):
    """Writes a batch first, and throws away the one that is there at power-up."""

    __slots__ = ()

    def _finish_batch(self, batch: bytes | None) -> None:
        super()._finish_batch(batch and b"")


class SettlesNoItems(ItemStore):
    """Takes what it reads at power-up for what is there."""

    __slots__ = ()

    def _settle(self) -> None:
        pass


class LogFirst(FlashMemory):
    """Writes the log before what it tells of."""

    __slots__ = ()

    def commit(self, change: Change) -> None:
        # One change for whoever watches.
        witness, self.witness = self.witness, None
        super().commit(Change(log=change.log))
        self.witness = witness
        super().commit(dataclasses.replace(change, log=()))


UNSTABLE: Final = (TornModel.UNSTABLE_BITS,)


@pytest.mark.parametrize(
    ("broken", "seed", "models", "kind"),
    [
        (AnswersEarly, 4, BETWEEN, ViolationKind.RETURNED),
        (LogsLate, 3, BETWEEN, ViolationKind.LOST),
        (NoBatch, 0, BETWEEN, ViolationKind.CHANGED),
        (ForgetsBatch, 0, BETWEEN, ViolationKind.CHANGED),
        (LogFirst, 3, BETWEEN, ViolationKind.CHANGED),
        (SettlesNoItems, 3, UNSTABLE, ViolationKind.DAMAGED),
    ],
)
def test_broken_memory_is_found_by_every_kind_of_damage_it_does(
    monkeypatch: pytest.MonkeyPatch,
    broken: type[ItemStore | AuditRing | FlashMemory],
    seed: int,
    models: tuple[TornModel, ...],
    kind: ViolationKind,
) -> None:
    steps = 3 if models is UNSTABLE else 10
    assert swept(seed, steps=steps, models=models).findings == ()
    if issubclass(broken, FlashMemory):
        monkeypatch.setattr(flash_file, "FlashMemory", broken)
    else:
        part = "ItemStore" if issubclass(broken, ItemStore) else "AuditRing"
        monkeypatch.setattr(flash_memory, part, broken)
    assert kind in kinds(swept(seed, steps=steps, models=models))


# --- one cut --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lossy() -> LockSweep:
    """Zephyr's own recovery takes a part of a slot's record for an entry, and another is lost."""
    settings = NvsSettings(recovery=Recovery.FIXED)
    return LockSweep(
        LockSweepPlan(profile=small(), seed=42, steps=4, models=BETWEEN, settings=settings)
    )


def test_finding_repeats_from_its_cut_and_names_what_is_lost(lossy: LockSweep) -> None:
    finding, *_ = lossy.run().findings
    assert finding.violation.kind is ViolationKind.LOST
    replay = lossy.replay(cut_points(finding.cut))
    assert replay.is_broken
    assert replay.mount == finding.mount
    broken = {each.what: each for each in replay.outcomes if each.violation}
    assert set(broken) == {finding.violation.what}
    assert broken[finding.violation.what].answered == "set before the workload"
    assert broken[finding.violation.what].found == "empty"
    assert [each.kind for each in replay.others] == [ViolationKind.DAMAGED]


def test_same_cut_of_the_same_workload_harms_nobody_under_the_settings_of_a_lock(
    lossy: LockSweep,
) -> None:
    finding, *_ = lossy.run().findings
    plan = dataclasses.replace(lossy.plan, settings=LOCK_SETTINGS)
    replay = LockSweep(plan).replay(cut_points(finding.cut))
    assert not replay.is_broken
    assert replay.step_in_progress == lossy.replay(cut_points(finding.cut)).step_in_progress


def test_cut_in_a_row_of_steps_tells_what_was_answered_and_what_was_in_progress() -> None:
    sweep = LockSweep(LockSweepPlan(profile=small(), seed=2, steps=40))
    last = len(sweep.recording.operations)
    seen: dict[str, CutOutcome] = {}
    for operation in range(0, last, 9):
        replay = sweep.replay(parse_cut_token(f"{operation}:nothing"))
        assert not replay.is_broken
        assert replay.step_in_progress is not None
        assert replay.step_in_progress.startswith(f"step {replay.answered + 1} (")
        for outcome in replay.outcomes:
            assert outcome.found in {outcome.answered, outcome.in_progress} or (
                # A log record after another one of the same change.
                outcome.what == "log" and outcome.in_progress is not None
            )
            if outcome.in_progress:
                seen[outcome.what.split()[0]] = outcome
    # Records, counters and the log.
    assert {"slot", "user", "log", "wrong"} <= set(seen)
    assert seen["log"].answered.startswith("ends with ")
    over = sweep.replay(parse_cut_token(f"{last}:nothing"))
    assert (over.answered, over.step_in_progress) == (40, None)
    assert all(outcome.found == outcome.answered for outcome in over.outcomes)
    with pytest.raises(CutUnknown, match=f"none of number {last + 1}"):
        sweep.replay(parse_cut_token(f"{last + 1}:nothing"))
