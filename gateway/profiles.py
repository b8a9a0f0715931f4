"""The brand profiles that come with the project, and those that somebody wrote.

A profile of the project is named by its id; one of somebody's own by its file, whose name ends in
``.toml``, relative to the file that names it.
"""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from types import MappingProxyType
from typing import Final

from gateway.config_schema import Document, nearest
from gateway.errors import ConfigError
from protocols.errors import ProfileError
from protocols.profiles.parser import Profile, parse_profile

# What tells a file from an id, which has no dots.
PROFILE_SUFFIX: Final = ".toml"


@functools.cache
def load_profiles() -> Mapping[str, Profile]:
    """Profile id to profile, in the order of the ids.

    Raises:
        ProfileError: When a file of the package is broken.
    """
    files = sorted(
        (
            entry
            for entry in resources.files("protocols.profiles").iterdir()
            if entry.name.endswith(PROFILE_SUFFIX)
        ),
        key=lambda entry: entry.name,
    )
    profiles = (
        parse_profile(entry.read_text(encoding="utf-8"), source=entry.name) for entry in files
    )
    return MappingProxyType({profile.profile_id: profile for profile in profiles})


def known_profiles(own: Iterable[Profile]) -> Mapping[str, Profile]:
    """The profiles of the project and somebody's own, by id."""
    return MappingProxyType(
        {**load_profiles(), **{profile.profile_id: profile for profile in own}}
    )


def check_profile(named: str) -> None:
    """Refuse an id that no profile has; files are looked at by `resolve_profiles`.

    Raises:
        ConfigError: Names the nearest profile that there is.
    """
    known = load_profiles()
    if not named.endswith(PROFILE_SUFFIX) and named not in known:
        raise ConfigError(
            f"no such profile{nearest(named, known) or '.'} Known are {', '.join(known)};"
            f" the name of a file ends in {PROFILE_SUFFIX}"
        )


def resolve_profiles(
    document: Document, wanted: Sequence[str]
) -> tuple[tuple[str, ...], tuple[Profile, ...]]:
    """Read the profile files that the devices of a document name.

    Args:
        document: The document; files are relative to its folder.
        wanted: The `profile` of each of its devices, in order.

    Returns:
        The profile id of each device, and the profiles that were read, each once.

    Raises:
        ConfigError: When a file can't be read, is no profile, or takes an id that another one
            has; names the document's file and line, and the profile's file and key.
    """
    ids = []
    own: dict[str, tuple[pathlib.Path, Profile]] = {}
    for position, named in enumerate(wanted):
        if not named.endswith(PROFILE_SUFFIX):
            ids.append(named)
            continue
        try:
            profile = _added(own, document.folder / named)
        except ConfigError as error:
            place = ("devices", position, "profile")
            raise document.fault(place, f"can't be used: {error}") from None
        ids.append(profile.profile_id)
    return tuple(ids), tuple(profile for _, profile in own.values())


def _added(own: dict[str, tuple[pathlib.Path, Profile]], path: pathlib.Path) -> Profile:
    """Read a file, note it under its id."""
    profile = read_profile(path)
    first, _ = own.setdefault(profile.profile_id, (path, profile))
    if first != path or profile.profile_id in load_profiles():
        raise ConfigError(f"{path}: another profile is called {profile.profile_id!r}")
    return profile


def read_profile(path: pathlib.Path) -> Profile:
    """Read a profile from a file.

    Raises:
        ConfigError: When it can't be read, or is no profile; names the file and the key.
    """
    try:
        return parse_profile(path.read_text(encoding="utf-8"), source=str(path))
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8") from None
    except ProfileError as error:
        raise ConfigError(str(error)) from None
