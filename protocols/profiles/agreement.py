"""Which facts of a profile must go together; each rule with the sentence that tells of it."""

from __future__ import annotations

from typing import Final

from protocols.doorlock.constraints import CodeConstraint
from protocols.doorlock.vocabulary import UserType
from protocols.doorlock.zone import parse_dst_rule
from protocols.errors import ProfileError, WindowError
from protocols.profiles.profile import Profile
from protocols.profiles.vocabulary import (
    CredentialMode,
    DstQuirk,
    PinStorage,
    ReadBack,
    ZoneAwareness,
)

# A rule that holds, or the sentence that says what is wrong.
_Rule = tuple[bool, str]

# What can't be told of a code without its digits: a mask is as long as the code.
_NEEDS_DIGITS: Final = (ReadBack.CLEAR, ReadBack.MASKED)
# With two sectors a cut can open the wrong one, whatever the settings (decision 9).
_NVS_SECTORS_MIN: Final = 3
# Zephyr copies through a buffer of this size (NVS_BLOCK_SIZE).
_WRITE_BLOCK_MAX: Final = 32
# Its offsets in a sector have 16 bits.
_SECTOR_BYTES_MAX: Final = 65_536
# A change is one item of NVS, and that lies in one sector: with a code go its user and all of the
# user's schedules, each with a record of this size (decision 12), and parts of the device state.
_CLEARED_RECORD_BYTES: Final = 14
_STATE_BYTES_MAX: Final = 128
_DATA_CRC_BYTES: Final = 4
_ENTRY_BYTES: Final = 8
# Of a sector's entries these are kept free: close, GC-done, a delete, and the item's own.
_ENTRIES_KEPT: Final = 4


def check_agreement(profile: Profile, source: str) -> None:
    """Refuse facts that contradict each other.

    Args:
        profile: What was read.
        source: What to call it in an error.

    Raises:
        ProfileError: Names the first rule that does not hold.
    """
    for holds, sentence in (
        *_keypad_rules(profile),
        *_code_rules(profile),
        *_offline_rules(profile),
        *_schedule_rules(profile),
        *_clock_rules(profile),
        *_user_rules(profile),
        *_hardware_rules(profile),
    ):
        if not holds:
            raise ProfileError(f"{source}: {sentence}")


def _keypad_rules(profile: Profile) -> tuple[_Rule, ...]:
    lengths = profile.code_lengths
    return (
        (
            list(lengths) == sorted(set(lengths)),
            "codes.lengths must ascend, each length once",
        ),
        (
            bool(lengths) == profile.has_keypad,
            "codes.lengths is empty exactly where codes.pin_slot_count is 0",
        ),
        (
            (CredentialMode.CODE in profile.credential_modes) == profile.has_keypad,
            "system.credential_modes names code exactly where codes.pin_slot_count is not 0",
        ),
        (
            profile.has_keypad or not (profile.online_codes or profile.backup_pool),
            "codes.online and codes.backup_pool must be false where codes.pin_slot_count is 0",
        ),
        (
            not lengths or profile.keypad.buffer_length >= lengths[-1],
            "keypad.buffer_length is shorter than the longest of codes.lengths",
        ),
    )


def _code_rules(profile: Profile) -> tuple[_Rule, ...]:
    names = profile.name_length
    # Of a hash nobody can tell the digits.
    is_clear = profile.pin_storage is PinStorage.CLEAR
    return (
        (
            profile.vendor_made_codes
            == (CodeConstraint.CANNOT_SPECIFY_PIN_CODE in profile.code_constraints),
            "codes.vendor_made and the constraint cannot_specify_pin_code go together",
        ),
        (
            (names is not None) == (CodeConstraint.NAME_LENGTH in profile.code_constraints),
            "codes.name_length and the constraint name_length go together",
        ),
        (
            names is None or names.min_length <= names.max_length,
            "codes.name_length.min_length exceeds max_length",
        ),
        (
            (profile.read_back_mask is not None) == (profile.read_back is ReadBack.MASKED),
            'codes.read_back_mask and codes.read_back = "masked" go together',
        ),
        (
            is_clear or profile.read_back not in _NEEDS_DIGITS,
            f'codes.read_back = "{profile.read_back}" needs codes.pin_storage = "clear"',
        ),
        (
            is_clear or CodeConstraint.UNIQUE_FIRST_FOUR_DIGITS not in profile.code_constraints,
            'the constraint unique_first_four_digits needs codes.pin_storage = "clear"',
        ),
        (
            is_clear or not profile.same_length or len(profile.code_lengths) == 1,
            'codes.same_length with several codes.lengths needs codes.pin_storage = "clear"',
        ),
    )


def _offline_rules(profile: Profile) -> tuple[_Rule, ...]:
    offline = profile.offline_codes
    return (
        (
            not offline or profile.has_keypad,
            "offline_codes need a keypad: codes.pin_slot_count is 0",
        ),
        (
            all(list(code.lengths) == sorted(set(code.lengths)) for code in offline),
            "offline_codes.lengths must ascend, each length once",
        ),
        (
            all(code.duration_s_min <= code.duration_s_max for code in offline),
            "offline_codes.duration_s_min exceeds duration_s_max",
        ),
        (
            all(code.lengths[-1] <= profile.keypad.buffer_length for code in offline),
            "keypad.buffer_length is shorter than the longest of offline_codes.lengths",
        ),
        (
            len({code.kind for code in offline}) == len(offline),
            "offline_codes names a kind twice",
        ),
    )


