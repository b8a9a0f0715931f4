"""What a lock does to its NVS, from a seed: PIN slots are set, replaced and revoked.

One slot is one item; to revoke it is to delete the item. How full the area is, how long records
are and how often one is revoked differ from seed to seed, since defects of a format hide in
sectors that are filled to the last byte.
"""

from __future__ import annotations

import dataclasses
import random
from typing import Final

from firmware_sim.flash.nor import FlashGeometry
from firmware_sim.flash.nvs_entry import ENTRY_BYTES
from firmware_sim.flash.nvs_promise import NvsWrite
from firmware_sim.flash.nvs_sector import DATA_CRC_BYTES, aligned
from firmware_sim.kernel.streams import derive_seed

# Bytes of a slot's record: of one length where a firmware writes a struct, else of several. A
# lock's records are at most 48 bytes long.
_LENGTHS: Final = (
    (12,),
    (16,),
    (48,),
    (24, 32),
    (12, 16, 20, 24, 28, 32, 36, 40, 44, 48),
)
# Share of the room that living records take, and of steps that revoke: from, to.
_FULL: Final = (0.5, 1.0)
_REVOKES: Final = (0.1, 0.5)


@dataclasses.dataclass(frozen=True, slots=True)
class SlotWorkload:
    """A workload.

    Attributes:
        filled: What the area holds before the first step, in the order in which it is written.
        steps: Writes; those without data revoke.
    """

    filled: tuple[NvsWrite, ...]
    steps: tuple[NvsWrite, ...]


def slot_workload(
    seed: int, geometry: FlashGeometry, *, steps: int, slots_max: int
) -> SlotWorkload:
    """The workload of a seed.

    Args:
        seed: Its seed.
        geometry: The area's shape.
        steps: How many writes there are.
        slots_max: The most slots that the lock has.
    """
    stream = random.Random(derive_seed(seed, "slots"))  # noqa: S311 - a workload, no secrets.
    lengths = stream.choice(_LENGTHS)
    full, revokes = stream.uniform(*_FULL), stream.uniform(*_REVOKES)
    entry = aligned(ENTRY_BYTES, geometry.write_block)
    # One sector is always empty, and each keeps the room of its close, done and delete entries.
    room = (geometry.sector_count - 1) * (geometry.sector_size - 3 * entry)
    record = entry + DATA_CRC_BYTES + sum(lengths) // len(lengths)
    slots = max(1, min(slots_max, int(room * full) // record))
    filled = [
        NvsWrite(slot, stream.randbytes(stream.choice(lengths))) for slot in range(1, slots + 1)
    ]
    made = []
    for _ in range(steps):
        slot = stream.randrange(1, slots + 1)
        length = 0 if stream.random() < revokes else stream.choice(lengths)
        made.append(NvsWrite(slot, stream.randbytes(length)))
    return SlotWorkload(tuple(filled), tuple(made))
