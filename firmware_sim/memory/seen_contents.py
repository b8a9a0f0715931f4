"""What mounting many images of one lock has read before."""

from __future__ import annotations

from typing import Final

from firmware_sim.flash.nor import NorFlash, SectorContent
from firmware_sim.flash.nvs import sector_reader
from firmware_sim.flash.nvs_settings import NvsSettings
from firmware_sim.memory.audit_ring import RingSector
from firmware_sim.memory.record_index import RecordIndex, read_index, readable_record
from firmware_sim.memory.records import Record

# Indices that are kept: images of one cut differ in little, and what is older does not come back.
_INDICES_MAX: Final = 64


class SeenContents:
    """What mounting many images of one lock has read before: sectors and records by their bytes.

    Args:
        flash: A flash of that geometry.
        settings: How its NVS is kept.

    Attributes:
        reader: Reads sectors of NVS.
        ring: Sectors of the audit ring.
    """

    __slots__ = ("_indices", "_records", "_write_block", "reader", "ring")

    def __init__(self, flash: NorFlash, settings: NvsSettings) -> None:
        self.reader = sector_reader(flash, settings)
        self._write_block = flash.geometry.write_block
        self.ring: dict[SectorContent, RingSector] = {}
        self._records: dict[bytes, Record | None] = {}
        self._indices: dict[tuple[tuple[int, bytes | None], ...], RecordIndex] = {}

    def index(self, contents: dict[int, bytes | None]) -> RecordIndex:
        """The index of an area's items; the same object for the same items."""
        items = tuple(contents.items())
        found = self._indices.get(items)
        if found is None:
            if len(self._indices) >= _INDICES_MAX:
                self._indices.clear()
            found = self._indices[items] = read_index(contents, self._write_block, self._record)
        return found

    def _record(self, data: bytes) -> Record | None:
        if data not in self._records:
            self._records[data] = readable_record(data)
        return self._records[data]
