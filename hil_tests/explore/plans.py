"""Random fault plans: a few knobs at a time, of sizes that a lock meets in a bad week.

Most runs of a campaign have one or two things going wrong. A plan in which everything fails at
once finds little: nothing ever gets far enough to be interrupted in an interesting place.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

Knobs = dict[str, Any]


def _share(most: float) -> Callable[[random.Random], Knobs]:
    """A probability up to a bound, rounded so that it reads well in a report."""
    return lambda draw: {"": round(draw.uniform(0.01, most), 3)}


def _named(**fixed: Callable[[random.Random], Any]) -> Callable[[random.Random], Knobs]:
    return lambda draw: {name: choose(draw) for name, choose in fixed.items()}


def _of(*choices: Any) -> Callable[[random.Random], Any]:
    return lambda draw: draw.choice(choices)


# Knobs that go together, each with how to choose them.
RADIO: Final[Mapping[str, Callable[[random.Random], Knobs]]] = MappingProxyType(
    {
        "ble_loss": _share(0.5),
        "ble_connection_interval_s": _named(ble_connection_interval_s=_of(0.03, 0.1, 0.5)),
        "ble_disconnect": _share(0.1),
        "ble_disconnect_at_op": _named(ble_disconnect_at_op=lambda draw: draw.randint(1, 40)),
        "ble_mtu_max": _named(ble_mtu_max=_of(23, 48, 100)),
        "ble_notification_loss": _share(0.1),
        "ble_notification_duplicate": _share(0.1),
        "ble_advertisement_loss": _share(0.5),
        "ble_slots_full": _named(ble_slots_full=_of(True)),
        "ble_out_of_range": _named(ble_out_of_range=_of(True)),
    }
)
DEVICE: Final[Mapping[str, Callable[[random.Random], Knobs]]] = MappingProxyType(
    {
        "device_reset": _share(0.2),
        "device_hang": _named(
            device_hang=lambda draw: round(draw.uniform(0.01, 0.1), 3),
            device_hang_s=_of(5.0, 30.0, 300.0),
        ),
        "device_flash_delay_s": _named(device_flash_delay_s=_of(0.05, 1.0, 4.0)),
        "device_no_effect": _share(0.1),
        "device_event_loss": _share(0.5),
        "device_slots_withdrawn": _named(device_slots_withdrawn=_of(1, 20, 245)),
        "device_memory_full": _named(device_memory_full=_of(True)),
        "device_outside_changes_per_day": _named(device_outside_changes_per_day=_of(1.0, 12.0)),
        "clock_drift_ppm": _named(clock_drift_ppm=_of(-20_000.0, -200.0, 200.0, 20_000.0)),
        "clock_steps_per_day": _named(
            clock_steps_per_day=_of(2.0, 24.0), clock_step_s_max=_of(60.0, 7200.0)
        ),
        "power_cuts_per_day": _named(
            power_cuts_per_day=_of(2.0, 48.0), power_cut_s_max=_of(5.0, 900.0)
        ),
        "power_brown_out": _share(0.1),
    }
)


def random_plan(draw: random.Random, *, at_most: int = 3, with_radio: bool = True) -> Knobs:
    """The knobs of a random plan; now and then none.

    Args:
        draw: Where chance comes from.
        at_most: Things that go wrong at once.
        with_radio: Whether the radio may be among them.
    """
    menu = {**DEVICE, **(RADIO if with_radio else {})}
    chosen = draw.sample(list(menu), draw.randint(0, at_most))
    knobs: Knobs = {}
    for name in chosen:
        # A lone probability goes by the name of its entry.
        knobs |= {knob or name: value for knob, value in menu[name](draw).items()}
    return knobs
