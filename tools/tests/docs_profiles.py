"""Renders the reference page of the brand profiles from the profile files."""

from __future__ import annotations

import enum
import re
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any, Final

from gateway.plan.windows import keeps_windows
from gateway.profiles import load_profiles
from protocols.doorlock.vocabulary import UserType
from protocols.profiles import facts
from protocols.profiles.parser import Citation, Profile, parse_citations
from protocols.profiles.vocabulary import USER_TYPES
from tools.tests.docs_markdown import attributes, code, table

# Tables of a profile file that are dataclasses of their own, by the path of the table.
GROUPS: Final[Mapping[str, type[Any]]] = {
    "codes.duplicates": facts.DuplicateRules,
    "codes.name_length": facts.NameLength,
    "offline_codes": facts.OfflineCodes,
    "keypad": facts.KeypadRules,
    "lockout": facts.LockoutRules,
    "clock": facts.ClockFacts,
    "battery": facts.BatteryFacts,
    "flash": facts.FlashFacts,
}
# Keys whose attribute has another name, since it lies beside others in `Profile`.
RENAMED: Final[Mapping[str, str]] = {
    "system.kind": "system_kind",
    "codes.lengths": "code_lengths",
    "codes.constraints": "code_constraints",
    "codes.vendor_made": "vendor_made_codes",
    "codes.online": "online_codes",
    "schedules.native": "native_scheduling",
    "users.types": "user_types",
    "users.expiring_timeout_min": "expiring_user_timeout_min",
    "remote.lock": "remote_lock",
    "remote.unlock": "remote_unlock",
    "log.capacity": "log_capacity",
    "lockout.duration_s": "lockout_s",
    "lockout.duration_s_max": "lockout_s_max",
}
_WORDS: Final[Mapping[Any, str]] = {bool: "bool", int: "int", str: "text"}


def overview(_: str) -> str:
    """One row a profile: what people compare first."""
    rows = []
    for name, profile in load_profiles().items():
        cited = citations(name)
        known = sum(not citation.is_assumed for citation in cited.values())
        rows.append(
            (
                f"[{code(name)}](#{name})",
                profile.display_name,
                _codes(profile),
                _keeper(profile),
                ", ".join(each.kind.value for each in profile.offline_codes) or "none",
                profile.reservations.value,
                "yes" if profile.remote_unlock else "no",
                f"{known} of {len(cited)}",
            )
        )
    header = (
        "profile",
        "lock",
        "codes",
        "windows kept by",
        "offline codes",
        "reservations",
        "remote unlock",
        "facts with a source",
    )
    return table(header, rows)


def _keeper(profile: Profile) -> str:
    if not profile.has_keypad:
        return ""
    if keeps_windows(profile, None):
        return "lock"
    return "lock, in a known time zone" if profile.native_scheduling else "gateway"


def _codes(profile: Profile) -> str:
    if not profile.has_keypad:
        return "none: " + ", ".join(mode.value for mode in profile.credential_modes)
    lengths = profile.code_lengths
    shown = str(lengths[0]) if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"
    rules = [
        *(["all of one length"] if profile.same_length and len(lengths) > 1 else []),
        *(code(rule.value) for rule in profile.code_constraints),
    ]
    return f"{profile.pin_slot_count}, {shown} digits" + "".join(f"; {rule}" for rule in rules)


def fields(_: str) -> str:
    """One row a key: its type and what it means."""
    rows = []
    for key in keys():
        owner, name = attribute_of(key)
        hint = typing.get_type_hints(owner)[name]
        rows.append((code(key), _type(key, hint), attributes(owner)[name]))
    return table(("key", "type", "meaning"), rows)


def facts_of_all(_: str) -> str:
    """A section a profile: every fact with its value and its source."""
    return "\n".join(section(name) for name in load_profiles())


def section(name: str) -> str:
    """One profile's facts."""
    text = text_of(name)
    cited = citations(name)
    values = dict(leaves(tomllib.loads(text)))
    about = " ".join(re.findall(r"^# ?(.*)$", text.partition("profile_id")[0], re.MULTILINE))
    rows = [(code(key), code(_shown(values[key])), cited[key].text) for key in cited]
    head = (
        f"{about}\n\nMaker {values['manufacturer']}, model {values['model']}; "
        f"device type {code(values['device_type'])}"
        + (", borrowed" if values["device_type_is_borrowed"] else "")
        + f"; version {values['version']}."
    )
    return f"### {name}\n\n{head}\n\n{table(('fact', 'value', 'source'), rows)}"


def keys() -> tuple[str, ...]:
    """Every key that a profile file may have, an entry of `[[offline_codes]]` once."""
    found: dict[str, None] = {}
    for name in load_profiles():
        for key, _ in leaves(tomllib.loads(text_of(name))):
            if not key.startswith("sources."):
                found[re.sub(r"\.\d+\.", ".", key)] = None
    order = {table_: number for number, table_ in enumerate(_tables(found))}
    return tuple(sorted(found, key=lambda key: order[key.rpartition(".")[0]]))


def _tables(found: Mapping[str, None]) -> dict[str, None]:
    return dict.fromkeys(key.rpartition(".")[0] for key in found)


def attribute_of(key: str) -> tuple[type[Any], str]:
    """The dataclass and the attribute that a key is read into."""
    around, _, last = key.rpartition(".")
    return GROUPS.get(around, Profile), RENAMED.get(key, last)


def leaves(value: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key and value of everything that is no table."""
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from leaves(inside, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for position, inside in enumerate(value):
            yield from leaves(inside, f"{path}.{position}")
    else:
        yield path, value


def text_of(name: str) -> str:
    return resources.files("protocols.profiles").joinpath(f"{name}.toml").read_text("utf-8")


def citations(name: str) -> Mapping[str, Citation]:
    return parse_citations(text_of(name), source=name)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def _type(key: str, hint: Any) -> str:
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        hint = next(arm for arm in typing.get_args(hint) if arm is not type(None))
    if typing.get_origin(hint) is tuple:
        return "list of " + _type(key, typing.get_args(hint)[0])
    if hint is UserType:
        return ", ".join(code(word) for word in USER_TYPES)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return ", ".join(code(member.value) for member in hint)
    return _WORDS[hint]
