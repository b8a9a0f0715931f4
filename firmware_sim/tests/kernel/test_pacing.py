from __future__ import annotations

import asyncio
import math
import os
import signal
import threading

import pytest

from firmware_sim.errors import ClockError
from firmware_sim.kernel.pacing import PacedLoop
from firmware_sim.kernel.wall import SystemWall
from firmware_sim.tests.kernel.fake_wall import FakeWall, run_paced


@pytest.mark.parametrize("speed", [0.5, 1.0, 60.0])
def test_time_follows_the_wall_at_its_speed(speed: float) -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        await asyncio.sleep(30.0)
        assert loop.time() == 30.0
        assert wall.passed_s == pytest.approx(30.0 / speed)

    run_paced(main, speed=speed)


@pytest.mark.parametrize("speed", [-1.0, math.inf, math.nan])
def test_speed_when_it_is_none_is_refused(speed: float) -> None:
    with pytest.raises(ClockError, match="speed"):
        PacedLoop(wall=FakeWall(), waiter=FakeWall(), speed=speed)


def test_timers_when_the_loop_is_late_run_in_order_at_their_own_instants() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        ran: list[tuple[str, float]] = []

        def run(name: str) -> None:
            ran.append((name, loop.time()))

        loop.call_at(1.0, wall.spend, 10.0)
        for at_s in (5.0, 2.0, 3.0):
            loop.call_at(at_s, run, f"timer {at_s}")
        loop.call_at(2.0, lambda: loop.call_at(2.5, run, "made on the way"))
        await asyncio.sleep(20.0)
        assert ran == [
            ("timer 2.0", 2.0),
            ("made on the way", 2.5),
            ("timer 3.0", 3.0),
            ("timer 5.0", 5.0),
        ]
        # The lateness is caught up, not added.
        assert wall.passed_s == pytest.approx(20.0)

    run_paced(main, speed=1.0)


def test_timeout_when_the_loop_is_late_does_not_hit_healthy_work() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        loop.call_soon(wall.spend, 100.0)
        async with asyncio.timeout(5.0):
            await asyncio.sleep(4.0)
        assert loop.time() == 4.0

    run_paced(main, speed=1.0)


def test_timeout_when_the_loop_is_late_does_not_overtake_a_chain_of_callbacks() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        async with asyncio.timeout(5.0):
            await asyncio.sleep(4.0)
            wall.spend(100.0)
            for _ in range(1_000):
                await asyncio.sleep(0)
        assert loop.time() == pytest.approx(4.0)

    run_paced(main, speed=1.0)


def test_busy_loop_moves_with_the_wall_up_to_its_next_timer() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        seen: list[float] = []
        fired: list[float] = []
        loop.call_at(2.5, lambda: fired.append(loop.time()))
        for _ in range(4):
            wall.spend(1.0)
            await asyncio.sleep(0)
            seen.append(loop.time())
        assert seen == [1.0, 2.0, 2.0, 2.0]
        assert fired == []
        await loop.run_to(4.0)
        assert fired == [2.5]
        assert wall.passed_s == 4.0

    run_paced(main, speed=1.0)


def test_busy_loop_when_never_idle_serves_its_timers_all_the_same() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        fired: list[float] = []
        loop.call_at(2.0, lambda: fired.append(loop.time()))
        loop.call_at(3.0, lambda: fired.append(loop.time()))
        wall.spend(10.0)
        turns = 0
        while len(fired) < 2:
            await asyncio.sleep(0)
            turns += 1
        assert fired == [2.0, 3.0]
        assert turns < 50_000

    run_paced(main, speed=1.0)


def test_time_at_speed_zero_stands_still() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        woken = asyncio.Event()
        loop.call_later(1e-3, woken.set)
        wall.at(50.0, lambda: loop.call_soon_threadsafe(woken.set))
        await woken.wait()
        assert loop.time() == 0.0
        assert wall.passed_s == 50.0

    run_paced(main, speed=0.0)


def test_timers_due_now_run_at_speed_zero() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        due = asyncio.Event()
        loop.call_later(0.0, due.set)
        await due.wait()
        assert wall.waits == []

    run_paced(main, speed=0.0)


def test_inward_work_runs_at_the_paced_instant_of_its_arrival() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        arrived_at: list[float] = []
        wall.at(3.0, lambda: loop.call_soon_threadsafe(lambda: arrived_at.append(loop.time())))
        await asyncio.sleep(100.0)
        assert arrived_at == [pytest.approx(30.0)]
        assert wall.passed_s == pytest.approx(10.0)

    run_paced(main, speed=10.0)


def test_wall_time_between_runs_is_not_bench_time() -> None:
    wall = FakeWall()
    loop = PacedLoop(wall=wall, waiter=wall, speed=1.0)
    loop.run_until_complete(asyncio.sleep(1.0))
    wall.spend(500.0)
    loop.run_until_complete(asyncio.sleep(1.0))
    assert loop.time() == 2.0
    loop.close()


def test_free_run_jumps_and_leaves_a_new_anchor() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        with loop.free_run():
            await loop.run_to(1_000.0)
        assert wall.passed_s == 0.0
        await asyncio.sleep(5.0)
        assert loop.time() == 1_005.0
        assert wall.passed_s == pytest.approx(5.0)

    run_paced(main, speed=1.0)


def test_free_runs_when_nested_end_with_the_last() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        with loop.free_run():
            with loop.free_run():
                await loop.run_to(10.0)
            await loop.run_to(20.0)
        assert wall.passed_s == 0.0

    run_paced(main, speed=1.0)


