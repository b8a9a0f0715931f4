"""The firmware of a lock: synchronous, without IO, driven by requests, keys and power.

Theory of operation. One firmware serves all profiles; what differs is a fact of the profile.
It runs no timer: each input carries its instant, and what time does to a lock (an entry that times
out, a lockout that ends, a schedule that opens) is worked out from instants when it matters. What
a lock does by itself (it relocks, it tells of a door left ajar) has a deadline: whoever runs the
lock calls `tick` then, and an idle lock has none. Every input first does what was due before it.

Whatever changes is persisted by one `commit` before it is visible outside: before the answer, the
event, the bolt. So a crash at any moment forgets nothing that anybody was told.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from firmware_sim.errors import DevicePoweredOff, KeypadKeyUnknown
from firmware_sim.faults.plan import FaultPlan
from firmware_sim.faults.points import DeviceFaults
from firmware_sim.hardware.battery import BatteryPack
from firmware_sim.hardware.keypad import KEYS, Keypad
from firmware_sim.hardware.rtc import Rtc, RtcState
from firmware_sim.locks import clock_setting, keypad_entry, lockout, misbehaviour, requests
from firmware_sim.locks.access_log import LogDraft
from firmware_sim.locks.core import LockCore, LockEvent, LockListener, Nameplate
from firmware_sim.locks.lock_hardware import LockHardware
from firmware_sim.locks.mechanism import next_due_us, notice, relock, when_booted
from firmware_sim.locks.outcome import EntryReason, KeypadOutcome
from firmware_sim.locks.outside import KeypadMenu
from firmware_sim.locks.time_limits import stored_ahead_s
from firmware_sim.locks.timekeeping import StatementPolicy
from firmware_sim.locks.tracing import DeviceTrace, NoTrace
from firmware_sim.memory.interface import LockMemory
from firmware_sim.memory.records import DeviceState
from firmware_sim.memory.state_items import ClockMove
from firmware_sim.memory.view import LOG_TAIL, MemoryView, view_of
from protocols.doorlock.vocabulary import ClockQuality, LogEvent
from protocols.strike.messages import LogRecord

_US_PER_S: Final = 1_000_000


class LockFirmware:
    """One lock.

    Args:
        nameplate: What the factory made of it.
        memory: What it remembers; its state is where the lock goes on from.
        rtc: Its clock, in the state that memory holds.
        trace: Where it notes what it does.

    Attributes:
        busy_s: Seconds that what the last request changed takes to be written, before its answer
            may go out: not zero only where the flash is slow.
    """

    __slots__ = ("_core", "_keypad", "busy_s")

    def __init__(
        self,
        nameplate: Nameplate,
        memory: LockMemory,
        rtc: Rtc,
        trace: DeviceTrace | None = None,
    ) -> None:
        self._core = LockCore(nameplate, memory, rtc, NoTrace() if trace is None else trace, self)
        self.busy_s = 0.0
        # Made at the first touch, and forgotten when who typed has gone.
        self._keypad: Keypad | None = None

    # --- what others may see ----------------------------------------------------------------

    @property
    def is_powered(self) -> bool:
        """True while main power is there."""
        return self._core.state.is_powered

    @property
    def is_running(self) -> bool:
        """True while main power is there and the processor neither hangs nor boots."""
        return self.is_powered and not self._core.faults.is_down

    @property
    def trace(self) -> DeviceTrace:
        """Where it notes what it does."""
        return self._core.trace

    @property
    def memory(self) -> LockMemory:
        """What it remembers."""
        return self._core.memory

    @property
    def hardware(self) -> LockHardware:
        """What hands and the world do to its parts."""
        return LockHardware(self._core, catch_up=self.tick, supply=self._supply)

    @property
    def menu(self) -> KeypadMenu:
        """What somebody who knows the programming code can do at its keypad."""
        return KeypadMenu(self._core)

    @property
    def has_news(self) -> bool:
        """True when the log holds something that nobody has read up to."""
        return self._core.has_news

    @property
    def log_next_index(self) -> int:
        """Index that the next log record will get."""
        return self._core.memory.log_next_index

    def log_records(self, from_index: int, limit: int) -> Sequence[LogRecord]:
        """Log records from an index on, for who audits the lock; nobody has read them by that."""
        return self._core.memory.log_records(from_index, limit)

    def view(self, now: float, *, log_tail: int = LOG_TAIL) -> MemoryView:
        """What the device holds, in plain words and with its PINs (DESIGN D22: bench only).

        It shows so many records of the end of the log.
        """
        clock = self._core.reading(now)
        return view_of(
            self._core.memory,
            clock_s=clock.utc_s,
            utc_offset_min=clock.utc_offset_min,
            quality=clock.quality,
            are_windows_local=self._core.profile.local_year_day,
            ahead_s=stored_ahead_s(self._core.profile, clock),
            log_tail=log_tail,
        )

    @property
    def next_deadline(self) -> float | None:
        """Loop seconds at which `tick` has something to do; None = never, as it stands."""
        due_us = next_due_us(self._core.state, self._core.profile) if self.is_running else None
        return None if due_us is None else self._core.rtc.loop_s(due_us)

    def on_event(self, listener: Callable[[LockEvent], None] | None) -> None:
        """Have every event told to one listener, after it is in the log; None = nobody."""
        self._core.on_event = listener

    def believe(self, policy: StatementPolicy) -> None:
        """Have a policy decide who may set the clock."""
        self._core.statement_policy = policy

    def listen(self, listener: LockListener | None) -> None:
        """Have one listener told of changes; None = nobody."""
        self._core.listener = listener

    # --- inputs -----------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Do what is due by `now`, each thing at its own instant.

        Raises:
            StateFileError: When it could not be persisted; it is still due.
        """
        if not self.is_running:
            return
        core = self._core
        now_us = core.rtc.true_us(now)
        while (due_us := next_due_us(core.state, core.profile)) is not None and due_us <= now_us:
            due = core.rtc.loop_s(due_us)
            if core.state.relock_at_us == due_us:
                done = relock(core.state, core.profile, due_us)
                core.commit(done.state, done.drafts, due)
                core.trace.record("relock", bolt=core.state.bolt.position.name)
                if done.is_reset:
                    self.brown_out(due)
            else:
                state, drafts = notice(core.state, core.profile, due_us)
                core.commit(state, drafts, due)
                core.trace.record("door", state=core.state.told_door.name)

    def handle(self, message: Any, now: float) -> Any:
        """Answer a request.

        Args:
            message: A request of `protocols.strike.messages`.
            now: Loop seconds.

        Returns:
            Its reply; whatever the request changed is persisted.

        Raises:
            DevicePoweredOff: When there is no power to answer with.
            ProcessorDown: When the processor does not run, or stopped at this request.
            StateFileError: When a change could not be persisted; nothing changed.
        """
        if not self.is_powered:
            raise DevicePoweredOff(f"lock {self._core.serial_number} has no power")
        self.tick(now)
        with self._under_load():
            delay_s = self._core.faults.plan.device_flash_delay_s
            if not delay_s:
                self.busy_s = 0.0
                return requests.answer(self._core, message, now)
            before = self._core.memory.digest(), self._core.state
            reply = requests.answer(self._core, message, now)
            is_changed = before != (self._core.memory.digest(), self._core.state)
            self.busy_s = delay_s if is_changed else 0.0
            return reply

    def enter(self, digits: str, now: float) -> KeypadOutcome:
        """Somebody steps up, wakes the keypad, types, and goes away.

        Args:
            digits: Keys in order: 0-9, `*` and `#`.
            now: Loop seconds; all keys come within the inter-digit time.

        Returns:
            The outcome of the first entry that opened, else of the last one; INCOMPLETE when
            nothing was typed.

        Raises:
            KeypadKeyUnknown: When there is no such key; nothing was typed.
            StateFileError: When the outcome could not be persisted; the door stays shut.
        """
        if not KEYS.issuperset(digits):
            raise KeypadKeyUnknown
        if not self.is_running:
            return keypad_entry.without_power(self._core, digits)
        self.tick(now)
        # Whoever was there before has gone, and the keypad has slept since.
        left = None if self._keypad is None else self._keypad.walk_away()
        if left is not None:
            keypad_entry.finish(self._core, left, now)
        keypad, self._keypad = keypad_entry.keypad_of(self._core.profile), None
        keypad.wake(now)
        outcome = KeypadOutcome(opened=False, reason=EntryReason.INCOMPLETE)
        ended = [keypad.press(key, now) for key in digits]
        ended.append(keypad.walk_away())
        for entry in ended:
            # Keys that come after power has gone do nothing.
            if entry is not None and not outcome.opened and self.is_running:
                with self._under_load():
                    outcome = keypad_entry.finish(self._core, entry, now)
        return outcome

    def press(self, key: str, now: float) -> KeypadOutcome | None:
        """Press one key; the outcome of the entry that it ended, if it ended one.

        On a sleeping keypad the key only wakes it.

        Raises:
            KeypadKeyUnknown: When there is no such key.
            StateFileError: When the outcome could not be persisted; the door stays shut.
        """
        if key not in KEYS:
            raise KeypadKeyUnknown
        if not self.is_running:
            return keypad_entry.without_power(self._core, key)
        self.tick(now)
        if self._keypad is None:
            self._keypad = keypad_entry.keypad_of(self._core.profile)
        entry = self._keypad.press(key, now)
        if entry is None:
            return None
        with self._under_load():
            return keypad_entry.finish(self._core, entry, now)

    def power(self, on: bool, now: float) -> None:  # noqa: FBT001 - `power(True)` says it.
        """Cut main power or give it back; nothing happens when it is so already.

        A lock that is held alive at its jump terminals goes on without its cells.

        Raises:
            StateFileError: When it could not be persisted; power is as before.
        """
        battery = self._core.state.battery
        if on is battery.is_inserted:
            return
        self.tick(now)
        battery = battery.at(self._core.rtc.true_us(now))
        self._supply(dataclasses.replace(battery, is_inserted=on), now)

    def disturb_clock(self, change: Callable[[Rtc], RtcState], now: float) -> None:
        """Let the world do something to the clock that the lock does not know of.

        Args:
            change: Which, such as `lambda rtc: rtc.when_warmed(-10.0, now)`.
            now: Loop seconds.

        Raises:
            StateFileError: When it could not be persisted; the clock is as before.
        """
        core = self._core
        core.commit(dataclasses.replace(core.state, clock=change(core.rtc)), [], now)

    def reset(self, now: float) -> None:
        """The processor resets and starts anew: what was in its RAM is gone.

        Raises:
            StateFileError: When that could not be persisted.
        """
        core = self._core
        at_us = core.rtc.true_us(now)
        stopped = dataclasses.replace(core.state, bolt=core.state.bolt.stopped(at_us))
        self._restart(when_booted(stopped, core.profile, at_us), now)

    def brown_out(self, now: float) -> None:
        """The supply broke down: as `reset`, and what did it is not tried again by itself.

        Whoever models what lies below, such as a flash whose write was torn by it, calls this when
        that is mounted again; see `LockHardware.browns_out` for whether it breaks down.

        Raises:
            StateFileError: As `reset`.
        """
        core = self._core
        bolt = core.state.bolt.stopped(core.rtc.true_us(now))
        self._restart(dataclasses.replace(core.state, bolt=bolt, relock_at_us=0), now)

    def _restart(self, state: DeviceState, now: float) -> None:
        self._keypad = None
        self._boot(state, now)
        self._core.trace.record("reset")
        if self._core.listener is not None:
            self._core.listener.was_reset()

    def _supply(self, battery: BatteryPack, now: float) -> None:
        """Go on with other cells, or others at the jump terminals; without any, stop."""
        core = self._core
        if battery.has_supply is self.is_powered:
            core.commit(dataclasses.replace(core.state, battery=battery), [], now)
        elif battery.has_supply:
            self._power_on(battery, now)
        else:
            self._power_off(battery, now)

    def _power_on(self, battery: BatteryPack, now: float) -> None:
        core = self._core
        core.memory.power_cycle()
        core.rtc.restore(core.state.clock)
        clock = core.rtc.when_powered(now)
        state = dataclasses.replace(core.state, clock=clock, is_powered=True, battery=battery)
        state, move = clock_setting.settled(state, core.memory.clock_move)
        device_us = core.rtc.would_read_us(clock, now)
        rules, cut_us = core.profile.lockout, core.state.clock.device_us
        if clock.quality is ClockQuality.LOST or lockout.is_beyond(state, rules, device_us):
            state = lockout.after_clock_lost(state, rules, cut_us=cut_us, device_us=device_us)
        self._boot(when_booted(state, core.profile, core.rtc.true_us(now)), now, move)
        core.trace.record("power", on=True, clock_quality=core.reading(now).quality.name)

    def _boot(self, state: DeviceState, now: float, move: ClockMove | None = None) -> None:
        """Start the processor: look at everything around it, and write down that it started."""
        core = self._core
        booted, drafts = notice(state, core.profile, core.rtc.true_us(now))
        core.commit(booted, [LogDraft(event=LogEvent.POWER_ON), *drafts], now, clock_move=move)

    def _power_off(self, battery: BatteryPack, now: float) -> None:
        core = self._core
        state = dataclasses.replace(
            core.state,
            clock=core.rtc.when_cut(now),
            is_powered=False,
            battery=battery,
            bolt=core.state.bolt.stopped(core.rtc.true_us(now)),
            relock_at_us=0,
        )
        core.commit(state, [], now)
        self._keypad = None
        core.trace.record("power", on=False, clock_quality=core.reading(now).quality.name)

    @property
    def faults(self) -> DeviceFaults:
        """Its fault points; `QUIET` until it obeys a plan."""
        return self._core.faults

    # --- faults -----------------------------------------------------------------------------

    def obey(self, faults: DeviceFaults, plan: FaultPlan, now: float) -> None:
        """Go wrong by a plan from now on.

        Args:
            faults: The device's own; the same object for every plan.
            plan: The plan.
            now: Loop seconds.

        Raises:
            StateFileError: When the clock's new anchor could not be persisted.
        """
        self._core.faults = faults
        misbehaviour.obey(self._core, plan, now)

    @contextlib.contextmanager
    def _under_load(self) -> Iterator[None]:
        """While something is asked of it, its flash is written under load."""
        faults, memory = self._core.faults, self._core.memory
        if faults.plan.power_brown_out:
            memory.interrupt = functools.partial(misbehaviour.interruption, faults)
        try:
            yield
        finally:
            memory.interrupt = None
