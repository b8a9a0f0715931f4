"""The sweep itself, on a store that is simpler than NVS: a byte that counts in a mirrored log."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from firmware_sim.flash.errors import NvsUnmountable
from firmware_sim.flash.nor import Erase, FlashGeometry, FlashLimits, NorFlash, Program
from firmware_sim.flash.power_cut import (
    Cut,
    Finding,
    Recording,
    Violation,
    ViolationKind,
    cut_images,
    image_after,
    power_cut_sweep,
    record,
)
from firmware_sim.flash.torn import (
    ALL_MODELS,
    UNTOUCHED,
    TornModel,
    TornWrite,
    leanings,
    leave_torn,
    torn_writes,
)

GEOMETRY = FlashGeometry(sector_size=64, sector_count=2)
PROGRAM = Program(4, b"\x00\x0f\xff\x55")


def recorded() -> Recording:
    flash = NorFlash(GEOMETRY)
    steps = [
        lambda: flash.program(0, bytes(8)),
        lambda: None,
        lambda: flash.erase(0),
    ]
    return record(flash, steps)


def test_recording_splits_programs_into_blocks_and_counts_steps() -> None:
    recording = recorded()
    assert recording.operations == (Program(0, bytes(4)), Program(4, bytes(4)), Erase(0))
    assert recording.answered == (2, 2, 3)
    assert recording.start == (None, None)


def test_recording_ends_with_the_workload_when_a_step_raises() -> None:
    flash = NorFlash(GEOMETRY)

    def step() -> None:
        flash.program(0, bytes(4))
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        record(flash, [step])
    assert flash.log is None


def test_every_operation_is_cut_in_every_way_of_its_model() -> None:
    names = [str(torn) for torn in torn_writes(PROGRAM, ALL_MODELS, drawings=2)]
    assert names == [
        "nothing/0",
        *(f"first_bytes/{count}" for count in (1, 2, 3)),
        *(f"random_bits/{count}" for count in range(2)),
        *(f"unstable_bits/{count}" for count in range(5)),
    ]
    names = [str(torn) for torn in torn_writes(Erase(0), ALL_MODELS, drawings=1)]
    assert names == [
        "nothing/0",
        "random_bits/0",
        *(f"half_erased/{count}" for count in range(3)),
        *(f"unstable_bits/{count}" for count in range(4)),
    ]
    assert list(torn_writes(None, ALL_MODELS, drawings=1)) == [UNTOUCHED]


def torn_program(torn: TornWrite) -> NorFlash:
    flash = NorFlash(GEOMETRY, stream=random.Random(3))
    leave_torn(flash, PROGRAM, torn, random.Random(4))
    return flash


def test_torn_program_leaves_what_its_model_says() -> None:
    assert torn_program(UNTOUCHED).snapshot() == (None, None)
    first = torn_program(TornWrite(TornModel.FIRST_BYTES, 2))
    assert first.read(0, 12).hex() == "ffffffff000fffffffffffff"
    some = torn_program(TornWrite(TornModel.RANDOM_BITS, 0)).read(4, 4)
    assert some not in {PROGRAM.data, b"\xff" * 4}
    assert all(left & byte == byte for left, byte in zip(some, PROGRAM.data, strict=True))


def test_unstable_program_reads_anew_where_bits_were_on_their_way() -> None:
    flash = torn_program(TornWrite(TornModel.UNSTABLE_BITS, 1))
    assert flash.read(4, 4) == b"\xff" * 4
    flash.power_cycle(lean=False)
    assert flash.read(4, 4) == PROGRAM.data
    assert torn_program(TornWrite(TornModel.UNSTABLE_BITS, 2)).read(4, 4) == PROGRAM.data
    assert leanings(TornWrite(TornModel.UNSTABLE_BITS, 3)) == (None, None)
    assert leanings(UNTOUCHED) == (None,)


def torn_erase(torn: TornWrite) -> bytes:
    flash = NorFlash(GEOMETRY, stream=random.Random(3))
    flash.program(0, bytes(64))
    leave_torn(flash, Erase(0), torn, random.Random(4))
    return flash.read(0, 64)


def test_torn_erase_leaves_what_its_model_says() -> None:
    blank, full = b"\xff", b"\x00"
    assert torn_erase(TornWrite(TornModel.HALF_ERASED, 0)) == blank * 32 + full * 32
    assert torn_erase(TornWrite(TornModel.HALF_ERASED, 1)) == full * 32 + blank * 32
    drawn = torn_erase(TornWrite(TornModel.HALF_ERASED, 2))
    assert drawn.count(0) + drawn.count(0xFF) == 64
    assert 0 < drawn.count(0) < 64
    assert int.from_bytes(torn_erase(TornWrite(TornModel.RANDOM_BITS)), "big").bit_count() > 150
    assert torn_erase(TornWrite(TornModel.UNSTABLE_BITS, 1)) == blank * 64


def test_images_are_the_prefixes_and_the_same_one_by_one() -> None:
    recording = recorded()
    images = dict(cut_images(recording, ALL_MODELS, drawings=2, seed=5))
    assert len(images) == 11 + 11 + 12 + 1
    untouched = [flash.read(0, 8).hex() for cut, flash in images.items() if cut.torn == UNTOUCHED]
    assert untouched == ["f" * 16, "00000000ffffffff", "0" * 16, "f" * 16]
    answered = [cut.answered for cut in images if cut.torn == UNTOUCHED]
    assert answered == [0, 0, 2, 3]
    for cut, flash in images.items():
        assert image_after(recording, cut, seed=5).image() == flash.image()
    again = cut_images(recording, ALL_MODELS, drawings=2, seed=6)
    assert [flash.image() for _, flash in again] != [flash.image() for flash in images.values()]


def test_sweep_hands_each_image_to_the_check_and_reports_by_model() -> None:
    def check(mounted: bytes, cut: Cut) -> Iterable[Violation]:
        if mounted.count(0) == 6:
            yield Violation(ViolationKind.CHANGED, "six")
        del cut

    models = (TornModel.NOTHING, TornModel.FIRST_BYTES)
    report = power_cut_sweep(recorded(), NorFlash.image, check, models=models)
    assert report.images == {TornModel.NOTHING: 4, TornModel.FIRST_BYTES: 6}
    assert report.image_count == 10
    assert [str(finding) for finding in report.findings] == [
        "changed six: operation 1 first_bytes/2, mount 1"
    ]


def test_mount_that_raises_is_a_finding() -> None:
    def mount(flash: NorFlash) -> bytes:
        if flash.read(4, 1) == b"\x00":
            raise NvsUnmountable(-45)
        return flash.image()

    report = power_cut_sweep(recorded(), mount, lambda _, __: (), models=(TornModel.NOTHING,))
    what = "NvsUnmountable: this area can't be mounted as NVS: every sector is closed"
    assert report.findings == (
        Finding(Cut(2, UNTOUCHED, 2), Violation(ViolationKind.UNMOUNTABLE, what)),
    )


def test_unstable_bits_are_looked_at_after_both_power_ups() -> None:
    seen: list[bytes] = []

    def mount(flash: NorFlash) -> None:
        seen.append(flash.read(0, 4))

    recording = recorded()
    report = power_cut_sweep(
        recording, mount, lambda _, __: (), models=(TornModel.UNSTABLE_BITS,), drawings=0
    )
    assert report.image_count == 9
    assert len(seen) == 18
    assert seen[1] == b"\xff" * 4
    assert seen[2:6] == [b"\xff" * 4, bytes(4), bytes(4), b"\xff" * 4]


def test_deeper_sweep_cuts_the_recovery_too() -> None:
    def mount(flash: NorFlash) -> NorFlash:
        if flash.read(64, 4) == b"\xff" * 4:
            flash.program(64, bytes(4))
        return flash

    def check(flash: NorFlash, cut: Cut) -> Iterable[Violation]:
        assert flash.read(64, 4) == bytes(4)
        if cut.before is not None and cut.operation == 1:
            yield Violation(ViolationKind.LOST, "x")

    models = (TornModel.NOTHING,)
    report = power_cut_sweep(recorded(), mount, check, models=models, depth=2)
    assert report.image_count == 4 + 4 * 2
    assert str(report.findings[0]) == (
        "lost x: operation 0 nothing/0, then operation 1 nothing/0, mount 1"
    )
    assert len(report.findings) == 4


def test_limits_of_the_part_hold_in_its_images() -> None:
    flash = NorFlash(GEOMETRY, limits=FlashLimits(programs_per_block=1))
    recording = record(flash, [lambda: flash.program(0, bytes(4))])
    limits = [image.limits for _, image in cut_images(recording, ALL_MODELS, drawings=1, seed=0)]
    assert set(limits) == {FlashLimits(programs_per_block=1)}
