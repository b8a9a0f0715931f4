"""Images of a small lock's flash, made by the lock's own memory."""

from __future__ import annotations

from firmware_sim.flash.nor import NorFlash
from firmware_sim.memory.flash_map import FlashArea, FlashMap
from firmware_sim.memory.interface import Change
from firmware_sim.memory.lock_image import open_lock_image
from firmware_sim.memory.meta import FactoryRecord, flash_map_of, write_factory_record
from firmware_sim.memory.pins import pin_hash
from firmware_sim.memory.records import HashedCredentialContent, Record
from protocols.doorlock.digest import (
    CredentialContent,
    HolidayContent,
    RecordKey,
    UserContent,
    WeekDayContent,
    YearDayContent,
)
from protocols.doorlock.vocabulary import (
    OperatingMode,
    RecordKind,
    UserStatus,
    UserType,
)

MAP = FlashMap(nvs_bytes=16_384, audit_bytes=8_192, meta_bytes=4_096)


def blank(profile_id: str = "latch-m") -> bytes:
    """The flash of a new lock."""
    facts = FactoryRecord(
        nvs_bytes=MAP.nvs_bytes,
        audit_bytes=MAP.audit_bytes,
        meta_bytes=MAP.meta_bytes,
        sector_bytes=MAP.sector_bytes,
        write_block=MAP.write_block,
        log_capacity=100,
        profile_id=profile_id,
        serial_number="C00000000001",
        salt=bytes(16),
    )
    flash = NorFlash(flash_map_of(facts).geometry)
    write_factory_record(flash, MAP, facts)
    return flash.image()


def with_changes(image: bytes, *changes: Change) -> bytes:
    """An image after changes."""
    memory = open_lock_image(image)
    for change in changes:
        memory.commit(change)
    return memory.flash.image()


def nvs_of(image: bytes) -> bytes:
    """The NVS area alone."""
    start = MAP.offset(FlashArea.NVS)
    return image[start : start + MAP.size(FlashArea.NVS)]


def user(index: int, name: str, revision: int = 1) -> Record:
    content = UserContent(
        user_status=UserStatus.OCCUPIED_ENABLED,
        user_type=UserType.UNRESTRICTED_USER,
        user_name=name,
    )
    return Record.of(RecordKey(RecordKind.USER, index, 0), revision, content)


def pin(slot: int, code: str, revision: int = 1) -> Record:
    content = CredentialContent(user_index=slot, credential_data=code.encode())
    return Record.of(RecordKey(RecordKind.CREDENTIAL, slot, 1), revision, content)


def hashed_pin(slot: int, code: str) -> Record:
    """As a lock stores it that keeps hashes."""
    clear = pin(slot, code)
    content = HashedCredentialContent(
        user_index=slot, pin_hash=pin_hash(bytes(16), code.encode()), digest=clear.digest
    )
    return Record.of(clear.key, clear.revision, content)


def window(slot: int, start_s: int, end_s: int) -> Record:
    content = YearDayContent(start_s=start_s, end_s=end_s)
    return Record.of(RecordKey(RecordKind.YEAR_DAY_SCHEDULE, slot, 1), 1, content)


def workdays(slot: int) -> Record:
    content = WeekDayContent(days_mask=0b0111110, start_min=8 * 60, end_min=18 * 60)
    return Record.of(RecordKey(RecordKind.WEEK_DAY_SCHEDULE, slot, 1), 1, content)


def holiday(index: int) -> Record:
    content = HolidayContent(start_s=0, end_s=86_400, operating_mode=OperatingMode.NORMAL)
    return Record.of(RecordKey(RecordKind.HOLIDAY_SCHEDULE, index, 0), 1, content)


def cleared(slot: int, revision: int) -> Record:
    return Record.tombstone(RecordKey(RecordKind.CREDENTIAL, slot, 1), revision)


def occupied() -> bytes:
    """A lock with a few codes, a holiday and a cleared slot."""
    return with_changes(
        blank(),
        Change(records=(user(3, "Jane"), pin(3, "4821"), window(3, 800_000_000, 800_100_000))),
        Change(records=(user(10, "Cleaner"), pin(10, "77700"), workdays(10))),
        Change(records=(pin(4, "1234"),)),
        Change(records=(cleared(4, 2), holiday(1))),
    )
