"""The brand profiles that come with the project, read from the package's own data."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

from protocols.profiles.parser import Profile, parse_profile


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
            if entry.name.endswith(".toml")
        ),
        key=lambda entry: entry.name,
    )
    profiles = (
        parse_profile(entry.read_text(encoding="utf-8"), source=entry.name) for entry in files
    )
    return MappingProxyType({profile.profile_id: profile for profile in profiles})
