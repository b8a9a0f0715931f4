"""The sectors of an NVS area, the place where writing goes on, and the writes of every kind.

What is here knows nothing of when to collect; `nvs_collect` and `nvs_mount` decide that.
"""

from __future__ import annotations

from firmware_sim.flash.errors import FlashMisused, NvsEraseFailed
from firmware_sim.flash.nor import NorFlash
from firmware_sim.flash.nvs_entry import (
    ENTRY_BYTES,
    NO_PART,
    SPECIAL_ID,
    Entry,
    decode_entry,
    encode_entry,
)
from firmware_sim.flash.nvs_sector import (
    OFFSET_MASK,
    SECTOR_SHIFT,
    ClosedSectors,
    SectorReader,
    SectorReading,
    SectorShape,
    aligned,
)
from firmware_sim.flash.nvs_settings import NvsSettings

# One open and one empty sector.
_SECTORS_MIN = 2
# Offsets are 16 bits wide.
_SECTOR_BYTES_MAX = 1 << SECTOR_SHIFT
# Zephyr's NVS_BLOCK_SIZE: the buffer through which it copies.
_WRITE_BLOCK_MAX = 32


class NvsArea:
    """Some sectors of a flash that are kept as one NVS.

    A sector of the area is one sector of the flash: for an area whose sectors are several erase
    pages, give the flash that sector size.

    Args:
        flash: The part.
        settings: How the area is kept.
        first_sector: Its first sector in the flash.
        sector_count: How many there are.
        reader: What reads its sectors; shared between the images of a sweep.

    Attributes:
        sector: The sector that is being written.
        entry_at: Offset of the next entry's slot in it.
        data_at: Offset of the next data in it.
        addresses: Address (sector and offset) of the newest entry of each id: the lookup cache.
        trusts_blank: Whether the sector that is kept empty is taken as it reads.
    """

    __slots__ = (
        "addresses",
        "data_at",
        "entry_at",
        "first_sector",
        "flash",
        "reader",
        "sector",
        "sector_count",
        "settings",
        "shape",
        "trusts_blank",
    )

    def __init__(
        self,
        flash: NorFlash,
        settings: NvsSettings,
        *,
        first_sector: int,
        sector_count: int,
        reader: SectorReader | None,
    ) -> None:
        geometry = flash.geometry
        if sector_count < _SECTORS_MIN or first_sector + sector_count > geometry.sector_count:
            raise FlashMisused(
                first_sector * geometry.sector_size, f"{sector_count} sectors are no NVS area"
            )
        if geometry.sector_size > _SECTOR_BYTES_MAX or geometry.write_block > _WRITE_BLOCK_MAX:
            raise FlashMisused(0, "NVS takes sectors to 64 KiB and write blocks to 32 bytes")
        self.flash = flash
        self.settings = settings
        self.first_sector = first_sector
        self.sector_count = sector_count
        self.reader = reader or SectorReader(reader_shape(flash), settings)
        self.shape = self.reader.shape
        self.sector = 0
        self.entry_at = 0
        self.data_at = 0
        self.addresses: dict[int, int] = {}
        self.trusts_blank = True

    def after(self, sector: int) -> int:
        """The next sector, in a ring."""
        return (sector + 1) % self.sector_count

    def reading(self, sector: int) -> SectorReading:
        """What a sector's bytes say."""
        return self.reader.read(sector, self.flash.sector(self.first_sector + sector))

    def read(self, address: int, offset: int, length: int) -> bytes:
        """Bytes at an offset of the sector in which an address is."""
        return self.flash.read(self._start(address >> SECTOR_SHIFT) + offset, length)

    def program_again(self, address: int, offset: int, data: bytes) -> None:
        """Program bytes at an offset of the sector in which an address is, as they were read."""
        self.flash.program(self._start(address >> SECTOR_SHIFT) + offset, data)

    def entry_of(self, item_id: int) -> tuple[int, Entry] | None:
        """The newest entry of an id, with its address."""
        address = self.addresses.get(item_id)
        if address is None:
            return None
        at = address & OFFSET_MASK
        entry = decode_entry(self.read(address, at, ENTRY_BYTES))
        if entry is None or entry.item_id != item_id or entry.offset + entry.length > at:
            # Its bits have rotted since: as for Zephyr, the one before it counts.
            self.look_up()
            return self.entry_of(item_id)
        return address, entry

    def readings(self) -> list[SectorReading]:
        """What the bytes of every sector say."""
        first = self.first_sector
        return self.reader.read_all(self.flash.snapshot()[first : first + self.sector_count])

    def walk(self) -> tuple[SectorReading, ...]:
        """The closed sectors that a search passes, newest first, without the open one."""
        passed = []
        readings = self.readings()
        # Those before the open one, then those behind it: the ring, backwards.
        for reading in (readings[self.sector + 1 :] + readings[: self.sector])[::-1]:
            if not reading.is_closed:
                break
            passed.append(reading)
        return tuple(passed)

    def closed(self) -> ClosedSectors:
        """What those say together."""
        return self.reader.merge(self.walk())

    def look_up(self) -> None:
        """Find the newest entry of every id anew."""
        here = self.reading(self.sector)
        self.addresses = self.closed().addresses | self._addresses_of(here)

    def _addresses_of(self, here: SectorReading) -> dict[int, int]:
        """Address of the newest entry of each id in the open sector."""
        if here.write_point.entry_at == self.entry_at:
            return here.all_addresses
        return here.addresses(self.entry_at + self.shape.slot)

    def contents(self) -> dict[int, bytes | None]:
        """All items by id; None stands for data that do not fit their CRC-32."""
        contents = self.closed().contents.copy()
        here = self.reading(self.sector)
        data = here.data_at
        for item_id, address in self._addresses_of(here).items():
            if address in data:
                contents[item_id] = data[address]
            else:  # A delete has none.
                contents.pop(item_id, None)
        return contents

    def has_room(self, length: int) -> bool:
        """Whether so many bytes, and the entries that they need, fit before the next entry.

        The slot at offset 0 is never used: the next one would be in another sector.
        """
        return self.entry_at >= self.data_at + length and self.entry_at > 0

    def write_data(self, data: bytes) -> None:
        """Program data, filled up to whole blocks."""
        length = aligned(len(data), self.shape.block)
        if data:
            self.flash.program(
                self._start(self.sector) + self.data_at, data.ljust(length, b"\xff")
            )
        self.data_at += length

    def write_entry(self, item_id: int, offset: int, length: int, part: int = NO_PART) -> None:
        """Program an entry in the next slot."""
        raw = encode_entry(item_id, offset, length, part)
        self.flash.program(
            self._start(self.sector) + self.entry_at, raw.ljust(self.shape.slot, b"\xff")
        )
        self.addresses[item_id] = self.sector << SECTOR_SHIFT | self.entry_at
        self.entry_at -= self.shape.slot

    def write_done(self) -> None:
        """Mark that what is copied is complete, if there is room for the mark."""
        if self.entry_at >= self.data_at + self.shape.slot:
            self.write_entry(SPECIAL_ID, self.data_at, 0)

    def close(self) -> None:
        """Close the sector and go to the next one, which is empty.

        Raises:
            NvsEraseFailed: When that had to be erased once more, and is worn out.
        """
        following = self.after(self.sector)
        if not self.trusts_blank:
            # Before the close entry: with that, a mount would take it for the open sector.
            self.erase(following)
            self.trusts_blank = True
        self._program_close(self.sector, self.entry_at + self.shape.slot)
        self.begin(following)

    def close_again(self, closed: SectorReading) -> None:
        """Program a close entry once more: cells on their way to 0 get there."""
        self._program_close(closed.index, closed.newest_at)

    def _program_close(self, sector: int, newest_at: int) -> None:
        """Program a close entry; where bits are cleared already, they stay so."""
        at = self._start(sector) + self.shape.close_at
        raw = encode_entry(SPECIAL_ID, newest_at, 0).ljust(self.shape.slot, b"\xff")
        held = self.flash.read(at, self.shape.slot)
        both = int.from_bytes(raw, "little") & int.from_bytes(held, "little")
        self.flash.program(at, both.to_bytes(self.shape.slot, "little"))

    def begin(self, sector: int) -> None:
        """Write on at the start of a sector."""
        self.sector = sector
        self.entry_at = self.shape.first_at
        self.data_at = 0

    def erase(self, sector: int) -> None:
        """Erase a sector, and forget what is in it.

        Raises:
            NvsEraseFailed: When it is not blank afterwards.
        """
        for item_id in [
            item_id
            for item_id, address in self.addresses.items()
            if address >> SECTOR_SHIFT == sector
        ]:
            del self.addresses[item_id]
        self.flash.erase(self.first_sector + sector)
        if self.flash.sector(self.first_sector + sector) is not None:
            raise NvsEraseFailed(self.first_sector + sector)

    def _start(self, sector: int) -> int:
        return (self.first_sector + sector) * self.shape.size


def reader_shape(flash: NorFlash) -> SectorShape:
    """The shape of an area's sectors on that part."""
    return SectorShape.of(flash.geometry.sector_size, flash.geometry.write_block)
