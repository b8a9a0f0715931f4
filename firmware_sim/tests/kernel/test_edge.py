"""The edge thread for real: a paced loop on the real wall, and a real loop beside it.

No test depends on how long anything takes: each waits for events, and bounds that the suite's
own time-out guards.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

import pytest

from firmware_sim.errors import EdgeStopped, OutwardTimeout
from firmware_sim.kernel.advance import Pacer
from firmware_sim.kernel.edge import EdgeThread, _bounded
from firmware_sim.kernel.pacing import PacedLoop
from firmware_sim.kernel.wall import SystemWall

T = TypeVar("T")

# Wall seconds that no test waits for: a deadline that is not to pass.
FAR_S = 60.0


class Edge(Protocol):
    """What the gateway asks of an edge; `EdgeThread` has to fit it."""

    async def outward(self, work: Callable[[], Awaitable[T]], *, deadline_s: float) -> T:
        """Run outward work."""


def run_with_edge(
    main: Callable[[PacedLoop, EdgeThread], Coroutine[Any, Any, T]], *, speed: float = 0.0
) -> T:
    loop = PacedLoop(wall=SystemWall(), speed=speed)

    async def run() -> T:
        async with EdgeThread(loop, name="edge under test") as edge:
            return await main(loop, edge)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        result = runner.run(run())
    assert "edge under test" not in [thread.name for thread in threading.enumerate()]
    return result


def test_outward_work_runs_on_the_real_loop_of_the_edge() -> None:
    async def where() -> tuple[int, bool]:
        return threading.get_ident(), isinstance(asyncio.get_running_loop(), PacedLoop)

    async def main(_loop: PacedLoop, edge: Edge) -> tuple[int, bool]:
        return await edge.outward(where, deadline_s=FAR_S)

    thread_id, is_paced = run_with_edge(main)
    assert thread_id != threading.get_ident()
    assert not is_paced


def test_outward_work_when_it_fails_raises_its_own_error() -> None:
    async def fail() -> None:
        raise LookupError("no such host")

    async def time_out() -> None:
        async with asyncio.timeout(0.0):
            await asyncio.Event().wait()

    async def main(_loop: PacedLoop, edge: EdgeThread) -> None:
        with pytest.raises(LookupError, match="no such host"):
            await edge.outward(fail, deadline_s=FAR_S)
        with pytest.raises(TimeoutError) as caught:
            await edge.outward(time_out, deadline_s=FAR_S)
        assert not isinstance(caught.value, OutwardTimeout)

    run_with_edge(main)


@pytest.mark.parametrize("speed", [0.0, 1.0, 1_000.0])
def test_outward_work_when_its_wall_deadline_passes_is_cancelled(speed: float) -> None:
    begun, ended = threading.Event(), threading.Event()

    async def hang() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def main(_loop: PacedLoop, edge: EdgeThread) -> None:
        with pytest.raises(OutwardTimeout):
            await edge.outward(hang, deadline_s=0.001)

    run_with_edge(main, speed=speed)
    # On a busy machine the deadline may pass before the edge gets to begin.
    assert ended.is_set() == begun.is_set()


def test_outward_work_when_the_edge_does_not_answer_is_given_up_by_the_loop() -> None:
    release = threading.Event()

    async def block_the_edge() -> None:
        # As code that blocks its loop does: the edge can't enforce its own deadline.
        release.wait()

    async def main(_loop: PacedLoop, edge: EdgeThread) -> None:
        try:
            with pytest.raises(OutwardTimeout):
                await edge.outward(block_the_edge, deadline_s=0.001)
        finally:
            release.set()

    run_with_edge(main)


async def test_deadline_on_the_edge_is_told_from_the_works_own_time_outs() -> None:
    # On virtual time, where neither can race the other.
    async def time_out() -> None:
        async with asyncio.timeout(1.0):
            await asyncio.Event().wait()

    with pytest.raises(OutwardTimeout, match="within"):
        await _bounded(asyncio.Event().wait, 2.0)
    with pytest.raises(TimeoutError) as caught:
        await _bounded(time_out, 2.0)
    assert not isinstance(caught.value, OutwardTimeout)


def test_outward_work_holds_an_advance_at_its_instant() -> None:
    async def main(loop: PacedLoop, edge: EdgeThread) -> None:
        pacer = Pacer(loop, lambda: True)
        seen: list[tuple[str, float]] = []

        async def deliver() -> str:
            return "delivered"

        async def webhook() -> None:
            await asyncio.sleep(100.0)
            seen.append((await edge.outward(deliver, deadline_s=FAR_S), loop.time()))
            await asyncio.sleep(0.5)
            seen.append(("half a second later", loop.time()))

        async with asyncio.TaskGroup() as group:
            group.create_task(webhook())
            loop.call_at(100.0 + 1e-6, lambda: seen.append(("next", loop.time())))
            done = await pacer.advance(to_s=200.0)
        assert done.now_s == 200.0
        assert seen == [
            ("delivered", 100.0),
            ("next", 100.0 + 1e-6),
            ("half a second later", 100.5),
        ]

    run_with_edge(main)


def test_outward_work_when_its_caller_is_cancelled_is_cancelled() -> None:
    begun, ended = threading.Event(), threading.Event()

    async def hang() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def main(loop: PacedLoop, edge: EdgeThread) -> None:
        async with asyncio.TaskGroup() as group:
            calling = group.create_task(edge.outward(hang, deadline_s=FAR_S))
            await asyncio.sleep(0)
            await asyncio.to_thread(begun.wait)
            calling.cancel()
        assert calling.cancelled()
        assert not loop.is_held
        await edge.outward(_nothing, deadline_s=FAR_S)

    run_with_edge(main, speed=2.0)
    assert ended.is_set()


async def _nothing() -> None:
    """Come back at once."""


def test_inward_unit_runs_on_the_virtual_loop_though_its_client_hangs_up() -> None:
    finished: list[int] = []

    async def unit() -> int:
        await asyncio.sleep(0)
        finished.append(threading.get_ident())
        return 42

    async def main(_loop: PacedLoop, edge: EdgeThread) -> int:
        async def client_that_hangs_up() -> None:
            waiting = asyncio.wrap_future(edge.inward(unit))
            waiting.cancel()

        async def client() -> int:
            return await asyncio.wrap_future(edge.inward(unit, name="request"))

        await edge.outward(client_that_hangs_up, deadline_s=FAR_S)
        return await edge.outward(client, deadline_s=FAR_S)

    assert run_with_edge(main) == 42
    assert finished == [threading.get_ident()] * 2


def test_inward_unit_when_the_edge_ends_is_cancelled_and_told() -> None:
    begun: list[int] = []

    async def unit() -> None:
        begun.append(1)
        await asyncio.Event().wait()

    async def main(_loop: PacedLoop, edge: EdgeThread) -> Any:
        async def client() -> Any:
            return edge.inward(unit)

        future = await edge.outward(client, deadline_s=FAR_S)
        await asyncio.sleep(0)
        return future, edge

    future, edge = run_with_edge(main)
    assert begun == [1]
    with pytest.raises(EdgeStopped):
        future.result(timeout=0)
    with pytest.raises(EdgeStopped):
        edge.inward(unit)


def test_service_on_the_edge_runs_until_cancelled_and_is_waited_for() -> None:
    steps: list[str] = []

    async def main(loop: PacedLoop, edge: EdgeThread) -> None:
        up = asyncio.Event()

        async def serve() -> None:
            loop.call_soon_threadsafe(up.set)
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                steps.append("closed")

        async with asyncio.TaskGroup() as group:
            serving = group.create_task(edge.run(serve, name="server"))
            await up.wait()
            assert not loop.is_held
            serving.cancel()
        steps.append("after")

    run_with_edge(main)
    assert steps == ["closed", "after"]


def test_service_on_the_edge_when_it_fails_raises_at_its_caller() -> None:
    async def serve() -> None:
        raise OSError("address in use")

    async def main(_loop: PacedLoop, edge: EdgeThread) -> None:
        with pytest.raises(OSError, match="address in use"):
            await edge.run(serve, name="server")

    run_with_edge(main)


def test_work_still_on_the_edge_at_its_end_is_cancelled() -> None:
    ended = threading.Event()

    async def main(loop: PacedLoop, edge: EdgeThread) -> None:
        up = asyncio.Event()

        async def serve() -> None:
            loop.call_soon_threadsafe(up.set)
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        async def hold_on() -> None:
            with pytest.raises(EdgeStopped):
                await edge.run(serve, name="server")

        group = asyncio.TaskGroup()
        await group.__aenter__()
        task = group.create_task(hold_on())
        await up.wait()
        # Left running on purpose, as a crash would.
        assert not task.done()

    run_with_edge(main)
    assert ended.is_set()


def test_body_when_it_fails_stops_the_edge_and_raises() -> None:
    async def main(_loop: PacedLoop, _edge: EdgeThread) -> None:
        raise LookupError("in the body")

    with pytest.raises(LookupError, match="in the body"):
        run_with_edge(main)


def test_work_that_calls_for_an_exit_leaves_the_edge_alive() -> None:
    async def leave() -> None:
        sys.exit(3)

    async def main(_loop: PacedLoop, edge: EdgeThread) -> None:
        with pytest.raises(EdgeStopped, match="leaver gave up with exit status 3"):
            await edge.run(leave, name="leaver")
        await edge.outward(_nothing, deadline_s=FAR_S)

    run_with_edge(main)


def test_edge_when_its_thread_dies_tells_those_who_wait() -> None:
    class Fatal(BaseException):
        """Nothing that any loop contains."""

    async def die() -> None:
        raise Fatal

    async def main(_loop: PacedLoop, edge: EdgeThread) -> None:
        with pytest.raises(Fatal):
            await edge.run(die, name="dying")
        # The thread is on its way out: what comes next is refused or told.
        with pytest.raises(EdgeStopped):
            await edge.outward(asyncio.Event().wait, deadline_s=FAR_S)

    with pytest.raises(BaseExceptionGroup) as caught:
        run_with_edge(main)
    assert caught.value.subgroup(Fatal)


def test_edge_when_its_thread_can_not_make_a_loop_raises_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(_self: EdgeThread) -> None:
        raise OSError("too many open files")

    monkeypatch.setattr(EdgeThread, "_live", broken)

    async def main(_loop: PacedLoop, _edge: EdgeThread) -> None:
        raise AssertionError

    with pytest.raises(OSError, match="too many open files"):
        run_with_edge(main)


def test_edge_when_its_start_is_cancelled_ends_its_thread() -> None:
    loop = PacedLoop(wall=SystemWall(), speed=0.0)

    async def start() -> None:
        async with EdgeThread(loop, name="given up"):
            raise AssertionError

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            starting = group.create_task(start())
            # Queued before the thread can tell that it is up: cancelled while it waits for that.
            loop.call_soon(lambda: loop.call_soon(starting.cancel))
        assert starting.cancelled()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
    assert "given up" not in [thread.name for thread in threading.enumerate()]


def test_edge_when_given_up_before_it_was_up_ends_at_once() -> None:
    loop = PacedLoop(wall=SystemWall(), speed=0.0)
    release = threading.Event()

    class LateEdge(EdgeThread):
        async def _live(self) -> None:
            release.wait()
            await super()._live()

    async def start() -> None:
        async with LateEdge(loop):
            raise AssertionError

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            starting = group.create_task(start())
            await asyncio.sleep(0)
            starting.cancel()
            # Its clean-up has begun, and waits for the thread, which is not up yet.
            await asyncio.sleep(0)
            release.set()
        assert starting.cancelled()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
