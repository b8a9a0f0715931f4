"""Somebody who programs locks past the gateway: users of other types, holidays.

What they write lies in the last slots of a lock, with codes of their own, so it is in nobody's
way; a gateway leaves it alone, and a lock goes by it.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import Final

from firmware_sim.errors import ProcessorDown
from hil_tests.explore.drawn_entry import Ask, EntryDrawer, Near
from hil_tests.explore.model import parts_of
from hil_tests.oracles.sight import look_at
from hil_tests.sim_bench import SimBench
from protocols.doorlock.vocabulary import Status

# Codes that fit every kind of lock that a suite has, and that no gateway makes.
PINS: Final = ("7204915", "7204916")
_HALF: Final = 0.5


class Installer:
    """Works at the locks of a bench.

    Args:
        bench: The bench.
        draw: Where chance comes from.
    """

    def __init__(self, bench: SimBench, draw: random.Random) -> None:
        self._bench = bench
        self._draw = draw

    def work(self, device: str) -> bool:
        """Write something into a lock; whether it took it."""
        sight = look_at(self._bench.bench, device)
        if not sight.is_running:
            return False
        offset = dt.timedelta(minutes=sight.memory.clock.utc_offset_min)
        near = Near(utc=sight.shown, local=sight.shown + offset)
        drawer = EntryDrawer(self._draw, sight.profile, PINS)
        is_holiday = bool(sight.profile.holiday_count) and self._draw.random() < _HALF
        slot = sight.profile.pin_slot_count - self._draw.randint(0, 1)
        newest = max(
            (
                part.revision
                for (kind, index, _), part in parts_of(sight).items()
                if (kind == "holiday") is is_holiday and index == (1 if is_holiday else slot)
            ),
            default=0,
        )
        asks = (
            [drawer.holiday(1, newest + 1, near)]
            if is_holiday
            else drawer.entry(slot, newest + 1, near)
        )
        return all(self._ask(device, ask) for ask in asks)

    def _ask(self, device: str, ask: Ask) -> bool:
        firmware = self._bench.bench.device(device).firmware
        try:
            reply = firmware.handle(ask.request, self._bench.bench.world.now)
        except ProcessorDown:
            return False
        return Status(reply.status) is Status.SUCCESS
