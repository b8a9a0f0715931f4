"""The device object: a profile's facts, and what the lock said last."""

from __future__ import annotations

from typing import Any, Final, Literal, NotRequired

from typing_extensions import TypedDict

from gateway.access.battery import ChargeStatus, charge_of
from gateway.access.text import iso_utc
from gateway.api.objects.problems import Problem, problems
from protocols.doorlock.constraints import CodeConstraint
from protocols.doorlock.vocabulary import DoorState, LockState
from protocols.profiles.parser import Profile


class Appearance(TypedDict):
    """How the device names itself."""

    name: str


class Battery(TypedDict):
    """Charge of the battery pack."""

    level: float  # 0 to 1
    status: ChargeStatus


class DeviceModel(TypedDict):
    """What kind of device it is, for people."""

    can_connect_accessory_keypad: bool
    display_name: str
    has_built_in_keypad: bool
    manufacturer_display_name: str
    offline_access_codes_supported: bool
    online_access_codes_supported: bool


class ShownConstraint(TypedDict):
    """A rule that codes, or their names, must keep."""

    constraint_type: str
    max_length: NotRequired[int]
    min_length: NotRequired[int]


class DeviceProperties(TypedDict):
    """What a keypad lock shows of itself, as documented."""

    appearance: Appearance
    backup_access_code_pool_enabled: bool
    battery: NotRequired[Battery]
    battery_level: NotRequired[float]
    code_constraints: list[ShownConstraint]
    door_open: NotRequired[bool]
    has_direct_power: bool
    has_native_entry_events: bool
    locked: NotRequired[bool]
    manufacturer: str
    max_active_codes_supported: int
    model: DeviceModel
    name: str
    offline_access_codes_enabled: bool
    online: bool
    online_access_codes_enabled: bool
    serial_number: NotRequired[str]
    supported_code_lengths: list[int]
    supports_accessory_keypad: bool
    supports_backup_access_code_pool: bool
    supports_offline_access_codes: bool


class DeviceManufacturer(TypedDict):
    """Who made it."""

    display_name: str
    manufacturer: str


class DeviceProvider(TypedDict):
    """Through whom it is controlled."""

    device_provider_name: str
    display_name: str
    provider_category: str


class Location(TypedDict):
    """Where its door is, as far as it is known."""

    time_zone: str
    timezone: str


class Device(TypedDict):
    """A lock, as documented."""

    can_configure_auto_lock: bool
    can_program_offline_access_codes: bool
    can_program_online_access_codes: bool
    can_remotely_lock: bool
    can_remotely_unlock: bool
    can_simulate_connection: bool
    can_simulate_disconnection: bool
    can_simulate_hub_connection: bool
    can_simulate_hub_disconnection: bool
    can_simulate_paid_subscription: bool
    can_simulate_removal: bool
    can_unlock_with_code: bool
    capabilities_supported: list[str]
    connected_account_id: str
    created_at: str
    custom_metadata: dict[str, Any]
    device_id: str
    device_manufacturer: DeviceManufacturer
    device_provider: DeviceProvider
    device_type: str
    display_name: str
    errors: list[Problem]
    is_managed: Literal[True]
    location: NotRequired[Location]
    properties: DeviceProperties
    space_ids: list[str]
    warnings: list[Problem]
    workspace_id: str


# What a lock says that knows nothing of its door (see `DeviceStatus`).
_DOOR_UNDEFINED: Final = 0xFF
_PROVIDER: Final = DeviceProvider(
    device_provider_name="strikeplate", display_name="Strikeplate", provider_category="stable"
)


