"""Power goes while a lock is being programmed: no cut leaves a code that opens too widely."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import pytest

import hil_tests.bench
from firmware_sim.device import DeviceSpec
from firmware_sim.errors import DevicePoweredOff
from firmware_sim.hardware.rtc import ClockOnPowerLoss
from firmware_sim.locks.firmware import LockFirmware
from hil_tests.fixtures import BenchFactory
from hil_tests.sim_bench import SimBench
from hil_tests.suites.steps import create_code, enter, list_codes, slot_of
from protocols.strike import messages as m

NATIVE: Final = "gym"
JIT: Final = "bike-room"
CODE: Final = "482915"
OLD_CODE: Final = "111222"
WINDOW: Final = {"starts_at": "2025-07-10T12:20:00Z", "ends_at": "2025-07-10T13:00:00Z"}
WRITES: Final = (m.SetUser, m.SetCredential, m.SetYearDaySchedule, m.ClearCredential)

Step = Callable[[SimBench], Awaitable[Any]]


async def nothing(bench: SimBench) -> None:
    del bench


async def wide_open(bench: SimBench) -> None:
    """A code that opens at any time, until it gets a window."""
    await create_code(bench, NATIVE, code=CODE)


async def open_on_jit(bench: SimBench) -> None:
    await create_code(bench, JIT, code=CODE)


async def other_window(bench: SimBench) -> None:
    """Another code, in a window that is open now and over when the new one begins."""
    await create_code(bench, NATIVE, code=OLD_CODE, ends_at="2025-07-10T12:10:00Z")


async def other_start(bench: SimBench) -> None:
    """Another code that is written, but disabled until later."""
    window = {"starts_at": "2025-07-10T12:25:00Z", "ends_at": "2025-07-10T20:00:00Z"}
    await create_code(bench, JIT, code=OLD_CODE, **window)


async def native(bench: SimBench) -> None:
    await create_code(bench, NATIVE, code=CODE, **WINDOW)


async def just_in_time(bench: SimBench) -> None:
    await create_code(bench, JIT, code=CODE, **WINDOW)


def moved(device: str, **more: Any) -> Step:
    async def step(bench: SimBench) -> None:
        [code] = await list_codes(bench, device)
        await bench.call(
            "/access_codes/update",
            access_code_id=code["access_code_id"],
            **{"type": "time_bound", **WINDOW, **more},
        )

    return step


class PowerCut:
    """Cuts a lock's power right after the n-th write that it took, before it can answer."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._victim: str | None = None
        self._bench: SimBench | None = None
        self.seen = 0

    def arm(self, bench: SimBench, device: str) -> None:
        self._bench, self._victim = bench, device

    @property
    def has_fallen(self) -> bool:
        return self.seen >= self._number

    def strike(self, firmware: LockFirmware, message: object, now: float) -> None:
        if self._bench is None or self._victim is None or not isinstance(message, WRITES):
            return
        if firmware is not self._bench.bench.device(self._victim).firmware:
            return
        self.seen += 1
        if self.seen == self._number:
            firmware.power(False, now)
            self._bench.bench.world.radio(self._victim, in_range=False)
            raise DevicePoweredOff("cut by the test")

    async def mend(self) -> None:
        """Power and radio are back."""
        assert self._bench is not None
        assert self._victim is not None
        world = self._bench.bench.world
        await world.power(self._victim, False)
        world.radio(self._victim, in_range=True)
        await world.power(self._victim, True)


@pytest.fixture
def cut() -> Iterator[Callable[[int], PowerCut]]:
    with pytest.MonkeyPatch.context() as patch:
        handle = LockFirmware.handle

        def make(number: int) -> PowerCut:
            one = PowerCut(number)

            def handled(firmware: LockFirmware, message: Any, now: float) -> Any:
                reply = handle(firmware, message, now)
                one.strike(firmware, message, now)
                return reply

            patch.setattr(LockFirmware, "handle", handled)
            return one

        yield make


@pytest.mark.parametrize(
    ("before", "step", "device", "writes"),
    [
        pytest.param(nothing, native, NATIVE, 3, id="native"),
        pytest.param(nothing, just_in_time, JIT, 2, id="just in time"),
        pytest.param(wide_open, moved(NATIVE), NATIVE, 3, id="open gets a window"),
        pytest.param(open_on_jit, moved(JIT), JIT, 2, id="open gets a window, just in time"),
        pytest.param(
            other_window, moved(NATIVE, code=CODE), NATIVE, 4, id="code and window change"
        ),
        pytest.param(
            other_window,
            moved(NATIVE, code=CODE, prefer_native_scheduling=False),
            NATIVE,
            3,
            id="native becomes just in time",
        ),
    ],
)
async def test_cut_between_any_two_writes_leaves_nothing_that_opens_too_early(
    open_bench: BenchFactory,
    cut: Callable[[int], PowerCut],
    before: Step,
    step: Step,
    device: str,
    writes: int,
) -> None:
    for number in range(1, writes + 2):
        async with open_bench() as bench:
            power_cut = cut(number)
            await before(bench)
            power_cut.arm(bench, device)
            await step(bench)
            if number > writes:
                assert power_cut.seen == writes, "there are more writes than were cut"
                continue
            assert power_cut.has_fallen
            # The lock alone: half programmed, and nobody to help it.
            await bench.call("/bench/gateway", on=False)
            await power_cut.mend()
            assert await enter(bench, device, CODE) != "opened"
            await bench.call("/bench/gateway", on=True)
            await bench.advance(to="2025-07-10T12:19:58Z", settle=True)
            assert await enter(bench, device, CODE) != "opened"
            await bench.advance(to="2025-07-10T12:20:02Z", settle=True)
            assert await enter(bench, device, CODE) == "opened"
            await bench.advance(to="2025-07-10T13:00:02Z", settle=True)
            assert await enter(bench, device, CODE) != "opened"


