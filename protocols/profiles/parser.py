"""A brand profile: the facts of a kind of lock, read from TOML text into a frozen `Profile`.

Text comes in, nothing is opened: the floor above finds the file. Every key is required, with the
exception of `[codes.name_length]`, `codes.read_back_mask`, `[[offline_codes]]` and `[sources]`,
and an unknown one is an error, so a profile says all there is to say. No code in this project asks
for a brand; it asks for these facts (DESIGN D1).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any, Final

from protocols.doorlock.constraints import CodeConstraint
from protocols.errors import ProfileError
from protocols.profiles.agreement import check_agreement
from protocols.profiles.citations import Citation, read_citations
from protocols.profiles.facts import (
    BatteryFacts,
    ClockFacts,
    DuplicateRules,
    FlashFacts,
    KeypadRules,
    LockoutRules,
    NameLength,
    OfflineCodes,
)
from protocols.profiles.profile import Profile
from protocols.profiles.reader import TableReader
from protocols.profiles.vocabulary import (
    DEVICE_TYPES,
    USER_TYPES,
    ClockOnPowerLoss,
    CredentialMode,
    DstQuirk,
    DuplicateRule,
    JitPolicy,
    OfflineKind,
    PinStorage,
    ReadBack,
    ReservationRule,
    SystemKind,
    ZoneAwareness,
)

# What readers of profiles need; the definitions live beside this module.
__all__ = [
    "DEVICE_TYPES",
    "BatteryFacts",
    "Citation",
    "ClockFacts",
    "ClockOnPowerLoss",
    "CredentialMode",
    "DstQuirk",
    "DuplicateRule",
    "DuplicateRules",
    "FlashFacts",
    "JitPolicy",
    "KeypadRules",
    "LockoutRules",
    "NameLength",
    "OfflineCodes",
    "OfflineKind",
    "PinStorage",
    "Profile",
    "ReadBack",
    "ReservationRule",
    "SystemKind",
    "ZoneAwareness",
    "parse_citations",
    "parse_profile",
]

# Bounds of the words that carry these numbers in `Info` and in schedules.
_U8_MAX: Final = 0xFF
_U16_MAX: Final = 0xFFFF
# Digits: the longest code of any brand known has 14; 16 leaves room and bounds keypad buffers.
_CODE_LENGTH_MAX: Final = 16
# Bytes of a user's name: a record in the flash of a simulated lock has 48, of which 14 are its
# head, the lengths of its parts, and the user's status and type.
_USER_NAME_BYTES_MAX: Final = 34
# Seconds of a day: no lock counts time more coarsely, and no lockout lasts longer.
_DAY_S: Final = 86_400
# Seconds of ten years: no offline code of a bounded kind lives longer.
_TEN_YEARS_S: Final = 315_576_000
# Minutes: the largest ExpiringUserTimeout of the Matter Door Lock cluster.
_EXPIRING_MIN_MAX: Final = 2_880
# Seconds of a year: a bound of error that large says nothing.
_YEAR_S: Final = 365 * _DAY_S
# Parts per million of a clock, as in a bench file: beyond 5 % no clock is one.
_DRIFT_PPM_MAX: Final = 50_000
# Millivolts of a u16 word (`DeviceStatus.battery_mv`).
_MV_MAX: Final = _U16_MAX
# Bytes of a flash area: the largest serial flash in a lock is far below 16 MiB.
_FLASH_BYTES_MAX: Final = 16 * 1024 * 1024


def parse_profile(text: str, *, source: str) -> Profile:
    """Read a profile.

    Args:
        text: The TOML text.
        source: What to call it in an error, such as a file name.

    Raises:
        ProfileError: When the text is no TOML, or a key is missing, unknown, of the wrong type,
            out of its bounds, or at odds with another; the sentence names source and key.
    """
    return _read(text, source)[0]


def parse_citations(text: str, *, source: str) -> Mapping[str, Citation]:
    """Read where a profile's facts come from: dotted key to citation, in the file's order.

    A fact without a source of its own has that of the nearest table around it, if any; a fact
    that nobody gave a source is left out.

    Raises:
        ProfileError: As `parse_profile`.
    """
    return _read(text, source)[1]


def _read(text: str, source: str) -> tuple[Profile, Mapping[str, Citation]]:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{source}: not TOML: {error}") from None
    given: Any = table.pop("sources", {})
    root = TableReader(table, source)
    profile = _read_profile(root)
    root.finish()
    check_agreement(profile, source)
    return profile, read_citations(given, tuple(root.facts()), source)


def _read_profile(root: TableReader) -> Profile:
    system, codes, hardware = root.table("system"), root.table("codes"), root.table("hardware")
    schedules, users, remote = root.table("schedules"), root.table("users"), root.table("remote")
    log = root.table("log")
    return Profile(
        # Goes into `Info.profile_id`, and into file names.
        profile_id=root.slug("profile_id"),
        version=root.integer("version", 1, _U16_MAX),
        display_name=root.text("display_name"),
        manufacturer=root.text("manufacturer"),
        model=root.text("model"),
        device_type=root.choice("device_type", DEVICE_TYPES),
        device_type_is_borrowed=root.boolean("device_type_is_borrowed"),
        system_kind=system.member("kind", SystemKind),
        credential_modes=system.members("credential_modes", CredentialMode),
        reservations=system.member("reservations", ReservationRule),
        pin_slot_count=codes.integer("pin_slot_count", 0, _U16_MAX),
        code_lengths=codes.integers("lengths", 1, _CODE_LENGTH_MAX, may_be_empty=True),
        same_length=codes.boolean("same_length"),
        code_constraints=codes.members("constraints", CodeConstraint),
        vendor_made_codes=codes.boolean("vendor_made"),
        online_codes=codes.boolean("online"),
        backup_pool=codes.boolean("backup_pool"),
        read_back=codes.member("read_back", ReadBack),
        read_back_mask=_read_mask(codes),
        pin_storage=codes.member("pin_storage", PinStorage),
        user_name_bytes_max=codes.integer("user_name_bytes_max", 0, _USER_NAME_BYTES_MAX),
        duplicates=_read_duplicates(codes.table("duplicates")),
        name_length=_read_name_length(codes),
        offline_codes=tuple(_read_offline(each) for each in root.tables("offline_codes")),
        native_scheduling=schedules.boolean("native"),
        jit=schedules.member("jit", JitPolicy),
        year_day_per_user=schedules.integer("year_day_per_user", 0, _U8_MAX),
        week_day_per_user=schedules.integer("week_day_per_user", 0, _U8_MAX),
        holiday_count=schedules.integer("holiday_count", 0, _U8_MAX),
        time_granularity_s=schedules.integer("time_granularity_s", 1, _DAY_S),
        local_year_day=schedules.boolean("local_year_day"),
        user_types=users.chosen("types", USER_TYPES),
        expiring_user_timeout_min=users.integer("expiring_timeout_min", 0, _EXPIRING_MIN_MAX),
        remote_lock=remote.boolean("lock"),
        remote_unlock=remote.boolean("unlock"),
        door_sensor=hardware.boolean("door_sensor"),
        has_direct_power=hardware.boolean("has_direct_power"),
        auto_relock_s=hardware.integer("auto_relock_s", 0, _DAY_S),
        privacy_deadbolt=hardware.boolean("privacy_deadbolt"),
        keypad=_read_keypad(root.table("keypad")),
        lockout=_read_lockout(root.table("lockout")),
        clock=_read_clock(root.table("clock")),
        log_capacity=log.integer("capacity", 1, _U16_MAX),
        battery=_read_battery(root.table("battery")),
        flash=_read_flash(root.table("flash")),
    )


def _read_mask(codes: TableReader) -> str | None:
    return codes.character("read_back_mask") if codes.has("read_back_mask") else None


def _read_duplicates(table: TableReader) -> DuplicateRules:
    return DuplicateRules(
        remote=table.member("remote", DuplicateRule),
        keypad=table.member("keypad", DuplicateRule),
    )


def _read_name_length(codes: TableReader) -> NameLength | None:
    if not codes.has("name_length"):
        return None
    table = codes.table("name_length")
    return NameLength(
        min_length=table.integer("min_length", 0, _U8_MAX),
        max_length=table.integer("max_length", 1, _U8_MAX),
    )


def _read_offline(table: TableReader) -> OfflineCodes:
    return OfflineCodes(
        kind=table.member("kind", OfflineKind),
        lengths=table.integers("lengths", 1, _CODE_LENGTH_MAX),
        step_s=table.integer("step_s", 1, _DAY_S),
        duration_s_min=table.integer("duration_s_min", 0, _TEN_YEARS_S),
        duration_s_max=table.integer("duration_s_max", 0, _TEN_YEARS_S),
        first_use_within_s=table.integer("first_use_within_s", 0, _TEN_YEARS_S),
        per_window_max=table.integer("per_window_max", 0, _U8_MAX),
        is_revocable=table.boolean("is_revocable"),
    )


def _read_keypad(table: TableReader) -> KeypadRules:
    return KeypadRules(
        inter_digit_timeout_s=table.integer("inter_digit_timeout_s", 1, _DAY_S),
        buffer_length=table.integer("buffer_length", 1, _U8_MAX),
        wakes_on_touch=table.boolean("wakes_on_touch"),
        programming_code_opens=table.boolean("programming_code_opens"),
    )


def _read_lockout(table: TableReader) -> LockoutRules:
    return LockoutRules(
        wrong_code_limit=table.integer("wrong_code_limit", 1, _U8_MAX),
        lockout_s=table.integer("duration_s", 1, _DAY_S),
        lockout_s_max=table.integer("duration_s_max", 1, _DAY_S),
        per_interface=table.boolean("per_interface"),
    )


def _read_clock(table: TableReader) -> ClockFacts:
    return ClockFacts(
        zone=table.member("zone", ZoneAwareness),
        dst_rule=table.text("dst_rule"),
        dst_quirk=table.member("dst_quirk", DstQuirk),
        on_power_loss=table.member("on_power_loss", ClockOnPowerLoss),
        drift_ppm_max=table.integer("drift_ppm_max", 0, _DRIFT_PPM_MAX),
        holdover_ppm=table.integer("holdover_ppm", 0, _DRIFT_PPM_MAX),
        error_limit_s=table.integer("error_limit_s", 0, _YEAR_S),
        detects_rollback=table.boolean("detects_rollback"),
        lost_admits=table.boolean("lost_admits"),
    )


def _read_battery(table: TableReader) -> BatteryFacts:
    return BatteryFacts(
        cell_count=table.integer("cell_count", 1, _U8_MAX),
        full_mv=table.integer("full_mv", 1, _MV_MAX),
        low_mv=table.integer("low_mv", 1, _MV_MAX),
        critical_mv=table.integer("critical_mv", 1, _MV_MAX),
        cutoff_mv=table.integer("cutoff_mv", 1, _MV_MAX),
    )


def _read_flash(table: TableReader) -> FlashFacts:
    return FlashFacts(
        nvs_bytes=table.integer("nvs_bytes", 1, _FLASH_BYTES_MAX),
        audit_bytes=table.integer("audit_bytes", 1, _FLASH_BYTES_MAX),
        meta_bytes=table.integer("meta_bytes", 0, _FLASH_BYTES_MAX),
        sector_bytes=table.integer("sector_bytes", 1, _FLASH_BYTES_MAX),
        write_block=table.integer("write_block", 1, _U8_MAX),
    )
