"""What all parts of a lock's firmware share, and the one way in which anything changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from firmware_sim.faults.points import QUIET, DeviceFaults, FaultPoint
from firmware_sim.hardware.rtc import Rtc
from firmware_sim.locks.access_log import LogDraft, chained, event_of
from firmware_sim.locks.timekeeping import (
    AnyStatement,
    Reading,
    StatementPolicy,
    after_reading,
    read_clock,
)
from firmware_sim.locks.tracing import DeviceTrace
from firmware_sim.memory.interface import Change, LockMemory
from firmware_sim.memory.records import DeviceState, Record
from firmware_sim.memory.state_items import ClockMove
from protocols.profiles.parser import Profile
from protocols.strike.messages import AccessDenied, Alarm, LockOperation

LockEvent = LockOperation | AccessDenied | Alarm
# They keep nothing, so all locks share one.
_ANY_STATEMENT: Final = AnyStatement()


class LockListener(Protocol):
    """Who is told what happens to a lock.

    One object, not a callback for each: bound methods are a tenth of an idle lock's memory.
    """

    def log_changed(self) -> None:
        """There is more in the log, or less that nobody has read."""

    def changed(self) -> None:
        """Anything changed, its next deadline perhaps; all others were told."""

    def was_reset(self) -> None:
        """The processor was reset: its connections are gone."""


class Nameplate(Protocol):
    """What the factory made of a lock."""

    @property
    def profile(self) -> Profile:
        """The facts of its kind."""

    @property
    def serial_number(self) -> str:
        """Its own number, at most 255 bytes of UTF-8."""


class Processor(Protocol):
    """What runs the firmware."""

    def brown_out(self, now: float) -> None:
        """The supply broke down, loop seconds: it resets; what was committed before stands."""


class LockCore:
    """Profile, memory, clock, trace and listeners of one lock.

    Args:
        nameplate: What the factory made of it.
        memory: What it remembers.
        rtc: Its clock, in the state that memory holds.
        trace: Where it notes what it does.
        processor: What runs all this.

    Attributes:
        nameplate: As given.
        profile: The facts of its kind.
        memory: As given.
        rtc: As given.
        trace: As given.
        faults: What goes wrong with it; nothing, until it gets faults of its own.
        on_event: Called with every event, after it is in the log.
        statement_policy: Whether it believes who says what time it is.
        listener: Who is told what happens; None = nobody.
        processor: As given.
    """

    __slots__ = (
        "faults",
        "listener",
        "memory",
        "nameplate",
        "on_event",
        "processor",
        "profile",
        "rtc",
        "statement_policy",
        "trace",
    )

    def __init__(
        self,
        nameplate: Nameplate,
        memory: LockMemory,
        rtc: Rtc,
        trace: DeviceTrace,
        processor: Processor,
    ) -> None:
        self.nameplate = nameplate
        # Asked for at every turn.
        self.profile = nameplate.profile
        self.memory = memory
        self.rtc = rtc
        self.trace = trace
        self.faults: DeviceFaults = QUIET
        self.on_event: Callable[[LockEvent], None] | None = None
        self.listener: LockListener | None = None
        self.processor = processor
        self.statement_policy: StatementPolicy = _ANY_STATEMENT

    @property
    def serial_number(self) -> str:
        """Its own number."""
        return self.nameplate.serial_number

    @property
    def state(self) -> DeviceState:
        """The device state."""
        return self.memory.state

    @property
    def has_news(self) -> bool:
        """True when the log holds something that nobody has read up to."""
        return self.state.log_read_index < self.state.news_index

    def reading(self, now: float) -> Reading:
        """What the clock says."""
        return read_clock(self.profile, self.rtc, self.state, now)

    def commit(
        self,
        state: DeviceState,
        drafts: Sequence[LogDraft],
        now: float,
        *,
        records: Sequence[Record] = (),
        clock_move: ClockMove | None = None,
    ) -> None:
        """Persist a new state with what happened, then make it real, then tell of it.

        Args:
            state: The new state; its clock becomes the clock.
            drafts: What happened, for the log, stamped by the new clock.
            now: Loop seconds.
            records: Records of the memory that change with it.
            clock_move: What a setting of the clock moves with it.

        Raises:
            StateFileError: When it could not be persisted; nothing changed, nobody was told.
        """
        reading = read_clock(self.profile, self.rtc, state, now)
        state = after_reading(state, reading)
        entries = chained(self.memory, drafts, utc_s=reading.utc_s, quality=reading.quality)
        self.memory.commit(
            Change(records=tuple(records), log=entries, state=state, clock_move=clock_move)
        )
        self.rtc.restore(state.clock)
        for entry in entries:
            event = event_of(entry)
            if event is None or self.on_event is None:
                continue
            if not self.faults.fires(FaultPoint.EVENT_LOSS):
                self.on_event(event)
        if entries:
            self._tell_log_change()
        if self.listener is not None:
            self.listener.changed()

    def note_log_read(self, next_index: int) -> None:
        """The log was read up to its end; persists it when that was news.

        Raises:
            StateFileError: When it could not be persisted; it counts as unread.
        """
        if self.has_news:
            state = dataclasses.replace(self.state, log_read_index=next_index)
            self.memory.commit(Change(state=state))
            self._tell_log_change()

    def _tell_log_change(self) -> None:
        if self.listener is not None:
            self.listener.log_changed()
