"""A lock's flash in a state file: made at the factory, opened again, kept after every change."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from firmware_sim.errors import StateFileUnusable
from firmware_sim.flash.errors import FlashMisused
from firmware_sim.flash.nor import NorFlash, Operation
from firmware_sim.flash.nvs_settings import LOCK_SETTINGS, NvsSettings
from firmware_sim.memory.flash_journal import encode_frame, encode_snapshot, replay_frame
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.hardware_state import encode_hardware, with_hardware
from firmware_sim.memory.meta import FactoryRecord, flash_map_of, write_factory_record
from firmware_sim.memory.records import DeviceState
from firmware_sim.memory.state_file import StateFile
from protocols.errors import MalformedFrame


def new_memory(
    factory: FactoryRecord, fresh: DeviceState, *, settings: NvsSettings = LOCK_SETTINGS
) -> FlashMemory:
    """The memory of a new lock, kept in this process only.

    Args:
        factory: What the factory writes into it.
        fresh: Its state.
        settings: How its NVS is kept.
    """
    flash_map = flash_map_of(factory)
    flash = NorFlash(flash_map.geometry)
    write_factory_record(flash, flash_map, factory)
    return FlashMemory(
        flash, flash_map, fresh, log_capacity=factory.log_capacity, settings=settings
    )


def open_memory(
    file: StateFile,
    factory: FactoryRecord,
    fresh: DeviceState,
) -> FlashMemory:
    """The memory that a state file holds; that of a new lock when there is no file yet.

    Args:
        file: The device's journal; not loaded yet.
        factory: What the factory writes into a new lock.
        fresh: The state of a new lock.

    Raises:
        StateFileUnusable: When the file can't be read or written, or is none of this device's.
        StateFileDamaged: When something in it does not check out.
        NvsUnmountable: When the NVS area in it is none, or one beyond recovery.
    """
    frames = file.load()
    if frames is None:
        memory = new_memory(factory, fresh)
        memory.keeper = _FileKeeper(file, memory)
        memory.keeper.keep_all(memory.flash, memory.state)
        return memory
    flash_map = flash_map_of(factory)
    flash = NorFlash(flash_map.geometry)
    state = fresh
    try:
        for frame in frames:
            hardware = replay_frame(flash, frame)
            if hardware is not None:
                state = with_hardware(state, hardware)
    except (MalformedFrame, FlashMisused) as error:
        raise StateFileUnusable(
            file.path, "holds a change that does not fit this lock's flash"
        ) from error
    replayed = flash.snapshot()
    memory = FlashMemory(flash, flash_map, state, log_capacity=factory.log_capacity)
    memory.keeper = _FileKeeper(file, memory)
    if flash.snapshot() != replayed:
        # Coming up has mended something, on which all later changes build.
        memory.keeper.keep_all(flash, memory.state)
    return memory


@dataclasses.dataclass(slots=True)
class _FileKeeper:
    """Keeps a memory in a state file."""

    file: StateFile
    memory: FlashMemory
    # What the file says of the hardware; a frame repeats it only when it changed.
    _hardware: bytes = b""

    def keep_change(self, operations: Sequence[Operation], state: DeviceState) -> None:
        """See `FlashKeeper.keep_change`."""
        hardware = encode_hardware(state)
        if self.file.wants_compaction:
            # The flash has the change already, so the new file has it too.
            self.keep_all(self.memory.flash, state)
            return
        self.file.append(
            encode_frame(operations, None if hardware == self._hardware else hardware)
        )
        self._hardware = hardware

    def keep_all(self, flash: NorFlash, state: DeviceState) -> None:
        """See `FlashKeeper.keep_all`."""
        hardware = encode_hardware(state)
        self.file.replace(encode_snapshot(flash, hardware))
        self._hardware = hardware
