"""Groups of a profile's facts: one frozen dataclass a table of the file.

An attribute has the name of its key in the file; what it means stands here, and the reference
page of the profiles is rendered from it.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from protocols.profiles.vocabulary import (
    ClockOnPowerLoss,
    DstQuirk,
    DuplicateRule,
    OfflineKind,
    ZoneAwareness,
)

# Bytes of a record of the access log (DESIGN D7), and of what stands at the start of a sector.
_LOG_RECORD_BYTES: Final = 20
_LOG_HEADER_BYTES: Final = 16


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NameLength:
    """Characters that a code's name may have; goes with the constraint `name_length`.

    Attributes:
        min_length: Characters that a name has at least.
        max_length: Characters that a name has at most.
    """

    min_length: int
    max_length: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateRules:
    """What becomes of a code that another slot already holds, by who writes it.

    Attributes:
        remote: When a request writes it.
        keypad: When somebody writes it at the lock, by its programming menu.
    """

    remote: DuplicateRule
    keypad: DuplicateRule


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OfflineCodes:
    """One kind of codes that an algorithm makes.

    Attributes:
        kind: Which kind.
        lengths: Numbers of digits, ascending.
        step_s: Seconds that start and end are multiples of.
        duration_s_min: Seconds of the shortest window; 0 where the kind has no end.
        duration_s_max: Seconds of the longest window; 0 where the kind has no end.
        first_use_within_s: Seconds from the start within which it must be used once; 0 = any time.
        per_window_max: Codes of exactly the same window; 0 = no limit.
        is_revocable: True when something can take it away without a visit to the lock.
    """

    kind: OfflineKind
    lengths: tuple[int, ...]
    step_s: int
    duration_s_min: int
    duration_s_max: int
    first_use_within_s: int
    per_window_max: int
    is_revocable: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeypadRules:
    """How a keypad collects digits.

    Attributes:
        inter_digit_timeout_s: Seconds without a key after which the entry is cleared.
        buffer_length: Digits that an entry holds; further ones push out the oldest.
        wakes_on_touch: True when the first touch of a sleeping keypad only wakes it.
        programming_code_opens: True when the programming code also opens the door.
    """

    inter_digit_timeout_s: int
    buffer_length: int
    wakes_on_touch: bool
    programming_code_opens: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LockoutRules:
    """What follows wrong codes.

    Attributes:
        wrong_code_limit: Wrong codes in a row that lock the keypad out.
        lockout_s: Seconds of the first lockout; every further one lasts twice as long.
        lockout_s_max: Seconds that no lockout exceeds.
        per_interface: True when a lockout of the keypad leaves cards and keys alone.
    """

    wrong_code_limit: int
    lockout_s: int
    lockout_s_max: int
    per_interface: bool = True


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClockFacts:
    """The lock's own clock.

    Attributes:
        zone: What the lock knows of local time.
        dst_rule: Its own rule for daylight saving, as POSIX TZ writes it: `M3.2.0/2,M11.1.0/2` is
            month, week, day of the week and hour of both changes; `none` without one of its own.
        dst_quirk: What goes wrong with stored windows at a change.
        on_power_loss: What a power cut does to the clock.
        drift_ppm_max: Parts per million that it runs wrong at most.
        holdover_ppm: Parts per million by which the bound of its error grows since it was set.
        error_limit_s: Seconds of that bound beyond which the clock counts as lost; 0 = never.
        detects_rollback: True when the lock remembers how late it has been, and so notices a
            clock that went back.
        lost_admits: True when codes with a window open although the clock is lost.
    """

    zone: ZoneAwareness
    dst_rule: str
    dst_quirk: DstQuirk
    on_power_loss: ClockOnPowerLoss
    drift_ppm_max: int
    holdover_ppm: int
    error_limit_s: int
    detects_rollback: bool
    lost_admits: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BatteryFacts:
    """Voltages of the battery pack under load.

    Attributes:
        cell_count: Cells in series.
        full_mv: Millivolts of fresh cells.
        low_mv: At or below it the lock reports a low battery.
        critical_mv: At or below it the lock reports a critical battery.
        cutoff_mv: At or below it the bolt does not move.
    """

    cell_count: int
    full_mv: int
    low_mv: int
    critical_mv: int
    cutoff_mv: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FlashFacts:
    """The flash that a lock of this kind is simulated with.

    Attributes:
        nvs_bytes: Bytes of the area of records.
        audit_bytes: Bytes of the area of the access log.
        meta_bytes: Bytes of the area of what lies outside of both.
        sector_bytes: Bytes that are erased at once.
        write_block: Bytes that are written at once.
    """

    nvs_bytes: int
    audit_bytes: int
    meta_bytes: int
    sector_bytes: int
    write_block: int

    @property
    def log_records_kept(self) -> int:
        """Log records that the audit ring holds at any time; a sector begins with a header."""
        slot = self.whole_blocks(_LOG_RECORD_BYTES)
        header = self.whole_blocks(_LOG_HEADER_BYTES)
        sectors = self.audit_bytes // self.sector_bytes
        return max(0, sectors - 1) * max(0, (self.sector_bytes - header) // slot)

    def whole_blocks(self, length: int) -> int:
        """Bytes that so many take up, written in whole blocks."""
        return -(-length // self.write_block) * self.write_block
