"""What is in an image of a lock's flash: slots, windows, log and wear.

Views of a memory may show PINs (DESIGN D22); nothing here goes anywhere but to who asked.
"""

from __future__ import annotations

from typing import Any

from firmware_sim.flash.nor import NorFlash, sector_bytes
from firmware_sim.flash.nvs_settings import LOCK_SETTINGS
from firmware_sim.memory.audit_ring import RingSector, RingShape
from firmware_sim.memory.flash_map import FlashArea
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.lock_image import lock_image_facts, open_lock_image, open_records_image
from firmware_sim.memory.view import MemoryView, SlotView, as_document, view_of
from gateway.profiles import load_profiles
from protocols.profiles.local_time import stores_local_bounds
from tools.flash_images import ImageFormat, NvsShape
from tools.image_tables import (
    ImageView,
    Row,
    Table,
    Things,
    documents,
    nvs_rows,
    used_share,
    without_blank_runs,
)
from tools.output import count


def lock_view(image: bytes) -> ImageView:
    """The view of an image of a whole flash; raises as `view_image`."""
    facts = lock_image_facts(image)
    memory = open_lock_image(image)
    # A profile of somebody's own is not in the image: its windows show as instants.
    profile = load_profiles().get(facts.profile_id)
    is_local = profile is not None and stores_local_bounds(profile)
    view = view_of(memory, clock_s=0, are_windows_local=is_local)
    sectors = _lock_sectors(image, memory)
    summary = (
        f"lock {facts.serial_number}, profile {facts.profile_id}: "
        f"{_records_summary(view, memory)}, log {view.counters.log_oldest_index} to "
        f"{view.counters.log_next_index}"
    )
    tables = (*record_tables(view), _log_table(view), without_blank_runs(sectors, column=1))
    document = {
        "format": ImageFormat.LOCK.value,
        "profile_id": facts.profile_id,
        "serial_number": facts.serial_number,
        **records_document(view),
        "log": [as_document(each) for each in view.log],
        "counters": as_document(view.counters),
        "sectors": documents(sectors),
    }
    things = record_things(view)
    counters = as_document(view.counters)
    # Of the bolt, an image knows nothing.
    things["lock"] = {name: str(each) for name, each in counters.items() if "bolt" not in name}
    return ImageView(summary, tables, document, things)


def _records_summary(view: MemoryView, memory: FlashMemory) -> str:
    damaged = f", {memory.damaged_count} damaged" if memory.damaged_count else ""
    slots = count(len(view.slots), "slot")
    return f"{slots}, {count(len(view.tombstones), 'cleared record')}{damaged}"


def record_tables(view: MemoryView) -> tuple[Table, ...]:
    """Slots, holidays and cleared records."""
    header = ("SLOT", "CODE", "REV", "USER", "NAME", "STATUS", "TYPE", "WINDOWS")
    rows = tuple(
        (str(each.slot), *_cells(each), "; ".join(_windows(each)) or "always")
        for each in view.slots
    )
    holidays = tuple(
        (str(each.index), each.starts_at, each.ends_at, each.mode) for each in view.holidays
    )
    cleared = tuple(
        (each.kind, str(each.index), str(each.sub_index), str(each.revision))
        for each in view.tombstones
    )
    return (
        Table("Slots", header, rows),
        Table("Holidays", ("INDEX", "FROM", "TO", "MODE"), holidays),
        Table("Cleared", ("KIND", "INDEX", "SUB", "REV"), cleared),
    )


def _cells(slot: SlotView) -> Row:
    user = slot.user
    return (
        slot.code or ("(hashed)" if slot.is_code_hashed else "-"),
        "-" if slot.revision is None else str(slot.revision),
        "-" if user is None else str(user.index),
        "-" if user is None else user.name,
        "-" if user is None else user.status,
        "-" if user is None else user.type,
    )


def _windows(slot: SlotView) -> list[str]:
    found = [f"{each.starts_at} to {each.ends_at or 'ever'}" for each in slot.year_day]
    for each in slot.week_day:
        days = " ".join(day[:3] for day in each.days)
        found.append(f"{days} {each.start}-{each.end}")
    return found


def _log_table(view: MemoryView) -> Table:
    rows = tuple(
        (
            str(each.index),
            each.at,
            each.event,
            each.detail or "-",
            each.source,
            "-" if each.slot is None else str(each.slot),
            "-" if each.user_index is None else str(each.user_index),
        )
        for each in view.log
    )
    return Table("Log", ("INDEX", "AT", "EVENT", "DETAIL", "SOURCE", "SLOT", "USER"), rows)


def records_document(view: MemoryView) -> dict[str, Any]:
    """The same for programs."""
    return {
        "slots": [as_document(each) for each in view.slots],
        "holidays": [as_document(each) for each in view.holidays],
        "tombstones": [as_document(each) for each in view.tombstones],
    }


def record_things(view: MemoryView) -> Things:
    """The same, to be compared."""
    names = ("code", "revision", "user", "name", "status", "type")
    things: Things = {}
    for slot in view.slots:
        fields = dict(zip(names, _cells(slot), strict=True))
        things[f"slot {slot.slot}"] = fields | {"windows": "; ".join(_windows(slot)) or "always"}
    for holiday in view.holidays:
        things[f"holiday {holiday.index}"] = {
            "from": holiday.starts_at,
            "to": holiday.ends_at,
            "mode": holiday.mode,
        }
    for gone in view.tombstones:
        where = f".{gone.sub_index}" if gone.sub_index else ""
        things[f"cleared {gone.kind} {gone.index}{where}"] = {"revision": str(gone.revision)}
    return things


def _lock_sectors(image: bytes, memory: FlashMemory) -> Table:
    """Every sector, with its wear where the flash itself tells of it: in the ring's headers."""
    flash, flash_map = NorFlash(memory.flash_map.geometry), memory.flash_map
    flash.load(image)
    first, count = flash_map.first_sector(FlashArea.NVS), flash_map.sector_count(FlashArea.NVS)
    rows = nvs_rows(flash, first, count, LOCK_SETTINGS)
    first, count = flash_map.first_sector(FlashArea.AUDIT), flash_map.sector_count(FlashArea.AUDIT)
    for number in range(count):
        raw = sector_bytes(flash.sector(first + number), flash_map.sector_bytes)
        sector = RingSector(raw, RingShape(flash_map))
        begun = sector.sequence >= 0
        rows.append(
            (
                FlashArea.AUDIT.value,
                str(first + number),
                "in use" if begun else "blank" if raw.count(b"\xff") == len(raw) else "broken",
                str(len(sector.slots)) if begun else "-",
                used_share(raw),
                str(sector.sequence // count) if begun else "-",
            )
        )
    return Table("Sectors", ("AREA", "SECTOR", "STATE", "ENTRIES", "USED", "ERASED"), tuple(rows))


def records_in(image: bytes, shape: NvsShape) -> MemoryView | None:
    """The records of a lock in an NVS area, when it is one of ours."""
    if shape.geometry.sector_count < 3:  # noqa: PLR2004 - `FlashMap` asks for as many.
        return None
    memory = open_records_image(image, shape.geometry, shape.settings)
    has_records = any(True for _ in memory.records())
    return view_of(memory, clock_s=0) if has_records and not memory.damaged_count else None