def device(row: Any, profile: Profile) -> Device:
    """Show a device.

    Args:
        row: A row of `device`.
        profile: The facts of its kind of lock.
    """
    shown = Device(
        can_configure_auto_lock=False,
        # The gateway makes no offline codes, whatever the lock would take.
        can_program_offline_access_codes=False,
        can_program_online_access_codes=profile.online_codes,
        can_remotely_lock=profile.remote_lock,
        can_remotely_unlock=profile.remote_unlock,
        can_simulate_connection=False,
        can_simulate_disconnection=False,
        can_simulate_hub_connection=False,
        can_simulate_hub_disconnection=False,
        can_simulate_paid_subscription=False,
        can_simulate_removal=False,
        can_unlock_with_code=profile.has_keypad,
        capabilities_supported=_capabilities(profile),
        connected_account_id=row.connected_account_id,
        created_at=iso_utc(row.created_at_ms),
        custom_metadata=row.custom_metadata,
        device_id=row.device_id,
        device_manufacturer=DeviceManufacturer(
            display_name=profile.manufacturer,
            manufacturer=profile.manufacturer.lower().replace(" ", "_"),
        ),
        device_provider=_PROVIDER,
        device_type=profile.device_type,
        display_name=row.display_name,
        errors=problems(row.errors, is_device_error=True),
        is_managed=True,
        properties=_properties(row, profile),
        space_ids=[],
        warnings=problems(row.warnings),
        workspace_id=row.workspace_id,
    )
    if row.time_zone is not None:
        # Both names are documented: SDKs of different age read one or the other.
        shown["location"] = Location(time_zone=row.time_zone, timezone=row.time_zone)
    return shown


def _capabilities(profile: Profile) -> list[str]:
    has = {
        "access_code": profile.online_codes,
        "lock": True,
        "battery": not profile.has_direct_power,
    }
    return [capability for capability, is_there in has.items() if is_there]


def _properties(row: Any, profile: Profile) -> DeviceProperties:
    # Its shape is told in `gateway.reconcile.reported`.
    reported: dict[str, Any] = row.reported
    properties = DeviceProperties(
        appearance=Appearance(name=row.name),
        backup_access_code_pool_enabled=False,
        code_constraints=[_constraint(one, profile) for one in profile.code_constraints],
        has_direct_power=profile.has_direct_power,
        has_native_entry_events=True,
        manufacturer=profile.manufacturer,
        # The device's own count wins over the profile's (DESIGN D1).
        max_active_codes_supported=reported.get("pin_slot_count", profile.pin_slot_count),
        model=DeviceModel(
            can_connect_accessory_keypad=False,
            display_name=profile.model,
            has_built_in_keypad=profile.has_keypad,
            manufacturer_display_name=profile.manufacturer,
            offline_access_codes_supported=bool(profile.offline_codes),
            online_access_codes_supported=profile.online_codes,
        ),
        name=row.name,
        offline_access_codes_enabled=False,
        online=row.is_online,
        online_access_codes_enabled=profile.online_codes,
        supported_code_lengths=list(profile.code_lengths),
        supports_accessory_keypad=False,
        # The gateway keeps no pools, whatever the lock has room for.
        supports_backup_access_code_pool=False,
        supports_offline_access_codes=bool(profile.offline_codes),
    )
    if "serial_number" in reported:
        properties["serial_number"] = reported["serial_number"]
    if "lock_state" in reported:
        properties["locked"] = reported["lock_state"] == LockState.LOCKED
    if profile.door_sensor and reported.get("door_state", _DOOR_UNDEFINED) != _DOOR_UNDEFINED:
        properties["door_open"] = reported["door_state"] != DoorState.DOOR_CLOSED
    # A charge is shown of a device that can be asked for it; offline, it is left out.
    if row.is_online and "battery_mv" in reported and not profile.has_direct_power:
        charge = charge_of(reported["battery_mv"], profile.battery)
        properties["battery"] = Battery(level=charge.level, status=charge.status)
        properties["battery_level"] = charge.level
    return properties


def _constraint(constraint: CodeConstraint, profile: Profile) -> ShownConstraint:
    shown = ShownConstraint(constraint_type=constraint.value)
    if constraint is CodeConstraint.NAME_LENGTH and profile.name_length is not None:
        shown["min_length"] = profile.name_length.min_length
        shown["max_length"] = profile.name_length.max_length
    return shown
