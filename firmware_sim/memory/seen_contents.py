"""What mounting many images of one lock has read before."""

from __future__ import annotations

from firmware_sim.flash.nor import NorFlash, SectorContent
from firmware_sim.flash.nvs import sector_reader
from firmware_sim.flash.nvs_settings import NvsSettings
from firmware_sim.memory.audit_ring import RingSector
from firmware_sim.memory.record_layout import decode_record
from firmware_sim.memory.records import Record
from protocols.doorlock.digest import RecordKey
from protocols.errors import MalformedFrame


class SeenContents:
    """What mounting many images of one lock has read before: sectors and records by their bytes.

    Args:
        flash: A flash of that geometry.
        settings: How its NVS is kept.

    Attributes:
        reader: Reads sectors of NVS.
        ring: Sectors of the audit ring.
    """

    __slots__ = ("_records", "reader", "ring")

    def __init__(self, flash: NorFlash, settings: NvsSettings) -> None:
        self.reader = sector_reader(flash, settings)
        self.ring: dict[SectorContent, RingSector] = {}
        self._records: dict[bytes, Record | None] = {}

    def record(self, data: bytes) -> Record | None:
        """A record from its bytes in flash; None when they are none."""
        if data not in self._records:
            self._records[data] = readable_record(data)
        return self._records[data]


def readable_record(data: bytes) -> Record | None:
    """A record from its bytes in flash; None when they are none that this version knows."""
    try:
        stored = decode_record(data)
        key = RecordKey(stored.kind, stored.index, stored.sub_index)
        return Record.stored(key, stored.revision, stored.form, stored.content)
    except (MalformedFrame, KeyError):
        return None
