"""What hands and the world do to the parts of a lock: door, bolt, cells, plate.

Each input changes what is so, whether the lock has power or not; a lock with power looks at its
sensors at once and writes down what it finds, one without finds it when it boots.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from firmware_sim.errors import HardwareMissing
from firmware_sim.hardware.battery import FULL_PPM, BatteryPack, charge_of_mv, level_of
from firmware_sim.locks import mechanism
from firmware_sim.locks.access_log import LogDraft
from firmware_sim.locks.core import LockCore
from firmware_sim.memory.records import DeviceState
from protocols.doorlock.vocabulary import BatteryLevel, LockState


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HardwareView:
    """What is so at a lock, in plain words.

    Attributes:
        door: "open" or "closed", whether the lock has a sensor or not.
        door_state: What the lock says of it; None without a sensor.
        bolt: "locked", "unlocked" or "not_fully_locked".
        is_blocked: True while something is in the bolt's way.
        is_privacy_thrown: True while the privacy deadbolt is thrown.
        is_escutcheon_off: True while the outer plate is off.
        battery_mv: Millivolts of the cells under the load of the motor.
        battery_charge: What is left of them, 0 to 1.
        battery_level: "ok", "low", "critical" or "too_low".
        jump_mv: Millivolts at the jump terminals; 0 = nothing is held there.
    """

    door: str
    door_state: str | None
    bolt: str
    is_blocked: bool
    is_privacy_thrown: bool
    is_escutcheon_off: bool
    battery_mv: int
    battery_charge: float
    battery_level: str
    jump_mv: int


class LockHardware:
    """The parts of one lock, as hands reach them.

    Args:
        core: The lock.
        catch_up: Does what is due by an instant of loop seconds.
        supply: Goes on with other cells; it starts or stops the processor where they make it.
    """

    __slots__ = ("_catch_up", "_core", "_supply")

    def __init__(
        self,
        core: LockCore,
        *,
        catch_up: Callable[[float], None],
        supply: Callable[[BatteryPack, float], None],
    ) -> None:
        self._core = core
        self._catch_up = catch_up
        self._supply = supply

    def view(self, now: float) -> HardwareView:
        """What is so."""
        core, state = self._core, self._core.state
        at_us = core.rtc.true_us(now)
        door = mechanism.door_state(state, core.profile, at_us)
        return HardwareView(
            door="open" if state.door.is_open else "closed",
            door_state=None if door is None else door.name.lower(),
            bolt=state.bolt.seen(at_us).name.lower(),
            is_blocked=state.bolt.is_blocked,
            is_privacy_thrown=state.is_privacy_thrown,
            is_escutcheon_off=state.is_escutcheon_off,
            battery_mv=state.battery.under_motor_mv(core.profile.battery, at_us),
            battery_charge=state.battery.charge_ppm(at_us) / FULL_PPM,
            battery_level=self._battery_level(at_us).name.lower(),
            jump_mv=state.battery.jump_mv,
        )

    # --- the door ---------------------------------------------------------------------------

    def open_door(self, now: float) -> None:
        """Open the door, by force if its bolt is thrown."""
        self._move_door(True, now)

    def close_door(self, now: float) -> None:
        """Close the door; a relock that waited for it happens now."""
        self._move_door(False, now)

    def _move_door(self, is_open: bool, now: float) -> None:  # noqa: FBT001 - as `Door` has it.
        at_us = self._begin(now)
        state = self._core.state
        state = dataclasses.replace(state, door=state.door.moved(is_open, at_us))
        if state.relock_at_us:
            # It waited: what was due meanwhile is due when the door closes.
            due_us = max(state.relock_at_us, at_us)
            state = dataclasses.replace(state, relock_at_us=due_us)
        self._change(state, now)
        # Noted without a sensor too: it is what happened, not what the lock knows.
        self._core.trace.record("door", state=state.door.state(at_us).name)
        self._catch_up(now)

    # --- the bolt ---------------------------------------------------------------------------

    def turn_bolt(self, position: LockState, now: float) -> None:
        """Turn the bolt by hand, from inside; one that is there, or on the way, is left alone.

        Args:
            position: LOCKED, UNLOCKED, or NOT_FULLY_LOCKED for half-way.
            now: Loop seconds.
        """
        at_us = self._begin(now)
        core = self._core
        if core.state.bolt.position is position:
            return
        state, drafts = mechanism.turned(core.state, core.profile, position, at_us)
        self._change(state, now, drafts)
        core.trace.record("bolt", position=state.bolt.position.name)

    def jam(self, is_blocked: bool, now: float) -> None:  # noqa: FBT001 - `jam(True)` says it.
        """Put something in the bolt's way, or take it away."""
        self._begin(now)
        state = self._core.state
        blocked = state.bolt.blocked(is_blocked)
        self._change(dataclasses.replace(state, bolt=blocked), now)
        self._core.trace.record("jam", is_blocked=is_blocked)

    def throw_privacy(self, is_thrown: bool, now: float) -> None:  # noqa: FBT001 - as `jam`.
        """Throw the privacy deadbolt from inside, or withdraw it.

        Raises:
            HardwareMissing: When the lock has none.
        """
        if not self._core.profile.privacy_deadbolt:
            raise HardwareMissing("privacy deadbolt")
        self._begin(now)
        state = self._core.state
        self._change(dataclasses.replace(state, is_privacy_thrown=is_thrown), now)
        self._core.trace.record("privacy", is_thrown=is_thrown)

    def remove_escutcheon(self, is_off: bool, now: float) -> None:  # noqa: FBT001 - as `jam`.
        """Take the outer plate off, or put it back."""
        self._begin(now)
        state = self._core.state
        self._change(dataclasses.replace(state, is_escutcheon_off=is_off), now)
        self._core.trace.record("escutcheon", is_off=is_off)

    # --- the battery ------------------------------------------------------------------------

    def check_cells(self) -> None:
        """Nothing, for a lock with cells.

        Raises:
            HardwareMissing: When it is wired, and so has no jump terminals either.
        """
        if self._core.state.battery.is_wired:
            raise HardwareMissing("battery: it is wired")

    def set_charge(self, charge_ppm: int, now: float) -> None:
        """Let the cells have so much left, parts per million.

        Raises:
            HardwareMissing: When the lock is wired.
        """
        self.check_cells()
        at_us = self._begin(now)
        state = self._core.state
        battery = state.battery.charged(min(max(charge_ppm, 0), FULL_PPM), at_us)
        self._change(dataclasses.replace(state, battery=battery), now)
        self._core.trace.record("battery", charge_ppm=charge_ppm)

    def set_battery_mv(self, mv: int, now: float) -> None:
        """Let the cells have so many millivolts under the load of the motor.

        Raises:
            HardwareMissing: When the lock is wired.
        """
        self.set_charge(charge_of_mv(self._core.profile.battery, mv), now)

    def jump(self, mv: int, now: float) -> None:
        """Hold a battery of so many millivolts to the jump terminals; 0 = take it away.

        Raises:
            HardwareMissing: When the lock is wired.
        """
        self.check_cells()
        at_us = self._begin(now)
        battery = self._core.state.battery.at(at_us)
        self._core.trace.record("jump", mv=mv)
        self._supply(dataclasses.replace(battery, jump_mv=mv), now)

    def browns_out(self, load_ma: int, now: float) -> bool:
        """True when a load would pull the supply down so far that the processor resets.

        It changes nothing and draws nothing, so a flash model may ask it before each operation.

        Args:
            load_ma: Milliamperes of the load, such as `STALL_MA` of a motor that starts or stalls.
            now: Loop seconds.
        """
        core = self._core
        at_us = core.rtc.true_us(now)
        return core.state.battery.browns_out(core.profile.battery, load_ma, at_us)

    # --- inside -----------------------------------------------------------------------------

    def _begin(self, now: float) -> int:
        self._catch_up(now)
        return self._core.rtc.true_us(now)

    def _change(self, state: DeviceState, now: float, drafts: tuple[LogDraft, ...] = ()) -> None:
        """Make something so, and let a lock with power notice it."""
        core = self._core
        found: tuple[LogDraft, ...] = ()
        if state.is_powered:
            state, found = mechanism.notice(state, core.profile, core.rtc.true_us(now))
        if state != core.state or drafts or found:
            core.commit(state, [*drafts, *found], now)

    def _battery_level(self, at_us: int) -> BatteryLevel:
        facts = self._core.profile.battery
        return level_of(facts, self._core.state.battery.under_motor_mv(facts, at_us))
