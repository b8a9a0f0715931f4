"""Fault plans at the devices of a world: whose plan holds, and who carries it out.

A device gets fault points and an actor of its own with its first plan; before that it shares what
all healthy devices share. Radios that faults switch are switched in tasks of their own, for that
takes turns of the loop.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

from firmware_sim.faults.actor import FaultActor
from firmware_sim.faults.plan import NO_FAULTS, FaultPlan
from firmware_sim.faults.points import QUIET, DeviceFaults, FaultTrace
from firmware_sim.kernel.alarm import TimerLoop
from firmware_sim.kernel.streams import Streams
from firmware_sim.locks.firmware import LockFirmware


class SwitchedRadio(Protocol):
    """The part of a radio that troubles need; one with `set_faults` is told of plans too."""

    async def power_on(self) -> None:
        """Boot the radio."""

    async def power_off(self) -> None:
        """Let the air fall silent."""


class TroubledDevice(Protocol):
    """A device, as its troubles see it."""

    actor: FaultActor | None

    @property
    def firmware(self) -> LockFirmware:
        """What it does."""

    @property
    def peripheral(self) -> SwitchedRadio:
        """Its radio."""


class Troubles:
    """Keeps the fault plans of one world.

    Args:
        loop: Whose time runs.
        streams: Each device draws from two streams of its own.
    """

    def __init__(self, loop: TimerLoop, streams: Streams) -> None:
        self._loop = loop
        self._streams = streams
        # Radios that faults switch; open while the world is.
        self._tasks: asyncio.TaskGroup | None = None

    async def begin(self) -> None:
        """The world begins."""
        self._tasks = await asyncio.TaskGroup().__aenter__()

    async def end(self) -> None:
        """The world ends: no radio is switched any more, once those on their way are."""
        tasks, self._tasks = self._tasks, None
        if tasks is not None:
            await tasks.__aexit__(None, None, None)

    def set_plan(
        self, device: TroubledDevice, name: str, plan: FaultPlan, trace: FaultTrace
    ) -> None:
        """Have a device go wrong by a plan from now on.

        Args:
            device: The device.
            name: Its bench name: names its streams.
            plan: The plan; it replaces the one before whole.
            trace: Where it notes what goes wrong.

        Raises:
            StateFileError: When the clock's new anchor could not be persisted.
        """
        faults = device.firmware.faults
        if faults is QUIET:
            stream = self._streams.stream(f"{name}/fault-points")
            faults = DeviceFaults(NO_FAULTS, stream, trace)
            victim = _Victim(device, self._loop.time, self._switch_radio)
            rates = self._streams.stream(f"{name}/fault-rates")
            device.actor = FaultActor(victim, faults, self._loop, rates)
        device.firmware.obey(faults, plan, self._loop.time())
        if device.actor is not None:
            device.actor.follow(plan)
        to_radio = getattr(device.peripheral, "set_faults", None)
        if to_radio is not None:
            to_radio(plan)
        trace.record("fault_plan", **plan.knobs())

    def _switch_radio(self, device: TroubledDevice) -> None:
        """Have a device's radio on or off, as its firmware runs or not."""
        if self._tasks is not None:
            self._tasks.create_task(_follow(device), name="radio after a fault")


async def _follow(device: TroubledDevice) -> None:
    if device.firmware.is_running:
        await device.peripheral.power_on()
    else:
        await device.peripheral.power_off()


class _Victim:
    """One device as its fault actor sees it (a `firmware_sim.faults.actor.Victim`)."""

    __slots__ = ("_device", "_now", "_switch")

    def __init__(
        self,
        device: TroubledDevice,
        now: Callable[[], float],
        switch: Callable[[TroubledDevice], None],
    ) -> None:
        self._device = device
        self._now = now
        self._switch = switch

    @property
    def is_powered(self) -> bool:
        return self._device.firmware.is_powered

    def cut(self) -> None:
        self._device.firmware.power(False, self._now())

    def restore(self) -> None:
        self._device.firmware.power(True, self._now())

    def restart(self) -> None:
        self._device.firmware.reset(self._now())

    def switch_radio(self) -> None:
        self._switch(self._device)

    def step_clock(self, step_s: float) -> None:
        now = self._now()
        self._device.firmware.disturb_clock(lambda rtc: rtc.when_jumped(step_s, now), now)

    def change_at_keypad(self, stream: random.Random) -> tuple[str, int] | None:
        return self._device.firmware.menu.change(stream)
