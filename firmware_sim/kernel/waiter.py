"""The waiting of a paced loop: sleep until a moment, a byte in the self-pipe, or a signal.

A condition variable would not do: a signal can't set one, and the interpreter would run the
signal's handler only after the wait. A byte in a pipe ends the wait whoever writes it: another
thread, or the interpreter itself through `signal.set_wakeup_fd`.
"""

from __future__ import annotations

import contextlib
import os
import selectors
from typing import Protocol

# Seconds. Longer waits are cut into pieces of a day: selectors overflow at about 24 days on
# some systems, and a piece more a day costs nothing.
_WAIT_S_MAX = 86_400.0

# Bytes taken from the pipe at once; any number that empties it in few reads will do.
_DRAIN_BYTES = 4096


class Waiter(Protocol):
    """How a paced loop waits; a test passes one that moves a fake wall instead."""

    def wait(self, timeout_s: float | None) -> None:
        """Return after a wake-up, or after that many wall seconds; None waits for a wake-up.

        It may return early: the caller looks at its clock again.
        """

    def wake(self) -> None:
        """End the current wait, or else the next one, at once; callable from any thread."""

    def wake_fd(self) -> int:
        """A descriptor that wakes when a byte is written to it; -1 when there is none."""

    def close(self) -> None:
        """Give the descriptors back."""


class SelfPipe:
    """Waits on a pipe to itself; POSIX."""

    def __init__(self) -> None:
        self._read_fd, self._write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        # `set_wakeup_fd` asks for this one; a full pipe wakes as well as one more byte.
        os.set_blocking(self._write_fd, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._read_fd, selectors.EVENT_READ)

    def wait(self, timeout_s: float | None) -> None:
        """See `Waiter.wait`."""
        timeout_s = _WAIT_S_MAX if timeout_s is None else min(max(timeout_s, 0.0), _WAIT_S_MAX)
        if self._selector.select(timeout_s):
            with contextlib.suppress(BlockingIOError):
                while len(os.read(self._read_fd, _DRAIN_BYTES)) == _DRAIN_BYTES:
                    pass

    def wake(self) -> None:
        """See `Waiter.wake`."""
        # A full pipe is about to wake its reader anyway; a closed one has no reader to wake.
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._write_fd, b"\0")

    def wake_fd(self) -> int:
        """See `Waiter.wake_fd`."""
        return self._write_fd

    def close(self) -> None:
        """See `Waiter.close`."""
        self._selector.close()
        os.close(self._read_fd)
        os.close(self._write_fd)
