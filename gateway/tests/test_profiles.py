"""The profiles that come with the project, and files of somebody's own."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.errors import ConfigError
from gateway.profiles import known_profiles, load_profiles


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
        "generic-hashed",
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


def own_text(profile_id: str = "my-lock") -> str:
    text = resources.files("protocols.profiles").joinpath("generic-native.toml").read_text()
    return text.replace('profile_id = "generic-native"', f'profile_id = "{profile_id}"')


def config_with(folder: Path, *profiles: str) -> Path:
    devices = (
        f'[[devices]]\nname = "d{number}"\nprofile = "{profile}"\n'
        f'moniker = "ble:F0:00:00:00:00:0{number}"\n'
        for number, profile in enumerate(profiles)
    )
    path = folder / "gateway.toml"
    path.write_text("\n".join(devices))
    return path


def test_config_when_a_device_names_a_profile_file_then_its_id_stands_for_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "mine.toml").write_text(own_text())
    path = config_with(tmp_path, "latch-m", "locks/mine.toml", "locks/mine.toml")
    config = load_config(path, environment={})
    assert [device.profile for device in config.devices] == ["latch-m", "my-lock", "my-lock"]
    [own] = config.profiles
    known = known_profiles(config.profiles)
    assert known["my-lock"] is own
    assert set(known) == {*load_profiles(), "my-lock"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, r"can't be used: can't read .*mine\.toml: No such file"),
        (b"\xff", r"mine\.toml: not UTF-8$"),
        (b"[log", r"mine\.toml: not TOML"),
        (
            b"version = 1",
            r"gateway\.toml:3: devices\[0\]\.profile .*: .*mine\.toml: .* is missing$",
        ),
        (own_text("latch-m").encode(), r"another profile is called 'latch-m'$"),
    ],
)
def test_config_when_a_profile_file_is_unusable_then_both_files_are_named(
    tmp_path: Path, text: bytes | None, sentence: str
) -> None:
    if text is not None:
        (tmp_path / "mine.toml").write_bytes(text)
    with pytest.raises(ConfigError, match=sentence):
        load_config(config_with(tmp_path, "mine.toml"), environment={})


def test_config_when_two_files_share_an_id_then_refused(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(own_text())
    (tmp_path / "two.toml").write_text(own_text())
    path = config_with(tmp_path, "one.toml", "two.toml")
    with pytest.raises(ConfigError, match=r"devices\[1\].*another profile is called 'my-lock'"):
        load_config(path, environment={})


def test_config_when_no_profile_has_that_id_then_the_known_ones_and_files_are_told(
    tmp_path: Path,
) -> None:
    path = config_with(tmp_path, "latch-n")
    with pytest.raises(ConfigError, match=r"mean 'latch-.'\? Known are 2n, .*ends in \.toml"):
        load_config(path, environment={})


def test_config_when_profiles_are_given_as_a_key_then_it_says_what_to_write(
    tmp_path: Path,
) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('profiles = ["x"]\n')
    with pytest.raises(ConfigError, match="as the `profile` of a device"):
        load_config(path, environment={})
