"""A bench: simulated devices, their radio and a gateway, on one virtual loop.

The bench joins the two sides of the wire that may not know one another: it gives the gateway a
bleak backend onto the simulated air, the keypad of the simulated locks, the clock that everything
shares, and a way to wait until devices have caught up. It can switch the gateway off, or let it
crash, while the devices go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from starlette.types import ASGIApp

from firmware_sim import errors as simulation
from firmware_sim.device import ADVERTISING_INTERVAL_MS, Device, DeviceSpec
from firmware_sim.kernel.clock import WorldClock
from firmware_sim.kernel.loop import SimLoop
from firmware_sim.kernel.streams import Streams
from firmware_sim.kernel.trace import Trace
from firmware_sim.locks.outcome import KeypadOutcome
from firmware_sim.memory.flash_map import FlashArea
from firmware_sim.memory.view import as_document
from firmware_sim.radio.backend import bleak_backend
from firmware_sim.world import World
from gateway.app import Gateway
from gateway.config import ApiConfig, DeviceConfig, GatewayConfig, StoreConfig, WorkspaceConfig
from gateway.errors import GatewayError
from gateway.ports import Edge
from gateway.profiles import load_profiles
from gateway.zones import posix_zone
from hil_tests import bench_hardware
from hil_tests.bench_clock import BenchClock, Progress
from hil_tests.bench_faults import plan_of
from hil_tests.bench_file import BenchDevice, BenchFile
from hil_tests.errors import BenchError, GatewayUnusable, UnknownDevice
from protocols.doorlock.zone import parse_zone
from protocols.profiles.parser import Profile

# Centrals of the gateway's simulated adapter. One would serialise connects: a controller waits
# for one advertisement at a time.
CENTRALS: Final = 4
# A device that is on the air again is heard within one advertising interval.
HEARD_WITHIN_S: Final = ADVERTISING_INTERVAL_MS / 1000


def _forget(now_ms: int) -> None:
    """Take note of nothing."""
    del now_ms


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BenchSetting:
    """What a bench stands on.

    Attributes:
        loop: The virtual loop, paced or not.
        seed: Seed of all randomness of this run.
        trace: The trace of this run.
        clock: True time.
        edge: The gateway's way to the outside.
        api_key: Opens the API and the bench routes.
        store_url: Where the gateway keeps what it knows.
        device_dir: Where devices keep their memories; None keeps them in this process only.
        on_moved: Called with each bench instant, in milliseconds, before anybody is told of it.
    """

    loop: SimLoop
    seed: int
    trace: Trace
    clock: WorldClock
    edge: Edge
    api_key: str = dataclasses.field(repr=False)
    store_url: str = dataclasses.field(repr=False)
    device_dir: Path | None = None
    on_moved: Callable[[int], None] = _forget


class Bench:
    """One bench; an async context manager, single-use.

    Args:
        file: What stands on it.
        setting: What it stands on.
    """

    def __init__(self, file: BenchFile, setting: BenchSetting) -> None:
        self.file = file
        self._setting = setting
        self._streams = Streams(setting.seed)
        self.world = World(
            setting.loop,
            self._streams,
            setting.trace,
            setting.clock,
            radio=file.bench.radio,
            state_dir=setting.device_dir,
        )
        profiles = {**load_profiles(), **{own.profile_id: own for own in file.profiles}}
        for device in file.devices:
            self.world.add(_spec(device, profiles))
        self._centrals = self.world.air.adapter(CENTRALS)
        self.clock = BenchClock(setting.loop, setting.clock, self._progress, setting.on_moved)
        self._gateway: Gateway | None = None
        # Two gateways on one store would be two minds: who switches, switches alone.
        self._switching = asyncio.Lock()
        self._tasks = asyncio.TaskGroup()
        self._exits = contextlib.AsyncExitStack()

    # --- life -----------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self._exits.__aenter__()
        await self._exits.enter_async_context(self.world)
        self._tasks = await self._exits.enter_async_context(asyncio.TaskGroup())
        self._exits.push_async_callback(self.stop_gateway)
        try:
            await self.start_gateway()
        except BaseException:
            await self._exits.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exits.__aexit__(kind, error, trace)

    # --- the gateway ----------------------------------------------------------------------

    @property
    def gateway_is_on(self) -> bool:
        """Whether the gateway runs."""
        return self._gateway is not None

    @property
    def gateway_asgi(self) -> ASGIApp | None:
        """The gateway's HTTP application; None while it is off."""
        return None if self._gateway is None else self._gateway.asgi

    async def start_gateway(self) -> None:
        """Switch the gateway on and let it settle; on already, nothing happens.

        Raises:
            GatewayUnusable: When it does not start, such as with a damaged store.
        """
        async with self._switching:
            if self._gateway is not None:
                return
            self._gateway = await self._opened_gateway()
            self._setting.trace.record("gateway", "started")
        await self.clock.settle()

    async def _opened_gateway(self) -> Gateway:
        gateway = Gateway(
            self._gateway_config(),
            clock=self._setting.clock,
            edge=self._setting.edge,
            randomness=self._streams,
            settling=self.clock,
            ble_backend=bleak_backend(self._centrals),
            keypad=BenchKeypad(self.world),
            store_inline=True,
        )
        try:
            await gateway.__aenter__()
        except GatewayError as error:
            raise GatewayUnusable(f"the gateway does not start: {error}") from error
        self._tasks.create_task(gateway.run(), name="gateway")
        return gateway

    async def stop_gateway(self) -> None:
        """Switch the gateway off: its tasks end, its links drop, its store is closed."""
        async with self._switching:
            gateway, self._gateway = self._gateway, None
            if gateway is not None:
                await gateway.aclose()
                self._setting.trace.record("gateway", "stopped")

    async def crash_gateway(self) -> None:
        """Let the gateway end as a killed process does, and its adapter with it.

        Nothing more is committed, and no device hears a goodbye: a lock that was connected
        notices by its own time-out.
        """
        async with self._switching:
            gateway, self._gateway = self._gateway, None
            if gateway is not None:
                self._centrals.vanish()
                await gateway.crash()
                self._setting.trace.record("gateway", "crashed")

    @property
    def sessions_running(self) -> int:
        """Sessions of the gateway with devices at this moment; 0 while it is off."""
        return 0 if self._gateway is None else self._gateway.reconciler.running_count

    def unfinished_devices(self) -> frozenset[str]:
        """Ids of the devices with an entry that is due and not confirmed; none while it is off."""
        if self._gateway is None:
            return frozenset()
        return frozenset(each.device_id for each in self._gateway.reconciler.unfinished())

    def _gateway_config(self) -> GatewayConfig:
        setting = self._setting
        return GatewayConfig(
            api=ApiConfig(key=setting.api_key),
            store=StoreConfig(url=setting.store_url),
            workspace=WorkspaceConfig(name=self.file.bench.name, is_sandbox=True),
            policy=self.file.policy,
            profiles=self.file.profiles,
            devices=tuple(
                DeviceConfig(
                    name=device.name,
                    profile=device.profile,
                    moniker=f"ble:{device.address}",
                    device_id=device.device_id,
                    display_name=device.display_name,
                    time_zone=device.time_zone,
                )
                for device in self.file.devices
            ),
        )

    def _progress(self) -> Progress | None:
        return None if self._gateway is None else self._gateway.reconciler

    # --- the people at the bench ------------------------------------------------------------

    def device(self, name: str) -> Device:
        """The device of a bench name, display name or device id.

        Raises:
            UnknownDevice: When there is none.
        """
        try:
            return self.world.device(name)
        except simulation.UnknownDevice:
            raise UnknownDevice(name) from None

    def device_views(self) -> list[dict[str, Any]]:
        """What stands on the bench, as JSON."""
        return [
            {
                "name": device.spec.name,
                "display_name": device.spec.display_name,
                "device_id": device.spec.device_id,
                "profile": device.spec.profile.profile_id,
                "address": device.spec.address,
                "is_powered": device.firmware.is_powered,
                "is_in_range": device.peripheral.is_in_range,
            }
            for device in self.world.devices
        ]

    def memory_view(self, name: str) -> dict[str, Any]:
        """What a device holds, as JSON, PINs included.

        Raises:
            UnknownDevice: When there is no such device.
        """
        return as_document(self.world.memory(self.device(name).spec.name))

    async def enter(self, name: str, digits: str) -> KeypadOutcome:
        """Type at a keypad; returns when the gateway has heard of it.

        Raises:
            UnknownDevice: When there is no such device.
            BenchError: When the door has no keypad.
        """
        spec = self.device(name).spec
        if not spec.profile.has_keypad:
            raise BenchError(f"{spec.name} has no keypad: {spec.profile.display_name}")
        outcome = self.world.keypad(spec.name, digits)
        await self.clock.settle()
        return outcome

    async def handle(self, name: str, body: Mapping[str, Any]) -> None:
        """Do something to the parts of a device; see `bench_hardware`.

        Raises:
            UnknownDevice: When there is no such device.
            BenchError: When it is nothing that can be done.
        """
        bench_name = self.device(name).spec.name
        bench_hardware.check(body)
        await bench_hardware.apply(self.world, bench_name, body)
        await self.clock.settle(after_s=HEARD_WITHIN_S)

    def hardware_view(self, name: str) -> dict[str, Any]:
        """What is so at a device, as JSON.

        Raises:
            UnknownDevice: When there is no such device.
        """
        return bench_hardware.view(self.world, self.device(name).spec.name)

    async def set_power(self, name: str, *, on: bool) -> None:
        """Cut a device's power or give it back.

        Raises:
            UnknownDevice: When there is no such device.
        """
        await self.world.power(self.device(name).spec.name, on)
        await self.clock.settle(after_s=HEARD_WITHIN_S if on else 0.0)

    def flash(self, name: str, area: FlashArea | None) -> bytes:
        """An image of a device's flash, or of one area of it.

        Raises:
            UnknownDevice: When there is no such device.
        """
        return self.world.flash(self.device(name).spec.name, area)

    async def load_flash(self, name: str, image: bytes, area: FlashArea | None) -> None:
        """Put an image into a device's flash, or into one area of it, and cycle its power.

        Raises:
            UnknownDevice: When there is no such device.
            FlashError: When it does not fit, or no lock could come up from it.
            MemoryRefused: When it has no room for the first thing that a lock would write.
        """
        await self.world.load_flash(self.device(name).spec.name, image, area)
        await self.clock.settle(after_s=HEARD_WITHIN_S)

    def faults(self, name: str) -> dict[str, bool | int | float]:
        """The knobs of a device's fault plan that are not zero.

        Raises:
            UnknownDevice: When there is no such device.
        """
        return self.world.faults(self.device(name).spec.name).knobs()

    async def set_faults(self, name: str, knobs: Mapping[str, Any]) -> None:
        """Replace a device's fault plan: the knobs that are given, all others zero.

        Raises:
            UnknownDevice: When there is no such device.
            BenchError: When there is no such knob, or it has no such value.
        """
        device = self.device(name)
        plan = plan_of(knobs)
        self.world.set_faults(device.spec.name, plan)
        await self.clock.settle()

    async def set_in_range(self, name: str, *, in_range: bool) -> None:
        """Move a device into radio range or out of it.

        Raises:
            UnknownDevice: When there is no such device.
        """
        self.world.radio(self.device(name).spec.name, in_range)
        await self.clock.settle(after_s=HEARD_WITHIN_S if in_range else 0.0)


class BenchKeypad:
    """The keypads of simulated locks, for Seam's simulation routes.

    Args:
        world: The devices.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    async def enter(self, device_id: str, digits: str) -> bool:
        """See `gateway.ports.KeypadSimulator`."""
        return self._world.enter_code(device_id, digits).opened


def _spec(device: BenchDevice, profiles: Mapping[str, Profile]) -> DeviceSpec:
    if device.device_id is None or device.display_name is None or device.address is None:
        raise BenchError(f"device {device.name} was not completed: read it with read_bench")
    zone_name = device.lock_time_zone or device.time_zone
    return DeviceSpec(
        name=device.name,
        device_id=device.device_id,
        display_name=device.display_name,
        address=device.address,
        profile=profiles[device.profile],
        drift_ppm=device.drift_ppm,
        utc_offset_min=device.utc_offset_min,
        clock_error_s=device.clock_error_s,
        clock_on_power_loss=device.clock_on_power_loss,
        temperature_c=device.temperature_c,
        zone=None if zone_name is None else parse_zone(posix_zone(zone_name)),
        dst_rule=device.dst_rule,
        faults=device.faults,
    )
