from __future__ import annotations

import asyncio
import math

import pytest

from firmware_sim.errors import AdvanceInProgress, ClockError
from firmware_sim.kernel.advance import Advance, Pacer
from firmware_sim.kernel.clock import WorldClock
from firmware_sim.kernel.loop import SimLoop
from firmware_sim.kernel.pacing import PacedLoop
from firmware_sim.tests.kernel.fake_wall import FakeWall, run_paced

SPEEDS = pytest.mark.parametrize("speed", [0.0, 1.0, 60.0])


def never_settled() -> bool:
    return False


def always_settled() -> bool:
    return True


@SPEEDS
def test_advance_ends_exactly_at_its_target_in_no_wall_time(speed: float) -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        pacer = Pacer(loop, never_settled)
        ticks: list[float] = []
        for hour in range(1, 6):
            loop.call_at(hour * 3_600.0, lambda: ticks.append(loop.time()))
        done = await pacer.advance(seconds=4 * 3_600.0)
        assert done == Advance(target_s=14_400.0, now_s=14_400.0, settled=None, unheld=())
        assert ticks == [3_600.0, 7_200.0, 10_800.0, 14_400.0]
        assert loop.time() == 14_400.0
        assert wall.passed_s == 0.0
        assert not pacer.is_advancing

    run_paced(main, speed=speed)


@SPEEDS
def test_advance_ends_after_work_created_at_the_target_instant(speed: float) -> None:
    async def main(loop: PacedLoop, _wall: FakeWall) -> None:
        pacer = Pacer(loop, always_settled)
        happened: list[str] = []

        async def chain() -> None:
            await asyncio.sleep(10.0)
            happened.append("due")
            for _ in range(20):
                await asyncio.sleep(0)
            loop.call_at(10.0, happened.append, "created there")
            loop.call_at(10.0, lambda: loop.call_later(0.0, happened.append, "created by that"))
            loop.call_at(10.000001, happened.append, "beyond")

        async with asyncio.TaskGroup() as group:
            group.create_task(chain())
            done = await pacer.advance(to_s=10.0)
            assert happened == ["due", "created there", "created by that"]
            assert done.now_s == 10.0

    run_paced(main, speed=speed)


@SPEEDS
def test_advance_leaves_a_new_anchor(speed: float) -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        wall.spend(100.0)
        await Pacer(loop, always_settled).advance(seconds=1_000.0)
        begun_s = loop.time()
        wall.at(130.0, lambda: loop.call_soon_threadsafe(woken.set))
        woken = asyncio.Event()
        await woken.wait()
        assert loop.time() == pytest.approx(begun_s + 30.0 * speed)

    run_paced(main, speed=speed)


def test_advance_when_one_runs_refuses_the_second() -> None:
    async def main(loop: PacedLoop, _wall: FakeWall) -> None:
        pacer = Pacer(loop, always_settled)
        refused: list[float] = []

        async def second() -> None:
            await asyncio.sleep(50.0)
            with pytest.raises(AdvanceInProgress):
                await pacer.advance(seconds=1.0)
            refused.append(loop.time())

        async with asyncio.TaskGroup() as group:
            group.create_task(second())
            done = await pacer.advance(seconds=100.0)
        assert refused == [50.0]
        assert done.now_s == 100.0
        assert (await pacer.advance(seconds=1.0)).now_s == 101.0

    run_paced(main, speed=0.0)


@pytest.mark.parametrize(
    ("seconds", "to_s"),
    [(None, None), (1.0, 11.0), (-1.0, None), (None, 9.0), (math.nan, None), (None, math.inf)],
)
def test_advance_to_the_past_or_to_no_time_is_refused(
    seconds: float | None, to_s: float | None
) -> None:
    async def main(loop: PacedLoop, _wall: FakeWall) -> None:
        pacer = Pacer(loop, always_settled)
        await pacer.advance(to_s=10.0)
        with pytest.raises(ClockError):
            await pacer.advance(seconds=seconds, to_s=to_s)
        assert loop.time() == 10.0
        assert (await pacer.advance(to_s=10.0)).now_s == 10.0

    run_paced(main, speed=0.0)


