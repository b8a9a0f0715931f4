"""The gateway's configuration: one TOML file into frozen dataclasses.

Where a value comes from, the strongest first: the command line, the environment
(``STRIKEPLATE_<TABLE>_<KEY>``, such as ``STRIKEPLATE_API_PORT``), the file, the default. Secrets
come by environment or from a file of their own, never from the configuration itself.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from gateway.access.keys import check_key
from gateway.config_schema import (
    Document,
    Rule,
    Rules,
    convert_text,
    hidden,
    load_document,
    nearest,
    rule_of,
    setting,
)
from gateway.errors import ConfigError, StoreError
from gateway.links.ble import CONNECT_TIMEOUT_S, CONNECTION_LIMIT
from gateway.links.monikers import bluetooth_address, parse_moniker
from gateway.links.open import check_link
from gateway.plan.policy import DAY_S, Policy
from gateway.profiles import check_profile, resolve_profiles
from gateway.store.engine import parse_url
from gateway.zones import check_time_zone
from protocols.profiles.parser import Profile

_PREFIX: Final = "STRIKEPLATE"
_PORT_MAX: Final = 65_535


# The one rule for API keys, under the name that whoever configures a gateway looks for.
check_api_key: Final = check_key


def check_store_url(url: str) -> None:
    """Refuse what is no database URL of a kind that the store knows.

    Raises:
        ConfigError: When it is not one; the URL itself is not repeated, it may hold a password.
    """
    try:
        parse_url(url)
    except StoreError as error:
        raise ConfigError(str(error)) from None


def _check_store_url_in_file(url: str) -> None:
    check_store_url(url)
    if parse_url(url).password is not None:
        raise ConfigError(
            "a password does not belong into this file; use PostgreSQL's own password file, or"
            " give the whole URL as STRIKEPLATE_STORE_URL"
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """Table ``[api]``: where the HTTP API listens.

    Attributes:
        host: Address to bind.
        port: TCP port; 0 = any free one.
        key_file: File whose first line is the API key.
        key: The API key; from `key_file` or STRIKEPLATE_API_KEY only.
    """

    # Nobody but this machine, until somebody decides otherwise.
    host: str = "127.0.0.1"
    # Unassigned by IANA, and free in common developer set-ups.
    port: int = setting(default=8420, minimum=0, maximum=_PORT_MAX)
    key_file: pathlib.Path | None = None
    key: str | None = hidden(
        hint="can't stand in this file: write key_file, or set STRIKEPLATE_API_KEY"
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StoreConfig:
    """Table ``[store]``: where the gateway keeps what it knows.

    Attributes:
        url: SQLAlchemy URL; not shown, since it may hold a password.
    """

    url: str = dataclasses.field(
        default="sqlite:///strikeplate.db",
        repr=False,
        metadata=setting(check=_check_store_url_in_file).metadata,
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BleConfig:
    """Table ``[ble]``: the machine's Bluetooth radio.

    Attributes:
        connection_limit: Connections at once.
        connect_timeout_s: Seconds that one attempt to connect may take.
        watch: False to listen for no advertisements; news then waits for the next contact.
    """

    # 20: what the best controllers hold. 120 s: far beyond any lock that still answers.
    connection_limit: int = setting(default=CONNECTION_LIMIT, minimum=1, maximum=20)
    connect_timeout_s: float = setting(default=CONNECT_TIMEOUT_S, minimum=0.1, maximum=120)
    watch: bool = True


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceConfig:
    """Table ``[workspace]``: what the one workspace of a new store is called.

    Attributes:
        name: Its name.
        company_name: Whose it is.
        is_sandbox: True for one whose devices are simulated.
    """

    name: str = "Strikeplate"
    company_name: str = "Strikeplate"
    is_sandbox: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConfig:
    """One ``[[devices]]`` table: a device that this gateway looks after.

    Attributes:
        name: Short name, unique in the file.
        profile: Id of its profile, or a profile's file (``.toml``), relative to this one.
        moniker: How to reach it, such as ``ble:AA:BB:CC:DD:EE:FF``.
        device_id: Its id in the API; made once and kept when None.
        display_name: Name for people; the short name when None.
        time_zone: Time zone of its door, such as "Europe/Berlin". A lock that stores windows in
            local time keeps them by itself only where it is known.
    """

    name: str
    profile: str = setting(check=check_profile)
    moniker: str = setting(check=check_link)
    device_id: str | None = None
    display_name: str | None = None
    time_zone: str | None = setting(default=None, check=check_time_zone)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """The whole configuration; every default, unit and bound is in these classes.

    Attributes:
        api: Where the HTTP API listens.
        store: Where the gateway keeps what it knows.
        ble: The Bluetooth radio.
        policy: Lead times, retries, limits.
        workspace: Names of the workspace.
        devices: What this gateway looks after, in the file's order.
        profiles: The profiles that devices named by their files.
    """

    api: ApiConfig = ApiConfig()
    store: StoreConfig = StoreConfig()
    ble: BleConfig = BleConfig()
    policy: Policy = dataclasses.field(default_factory=Policy)
    workspace: WorkspaceConfig = WorkspaceConfig()
    devices: tuple[DeviceConfig, ...] = ()
    profiles: tuple[Profile, ...] = hidden(
        hint="name a profile's file as the `profile` of a device", default=()
    )


# Bounds of `Policy`, which is made for arithmetic and carries none; what is not named here is at
# least 0. A second is the shortest wait that a radio can keep; a minute bounds idle work.
# Ten years: no span is meant to be longer, and sums with an instant stay far from any overflow.
_SPAN_S_MAX: Final = 3650 * DAY_S
_SPAN_S_MIN: Final = MappingProxyType(
    {
        "action_attempt_timeout_s": 1,
        "status_contact_s": 60,
        "retry_first_s": 1,
        "retry_max_s": 1,
        "retention_interval_s": 60,
    }
)
RULES: Final[Rules] = MappingProxyType(
    {
        Policy: MappingProxyType(
            {
                field.name: Rule(minimum=_SPAN_S_MIN.get(field.name, 0), maximum=_SPAN_S_MAX)
                for field in dataclasses.fields(Policy)
                if field.name.endswith("_s")
            }
            | {
                "failures_before_error": Rule(minimum=1, maximum=100),
                "retry_factor": Rule(minimum=1, maximum=100),
                # At 1 a wait could be drawn as nothing at all.
                "retry_jitter": Rule(minimum=0, maximum=0.9),
                "retention_rows_max": Rule(minimum=1, maximum=100_000),
            }
        )
    }
)
# Tables whose keys can come from the environment and the command line too.
_OVERRIDABLE: Final = ("api", "store", "ble", "policy")


def load_config(
    path: pathlib.Path | None,
    *,
    environment: Mapping[str, str],
    overrides: Mapping[str, str] = MappingProxyType({}),
) -> GatewayConfig:
    """Read the configuration from everywhere it can come from.

    Args:
        path: The TOML file; None to go without.
        environment: The process's environment.
        overrides: Values of the command line by dotted key, such as ``{"api.port": "0"}``.

    Raises:
        ConfigError: Names the place that is wrong: file and line, variable, or option.
    """
    document = Document(text="", source="defaults") if path is None else load_document(path)
    config = document.read(GatewayConfig, RULES)
    _check_devices(document, config.devices)
    config = _with_profiles(document, config)
    config = _apply(config, _from_environment(environment))
    config = _apply(config, _from_command_line(overrides))
    return _with_key(config)


def _with_profiles(document: Document, config: GatewayConfig) -> GatewayConfig:
    """Each device with the id of its profile, and the profiles that files gave."""
    ids, own = resolve_profiles(document, [device.profile for device in config.devices])
    devices = tuple(
        dataclasses.replace(device, profile=profile_id)
        for device, profile_id in zip(config.devices, ids, strict=True)
    )
    return dataclasses.replace(config, devices=devices, profiles=own)


@dataclasses.dataclass(frozen=True, slots=True)
class _Override:
    """One value from outside of the file."""

    place: str  # for the error: the variable or option
    table: str
    key: str
    text: str = dataclasses.field(repr=False)


def _schemas() -> Iterator[tuple[str, type[Any]]]:
    defaults = GatewayConfig()
    for table in _OVERRIDABLE:
        yield table, type(getattr(defaults, table))


def _from_environment(environment: Mapping[str, str]) -> Iterator[_Override]:
    for table, schema in _schemas():
        for field in dataclasses.fields(schema):
            variable = f"{_PREFIX}_{table}_{field.name}".upper()
            if variable in environment:
                yield _Override(variable, table, field.name, environment[variable])


def _from_command_line(overrides: Mapping[str, str]) -> Iterator[_Override]:
    known = [
        f"{table}.{field.name}"
        for table, schema in _schemas()
        for field in dataclasses.fields(schema)
        if not rule_of(schema, field).is_hidden
    ]
    for dotted_key, text in overrides.items():
        if dotted_key not in known:
            raise ConfigError(f"{dotted_key!r} is no setting{nearest(dotted_key, known)}")
        table, _, key = dotted_key.partition(".")
        yield _Override(f"option {dotted_key}", table, key, text)


def _apply(config: GatewayConfig, overrides: Iterator[_Override]) -> GatewayConfig:
    for override in overrides:
        part: Any = getattr(config, override.table)
        try:
            value = _converted(part, override)
            part = dataclasses.replace(part, **{override.key: value})
        except ConfigError as error:
            raise ConfigError(f"{override.place}: {error}") from None
        config = dataclasses.replace(config, **{override.table: part})
    return config


def _converted(part: Any, override: _Override) -> Any:
    if (override.table, override.key) == ("api", "key"):
        check_api_key(override.text)
        return override.text
    if (override.table, override.key) == ("store", "url"):
        # Here a password is welcome: that is what the environment is for.
        check_store_url(override.text)
        return override.text
    return convert_text(type(part), override.key, override.text, RULES)


def _with_key(config: GatewayConfig) -> GatewayConfig:
    """The configuration with the API key that its file holds, when the environment gave none."""
    path = config.api.key_file
    if config.api.key is not None or path is None:
        return config
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        key = lines[0].strip() if lines else ""
        check_api_key(key)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"can't read the API key from {path}: {reason}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return dataclasses.replace(config, api=dataclasses.replace(config.api, key=key))


def _check_devices(document: Document, devices: tuple[DeviceConfig, ...]) -> None:
    for key in ("name", "device_id", "moniker"):
        seen: dict[str, int] = {}
        for position, device in enumerate(devices):
            value = getattr(device, key)
            if value is None:
                continue
            if key == "moniker":
                moniker = parse_moniker(value)
                # An address in small letters is no other device.
                value = bluetooth_address(moniker) if moniker.scheme == "ble" else str(moniker)
            if value in seen:
                raise document.fault(
                    ("devices", position, key), f"is the same as devices[{seen[value]}].{key}"
                )
            seen[value] = position
