"""The simulator's branch of the error tree: misuse of the simulation, never a peer's fault.

StrikeplateError                    protocols/errors.py
└─ SimulationError                  somebody asked the simulation for what it can't do
    ├─ SimDeadlock                  nothing is ready, nothing is scheduled, the run is not done
    ├─ SimRunaway                   more callbacks than a run may take
    ├─ RealWorldRefused             a socket, descriptor, signal or foreign thread on virtual time
    ├─ ClockError                   a bench time that lies in the past, or is no time at all
    ├─ AdvanceInProgress            a second advance while one is moving the clock
    ├─ OutwardTimeout               outward work that was not back at its wall-clock deadline
    ├─ EdgeStopped                  work handed to a loop that takes no more of it
    ├─ TraceError                   an event that must not, or can't, be written to the trace
    ├─ StateFileError               a file that holds a device's memory
    │   ├─ StateFileUnusable        it can't be read or written, or is none of this device's
    │   └─ StateFileDamaged         something in it does not check out
    ├─ DevicePoweredOff             a request to a device without power
    ├─ UnknownDevice                no device of the world has that name
    ├─ DeviceConflict               two devices of one world with one name, id or address
    ├─ KeypadKeyUnknown             a key that a keypad doesn't have
    ├─ HardwareMissing              a part that a lock of this kind doesn't have
    ├─ FaultPlanInvalid             a knob of a fault plan out of its bounds
    ├─ MemoryRefused                a lock's memory that does not take a change
    │   ├─ MemoryFull               no room in its flash
    │   └─ RecordTooLong            a record that is longer than its layout has room for
    ├─ BrownOut                     power went in the middle of a flash operation
    ├─ ProcessorDown                a device whose processor hangs, boots, or just stopped
    ├─ FlashError                   flash memory and its formats: firmware_sim/flash/errors.py
    └─ ValueTooLong                 more bytes than the radio carries in one piece
(Other rooms add leaves.)
"""

from __future__ import annotations

from pathlib import Path

from protocols.errors import StrikeplateError


class SimulationError(StrikeplateError):
    """Somebody asked the simulation for something that it can't do."""


class SimDeadlock(SimulationError):  # noqa: N818 - leaves of the tree say what happened.
    """Nothing is ready, no timer is set, and the main coroutine is not done.

    Attributes:
        at_s: Loop time of the standstill, in seconds.
        waiting: One line for each unfinished task, in order of creation: its name, where it
            stands, and what it waits on.
    """

    def __init__(self, *, at_s: float, waiting: tuple[str, ...]) -> None:
        super().__init__(at_s, waiting)
        self.at_s = at_s
        self.waiting = waiting

    def __str__(self) -> str:
        head = f"the simulation stands still at {self.at_s:.6f} s: no timer, nothing ready"
        return "\n  ".join((head, *self.waiting))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_deadlock, (self.at_s, self.waiting)


def _rebuild_deadlock(at_s: float, waiting: tuple[str, ...]) -> SimDeadlock:
    return SimDeadlock(at_s=at_s, waiting=waiting)


class SimRunaway(SimulationError):  # noqa: N818 - see SimDeadlock.
    """A run took more callbacks than it may: it goes round in circles.

    Attributes:
        callbacks: How many it took.
        at_s: Loop time by then, seconds.
    """

    def __init__(self, callbacks: int, at_s: float) -> None:
        super().__init__(callbacks, at_s)
        self.callbacks = callbacks
        self.at_s = at_s

    def __str__(self) -> str:
        return f"the simulation took {self.callbacks} callbacks and is at {self.at_s:.6f} s only"


class RealWorldRefused(SimulationError):  # noqa: N818 - see SimDeadlock.
    """A socket, descriptor, signal, subprocess or foreign thread on virtual time."""


class ClockError(SimulationError):
    """A bench time that lies in the past, or is no time at all."""


class AdvanceInProgress(SimulationError):  # noqa: N818 - see SimDeadlock.
    """A second advance was asked for while one is moving the clock."""


class OutwardTimeout(SimulationError, TimeoutError):  # noqa: N818 - see SimDeadlock.
    """Outward work was not back at its wall-clock deadline."""


class EdgeStopped(SimulationError):  # noqa: N818 - see SimDeadlock.
    """Work was handed to a loop that takes no more of it."""


class TraceError(SimulationError):
    """An event that must not, or can't, be written to the trace."""