def test_advance_to_now_as_it_is_told_in_milliseconds_stays_where_it_is() -> None:
    async def main(loop: PacedLoop, _wall: FakeWall) -> None:
        clock = WorldClock(loop, 1_752_148_800_000)
        pacer = Pacer(loop, always_settled)
        await pacer.advance(to_s=10.000_9)
        told_s = clock.loop_s(clock.now_ms())
        assert told_s < 10.000_9
        assert (await pacer.advance(to_s=told_s)).now_s == 10.000_9
        with pytest.raises(ClockError):
            await pacer.advance(to_s=told_s - 0.001)

    run_paced(main, speed=0.0)


def test_advance_with_settle_runs_on_until_settled() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        is_done = asyncio.Event()
        loop.call_at(17.5, is_done.set)
        loop.call_at(18.0, lambda: None)
        done = await Pacer(loop, is_done.is_set).advance(to_s=10.0, settle=True)
        assert done == Advance(target_s=10.0, now_s=17.5, settled=True, unheld=())
        assert loop.time() == 17.5
        assert wall.passed_s == 0.0

    run_paced(main, speed=1.0)


def test_advance_with_settle_when_settled_at_the_target_ends_there() -> None:
    async def main(loop: PacedLoop, _wall: FakeWall) -> None:
        done = await Pacer(loop, always_settled).advance(to_s=10.0, settle=True)
        assert done == Advance(target_s=10.0, now_s=10.0, settled=True, unheld=())

    run_paced(main, speed=0.0)


def test_advance_with_settle_when_it_never_settles_ends_at_the_limit() -> None:
    async def main(loop: PacedLoop, _wall: FakeWall) -> None:
        done = await Pacer(loop, never_settled).advance(to_s=10.0, settle=True)
        assert done == Advance(target_s=10.0, now_s=130.0, settled=False, unheld=())

    run_paced(main, speed=0.0)


def test_settled_is_judged_only_when_nothing_is_ready() -> None:
    async def main(loop: PacedLoop, _wall: FakeWall) -> None:
        is_busy = False

        def judge() -> bool:
            assert not is_busy
            return loop.time() >= 12.0

        async def work() -> None:
            nonlocal is_busy
            await asyncio.sleep(11.0)
            is_busy = True
            for _ in range(10):
                await asyncio.sleep(0)
            is_busy = False
            await asyncio.sleep(1.0)

        async with asyncio.TaskGroup() as group:
            group.create_task(work())
            done = await Pacer(loop, judge).advance(to_s=10.0, settle=True)
        assert done.now_s == 12.0

    run_paced(main, speed=0.0)


@SPEEDS
def test_advance_waits_for_outward_work_at_the_instant_it_went_out(speed: float) -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        pacer = Pacer(loop, always_settled)
        back_at: list[float] = []

        def send() -> None:
            hold = loop.hold(30.0, lambda: None)

            def bring_back() -> None:
                back_at.append(loop.time())
                hold.release()

            wall.at(wall.passed_s + 2.0, lambda: loop.call_soon_threadsafe(bring_back))

        loop.call_at(5.0, send)
        # Sent at the target itself: still waited for.
        loop.call_at(10.0, send)
        done = await pacer.advance(to_s=10.0, settle=True)
        assert back_at == [5.0, 10.0]
        assert done.now_s == 10.0
        assert wall.passed_s == pytest.approx(4.0)

    run_paced(main, speed=speed)


def test_advance_names_far_ends_that_it_could_not_hold() -> None:
    async def main(loop: PacedLoop, _wall: FakeWall) -> None:
        pacer = Pacer(loop, always_settled)

        async def visit() -> None:
            await asyncio.sleep(5.0)
            with pacer.unheld("broker b"):
                await asyncio.sleep(100.0)

        async with asyncio.TaskGroup() as group:
            group.create_task(visit())
            with pacer.unheld("broker a"):
                done = await pacer.advance(to_s=10.0)
            assert done.unheld == ("broker a", "broker b")
            assert (await pacer.advance(to_s=20.0)).unheld == ("broker b",)
            await pacer.advance(to_s=200.0)
        assert (await pacer.advance(to_s=200.0)).unheld == ()

    run_paced(main, speed=0.0)


def test_advance_when_cancelled_leaves_time_where_it_came_to() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        pacer = Pacer(loop, always_settled)
        async with asyncio.TaskGroup() as group:
            advancing = group.create_task(pacer.advance(seconds=1_000.0))
            loop.call_at(300.0, advancing.cancel)
        assert loop.time() == 300.0
        assert not pacer.is_advancing
        await asyncio.sleep(1.0)
        assert wall.passed_s == pytest.approx(1.0)

    run_paced(main, speed=1.0)


