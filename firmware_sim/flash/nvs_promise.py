"""What an NVS has promised: every write that returned is kept, the one in progress or the old."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator

from firmware_sim.flash.errors import NvsFull
from firmware_sim.flash.nor import NorFlash
from firmware_sim.flash.nvs import Nvs, sector_reader
from firmware_sim.flash.nvs_settings import LOCK_SETTINGS, NvsSettings
from firmware_sim.flash.power_cut import Cut, Recording, Violation, ViolationKind, record

# What an area holds, by id. None is data that do not fit their checksum.
Contents = dict[int, bytes | None]


@dataclasses.dataclass(frozen=True, slots=True)
class NvsWrite:
    """One step of a workload: an item is written, or deleted when the data are empty."""

    item_id: int
    data: bytes = dataclasses.field(default=b"", repr=False)


class NvsPromise:
    """The contents after each step of a workload, to check images of a power cut against.

    Args:
        flash: A part of the geometry; its content does not matter.
        settings: How the area is kept.
        states: The contents before the first step, and after each.
    """

    def __init__(
        self, flash: NorFlash, settings: NvsSettings, states: tuple[Contents, ...]
    ) -> None:
        self.settings = settings
        self.states = states
        self._reader = sector_reader(flash, settings)

    def mount(self, flash: NorFlash) -> Nvs:
        """Mount an image; sectors that were seen before are not parsed again."""
        return Nvs(flash, self.settings, reader=self._reader)

    def check(self, nvs: Nvs, cut: Cut) -> Iterable[Violation]:
        """What of the promise is broken in a mounted image.

        All of the steps that returned must have come about, and of the next one all or nothing.
        """
        return self.violations(nvs.contents(), cut.answered)

    def violations(self, held: Contents, answered: int) -> tuple[Violation, ...]:
        """What of the promise is broken by these contents, after so many steps have returned."""
        promised = self.states[answered : answered + 2]
        if held in promised:
            return ()
        return tuple(_violations(held, promised[0], promised[-1]))

    def check_and_write_on(self, nvs: Nvs, cut: Cut) -> Iterable[Violation]:
        """As `check`; then the device goes on writing, and must keep all of that too.

        The step in progress is done once more, and every item is deleted and put back.
        """
        held = nvs.contents()
        broken = tuple(self.check(nvs, cut))
        if broken:
            return broken
        flash = nvs.flash
        for item_id, data in held.items():
            if data is not None:
                nvs.delete(item_id)
                nvs.write(item_id, data)
        return tuple(_violations(self.mount(flash).contents(), held, held))


def _violations(held: Contents, before: Contents, after: Contents) -> Iterator[Violation]:
    for item_id in sorted(held.keys() | before.keys() | after.keys()):
        data = held.get(item_id, b"")
        allowed = (before.get(item_id, b""), after.get(item_id, b""))
        if data in allowed:
            continue
        if data is None:
            kind = ViolationKind.DAMAGED
        elif data == b"":
            kind = ViolationKind.LOST
        elif not before.get(item_id):
            kind = ViolationKind.RETURNED
        else:
            kind = ViolationKind.CHANGED
        yield Violation(kind, item_name(item_id))


def item_name(item_id: int) -> str:
    """What a violation calls an item."""
    return f"item {item_id:#06x}"


def record_nvs(
    flash: NorFlash, writes: Iterable[NvsWrite], settings: NvsSettings = LOCK_SETTINGS
) -> tuple[Recording, NvsPromise]:
    """Mount an area, do the writes, and give what to sweep and what to check against.

    A write for which there is no room changes nothing that was promised.
    """
    nvs = Nvs(flash, settings)
    states = [nvs.contents()]

    def step(write: NvsWrite) -> None:
        contents = dict(states[-1])
        try:
            nvs.write(write.item_id, write.data)
        except NvsFull:
            pass
        else:
            contents.pop(write.item_id, None)
            if write.data:
                contents[write.item_id] = write.data
        states.append(contents)

    recording = record(flash, [functools.partial(step, write) for write in writes])
    return recording, NvsPromise(flash, settings, tuple(states))