class StateFileError(SimulationError):
    """A file that holds a device's memory.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, *details: object) -> None:
        super().__init__(path, *details)
        self.path = path


class StateFileUnusable(StateFileError):  # noqa: N818 - see SimDeadlock.
    """It can't be read or written, is no device memory, or that of another device or version.

    Attributes:
        reason: What is wrong with it.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"device memory {self.path}: {self.reason}"


class StateFileDamaged(StateFileError):  # noqa: N818 - see SimDeadlock.
    """Something in it, before its end, does not check out; going on would forget what was stored.

    Attributes:
        offset: Byte offset of the first frame that is damaged.
    """

    def __init__(self, path: Path, offset: int) -> None:
        super().__init__(path, offset)
        self.offset = offset

    def __str__(self) -> str:
        return (
            f"device memory {self.path} is damaged at byte {self.offset}: "
            "restore it from a backup, or remove it to start that device empty"
        )


class DevicePoweredOff(SimulationError):  # noqa: N818 - see SimDeadlock.
    """A device without power was asked to answer."""


class UnknownDevice(SimulationError, KeyError):  # noqa: N818 - see SimDeadlock.
    """No device of the world has that bench name, display name or device id.

    Attributes:
        name: What was looked up.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"there is no device named {self.name!r} here"


class DeviceConflict(SimulationError):  # noqa: N818 - see SimDeadlock.
    """Two devices of one world claim the same name, id or address."""


class KeypadKeyUnknown(SimulationError, ValueError):  # noqa: N818 - see SimDeadlock.
    """A keypad has the keys 0-9, `*` and `#`, and no other."""

    def __str__(self) -> str:
        return "a keypad has the keys 0-9, * and # only"


class HardwareMissing(SimulationError):  # noqa: N818 - see SimDeadlock.
    """A part was used that a lock of this kind doesn't have.

    Attributes:
        part: Which.
    """

    def __init__(self, part: str) -> None:
        super().__init__(part)
        self.part = part

    def __str__(self) -> str:
        return f"this kind of lock has no {self.part}"


class ValueTooLong(SimulationError, ValueError):  # noqa: N818 - see SimDeadlock.
    """More bytes than the radio carries in one piece: a notification, or an advertisement.

    Attributes:
        what: What is too long.
        length: How many bytes it has.
        length_max: How many fit.
    """

    def __init__(self, what: str, *, length: int, length_max: int) -> None:
        super().__init__(what, length, length_max)
        self.what = what
        self.length = length
        self.length_max = length_max

    def __str__(self) -> str:
        return f"{self.what} has {self.length} bytes, and {self.length_max} fit"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_too_long, (self.what, self.length, self.length_max)


def _rebuild_too_long(what: str, length: int, length_max: int) -> ValueTooLong:
    return ValueTooLong(what, length=length, length_max=length_max)


class FaultPlanInvalid(SimulationError):  # noqa: N818 - see SimDeadlock.
    """A knob of a fault plan has a value that it can't have.

    Attributes:
        knob: Its name.
        problem: What is wrong, as the rest of a sentence.
    """

    def __init__(self, knob: str, problem: str) -> None:
        super().__init__(knob, problem)
        self.knob = knob
        self.problem = problem

    def __str__(self) -> str:
        return f"the fault plan's {self.knob} {self.problem}"


class MemoryRefused(SimulationError):  # noqa: N818 - see SimDeadlock.
    """A lock's memory that does not take a change; it is as before."""


class MemoryFull(MemoryRefused):
    """No room in the lock's flash for what a change would add."""

    def __str__(self) -> str:
        return "the lock's flash has no room for another record"


class RecordTooLong(MemoryRefused):
    """A record that is longer than the lock's layout has room for.

    Attributes:
        length: Its bytes.
        length_max: The most that there may be.
    """

    def __init__(self, length: int, length_max: int) -> None:
        super().__init__(length, length_max)
        self.length = length
        self.length_max = length_max

    def __str__(self) -> str:
        return f"a record of {self.length} bytes is longer than {self.length_max}"


class BrownOut(SimulationError):  # noqa: N818 - see SimDeadlock.
    """Power went in the middle of a flash operation; what was being written may be torn."""

    def __str__(self) -> str:
        return "power went in the middle of a flash operation"


class ProcessorDown(SimulationError):  # noqa: N818 - see SimDeadlock.
    """A device whose processor does not run: it hangs, it boots, or it stopped just now."""
