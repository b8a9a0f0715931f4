"""Tables of what is in an image of a flash, for people, and the same as documents."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from firmware_sim.flash.nor import NorFlash, sector_bytes
from firmware_sim.flash.nvs_sector import SectorReading, SectorShape
from firmware_sim.flash.nvs_settings import NvsSettings
from firmware_sim.memory.flash_map import FlashArea

Row = tuple[str, ...]
# Things of an image by name, each with its fields: what two images are compared by.
Things = dict[str, dict[str, str]]

# Bytes of an item's data that a table shows.
_HEX_BYTES_MAX: Final = 24


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """A table with its title."""

    title: str
    header: Row
    rows: tuple[Row, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class ImageView:
    """What is in an image.

    Attributes:
        summary: One sentence.
        tables: For people.
        document: For programs.
        things: For comparing.
    """

    summary: str
    tables: tuple[Table, ...]
    document: Mapping[str, Any]
    things: Things


def hex_of(data: bytes | None) -> str:
    """The first bytes of an item; None is one that is damaged."""
    if data is None:
        return "damaged"
    more = " ..." if len(data) > _HEX_BYTES_MAX else ""
    return data[:_HEX_BYTES_MAX].hex(" ") + more


def documents(table: Table) -> list[dict[str, str]]:
    """A table's rows by their header."""
    names = [name.lower() for name in table.header]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def nvs_rows(flash: NorFlash, first: int, count: int, settings: NvsSettings) -> list[Row]:
    """The sectors of an NVS area: area, number, state, entries, share in use, no wear."""
    shape = SectorShape.of(flash.geometry.sector_size, flash.geometry.write_block)
    rows: list[Row] = []
    for number in range(count):
        raw = sector_bytes(flash.sector(first + number), shape.size)
        reading = SectorReading(raw, number, shape, settings)
        state = "blank" if reading.is_blank else "closed" if reading.is_closed else "open"
        entries = "-" if reading.is_blank else str(len(reading.all_entries))
        rows.append(
            (FlashArea.NVS.value, str(first + number), state, entries, used_share(raw), "-")
        )
    return rows


def used_share(raw: bytes) -> str:
    """The share of a sector that is not erased."""
    return f"{100 - 100 * raw.count(0xFF) // len(raw):d} %" if raw.count(0xFF) < len(raw) else "-"


def without_blank_runs(table: Table, *, column: int) -> Table:
    """A table of sectors with each run of blank ones in one row: numbers are in that column."""
    rows: list[Row] = []
    for row in table.rows:
        before = rows[-1] if rows else ()
        same = [*before[:column], *before[column + 1 :]] == [*row[:column], *row[column + 1 :]]
        if same and "blank" in row:
            first = before[column].partition("-")[0]
            rows[-1] = (*row[:column], f"{first}-{row[column]}", *row[column + 1 :])
        else:
            rows.append(row)
    return Table(table.title, table.header, tuple(rows))
