"""The bench file: which devices stand on a bench, in TOML.

Unknown keys, wrong types and repeated names are errors that name file, line and the nearest
valid key; the reader is the gateway's own.
"""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
import re
import uuid
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

from firmware_sim.errors import FaultPlanInvalid
from firmware_sim.faults.plan import NO_FAULTS, FaultPlan
from firmware_sim.radio.open_radio import RadioKind
from gateway.config import RULES
from gateway.config_schema import Document, Rule, Rules, hidden, load_document, setting
from gateway.errors import ConfigError
from gateway.plan.policy import Policy
from gateway.profiles import check_profile, resolve_profiles
from gateway.zones import check_time_zone
from protocols.doorlock.zone import parse_dst_rule
from protocols.errors import WindowError
from protocols.profiles.parser import Profile
from protocols.profiles.vocabulary import ClockOnPowerLoss

# Ids of devices that name none are made from the names, so that a bench keeps them for ever.
_NAMESPACE: Final = uuid.UUID("5f0a6a1c-6d9f-5c0e-9f0b-8f8a6f1f7d10")
_ADDRESS: Final = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}\Z")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")
# It names a file and goes into URLs.
_ID: Final = re.compile(r"[A-Za-z0-9._~-]{1,64}\Z")
# A static random address has its two highest bits set (Bluetooth Core, vol 6, part B, 1.3.2.1).
_STATIC_RANDOM: Final = 0xC0
_ADDRESS_BYTES: Final = 6
# The bounds of real time zones, in minutes.
_OFFSET_MIN: Final = -840
_OFFSET_MAX: Final = 840
# A crystal is within 200 ppm; 60 s a day is 694 ppm; beyond 5 % no clock is one.
_DRIFT_PPM_MAX: Final = 50_000.0
# Degrees Celsius: beyond them no lock of this trade is sold for, nor do its cells work.
_TEMPERATURE_MIN: Final = -60.0
_TEMPERATURE_MAX: Final = 100.0
# Seconds that a new clock may be wrong: a year, so that one can stand in another summer.
_CLOCK_ERROR_MAX: Final = 31_536_000.0


def _check_name(name: str) -> None:
    if not _NAME.match(name):
        raise ConfigError("write 1 to 63 of a-z, 0-9, '.', '_' and '-'")


def _check_id(device_id: str) -> None:
    # Clients take a path segment of dots out of a URL before they send it (RFC 3986, 5.2.4).
    if not _ID.match(device_id) or device_id in {".", ".."}:
        raise ConfigError("write 1 to 64 of A-Z, a-z, 0-9, '.', '_', '~' and '-', not dots alone")


def _check_address(address: str) -> None:
    if not _ADDRESS.match(address):
        raise ConfigError("write an address such as C0:00:00:00:00:01, in capitals")
    if int(address[:2], 16) & _STATIC_RANDOM != _STATIC_RANDOM:
        raise ConfigError("a static random address begins with C0 to FF")


def _check_dst_rule(rule: str) -> None:
    try:
        parse_dst_rule(rule)
    except WindowError as error:
        raise ConfigError(str(error)) from None


def _knob_rule(field: dataclasses.Field[Any]) -> Rule:
    """The rule of a knob of the fault plan: its bounds, and whatever else the plan refuses."""

    def check(value: Any) -> None:
        try:
            FaultPlan(**{field.name: value})
        except FaultPlanInvalid as error:
            raise ConfigError(f"it {error.problem}") from None

    low, high = field.metadata.get("low"), field.metadata.get("high")
    return Rule(minimum=low, maximum=high, check=check)


