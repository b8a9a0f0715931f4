"""Which Zephyr NVS this is: the generation of its collector, its recovery, its data checksum."""

from __future__ import annotations

import dataclasses
import enum
from typing import Final


class Generation(enum.Enum):
    """How a collected sector is copied; either reads the images of the other.

    Before Zephyr PR #102946 (2026) every copied entry starts at a write block, the GC-done entry
    follows, and the write that caused the collection comes last. Since then copied data lie back
    to back, and that write is committed inside the collection, before the GC-done entry, whose
    room it may take.
    """

    ALIGNED = "aligned"
    PACKED = "packed"


class Recovery(enum.Enum):
    """How mounting finds a sector's newest entry, where no close entry tells of it.

    *Strict* (before Zephyr PR #103698, 2026): the search stops short of the slot whose address
    equals the data's end, which is the one that is kept for a delete. *Fixed* (since then): it
    looks there too. *Settled*: the same, with three things that no Zephyr does. The search ends at
    the first erased slot, and it takes for an entry only what has its data behind those of the
    entry before it, as every write has: Zephyr's goes on into data whose own entry was never
    written, and takes what looks like an entry there for the newest one. And while the sector
    after a closed one is still blank, the close entry is programmed once more, so that its cells
    can't read as erased at a later power-up; that is the subject of Zephyr PR #103452, which was
    not merged. Every Zephyr reads what this one writes.
    """

    STRICT = "strict"
    FIXED = "fixed"
    SETTLED = "settled"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NvsSettings:
    """How an area is kept. The defaults are what a lock needs, not what a tree ships with.

    * ``generation`` is *aligned*: the packed collector may leave out the GC-done entry. If the
      erase that follows is then interrupted half-way, the next mount takes the good copy for
      unfinished, erases it, and collects what is left of the old sector: codes are lost.
    * ``recovery`` is *settled*. The strict one never reads a delete in the reserved slot of a
      sector whose close entry was torn, and the older entry counts again: a revoked code opens
      the door. Under the fixed one, data that a cut left without their entry can be taken for an
      entry themselves, which deletes or damages another item, or has it written over; and a close
      entry whose cells read as written at one power-up and as erased at the next makes that next
      one throw away what has been copied: codes are lost.
    * ``data_crc`` is on (Zephyr's Kconfig has it off): bits that rot in a record give an error,
      so that the lock refuses, where they would otherwise give another code or a wider window.
      It costs four bytes an item; images with and without are not compatible.
    * ``erases_bad_area`` is off, as in Zephyr: an area whose every sector is closed is no NVS, and
      a lock must not forget its codes in silence.

    Two things that no setting mends: an area of a lock has at least three sectors, since of two,
    none of which is closed, an erase that ends inside the slot of a first entry makes the wrong
    one the open one; and cells that a cut left unstable may read as erased, be written over, and
    read otherwise later. The data CRC turns the second into an error.

    Attributes:
        generation: How a collected sector is copied.
        recovery: How the newest entry of a torn sector is found.
        data_crc: Whether every item ends with the CRC-32 of its data (`CONFIG_NVS_DATA_CRC`).
        erases_bad_area: Whether mounting wipes an area that has no open sector
            (`CONFIG_NVS_INIT_BAD_MEMORY_REGION`).
    """

    generation: Generation = Generation.ALIGNED
    recovery: Recovery = Recovery.SETTLED
    data_crc: bool = True
    erases_bad_area: bool = False


LOCK_SETTINGS: Final = NvsSettings()
