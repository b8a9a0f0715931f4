from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from firmware_sim.kernel.waiter import SelfPipe


@pytest.fixture
def pipe() -> Iterator[SelfPipe]:
    with contextlib.closing(SelfPipe()) as pipe:
        yield pipe


def test_wait_when_woken_before_returns_at_once(pipe: SelfPipe) -> None:
    pipe.wake()
    # Would wait forever, were the wake-up lost.
    pipe.wait(None)


def test_wait_when_time_is_up_returns_without_a_wake_up(pipe: SelfPipe) -> None:
    pipe.wait(0.0)
    pipe.wait(-5.0)
    pipe.wait(1e-6)


def test_wake_ups_when_many_are_taken_together(pipe: SelfPipe) -> None:
    for _ in range(10_000):
        pipe.wake()
    pipe.wait(None)
    with pytest.raises(BlockingIOError):
        os.read(pipe._read_fd, 1)


def test_wake_up_when_the_pipe_is_full_is_no_error(pipe: SelfPipe) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(pipe.wake_fd(), bytes(65_536))
    pipe.wake()
    pipe.wait(None)


def test_wake_up_when_closed_is_no_error() -> None:
    pipe = SelfPipe()
    pipe.close()
    pipe.wake()