# The fault plan is the simulator's own class, which knows nothing of configurations.
BENCH_RULES: Final[Rules] = MappingProxyType(
    {
        **RULES,
        FaultPlan: {field.name: _knob_rule(field) for field in dataclasses.fields(FaultPlan)},
    }
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BenchTable:
    """Table ``[bench]``.

    Attributes:
        name: Name of the bench.
        radio: Fidelity of the simulated radio.
    """

    name: str = setting(default="bench", check=_check_name)
    radio: RadioKind = RadioKind.SIM


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BenchDevice:
    """One ``[[devices]]`` table: a simulated lock.

    Attributes:
        name: Short name, unique on the bench.
        profile: Id of its profile, or a profile's file (``.toml``), relative to this one.
        display_name: Name for people; the short name when None.
        device_id: Its id in the API; made from the names when None.
        address: Its Bluetooth address, static random; made from the names when None.
        drift_ppm: How far its clock runs wrong, in parts per million; positive is fast.
        utc_offset_min: Door-local time minus UTC, in minutes; without meaning beside a zone.
        time_zone: The door's time zone, such as "Europe/Berlin"; the gateway is told it. A
            zone-aware lock follows its changes; another one has the distance from UTC of the day
            on which it was set up, until the gateway tells it the next one.
        lock_time_zone: The time zone that this lock was set up for, right or wrong; the door's
            when None.
        dst_rule: The rule for daylight saving that this lock goes by itself, right or wrong, such
            as "M3.2.0,M11.1.0", or "none". What its profile says when None.
        clock_error_s: How far its clock is ahead when it is new, in seconds.
        clock_on_power_loss: What a power cut does to its clock; as its profile says when None.
        temperature_c: Temperature of its clock's crystal, in degrees Celsius; the farther from 25,
            the slower.
        faults: What goes wrong with it, from the start.
    """

    name: str = setting(check=_check_name)
    profile: str = setting(check=check_profile)
    display_name: str | None = None
    device_id: str | None = setting(default=None, check=_check_id)
    address: str | None = setting(default=None, check=_check_address)
    drift_ppm: float = setting(default=0.0, minimum=-_DRIFT_PPM_MAX, maximum=_DRIFT_PPM_MAX)
    utc_offset_min: int = setting(default=0, minimum=_OFFSET_MIN, maximum=_OFFSET_MAX)
    time_zone: str | None = setting(default=None, check=check_time_zone)
    lock_time_zone: str | None = setting(default=None, check=check_time_zone)
    dst_rule: str | None = setting(default=None, check=_check_dst_rule)
    clock_error_s: float = setting(
        default=0.0, minimum=-_CLOCK_ERROR_MAX, maximum=_CLOCK_ERROR_MAX
    )
    clock_on_power_loss: ClockOnPowerLoss | None = None
    temperature_c: float = setting(
        default=25.0, minimum=_TEMPERATURE_MIN, maximum=_TEMPERATURE_MAX
    )
    faults: FaultPlan = NO_FAULTS


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BenchFile:
    """A whole bench file.

    Attributes:
        bench: What the bench is called.
        policy: The gateway's policy on this bench.
        devices: What stands on it, in the file's order; every id and address filled in.
        profiles: The profiles that devices named by their files.
    """

    bench: BenchTable = BenchTable()
    policy: Policy = dataclasses.field(default_factory=Policy)
    devices: tuple[BenchDevice, ...] = ()
    profiles: tuple[Profile, ...] = hidden(
        hint="name a profile's file as the `profile` of a device", default=()
    )


def with_radio(file: BenchFile, radio: RadioKind) -> BenchFile:
    """The same bench on another radio."""
    return dataclasses.replace(file, bench=dataclasses.replace(file.bench, radio=radio))


def load_bench(path: pathlib.Path) -> BenchFile:
    """Read a bench file.

    Raises:
        ConfigError: Names file, line and key.
    """
    return read_bench(load_document(path))


def read_bench(document: Document) -> BenchFile:
    """Read a bench from a text; see `load_bench`."""
    bench = document.read(BenchFile, BENCH_RULES)
    if not bench.devices:
        raise ConfigError(f"{document.source}:1: a bench needs at least one [[devices]] table")
    ids, own = resolve_profiles(document, [device.profile for device in bench.devices])
    devices = tuple(
        completed(bench.bench.name, dataclasses.replace(device, profile=profile_id))
        for device, profile_id in zip(bench.devices, ids, strict=True)
    )
    # A device is asked for by any of its names, so no two share one.
    _check_distinct(document, devices, ("name", "display_name", "device_id"))
    _check_distinct(document, devices, ("address",))
    return dataclasses.replace(bench, devices=devices, profiles=own)


def _check_distinct(
    document: Document, devices: Sequence[BenchDevice], keys: Sequence[str]
) -> None:
    """Refuse a value that two devices have under any of the keys.

    Raises:
        ConfigError: Names file, line and both keys.
    """
    seen: dict[str, tuple[int, str]] = {}
    for position, device in enumerate(devices):
        for key in keys:
            owner, its_key = seen.setdefault(getattr(device, key), (position, key))
            if owner != position:
                raise document.fault(
                    ("devices", position, key), f"is the same as devices[{owner}].{its_key}"
                )


def completed(bench_name: str, device: BenchDevice) -> BenchDevice:
    """A device with every id and address filled in, made from the names where none is given."""
    own_name = f"{bench_name}/{device.name}"
    raw = bytearray(hashlib.sha256(own_name.encode()).digest()[:_ADDRESS_BYTES])
    raw[0] |= _STATIC_RANDOM
    return dataclasses.replace(
        device,
        display_name=device.display_name or device.name,
        device_id=device.device_id or str(uuid.uuid5(_NAMESPACE, own_name)),
        address=device.address or ":".join(f"{byte:02X}" for byte in raw),
    )
