"""The frozen `Profile`: everything that is known of a kind of lock."""

from __future__ import annotations

import dataclasses

from protocols.doorlock.constraints import CodeConstraint
from protocols.doorlock.vocabulary import UserType
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
from protocols.profiles.vocabulary import (
    CredentialMode,
    JitPolicy,
    PinStorage,
    ReadBack,
    ReservationRule,
    SystemKind,
)


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
        device_type_is_borrowed: True when the Seam API has no type for it and another stands in.
        system_kind: What stands behind the door's lock.
        credential_modes: How somebody proves at the door who they are.
        reservations: What a newer guest credential does to those before it.
        pin_slot_count: PIN slots, and users with them; 0 for a door without a keypad.
        code_lengths: Numbers of digits that a code may have, ascending; empty without a keypad.
        same_length: True when all codes of one lock have the same length.
        code_constraints: Further rules of codes.
        vendor_made_codes: True when callers may not choose codes.
        online_codes: True when the gateway may program codes.
        backup_pool: True when spare codes can be kept ready on the lock.
        read_back: What the lock tells of a stored code.
        read_back_mask: The character that stands for a digit of a masked code; else None.
        pin_storage: How the lock keeps its codes.
        user_name_bytes_max: Bytes of UTF-8 in a user's name on the lock.
        duplicates: What becomes of a code that another slot already holds.
        name_length: Bounds of a code's name, where the brand has any.
        offline_codes: Kinds of codes that an algorithm makes; empty without any.
        native_scheduling: True when the lock's own clock keeps the windows of its codes; false
            where it can't, or where the integration does not use it.
        jit: How a just-in-time code waits for its start.
        year_day_per_user: Year-day schedules of one user.
        week_day_per_user: Week-day schedules of one user.
        holiday_count: Holiday schedules of the lock.
        time_granularity_s: Seconds that the bounds of a stored window are multiples of.
        local_year_day: True for a lock that stores year-day windows in door-local time.
        user_types: User types that the lock honours.
        expiring_user_timeout_min: Minutes that an expiring user's code lives from its first use
            on; 0 without expiring users.
        remote_unlock: True when a request may withdraw the bolt.
        remote_lock: True when a request may throw the bolt.
        door_sensor: True when the lock knows whether its door is open.
        has_direct_power: True when it is wired and no battery runs down.
        auto_relock_s: Seconds after which an unlocked bolt is thrown again; 0 = never.
        privacy_deadbolt: True when a bolt thrown from inside shuts out guests' codes.
        keypad: How the keypad collects digits.
        lockout: What follows wrong codes.
        clock: The lock's own clock.
        log_capacity: Records of the access log.
        battery: The battery pack.
        flash: The flash that it is simulated with.
    """

    profile_id: str
    version: int
    display_name: str
    manufacturer: str
    model: str
    device_type: str
    device_type_is_borrowed: bool
    system_kind: SystemKind
    credential_modes: tuple[CredentialMode, ...]
    reservations: ReservationRule
    pin_slot_count: int
    code_lengths: tuple[int, ...]
    same_length: bool
    code_constraints: tuple[CodeConstraint, ...]
    vendor_made_codes: bool
    online_codes: bool
    backup_pool: bool
    read_back: ReadBack
    read_back_mask: str | None
    pin_storage: PinStorage
    user_name_bytes_max: int
    duplicates: DuplicateRules
    name_length: NameLength | None
    offline_codes: tuple[OfflineCodes, ...]
    native_scheduling: bool
    jit: JitPolicy
    year_day_per_user: int
    week_day_per_user: int
    holiday_count: int
    time_granularity_s: int
    local_year_day: bool
    user_types: tuple[UserType, ...]
    expiring_user_timeout_min: int
    remote_unlock: bool
    remote_lock: bool
    door_sensor: bool
    has_direct_power: bool
    auto_relock_s: int
    privacy_deadbolt: bool
    keypad: KeypadRules
    lockout: LockoutRules
    clock: ClockFacts
    log_capacity: int
    battery: BatteryFacts
    flash: FlashFacts

    @property
    def has_keypad(self) -> bool:
        """True when codes can be entered at the door."""
        return self.pin_slot_count > 0

    @property
    def shortest_code(self) -> int:
        """Digits that an entry has at least; 1 where no code can be entered."""
        return min(self.code_lengths, default=1)

    @property
    def submit_length(self) -> int | None:
        """Digits that submit an entry by themselves; None where `#` must, or nothing can."""
        return self.code_lengths[0] if len(self.code_lengths) == 1 else None

    @property
    def variable_code_length(self) -> bool:
        """True when codes differ in length, so that `#` must submit them."""
        return len(self.code_lengths) > 1