def test_idle_watch_when_paced_ends_once_the_wall_is_there() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        assert not await loop.run_to(7.0)
        assert loop.time() == 7.0
        assert wall.passed_s == pytest.approx(7.0)

    run_paced(main, speed=1.0)


class Outside:
    """Outward work that the script brings back."""

    def __init__(self, loop: PacedLoop, deadline_s: float = 30.0) -> None:
        self.is_lost = False
        self.hold = loop.hold(deadline_s, self.lose)

    def lose(self) -> None:
        self.is_lost = True


def test_hold_at_a_speed_above_the_wall_stops_time_until_released() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        ran_at: list[float] = []
        loop.call_at(50.0, lambda: ran_at.append(wall.passed_s))
        outside = Outside(loop)
        assert loop.is_held
        wall.at(4.0, lambda: loop.call_soon_threadsafe(outside.hold.release))
        await asyncio.sleep(50.0)
        # Four wall seconds held, then 50 s at ten times the wall.
        assert ran_at == [pytest.approx(9.0)]
        assert not outside.is_lost
        assert not loop.is_held

    run_paced(main, speed=10.0)


def test_hold_at_the_speed_of_the_wall_lets_time_go_on() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        outside = Outside(loop)
        await asyncio.sleep(10.0)
        assert wall.passed_s == pytest.approx(10.0)
        outside.hold.release()

    run_paced(main, speed=1.0)


def test_hold_in_a_free_run_stops_time_at_the_instant_it_went_out() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        seen: list[tuple[str, float, float]] = []

        def note(what: str) -> None:
            seen.append((what, loop.time(), wall.passed_s))

        def send() -> None:
            outside = Outside(loop)
            note("out")
            wall.at(2.0, lambda: loop.call_soon_threadsafe(bring_back, outside))

        def bring_back(outside: Outside) -> None:
            note("back")
            outside.hold.release()

        loop.call_at(10.0, send)
        loop.call_at(10.0, note, "due at the same instant")
        loop.call_at(11.0, note, "later")
        with loop.free_run():
            await loop.run_to(20.0)
        assert seen == [
            ("out", 10.0, 0.0),
            ("due at the same instant", 10.0, 0.0),
            ("back", 10.0, 2.0),
            ("later", 11.0, 2.0),
        ]

    run_paced(main, speed=0.0)


@pytest.mark.parametrize("speed", [0.0, 1.0, 5.0])
def test_hold_when_its_wall_deadline_passes_is_lost(speed: float) -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        outside, other = Outside(loop, deadline_s=3.0), Outside(loop, deadline_s=60.0)
        with loop.free_run():
            # The other unit is back at wall time 20; until then nothing moves.
            wall.at(3.5, lambda: None)
            wall.at(20.0, lambda: loop.call_soon_threadsafe(other.hold.release))
            await loop.run_to(1.0)
        assert outside.is_lost
        assert not other.is_lost
        assert wall.passed_s == pytest.approx(20.0)
        outside.hold.release()

    run_paced(main, speed=speed)


def test_hold_when_it_expires_on_a_standing_bench_wakes_the_loop() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        lost = asyncio.Event()
        loop.hold(3.0, lost.set)
        await lost.wait()
        assert wall.passed_s == pytest.approx(3.0)
        assert loop.time() == 0.0

    run_paced(main, speed=0.0)


def test_judge_is_asked_even_while_time_is_held() -> None:
    async def main(loop: PacedLoop, wall: FakeWall) -> None:
        outside = Outside(loop)
        with loop.free_run():
            assert await loop.run_to(100.0, judge=lambda: True)
        assert wall.waits == []
        outside.hold.release()

    run_paced(main, speed=0.0)


def test_call_soon_threadsafe_when_a_thread_calls_wakes_the_real_pipe() -> None:
    loop = PacedLoop(wall=SystemWall(), speed=0.0)

    async def main() -> int:
        arrived: asyncio.Future[int] = loop.create_future()
        caller = threading.Thread(
            target=lambda: loop.call_soon_threadsafe(arrived.set_result, threading.get_ident())
        )
        caller.start()
        try:
            return await arrived
        finally:
            caller.join()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        assert runner.run(main()) != threading.get_ident()
    loop.close()


def test_signal_when_it_comes_during_a_wait_calls_back_on_the_loop() -> None:
    before = signal.getsignal(signal.SIGTERM)
    loop = PacedLoop(wall=SystemWall(), speed=0.0)

    async def main() -> None:
        stop = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        loop.add_signal_handler(signal.SIGINT, stop.set)
        sender = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGTERM))
        sender.start()
        await stop.wait()
        sender.join()
        assert loop.remove_signal_handler(signal.SIGINT)
        assert not loop.remove_signal_handler(signal.SIGINT)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
    assert signal.getsignal(signal.SIGTERM) is before
    assert signal.set_wakeup_fd(-1) == -1


def test_signal_when_it_comes_in_a_free_run_is_served_between_turns() -> None:
    loop = PacedLoop(wall=SystemWall(), speed=0.0)

    async def main() -> float:
        stop = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        loop.call_at(3_600.0, os.kill, os.getpid(), signal.SIGTERM)
        with loop.free_run():
            await loop.run_to(math.inf, judge=stop.is_set)
        return loop.time()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        assert runner.run(main()) == 3_600.0
