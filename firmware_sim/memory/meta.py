"""The meta area: what the factory writes once, so that an image of the flash explains itself."""

from __future__ import annotations

import dataclasses
from typing import Final

from firmware_sim.flash.nor import NorFlash
from firmware_sim.memory.flash_map import FlashArea, FlashMap
from protocols.errors import MalformedFrame
from protocols.profiles.parser import Profile
from protocols.wire.checksum import crc32_ieee
from protocols.wire.layout import U8, U16, U32, Bytes4, ShortBytes, ShortText, codec, message

MAGIC: Final = b"SPLK"
META_VERSION: Final = 1
_CRC_BYTES: Final = 4


@message
class FactoryRecord:
    """The content of the meta area, followed by its CRC-32 (u32).

    Attributes:
        magic: `SPLK`.
        version: 1.
        nvs_bytes: Size of the NVS area.
        audit_bytes: Size of the audit ring.
        meta_bytes: Size of this area.
        sector_bytes: What one erase sets to 0xFF.
        write_block: Bytes of the smallest program.
        log_capacity: Log records that the lock tells of.
        profile_id: Its kind.
        serial_number: Its own number.
        salt: Random bytes of its own, for hashed PINs.
    """

    magic: Bytes4 = MAGIC
    version: U8 = META_VERSION
    nvs_bytes: U32
    audit_bytes: U32
    meta_bytes: U32
    sector_bytes: U32
    write_block: U8
    log_capacity: U16
    profile_id: ShortText
    serial_number: ShortText
    salt: ShortBytes = dataclasses.field(repr=False)


_FACTORY: Final = codec(FactoryRecord)


def flash_map_of(record: FactoryRecord) -> FlashMap:
    """The areas that a factory record describes.

    Raises:
        FlashMisused: When they fit no flash.
    """
    return FlashMap(
        nvs_bytes=record.nvs_bytes,
        audit_bytes=record.audit_bytes,
        meta_bytes=record.meta_bytes,
        sector_bytes=record.sector_bytes,
        write_block=record.write_block,
    )


def factory_record(profile: Profile, *, serial_number: str, salt: bytes) -> FactoryRecord:
    """What the factory writes into a new lock.

    Args:
        profile: The facts of its kind.
        serial_number: Its own number.
        salt: Random bytes of its own, for hashed PINs; at most 255.
    """
    flash = profile.flash
    return FactoryRecord(
        nvs_bytes=flash.nvs_bytes,
        audit_bytes=flash.audit_bytes,
        meta_bytes=flash.meta_bytes,
        sector_bytes=flash.sector_bytes,
        write_block=flash.write_block,
        log_capacity=profile.log_capacity,
        profile_id=profile.profile_id,
        serial_number=serial_number,
        salt=salt,
    )


def write_factory_record(flash: NorFlash, flash_map: FlashMap, record: FactoryRecord) -> None:
    """Program the meta area of a new flash."""
    data = _FACTORY.encode(record)
    data += crc32_ieee(data).to_bytes(_CRC_BYTES, "little")
    block = flash_map.write_block
    flash.program(
        flash_map.offset(FlashArea.META), data.ljust(-(-len(data) // block) * block, b"\xff")
    )


def read_factory_record(data: bytes) -> FactoryRecord | None:
    """The factory record at the start of these bytes; None when there is none."""
    if not data.startswith(MAGIC):
        return None
    # Its texts vary in length, and what follows is erased: the length whose checksum fits is it.
    end = len(data.rstrip(b"\xff"))
    for length in range(end, min(end + _CRC_BYTES, len(data)) + 1):
        body, crc = data[: length - _CRC_BYTES], data[length - _CRC_BYTES : length]
        if crc32_ieee(body).to_bytes(_CRC_BYTES, "little") == crc:
            try:
                record = _FACTORY.decode(body)
            except MalformedFrame:
                return None
            return record if record.version == META_VERSION else None
    return None


def find_factory_record(image: bytes) -> FactoryRecord | None:
    """The factory record in an image of a whole flash; None when it is no flash of a lock."""
    offset = image.find(MAGIC)
    while offset >= 0:
        record = read_factory_record(image[offset:])
        if record is not None:
            return record
        offset = image.find(MAGIC, offset + 1)
    return None