def test_requests_during_an_advance_are_served_at_the_instant_reached() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        pacer = Pacer(loop, never_settled)
        served: list[tuple[float, bool]] = []

        async def request() -> None:
            served.append((loop.time(), await pacer.settle()))
            served.append((loop.time(), pacer.is_advancing))

        def begin(group: asyncio.TaskGroup) -> None:
            group.create_task(request())

        async with asyncio.TaskGroup() as group:
            # As the edge thread hands a request over while the advance is under way.
            loop.call_at(40.0, lambda: loop.call_soon_threadsafe(begin, group))
            done = await pacer.advance(to_s=100.0)
        assert served == [(40.0, False), (40.0, True)]
        assert done.now_s == 100.0
        assert wall.passed_s == 0.0

    run_paced(main, speed=0.0)


def test_settle_at_speed_zero_moves_time_until_settled_and_no_further() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        is_done = asyncio.Event()
        loop.call_at(3.25, is_done.set)
        fired: list[float] = []
        loop.call_at(4.0, lambda: fired.append(loop.time()))
        assert await Pacer(loop, is_done.is_set).settle()
        assert loop.time() == 3.25
        wall.at(50.0, lambda: loop.call_soon_threadsafe(woken.set))
        woken = asyncio.Event()
        await woken.wait()
        assert loop.time() == 3.25
        assert fired == []

    run_paced(main, speed=0.0)


def test_settle_when_settled_already_moves_no_time() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        assert await Pacer(loop, always_settled).settle()
        assert loop.time() == 0.0
        assert wall.waits == []

    run_paced(main, speed=0.0)


def test_settle_when_it_never_settles_ends_at_the_limit() -> None:
    async def main(loop: PacedLoop, _wall: FakeWall) -> None:
        assert not await Pacer(loop, never_settled).settle(limit_s=7.0)
        assert loop.time() == 7.0

    run_paced(main, speed=0.0)


def test_settle_when_several_ask_serves_each_by_its_own_limit() -> None:
    async def main(loop: PacedLoop, _wall: FakeWall) -> None:
        pacer = Pacer(loop, lambda: loop.time() >= 20.0)
        ended: list[tuple[float, bool]] = []

        async def request(limit_s: float) -> None:
            settled = await pacer.settle(limit_s=limit_s)
            ended.append((loop.time(), settled))

        async with asyncio.TaskGroup() as group:
            loop.call_at(20.0, lambda: None)
            group.create_task(request(30.0))
            group.create_task(request(5.0))
            group.create_task(request(25.0))
        assert ended == [(5.0, False), (20.0, True), (20.0, True)]
        assert loop.time() == 20.0

    run_paced(main, speed=0.0)


def test_settle_at_other_speeds_waits_for_the_wall() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        is_done = asyncio.Event()
        loop.call_at(3.0, is_done.set)
        assert await Pacer(loop, is_done.is_set).settle()
        assert wall.passed_s == pytest.approx(3.0)

    run_paced(main, speed=1.0)


def test_settle_when_an_advance_begins_goes_along_and_ends_with_it_at_the_latest() -> None:
    async def main(loop: PacedLoop, _wall: FakeWall) -> None:
        pacer = Pacer(loop, never_settled)
        ended: list[tuple[float, bool]] = []

        async def request() -> None:
            settled = await pacer.settle()
            ended.append((loop.time(), settled))

        async def late_advance() -> Advance:
            await asyncio.sleep(10.0)
            return await pacer.advance(to_s=50.0)

        async with asyncio.TaskGroup() as group:
            group.create_task(request())
            advancing = group.create_task(late_advance())
        assert advancing.result().now_s == 50.0
        assert ended == [(50.0, False)]
        assert loop.time() == 50.0

    run_paced(main, speed=0.0)


async def test_pacer_on_the_plain_virtual_loop_works_the_same() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimLoop)
    is_done = asyncio.Event()
    loop.call_at(13.0, is_done.set)
    pacer = Pacer(loop, is_done.is_set)
    assert (await pacer.advance(to_s=10.0)).now_s == 10.0
    assert await pacer.settle()
    assert loop.time() == 13.0
