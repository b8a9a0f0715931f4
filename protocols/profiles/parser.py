"""A brand profile: the facts of a kind of lock, read from TOML text into a frozen `Profile`.

Text comes in, nothing is opened: the floor above finds the file. Every key is required, with the
exception of `[codes.name_length]`, and an unknown one is an error, so a profile says all there is
to say. No code in this project asks for a brand; it asks for these facts (DESIGN D1).
"""

from __future__ import annotations

import dataclasses
import enum
import tomllib
from typing import Final

from protocols.doorlock.constraints import CodeConstraint
from protocols.doorlock.vocabulary import UserType
from protocols.errors import ProfileError
from protocols.profiles.reader import TableReader

# Source: Seam's `device.device_type`, the lock values of its closed enum.
DEVICE_TYPES: Final = (
    "akiles_lock",
    "akuvox_lock",
    "august_lock",
    "avigilon_alta_entry",
    "brivo_access_point",
    "butterflymx_panel",
    "controlbyweb_device",
    "doorking_lock",
    "dormakaba_oracode_door",
    "four_suites_door",
    "genie_door",
    "igloo_lock",
    "igloohome_lock",
    "keyincode_lock",
    "kisi_lock",
    "kwikset_lock",
    "linear_lock",
    "lockly_lock",
    "nuki_lock",
    "omnitec_lock",
    "salto_lock",
    "schlage_lock",
    "smartthings_lock",
    "tedee_lock",
    "ttlock_lock",
    "two_n_intercom",
    "ultraloq_lock",
    "wyze_lock",
    "yale_lock",
)

# Bounds of the words that carry these numbers in `Info` and in schedules.
_U8_MAX: Final = 0xFF
_U16_MAX: Final = 0xFFFF
# Digits: the longest code of any brand known has 9; 16 leaves room and bounds keypad buffers.
_CODE_LENGTH_MAX: Final = 16
# Seconds of a day: no lock counts time more coarsely, and no lockout lasts longer.
_DAY_S: Final = 86_400
# Millivolts of a u16 word (`DeviceStatus.battery_mv`).
_MV_MAX: Final = _U16_MAX


class JitPolicy(enum.Enum):
    """How a just-in-time code is kept shut before its start (DESIGN D20)."""

    DISABLED_UNTIL_START = "disabled_until_start"
    EARLY_LIVE = "early_live"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NameLength:
    """Characters that a code's name may have; goes with the constraint `name_length`."""

    min_length: int
    max_length: int


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
    wakes_on_touch: bool = True
    programming_code_opens: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LockoutRules:
    """What follows wrong codes.

    Attributes:
        wrong_code_limit: Wrong codes in a row that lock the keypad out.
        lockout_s: Seconds of the first lockout; every further one lasts twice as long.
        lockout_s_max: Seconds that no lockout exceeds.
    """

    wrong_code_limit: int
    lockout_s: int
    lockout_s_max: int


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
class Profile:
    """The facts of a kind of lock.

    Attributes:
        profile_id: Name of the profile, as `Info.profile_id` tells it.
        version: Counts changes of the file.
        display_name: For people.
        manufacturer: Maker's name, for people.
        model: Model's name, for people.
        device_type: A value of Seam's closed enum (`DEVICE_TYPES`).
        pin_slot_count: PIN slots, and users with them.
        code_lengths: Numbers of digits that a code may have, ascending.
        code_constraints: Further rules of codes.
        vendor_made_codes: True when callers may not choose codes.
        name_length: Bounds of a code's name, where the brand has any.
        native_scheduling: True when the lock keeps windows by its own clock.
        jit: How a just-in-time code waits for its start.
        year_day_per_user: Year-day schedules of one user.
        week_day_per_user: Week-day schedules of one user.
        time_granularity_s: Seconds that the bounds of a stored window are multiples of.
        local_year_day: True for a lock that stores year-day windows in door-local time.
        remote_unlock: True when a request may withdraw the bolt.
        remote_lock: True when a request may throw the bolt.
        door_sensor: True when the lock knows whether its door is open.
        keypad: How the keypad collects digits.
        lockout: What follows wrong codes.
        log_capacity: Records of the access log.
        user_name_bytes_max: Bytes of UTF-8 in a user's name on the lock.
        battery: The battery pack.
        user_types: User types that the lock honours.
        expiring_user_timeout_min: Minutes that an expiring user's code lives from its first use
            on; 0 without expiring users.
        auto_relock_s: Seconds after which an unlocked bolt is thrown again; 0 = never.
        privacy_deadbolt: True when a bolt thrown from inside shuts out codes.
    """

    profile_id: str
    version: int
    display_name: str
    manufacturer: str
    model: str
    device_type: str
    pin_slot_count: int
    code_lengths: tuple[int, ...]
    code_constraints: tuple[CodeConstraint, ...]
    vendor_made_codes: bool
    name_length: NameLength | None
    native_scheduling: bool
    jit: JitPolicy
    year_day_per_user: int
    week_day_per_user: int
    time_granularity_s: int
    local_year_day: bool
    remote_unlock: bool
    remote_lock: bool
    door_sensor: bool
    keypad: KeypadRules
    lockout: LockoutRules
    log_capacity: int
    user_name_bytes_max: int
    battery: BatteryFacts
    user_types: tuple[UserType, ...]
    expiring_user_timeout_min: int = 0
    auto_relock_s: int = 0
    privacy_deadbolt: bool = False

    @property
    def variable_code_length(self) -> bool:
        """True when codes differ in length, so that `#` must submit them."""
        return len(self.code_lengths) > 1


