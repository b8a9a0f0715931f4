"""Where the areas of a lock lie in its flash: NVS, then the audit ring, then meta (DESIGN D7)."""

from __future__ import annotations

import dataclasses
import enum
from typing import Final

from firmware_sim.flash.errors import FlashMisused
from firmware_sim.flash.nor import FlashGeometry


class FlashArea(enum.StrEnum):
    """An area of the flash; the words of the bench route and the command line."""

    NVS = "nvs"
    AUDIT = "audit"
    META = "meta"


# NVS survives every cut with three sectors or more (see `NvsSettings`), the audit ring erases one
# of its sectors while it writes to another.
_SECTORS_MIN: Final = {FlashArea.NVS: 3, FlashArea.AUDIT: 2, FlashArea.META: 1}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FlashMap:
    """The flash of a lock and its areas, in whole sectors.

    Attributes:
        nvs_bytes: Size of the NVS area.
        audit_bytes: Size of the audit ring.
        meta_bytes: Size of the area that the factory writes.
        sector_bytes: What one erase sets to 0xFF.
        write_block: Bytes of the smallest program.

    Raises:
        FlashMisused: When an area is no whole number of sectors, or has too few.
    """

    nvs_bytes: int = 65_536
    audit_bytes: int = 49_152
    meta_bytes: int = 4_096
    sector_bytes: int = 4_096
    write_block: int = 4

    def __post_init__(self) -> None:
        for area, sectors in _SECTORS_MIN.items():
            size = self._sizes[area]
            if size % self.sector_bytes or size < sectors * self.sector_bytes:
                raise FlashMisused(
                    0, f"area {area} of {size} bytes is not at least {sectors} whole sectors"
                )

    @property
    def geometry(self) -> FlashGeometry:
        """The part that holds all areas."""
        return FlashGeometry(
            sector_size=self.sector_bytes,
            sector_count=sum(self._sizes.values()) // self.sector_bytes,
            write_block=self.write_block,
        )

    def first_sector(self, area: FlashArea) -> int:
        """The first sector of an area."""
        sizes, before = self._sizes, 0
        for other in FlashArea:
            if other is area:
                break
            before += sizes[other]
        return before // self.sector_bytes

    def sector_count(self, area: FlashArea) -> int:
        """How many sectors an area has."""
        return self._sizes[area] // self.sector_bytes

    def offset(self, area: FlashArea) -> int:
        """Where an area begins, in bytes from the start of the flash."""
        return self.first_sector(area) * self.sector_bytes

    def size(self, area: FlashArea) -> int:
        """Bytes of an area."""
        return self._sizes[area]

    @property
    def _sizes(self) -> dict[FlashArea, int]:
        return {
            FlashArea.NVS: self.nvs_bytes,
            FlashArea.AUDIT: self.audit_bytes,
            FlashArea.META: self.meta_bytes,
        }
