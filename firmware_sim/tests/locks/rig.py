"""A lock on a table: firmware, flash and clock, with everything that happens kept."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from firmware_sim.errors import StateFileUnusable
from firmware_sim.flash.nor import NorFlash, Operation
from firmware_sim.hardware.rtc import ClockOnPowerLoss, Rtc
from firmware_sim.locks.core import LockEvent
from firmware_sim.locks.firmware import LockFirmware
from firmware_sim.memory.flash_file import new_memory
from firmware_sim.memory.flash_journal import encode_frame, encode_snapshot, replay_frame
from firmware_sim.memory.flash_map import FlashMap
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.hardware_state import encode_hardware, with_hardware
from firmware_sim.memory.meta import FactoryRecord, factory_record, flash_map_of
from firmware_sim.memory.records import DeviceState
from protocols.doorlock.vocabulary import CredentialType, RecordKind, Status, UserStatus, UserType
from protocols.profiles.parser import Profile, parse_profile
from protocols.strike.messages import (
    ClearCredential,
    ListOccupied,
    LogRecord,
    OccupiedRecord,
    ReadLog,
    SetCredential,
    SetUser,
    SetYearDaySchedule,
    StatusReply,
)

# 2025-07-10T12:00:00Z, seconds since 2000: the demo's morning.
T0_S = 805_464_000
DAY_S = 86_400
PIN = CredentialType.PIN
FROM_THE_START = ListOccupied(after_kind=RecordKind(0), after_index=0, after_sub_index=0)


@functools.cache
def profile(profile_id: str) -> Profile:
    text = resources.files("protocols.profiles").joinpath(f"{profile_id}.toml").read_text()
    return parse_profile(text, source=profile_id)


class NotedTrace:
    """Keeps what a device notes."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, dict[str, Any]]] = []

    def record(self, kind: str, **data: Any) -> None:
        self.noted.append((kind, data))

    def pin_tag(self, code: str) -> str:
        return f"pin#{len(code):04x}"


class Rig:
    """One lock; loop time 0.0 is T0_S of true time."""

    def __init__(
        self,
        profile_id: str = "generic-native",
        *,
        profile_facts: Profile | None = None,
        drift_ppm: float = 0.0,
        error_s: float = 0.0,
        utc_offset_min: int = 0,
        on_power_loss: ClockOnPowerLoss = ClockOnPowerLoss.KEEPS,
    ) -> None:
        self.profile = profile_facts or profile(profile_id)
        self.serial_number = "SN-1"
        self._clock = {
            "world_epoch_us": T0_S * 1_000_000,
            "drift_ppm": drift_ppm,
            "on_power_loss": on_power_loss,
        }
        fresh = Rtc.fresh(
            world_epoch_us=T0_S * 1_000_000,
            now=0.0,
            utc_offset_min=utc_offset_min,
            error_s=error_s,
        )
        self.journal: list[bytes] = []
        self.is_disk_full = False
        self.events: list[LockEvent] = []
        self.log_changes = self.changes = self.resets = 0
        self.trace = NotedTrace()
        self._fresh = DeviceState(clock=fresh)
        self.memory = new_memory(self._factory, self._fresh)
        self.keep_all(self.memory.flash, self.memory.state)
        self._start()

    @property
    def _factory(self) -> FactoryRecord:
        return factory_record(self.profile, serial_number=self.serial_number, salt=bytes(16))

    @property
    def _flash_map(self) -> FlashMap:
        return flash_map_of(self._factory)

    def _start(self) -> None:
        self.memory.keeper = self
        self.rtc = Rtc(self.memory.state.clock, **self._clock)  # type: ignore[arg-type] # a table
        self.firmware = LockFirmware(self, self.memory, self.rtc, self.trace)
        self.firmware.on_event(self.events.append)
        self.firmware.listen(self)

    # --- as the keeper of the memory --------------------------------------------------------

    def keep_change(self, operations: Sequence[Operation], state: DeviceState) -> None:
        if self.is_disk_full:
            raise StateFileUnusable(Path("state"), "No space left on device")
        self.journal.append(encode_frame(operations, encode_hardware(state)))

    def keep_all(self, flash: NorFlash, state: DeviceState) -> None:
        self.journal = list(encode_snapshot(flash, encode_hardware(state)))

    # --- as the listener of the firmware -----------------------------------------------------

    def log_changed(self) -> None:
        self.log_changes += 1

    def changed(self) -> None:
        self.changes += 1

    def was_reset(self) -> None:
        self.resets += 1

    def crash(self) -> None:
        """Forget everything in RAM; go on from what was persisted."""
        flash, state = NorFlash(self._flash_map.geometry), self._fresh
        for frame in self.journal:
            hardware = replay_frame(flash, frame)
            if hardware is not None:
                state = with_hardware(state, hardware)
        self.memory = FlashMemory(
            flash, self._flash_map, state, log_capacity=self.profile.log_capacity
        )
        self._start()

    # --- requests ---------------------------------------------------------------------------

    def ask(self, message: Any, now: float = 0.0) -> Any:
        return self.firmware.handle(message, now)

    def status(self, message: Any, now: float = 0.0) -> Status:
        reply = self.ask(message, now)
        assert isinstance(reply, StatusReply)
        return reply.status

    def program(
        self,
        slot: int,
        code: str,
        *,
        revision: int = 1,
        window: tuple[int, int] | None = None,
        status: UserStatus = UserStatus.OCCUPIED_ENABLED,
        user_type: UserType | None = None,
    ) -> list[StatusReply]:
        """Write an entry as the gateway does: user, schedule, credential."""
        if user_type is None:
            user_type = UserType.YEAR_DAY_SCHEDULE_USER if window else UserType.UNRESTRICTED_USER
        requests: list[Any] = [
            SetUser(
                user_index=slot,
                revision=revision,
                user_status=status,
                user_type=user_type,
                user_name=f"user{slot}",
            )
        ]
        if window is not None:
            requests.append(
                SetYearDaySchedule(
                    year_day_index=1,
                    user_index=slot,
                    revision=revision,
                    start_s=window[0],
                    end_s=window[1],
                )
            )
        requests.append(
            SetCredential(
                credential_type=PIN,
                credential_index=slot,
                revision=revision,
                user_index=slot,
                credential_data=code.encode(),
            )
        )
        return [self.ask(request) for request in requests]

    def clear(self, slot: int, revision: int) -> StatusReply:
        reply = self.ask(
            ClearCredential(credential_type=PIN, credential_index=slot, revision=revision)
        )
        assert isinstance(reply, StatusReply)
        return reply

    def occupied(self) -> list[OccupiedRecord]:
        """All pages of ListOccupied."""
        records: list[OccupiedRecord] = []
        request = FROM_THE_START
        while True:
            page = self.ask(request)
            records += page.records
            if not page.has_more:
                return records
            last = page.records[-1]
            request = ListOccupied(
                after_kind=last.kind, after_index=last.index, after_sub_index=last.sub_index
            )

    def log(self) -> list[LogRecord]:
        """All pages of ReadLog."""
        records: list[LogRecord] = []
        index = 0
        while True:
            page = self.ask(ReadLog(from_index=index))
            records += page.records
            if not page.records or page.records[-1].index + 1 == page.next_index:
                return records
            index = page.records[-1].index + 1

    # --- the door ---------------------------------------------------------------------------

    def enter(self, code: str, now: float = 0.0) -> tuple[bool, str, int | None]:
        """Type a code as this lock wants it typed."""
        outcome = self.firmware.enter(
            code + ("#" if self.profile.variable_code_length else ""), now
        )
        return outcome.opened, outcome.reason.value, outcome.slot