@pytest.mark.parametrize(
    ("before", "step", "device"),
    [
        pytest.param(other_window, moved(NATIVE, code=CODE), NATIVE, id="native"),
        pytest.param(
            other_start,
            moved(JIT, code=CODE, starts_at="2025-07-10T12:00:00Z"),
            JIT,
            id="just in time",
        ),
    ],
)
async def test_cut_between_any_two_writes_lets_no_old_code_into_a_new_window(
    open_bench: BenchFactory,
    cut: Callable[[int], PowerCut],
    before: Step,
    step: Step,
    device: str,
) -> None:
    number, seen = 0, 0
    while number <= seen:
        number += 1
        async with open_bench() as bench:
            power_cut = cut(number)
            await before(bench)
            power_cut.arm(bench, device)
            await step(bench)
            seen = power_cut.seen
            await bench.call("/bench/gateway", on=False)
            await power_cut.mend()
            # The new window is open, the old one is not.
            await bench.advance(to="2025-07-10T12:22:00Z")
            assert await enter(bench, device, OLD_CODE) != "opened"
    assert seen >= 3


async def test_lock_that_was_off_is_programmed_when_its_power_is_back(bench: SimBench) -> None:
    await bench.call(f"/bench/devices/{NATIVE}/power", on=False)
    code = await create_code(bench, NATIVE, code=CODE)
    assert code["status"] == "setting"
    assert bench.slots(NATIVE) == {}
    await bench.advance(seconds=3600)
    await bench.call(f"/bench/devices/{NATIVE}/power", on=True)
    # It was heard at its first advertisement; nobody waits for the next try.
    assert list(bench.slots(NATIVE)) == [CODE]
    assert await enter(bench, NATIVE, CODE) == "opened"


async def test_lock_keeps_its_codes_and_revisions_over_a_power_cycle(bench: SimBench) -> None:
    await create_code(bench, NATIVE, code=CODE)
    before = slot_of(bench, NATIVE, CODE)
    await bench.call(f"/bench/devices/{NATIVE}/power", on=False)
    assert await enter(bench, NATIVE, CODE) == "no_power"
    await bench.advance(seconds=3600)
    await bench.call(f"/bench/devices/{NATIVE}/power", on=True)
    assert slot_of(bench, NATIVE, CODE) == before
    assert await enter(bench, NATIVE, CODE) == "opened"


async def test_lock_that_lost_its_time_admits_nobody_with_a_window_until_it_is_told(
    open_bench: BenchFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec_of = hil_tests.bench._spec

    def forgetful(*device: Any) -> DeviceSpec:
        return dataclasses.replace(spec_of(*device), clock_on_power_loss=ClockOnPowerLoss.LOST)

    monkeypatch.setattr(hil_tests.bench, "_spec", forgetful)
    async with open_bench() as bench:
        await create_code(bench, NATIVE, code=CODE, ends_at="2025-07-10T20:00:00Z")
        await create_code(bench, NATIVE, code="111222")
        assert await enter(bench, NATIVE, CODE) == "opened"
        await bench.call("/bench/gateway", on=False)
        await bench.call(f"/bench/devices/{NATIVE}/power", on=False)
        await bench.call(f"/bench/devices/{NATIVE}/power", on=True)
        assert bench.bench.memory_view(NATIVE)["clock"]["quality"] == "lost"
        # Fail secure, but for who needs no clock.
        assert await enter(bench, NATIVE, CODE) == "outside_schedule"
        assert await enter(bench, NATIVE, "111222") == "opened"
        await bench.call("/bench/gateway", on=True)
        await bench.advance(seconds=1, settle=True)
        assert bench.bench.memory_view(NATIVE)["clock"]["quality"] == "trusted"
        assert await enter(bench, NATIVE, CODE) == "opened"


async def test_lock_whose_power_is_back_is_looked_at_at_once(bench: SimBench) -> None:
    """Its clock may have stood still: it does not wait for the next contact to be put right."""
    await bench.call(f"/bench/devices/{NATIVE}/power", on=False)
    await bench.advance(seconds=60)
    await bench.call(f"/bench/devices/{NATIVE}/power", on=True)
    clock = bench.bench.memory_view(NATIVE)["clock"]
    assert clock["quality"] == "trusted"
