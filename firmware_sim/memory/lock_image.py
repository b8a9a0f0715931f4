"""A lock's memory from an image of its flash, on a copy: nothing that is mended gets out.

A whole image says itself where its areas are. An image of the NVS area alone is taken as records
without a log. Bolt, battery and clock are hardware, and in no image.
"""

from __future__ import annotations

from typing import Final

from firmware_sim.flash.errors import ImageUnreadable
from firmware_sim.flash.nor import FlashGeometry, NorFlash
from firmware_sim.flash.nvs_settings import LOCK_SETTINGS, NvsSettings
from firmware_sim.hardware.rtc import RtcState
from firmware_sim.memory.flash_map import FlashMap
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.meta import FactoryRecord, find_factory_record, flash_map_of
from firmware_sim.memory.records import DeviceState
from protocols.doorlock.vocabulary import ClockQuality

FORMAT: Final = "lock"
# An image holds no clock, and this one is asked for nothing.
_NO_CLOCK: Final = RtcState(
    true_us=0, device_us=0, utc_offset_min=0, quality=ClockQuality.LOST, is_running=False
)
# Sectors of a ring without records, and of a meta area without a factory record.
_EMPTY_AUDIT_SECTORS: Final = 2


def lock_image_facts(image: bytes) -> FactoryRecord:
    """What the factory wrote into the lock that an image is of.

    Raises:
        ImageUnreadable: When it is no image of a whole flash of a lock.
    """
    facts = find_factory_record(image)
    if facts is None:
        raise ImageUnreadable(FORMAT, "it has no meta area with a factory record")
    size = flash_map_of(facts).geometry.size
    if len(image) != size:
        raise ImageUnreadable(FORMAT, f"it says {size} bytes and has {len(image)}")
    return facts


def open_lock_image(image: bytes) -> FlashMemory:
    """The memory in an image of a whole flash.

    Raises:
        ImageUnreadable: When it is none.
        FlashMisused: When the areas that it tells of are none.
        NvsUnmountable: When its NVS area is broken beyond recovery.
    """
    facts = lock_image_facts(image)
    flash_map = flash_map_of(facts)
    return _memory(image, flash_map, facts.log_capacity, LOCK_SETTINGS)


def open_records_image(
    image: bytes, geometry: FlashGeometry, settings: NvsSettings = LOCK_SETTINGS
) -> FlashMemory:
    """The records in an image of an NVS area alone.

    Args:
        image: Its bytes, as many as the geometry has.
        geometry: The area's shape.
        settings: How it is kept.

    Raises:
        FlashMisused: When it is no area of a lock.
        NvsUnmountable: When it is broken beyond recovery.
    """
    size = geometry.sector_size
    flash_map = FlashMap(
        nvs_bytes=geometry.size,
        audit_bytes=_EMPTY_AUDIT_SECTORS * size,
        meta_bytes=size,
        sector_bytes=size,
        write_block=geometry.write_block,
    )
    whole = image.ljust(flash_map.geometry.size, b"\xff")
    return _memory(whole, flash_map, 1, settings)


def _memory(
    image: bytes, flash_map: FlashMap, log_capacity: int, settings: NvsSettings
) -> FlashMemory:
    flash = NorFlash(flash_map.geometry)
    flash.load(image)
    state = DeviceState(clock=_NO_CLOCK)
    return FlashMemory(flash, flash_map, state, log_capacity=log_capacity, settings=settings)
