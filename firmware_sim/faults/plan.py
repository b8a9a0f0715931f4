"""The fault plan of a device: every knob there is, all of them zero by default.

Probabilities lie between 0 and 1 and are drawn anew at every occasion, from the device's own
stream, so a plan on one device moves no draw of another. Rates are mean occasions a day of bench
time.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Final

from firmware_sim.errors import FaultPlanInvalid

# The least ATT MTU that Bluetooth allows (Core, vol 3, part F, 3.2.8), and the largest in use.
_ATT_MTU_MIN: Final = 23
_ATT_MTU_MAX: Final = 517


# No operation of a connection and no slot of a lock has a higher number.
_COUNT_MAX: Final = 0xFFFF
# Ten days: longer than any outage is worth modelling as one.
_SPAN_S_MAX: Final = 864_000.0
# Once a second; whatever happens more often is not told apart.
_RATE_MAX: Final = 86_400.0


def _knob(default: float = 0.0, *, low: float = 0.0, high: float | None = None) -> Any:
    """A number of the plan with its bounds, both included."""
    return dataclasses.field(default=default, metadata={"low": low, "high": high})


def _probability() -> Any:
    return _knob(high=1.0)


def _count() -> Any:
    return _knob(0, high=_COUNT_MAX)


def _span() -> Any:
    return _knob(high=_SPAN_S_MAX)


def _rate() -> Any:
    return _knob(high=_RATE_MAX)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """What goes wrong with one device.

    Attributes:
        ble_connection_interval_s: Seconds between connection events; frames wait for the next.
        ble_loss: Probability that a frame gets lost in one connection event; the link layer sends
            it again in the next, and a frame that can't get through within the supervision
            timeout ends the connection.
        ble_drop: Probability that a data frame vanishes above the link layer, as in buggy stacks.
        ble_disconnect: Probability that the connection ends at an ATT operation.
        ble_disconnect_at_op: The ATT operation of every connection, from 1, at which it ends;
            0 = none.
        ble_mtu_max: Largest ATT MTU that the device agrees to; 0 = its own.
        ble_notification_loss: Probability that a notification is not delivered.
        ble_notification_duplicate: Probability that a notification is delivered twice.
        ble_corrupt: Probability that a bit of a written or notified value is flipped.
        ble_stale_gatt_cache: True when the handles have moved without Service Changed.
        ble_slots_full: True when the device accepts no connection: its slots are all taken.
        ble_bond_lost: True when the device has forgotten the keys of every bond.
        ble_rssi_dbm: Signal strength that receivers report of it; 0 = the usual.
        ble_out_of_range: True when nothing of it is heard.
        ble_advertisement_loss: Probability that a receiver misses an advertisement.
        device_reset: Probability that the processor resets instead of answering a request.
        device_hang: Probability that the firmware hangs at a request.
        device_hang_s: Seconds that a hang lasts; then the watchdog resets it.
        device_flash_delay_s: Seconds that a change of the memory takes.
        device_no_effect: Probability that a write is answered "done" and not done.
        device_event_loss: Probability that an event is not told; the log has it all the same.
        device_slots_withdrawn: PIN slots that the device says it has no more, from the end.
        device_memory_full: True when every new record is refused with RESOURCE_EXHAUSTED.
        device_outside_changes_per_day: Rate at which somebody changes or deletes a code at the
            keypad of the lock.
        clock_drift_ppm: Parts per million added to how fast the clock runs.
        clock_steps_per_day: Rate at which the clock jumps.
        clock_step_s_max: Largest jump, seconds, either way.
        power_cuts_per_day: Rate at which main power goes.
        power_cut_s_max: Longest time without power, seconds.
        power_brown_out: Probability that power goes in the middle of a flash operation.
    """

    ble_connection_interval_s: float = _knob(high=4.0)
    ble_loss: float = _probability()
    ble_drop: float = _probability()
    ble_disconnect: float = _probability()
    ble_disconnect_at_op: int = _count()
    ble_mtu_max: int = _knob(0, high=_ATT_MTU_MAX)
    ble_notification_loss: float = _probability()
    ble_notification_duplicate: float = _probability()
    ble_corrupt: float = _probability()
    ble_stale_gatt_cache: bool = False
    ble_slots_full: bool = False
    ble_bond_lost: bool = False
    ble_rssi_dbm: int = _knob(0, low=-127, high=20)
    ble_out_of_range: bool = False
    ble_advertisement_loss: float = _probability()
    device_reset: float = _probability()
    device_hang: float = _probability()
    device_hang_s: float = _span()
    device_flash_delay_s: float = _span()
    device_no_effect: float = _probability()
    device_event_loss: float = _probability()
    device_slots_withdrawn: int = _count()
    device_memory_full: bool = False
    device_outside_changes_per_day: float = _rate()
    clock_drift_ppm: float = _knob(low=-50_000.0, high=50_000.0)
    clock_steps_per_day: float = _rate()
    clock_step_s_max: float = _span()
    power_cuts_per_day: float = _rate()
    power_cut_s_max: float = _span()
    power_brown_out: float = _probability()

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            wanted = type(field.default)
            if not _is_a(value, wanted):
                raise FaultPlanInvalid(field.name, f"is no {_WORDS[wanted]}")
            if isinstance(value, float) and math.isnan(value):
                raise FaultPlanInvalid(field.name, "is not a number")
            low, high = field.metadata.get("low"), field.metadata.get("high")
            if low is not None and value < low:
                raise FaultPlanInvalid(field.name, f"is below {low:g}")
            if high is not None and value > high:
                raise FaultPlanInvalid(field.name, f"is above {high:g}")
        if 0 < self.ble_mtu_max < _ATT_MTU_MIN:
            raise FaultPlanInvalid("ble_mtu_max", f"is below {_ATT_MTU_MIN}, the least there is")

    def knobs(self) -> dict[str, bool | int | float]:
        """The knobs that are not zero, by name, in the order of the plan."""
        fields = dataclasses.fields(self)
        values = {field.name: getattr(self, field.name) for field in fields}
        return {name: value for name, value in values.items() if value}


_WORDS: Final = {bool: "true or false", int: "whole number", float: "number"}


def _is_a(value: object, wanted: type) -> bool:
    """Whether a value is of that kind; a whole number is a number, true is none."""
    if isinstance(value, bool):
        return wanted is bool
    return isinstance(value, wanted) or (wanted is float and isinstance(value, int))


# Nothing goes wrong; compared by identity on fast paths.
NO_FAULTS: Final = FaultPlan()