def _schedule_rules(profile: Profile) -> tuple[_Rule, ...]:
    return (
        (
            profile.year_day_per_user > 0 or not profile.native_scheduling,
            "schedules.native goes with a year_day_per_user of at least 1",
        ),
        (
            profile.year_day_per_user > 0 or not profile.local_year_day,
            "schedules.local_year_day goes with a year_day_per_user of at least 1",
        ),
        (
            _has_schedules(profile) or profile.holiday_count == 0,
            "schedules.holiday_count must be 0 without schedules",
        ),
    )


def _clock_rules(profile: Profile) -> tuple[_Rule, ...]:
    clock = profile.clock
    is_quirky = clock.dst_quirk is not DstQuirk.NONE
    return (
        (
            _is_dst_rule(clock.dst_rule),
            'clock.dst_rule is "none" or a rule such as "M3.2.0/2,M11.1.0/2"',
        ),
        (
            not (is_quirky and profile.local_year_day),
            "clock.dst_quirk is of locks that convert instants: not with schedules.local_year_day",
        ),
        (
            not (is_quirky and clock.zone is ZoneAwareness.NONE),
            'clock.dst_quirk needs local time: not with clock.zone = "none"',
        ),
    )


def _is_dst_rule(text: str) -> bool:
    try:
        parse_dst_rule(text)
    except WindowError:
        return False
    return True


def _user_rules(profile: Profile) -> tuple[_Rule, ...]:
    types = profile.user_types
    needs_schedules = {
        UserType.YEAR_DAY_SCHEDULE_USER: profile.year_day_per_user > 0,
        UserType.WEEK_DAY_SCHEDULE_USER: profile.week_day_per_user > 0,
        UserType.SCHEDULE_RESTRICTED_USER: _has_schedules(profile),
    }
    return (
        (
            UserType.UNRESTRICTED_USER in types,
            "users.types must name unrestricted_user",
        ),
        *(
            (
                kind not in types or holds,
                f"users.types names {kind.name.lower()} without schedules",
            )
            for kind, holds in needs_schedules.items()
        ),
        (
            not profile.native_scheduling or UserType.YEAR_DAY_SCHEDULE_USER in types,
            "users.types must name year_day_schedule_user with native schedules",
        ),
        (
            (UserType.EXPIRING_USER in types) == (profile.expiring_user_timeout_min > 0),
            "users.expiring_timeout_min is above 0 exactly where users.types names expiring_user",
        ),
    )


def _has_schedules(profile: Profile) -> bool:
    return profile.year_day_per_user > 0 or profile.week_day_per_user > 0


def _hardware_rules(profile: Profile) -> tuple[_Rule, ...]:
    battery, lockout, flash = profile.battery, profile.lockout, profile.flash
    areas = (flash.nvs_bytes, flash.audit_bytes, flash.meta_bytes)
    return (
        (
            lockout.lockout_s <= lockout.lockout_s_max,
            "lockout.duration_s exceeds duration_s_max",
        ),
        (
            battery.cutoff_mv < battery.critical_mv < battery.low_mv < battery.full_mv,
            "battery voltages must fall: full_mv, low_mv, critical_mv, cutoff_mv",
        ),
        (
            _sector_bytes_min(profile) <= flash.sector_bytes <= _SECTOR_BYTES_MAX,
            f"flash.sector_bytes must be {_sector_bytes_min(profile)} to {_SECTOR_BYTES_MAX}",
        ),
        (
            all(area % flash.sector_bytes == 0 for area in areas),
            "flash areas must be whole sectors: multiples of flash.sector_bytes",
        ),
        (
            flash.sector_bytes % flash.write_block == 0,
            "flash.sector_bytes must be a multiple of flash.write_block",
        ),
        (
            _is_power_of_two(flash.write_block) and flash.write_block <= _WRITE_BLOCK_MAX,
            f"flash.write_block must be a power of two up to {_WRITE_BLOCK_MAX}",
        ),
        (
            flash.nvs_bytes >= _NVS_SECTORS_MIN * flash.sector_bytes,
            f"flash.nvs_bytes must be {_NVS_SECTORS_MIN} sectors or more",
        ),
        (
            flash.meta_bytes >= flash.sector_bytes,
            "flash.meta_bytes must be a sector or more",
        ),
        (
            profile.log_capacity <= flash.log_records_kept,
            (
                f"flash.audit_bytes keeps {flash.log_records_kept} records, one sector being "
                "erased at times: fewer than log.capacity"
            ),
        ),
    )


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0


def _sector_bytes_min(profile: Profile) -> int:
    """Bytes of a sector that the longest change fits into."""
    flash = profile.flash
    records = 2 + profile.year_day_per_user + profile.week_day_per_user
    change = records * _CLEARED_RECORD_BYTES + _STATE_BYTES_MAX + _DATA_CRC_BYTES
    return flash.whole_blocks(change) + _ENTRIES_KEPT * flash.whole_blocks(_ENTRY_BYTES)
