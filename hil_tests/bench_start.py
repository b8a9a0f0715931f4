"""Where a run of a bench begins: its first instant, its seed, its place in the state's history."""

from __future__ import annotations

import dataclasses
from typing import Final, Self

from firmware_sim.kernel.streams import derive_seed
from hil_tests.bench_instants import check_instant, instant
from hil_tests.bench_state import BenchState, ClockRecord
from hil_tests.errors import TimeRunsForward

DEFAULT_SEED: Final = 1
# Milliseconds. A new bench is set up this long before its first instant: its devices have met the
# gateway when time starts to count. An existing one has no time before its own.
SETUP_LEAD_MS: Final = 10_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BenchStart:
    """The beginning of one run on one state.

    Attributes:
        now_ms: Its first instant that counts, milliseconds since 1970.
        lead_ms: Milliseconds of set-up before it.
        record: The clock record of the state.
        run_seed: Seed of this run's streams: another one each time the state is started, so that
            no id is given twice.
    """

    now_ms: int
    lead_ms: int
    record: ClockRecord
    run_seed: int

    @property
    def epoch_ms(self) -> int:
        """UTC when the set-up begins."""
        return self.now_ms - self.lead_ms

    @classmethod
    def of(
        cls,
        state: BenchState,
        *,
        asked_ms: int | None,
        wall_ms: int,
        speed: float,
        seed: int | None,
    ) -> Self:
        """Find out where to begin, and note that a run began.

        Args:
            state: The state folder.
            asked_ms: `--now`.
            wall_ms: The wall clock.
            speed: `--speed`.
            seed: `--seed`; None for the state's own.

        Raises:
            TimeRunsForward: When `--now` lies before the state's own time.
            StrikeplateError: When something in the state is damaged, or a bench can't stand at
                that time.
        """
        known = state.read_clock()
        found_ms = state.found_ms()
        now_ms = start_instant_ms(
            found_ms=found_ms, asked_ms=asked_ms, wall_ms=wall_ms, speed=speed
        )
        check_instant(now_ms)
        if seed is None:
            seed = DEFAULT_SEED if known is None else known.seed
        record = ClockRecord(now_ms=now_ms, seed=seed, run=1 if known is None else known.run + 1)
        state.write_clock(record)
        return cls(
            now_ms=now_ms,
            lead_ms=SETUP_LEAD_MS if found_ms is None else 0,
            record=record,
            run_seed=derive_seed(seed, f"run/{record.run}"),
        )


class ClockKeeper:
    """Writes the bench clock before anybody is told of an instant."""

    def __init__(self, state: BenchState, record: ClockRecord) -> None:
        self._state = state
        self._record = record

    def note(self, now_ms: int) -> None:
        """Keep an instant; an earlier one changes nothing."""
        if now_ms > self._record.now_ms:
            self._record = dataclasses.replace(self._record, now_ms=now_ms)
            self._state.write_clock(self._record)


def start_instant_ms(
    *, found_ms: int | None, asked_ms: int | None, wall_ms: int, speed: float
) -> int:
    """Where bench time starts (DESIGN section 5).

    Args:
        found_ms: The highest instant of an existing state; None for a new one.
        asked_ms: `--now`.
        wall_ms: The wall clock.
        speed: `--speed`.

    Raises:
        TimeRunsForward: When `--now` lies before the state's own time.
    """
    if asked_ms is not None:
        if found_ms is not None and asked_ms < found_ms:
            raise TimeRunsForward(
                f"--now {instant(asked_ms)} lies before this state's own time "
                f"{instant(found_ms)}: bench time never goes back; use a new --state"
            )
        return asked_ms
    if found_ms is None:
        return wall_ms
    return max(found_ms, wall_ms) if speed else found_ms
