"""Golden cases of Zephyr's NVS, made by its own code: see `vectors/README.md`."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

from firmware_sim.flash.errors import NvsError
from firmware_sim.flash.nor import FlashGeometry, NorFlash
from firmware_sim.flash.nvs import Nvs
from firmware_sim.flash.nvs_settings import Generation, NvsSettings, Recovery

FOLDER = Path(__file__).parent / "vectors"


def cases(kind: str) -> list[dict[str, Any]]:
    found = [json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))]
    return [case for case in found if case["kind"] == kind]


def blank_flash(case: dict[str, Any]) -> NorFlash:
    geometry = FlashGeometry(
        sector_size=case["sector_size"],
        sector_count=case["sector_count"],
        write_block=case["write_block"],
    )
    return NorFlash(geometry)


def image_in(part: dict[str, Any]) -> bytes:
    return zlib.decompress(base64.b64decode(part["image_zlib_base64"]))


def settings_of(
    case: dict[str, Any], generation: Generation, recovery: Recovery = Recovery.FIXED
) -> NvsSettings:
    return NvsSettings(generation=generation, recovery=recovery, data_crc=case["data_crc"])


def run_script(
    flash: NorFlash, settings: NvsSettings, operations: list[list[Any]]
) -> tuple[Nvs, list[int]]:
    """The mounted area afterwards, and what each operation returned."""
    results: list[int] = []
    nvs: Nvs | None = None
    for name, *arguments in operations:
        try:
            if name == "mount":
                nvs = Nvs(flash, settings)
                results.append(0)
                continue
            assert nvs is not None
            data = bytes.fromhex(arguments[1]) if name == "write" else b""
            results.append(nvs.write(arguments[0], data))
        except NvsError as error:
            results.append(error.code)
    assert nvs is not None
    return nvs, results
