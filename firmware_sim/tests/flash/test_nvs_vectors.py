from __future__ import annotations

import hashlib
import itertools
from typing import Any

import pytest

from firmware_sim.flash.nvs import Nvs, WritePosition
from firmware_sim.flash.nvs_settings import Generation, Recovery
from firmware_sim.tests.flash.vector_files import (
    blank_flash,
    cases,
    image_in,
    run_script,
    settings_of,
)

SCRIPTS = [
    pytest.param(
        case, generation, recovery, id=f"{case['name']}-{generation.value}-{recovery.value}"
    )
    for case, generation, recovery in itertools.product(cases("script"), Generation, Recovery)
    if case["profile"] in {"any", generation.value}
]
# What the vectors call the settings under which a cut image was mounted.
MOUNTED_AS = {
    "aligned": (Generation.ALIGNED, Recovery.STRICT),
    "aligned_recovery_fixed": (Generation.ALIGNED, Recovery.FIXED),
    "packed": (Generation.PACKED, Recovery.FIXED),
}
CUTS = [
    pytest.param(case, name, id=f"{case['name']}-{name}")
    for case, name in itertools.product(cases("cut"), MOUNTED_AS)
]


def reads_of(nvs: Nvs, ids: Any) -> dict[str, str | None]:
    found = {name: nvs.read(int(name)) for name in ids}
    return {name: None if data is None else data.hex() for name, data in found.items()}


@pytest.mark.parametrize(("case", "generation", "recovery"), SCRIPTS)
def test_script_leaves_the_same_bytes_as_zephyr(
    case: dict[str, Any], generation: Generation, recovery: Recovery
) -> None:
    flash = blank_flash(case)
    settings = settings_of(case, generation, recovery)
    nvs, results = run_script(flash, settings, case["ops"])
    assert results == case["results"]
    assert reads_of(nvs, case["reads"]) == case["reads"]
    assert list(flash.erase_counts) == case["erase_counts"]
    assert nvs.free_space() == case["free_space"]
    assert nvs.entry_position == WritePosition(*case["ate_wra"])
    assert nvs.data_position == WritePosition(*case["data_wra"])
    assert flash.image() == image_in(case)
    assert hashlib.sha256(flash.image()).hexdigest() == case["image_sha256"]
    Nvs(flash, settings)
    assert hashlib.sha256(flash.image()).hexdigest() == case["remount"]["image_sha256"]


@pytest.mark.parametrize(("case", "generation", "recovery"), SCRIPTS)
def test_image_of_either_generation_reads_alike_under_all_settings(
    case: dict[str, Any], generation: Generation, recovery: Recovery
) -> None:
    """Each generation and recovery mounts what any other wrote."""
    other = Generation.PACKED if generation is Generation.ALIGNED else Generation.ALIGNED
    flash = blank_flash(case)
    flash.load(image_in(case))
    nvs = Nvs(flash, settings_of(case, other, recovery))
    assert reads_of(nvs, case["reads"]) == case["reads"]
    stored = {int(name): data for name, data in case["reads"].items() if data is not None}
    contents = nvs.contents()
    assert {name: data.hex() for name, data in contents.items() if data is not None} == stored
    assert flash.image() == image_in(case)


@pytest.mark.parametrize(("case", "name"), CUTS)
def test_cut_image_is_recovered_as_zephyr_does(case: dict[str, Any], name: str) -> None:
    flash = blank_flash(case)
    flash.load(image_in(case))
    assert hashlib.sha256(flash.image()).hexdigest() == case["image_sha256"]
    expected = case["expect_after_mount"][name]
    nvs = Nvs(flash, settings_of(case, *MOUNTED_AS[name]))
    assert reads_of(nvs, expected["reads"]) == expected["reads"]
    assert hashlib.sha256(flash.image()).hexdigest() == expected["image_sha256"]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in cases("cut")])
def test_cut_image_is_right_under_the_settings_of_a_lock(case: dict[str, Any]) -> None:
    flash = blank_flash(case)
    flash.load(image_in(case))
    nvs = Nvs(flash, settings_of(case, Generation.ALIGNED))
    assert reads_of(nvs, case["right"]) == case["right"]
