"""Images of a flash in files: binary or Intel HEX, and which format is in them."""

from __future__ import annotations

import dataclasses
import enum
import os
from pathlib import Path
from typing import Final

from firmware_sim.flash.errors import FlashMisused, NvsError
from firmware_sim.flash.esp_nvs import is_esp_nvs
from firmware_sim.flash.intel_hex import read_intel_hex, write_intel_hex
from firmware_sim.flash.littlefs_image import is_littlefs
from firmware_sim.flash.nor import FlashGeometry, NorFlash
from firmware_sim.flash.nvs import Nvs
from firmware_sim.flash.nvs_entry import ENTRY_BYTES, decode_entry
from firmware_sim.flash.nvs_sector import SectorShape
from firmware_sim.flash.nvs_settings import NvsSettings
from firmware_sim.memory.meta import find_factory_record
from tools.errors import ToolError

# No lock has more flash by far; a larger file is another one.
IMAGE_BYTES_MAX: Final = 16 << 20
# Names of Intel HEX files.
HEX_SUFFIXES: Final = frozenset({".hex", ".ihex", ".ihx"})
# Names of image files.
IMAGE_SUFFIXES: Final = HEX_SUFFIXES | {".bin", ".img"}
# What sectors and entry slots of an NVS are tried with, where nobody says: entries take 8 bytes
# with write blocks to 8, else a whole block.
_SECTOR_BYTES: Final = (4096, 2048, 1024, 512, 256, 8192, 16384, 32768, 65536)
_WRITE_BLOCKS: Final = (4, 16, 32)


class FileFormat(enum.StrEnum):
    """How an image lies in a file."""

    BIN = "bin"
    HEX = "hex"


class ImageFormat(enum.StrEnum):
    """What an image is of."""

    LOCK = "lock"
    ZEPHYR_NVS = "zephyr-nvs"
    ESP_NVS = "esp-nvs"
    LITTLEFS = "littlefs"


@dataclasses.dataclass(frozen=True, slots=True)
class NvsShape:
    """An NVS area as it was found, or as the command line says."""

    geometry: FlashGeometry
    settings: NvsSettings


def file_format(path: Path, asked: str | None) -> FileFormat:
    """How an image lies in a file: as asked for, else by its suffix."""
    if asked is not None:
        return FileFormat(asked)
    return FileFormat.HEX if path.suffix.lower() in HEX_SUFFIXES else FileFormat.BIN


def read_image(path: Path) -> bytes:
    """The image in a file; Intel HEX is known by its suffix.

    Raises:
        ToolError: When the file can't be read, or is too long.
        ImageUnreadable: When it is no Intel HEX although its name says so.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ToolError(f"can't read {path}: {error.strerror}") from None
    if len(raw) > IMAGE_BYTES_MAX:
        raise ToolError(f"{path} is too long to be an image of a flash: {len(raw)} bytes")
    if file_format(path, None) is FileFormat.HEX:
        return read_intel_hex(raw.decode("ascii", "replace")).data
    return raw


def write_image(path: Path, image: bytes, kept_as: FileFormat, base: int) -> None:
    """Write an image to a file that only its owner may read: it holds PINs.

    Raises:
        ToolError: When the file can't be written.
        ImageUnwritable: When its addresses pass 32 bits.
    """
    raw = image
    if kept_as is FileFormat.HEX:
        raw = write_intel_hex(image, base=base).encode("ascii")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
    except OSError as error:
        raise ToolError(f"can't write {path}: {error.strerror}") from None


def detect(image: bytes) -> ImageFormat:
    """What an image is of.

    Raises:
        ToolError: When no format known here fits.
    """
    if find_factory_record(image) is not None:
        return ImageFormat.LOCK
    if is_littlefs(image):
        return ImageFormat.LITTLEFS
    if is_esp_nvs(image):
        return ImageFormat.ESP_NVS
    if nvs_shape(image) is not None:
        return ImageFormat.ZEPHYR_NVS
    raise ToolError(
        f"these {len(image)} bytes fit no format known here; name it with --format: "
        f"{', '.join(ImageFormat)}"
    )


def nvs_shape(
    image: bytes, *, sector_bytes: int | None = None, write_block: int | None = None
) -> NvsShape | None:
    """The shape under which most items of an NVS area check out; None when none does.

    Args:
        image: The area.
        sector_bytes: Its sectors' size, if it is known.
        write_block: Its write block, if it is known.
    """
    best: tuple[int, NvsShape] | None = None
    for size in _SECTOR_BYTES if sector_bytes is None else (sector_bytes,):
        for block in _WRITE_BLOCKS if write_block is None else (write_block,):
            for data_crc in (True, False):
                shape = _shape(image, size, block, data_crc=data_crc)
                score = 0 if shape is None else _score(image, shape)
                if shape is not None and score > (best[0] if best else 0):
                    best = (score, shape)
    return None if best is None else best[1]


def mounted(image: bytes, shape: NvsShape) -> Nvs:
    """An NVS area, mounted on a copy.

    Raises:
        NvsUnmountable: When it is none.
    """
    flash = NorFlash(shape.geometry)
    flash.load(image)
    return Nvs(flash, shape.settings)


def _shape(image: bytes, size: int, block: int, *, data_crc: bool) -> NvsShape | None:
    if len(image) % size:
        return None
    try:
        geometry = FlashGeometry(
            sector_size=size, sector_count=len(image) // size, write_block=block
        )
    except FlashMisused:
        return None
    return NvsShape(geometry, NvsSettings(data_crc=data_crc))


def _score(image: bytes, shape: NvsShape) -> int:
    """Items that check out; twice as good with a checksum each, and worth less with damage."""
    geometry = shape.geometry
    sector = SectorShape.of(geometry.sector_size, geometry.write_block)
    # Entries begin at the end of a sector: with too large a size none does.
    if not any(
        image[start + sector.first_at : start + sector.close_at].rstrip(b"\xff")
        for start in range(0, len(image), sector.size)
    ):
        return 0
    try:
        contents = mounted(image, shape).contents()
    except (FlashMisused, NvsError):
        return 0
    if not contents:
        # A new area has an entry that says so, and nothing else.
        starts = range(0, len(image), sector.size)
        firsts = [image[start + sector.first_at :][:ENTRY_BYTES] for start in starts]
        return int(any(decode_entry(first) is not None for first in firsts))
    whole = sum(data is not None for data in contents.values())
    return 2 * whole - len(contents) + (whole if shape.settings.data_crc else 0)
