"""The profiles that come with the project."""

from __future__ import annotations

from gateway.profiles import load_profiles


def test_load_profiles_finds_every_file_by_id() -> None:
    profiles = load_profiles()
    assert list(profiles) == [
        "2n",
        "august",
        "avigilon-alta",
        "brivo",
        "dormakaba-ambiance",
        "dormakaba-community",
        "dormakaba-oracode",
        "generic-jit",
        "generic-native",
        "hubitat",
        "igloohome",
        "kwikset",
        "latch-c",
        "latch-m",
        "latch-r",
        "lockly",
        "nuki",
        "salto-ks",
        "salto-space",
        "schlage",
        "smartthings",
        "tedee",
        "ttlock",
        "visionline",
        "vostio",
        "yale",
    ]
    assert all(profile.profile_id == key for key, profile in profiles.items())


def test_load_profiles_latch_m_is_never_unlocked_remotely() -> None:
    profiles = load_profiles()
    assert not profiles["latch-m"].remote_unlock
    assert profiles["generic-jit"].remote_unlock
