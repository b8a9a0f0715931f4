"""The profiles that come with the project."""

from __future__ import annotations

from gateway.profiles import load_profiles


def test_load_profiles_finds_every_file_by_id() -> None:
    profiles = load_profiles()
    assert list(profiles) == ["generic-jit", "generic-native", "latch-m"]
    assert all(profile.profile_id == key for key, profile in profiles.items())


def test_load_profiles_latch_m_is_never_unlocked_remotely() -> None:
    profiles = load_profiles()
    assert not profiles["latch-m"].remote_unlock
    assert profiles["generic-jit"].remote_unlock