def parse_profile(text: str, *, source: str) -> Profile:
    """Read a profile.

    Args:
        text: The TOML text.
        source: What to call it in an error, such as a file name.

    Raises:
        ProfileError: When the text is no TOML, or a key is missing, unknown, of the wrong type,
            out of its bounds, or at odds with another; the sentence names source and key.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{source}: not TOML: {error}") from None
    root = TableReader(table, source)
    profile = _read_profile(root)
    root.finish()
    _check_agreement(profile, source)
    return profile


def _read_profile(root: TableReader) -> Profile:
    codes, schedules, remote = root.table("codes"), root.table("schedules"), root.table("remote")
    log = root.table("log")
    year_day_per_user = schedules.integer("year_day_per_user", 0, _U8_MAX)
    week_day_per_user = schedules.integer("week_day_per_user", 0, _U8_MAX)
    return Profile(
        # Goes into `Info.profile_id`, and into file names.
        profile_id=root.slug("profile_id"),
        version=root.integer("version", 1, _U16_MAX),
        display_name=root.text("display_name"),
        manufacturer=root.text("manufacturer"),
        model=root.text("model"),
        device_type=root.choice("device_type", DEVICE_TYPES),
        pin_slot_count=codes.integer("pin_slot_count", 1, _U16_MAX),
        code_lengths=codes.integers("lengths", 1, _CODE_LENGTH_MAX),
        code_constraints=codes.members("constraints", CodeConstraint),
        vendor_made_codes=codes.boolean("vendor_made"),
        name_length=_read_name_length(codes),
        user_name_bytes_max=codes.integer("user_name_bytes_max", 0, _U8_MAX),
        native_scheduling=schedules.boolean("native"),
        jit=schedules.member("jit", JitPolicy),
        year_day_per_user=year_day_per_user,
        week_day_per_user=week_day_per_user,
        time_granularity_s=schedules.integer("time_granularity_s", 1, _DAY_S),
        local_year_day=schedules.boolean("local_year_day"),
        remote_lock=remote.boolean("lock"),
        remote_unlock=remote.boolean("unlock"),
        door_sensor=remote.boolean("door_sensor"),
        keypad=_read_keypad(root.table("keypad")),
        lockout=_read_lockout(root.table("lockout")),
        log_capacity=log.integer("capacity", 1, _U16_MAX),
        battery=_read_battery(root.table("battery")),
        user_types=_user_types(year_day_per_user, week_day_per_user),
    )


def _user_types(year_day_per_user: int, week_day_per_user: int) -> tuple[UserType, ...]:
    """User types that a lock with so many schedules can honour."""
    types = {
        UserType.UNRESTRICTED_USER: True,
        UserType.YEAR_DAY_SCHEDULE_USER: year_day_per_user > 0,
        UserType.WEEK_DAY_SCHEDULE_USER: week_day_per_user > 0,
        UserType.SCHEDULE_RESTRICTED_USER: year_day_per_user + week_day_per_user > 0,
    }
    return tuple(kind for kind, is_there in types.items() if is_there)


def _read_name_length(codes: TableReader) -> NameLength | None:
    if not codes.has("name_length"):
        return None
    table = codes.table("name_length")
    return NameLength(
        min_length=table.integer("min_length", 0, _U8_MAX),
        max_length=table.integer("max_length", 1, _U8_MAX),
    )


def _read_keypad(table: TableReader) -> KeypadRules:
    return KeypadRules(
        inter_digit_timeout_s=table.integer("inter_digit_timeout_s", 1, _DAY_S),
        buffer_length=table.integer("buffer_length", 1, _U8_MAX),
    )


def _read_lockout(table: TableReader) -> LockoutRules:
    return LockoutRules(
        wrong_code_limit=table.integer("wrong_code_limit", 1, _U8_MAX),
        lockout_s=table.integer("duration_s", 1, _DAY_S),
        lockout_s_max=table.integer("duration_s_max", 1, _DAY_S),
    )


def _read_battery(table: TableReader) -> BatteryFacts:
    return BatteryFacts(
        cell_count=table.integer("cell_count", 1, _U8_MAX),
        full_mv=table.integer("full_mv", 1, _MV_MAX),
        low_mv=table.integer("low_mv", 1, _MV_MAX),
        critical_mv=table.integer("critical_mv", 1, _MV_MAX),
        cutoff_mv=table.integer("cutoff_mv", 1, _MV_MAX),
    )


def _check_agreement(profile: Profile, source: str) -> None:
    """Refuse facts that can't be true together.

    Raises:
        ProfileError: Names the keys at odds.
    """
    battery, lockout = profile.battery, profile.lockout
    schedules = profile.year_day_per_user + profile.week_day_per_user
    names = profile.name_length
    rules = (
        (
            list(profile.code_lengths) == sorted(set(profile.code_lengths)),
            "codes.lengths must ascend, each length once",
        ),
        (
            profile.keypad.buffer_length >= profile.code_lengths[-1],
            "keypad.buffer_length is shorter than the longest of codes.lengths",
        ),
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
            profile.native_scheduling == (profile.year_day_per_user > 0),
            "schedules.native goes with a year_day_per_user of at least 1",
        ),
        (
            profile.native_scheduling or schedules == 0,
            "schedules.week_day_per_user must be 0 without native schedules",
        ),
        (
            lockout.lockout_s <= lockout.lockout_s_max,
            "lockout.duration_s exceeds duration_s_max",
        ),
        (
            battery.cutoff_mv < battery.critical_mv < battery.low_mv < battery.full_mv,
            "battery voltages must fall: full_mv, low_mv, critical_mv, cutoff_mv",
        ),
    )
    for holds, sentence in rules:
        if not holds:
            raise ProfileError(f"{source}: {sentence}")
