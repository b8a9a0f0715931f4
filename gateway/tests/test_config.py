"""The gateway's configuration: where values come from, and what is refused."""

from __future__ import annotations

import itertools
import pathlib

import pytest

from gateway.config import (
    ApiConfig,
    DeviceConfig,
    GatewayConfig,
    StoreConfig,
    load_config,
)
from gateway.errors import ConfigError
from gateway.plan.policy import Policy

FILE = """\
[api]
host = "10.0.0.1"
port = 9000

[store]
url = "sqlite:///file.db"

[policy]
jit_lead_s = 600
retry_jitter = 0

[[devices]]
name = "front"
display_name = "Front Door"
device_id = "d-1"
profile = "latch-m"
moniker = "ble:F0:00:00:00:00:01"
time_zone = "Europe/Berlin"

[[devices]]
name = "back"
profile = "generic-jit"
moniker = "ble:F0:00:00:00:00:02"
"""


def write(folder: pathlib.Path, text: str) -> pathlib.Path:
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_load_config_without_a_file_is_all_defaults() -> None:
    config = load_config(None, environment={})
    assert config == GatewayConfig()
    assert config.policy == Policy()
    assert config.policy.native_lead_s == 72 * 3600
    assert config.policy.jit_lead_s == 30 * 60
    assert (config.api.host, config.api.port) == ("127.0.0.1", 8420)


def test_load_config_reads_the_file(tmp_path: pathlib.Path) -> None:
    config = load_config(write(tmp_path, FILE), environment={})
    assert (config.api.host, config.api.port) == ("10.0.0.1", 9000)
    assert config.store == StoreConfig(url="sqlite:///file.db")
    assert config.policy == Policy(jit_lead_s=600, retry_jitter=0.0)
    assert config.devices == (
        DeviceConfig(
            name="front",
            display_name="Front Door",
            device_id="d-1",
            profile="latch-m",
            moniker="ble:F0:00:00:00:00:01",
            time_zone="Europe/Berlin",
        ),
        DeviceConfig(name="back", profile="generic-jit", moniker="ble:F0:00:00:00:00:02"),
    )


# Which of the four places gives a port, for every combination of places that name one.
PRECEDENCE = list(itertools.product([False, True], repeat=3))


@pytest.mark.parametrize(("in_file", "in_environment", "on_command_line"), PRECEDENCE)
def test_load_config_takes_the_strongest_place(
    tmp_path: pathlib.Path, *, in_file: bool, in_environment: bool, on_command_line: bool
) -> None:
    path = write(tmp_path, "[api]\nport = 1\n" if in_file else "")
    environment = {"STRIKEPLATE_API_PORT": "2"} if in_environment else {}
    overrides = {"api.port": "3"} if on_command_line else {}
    config = load_config(path, environment=environment, overrides=overrides)
    places = [(on_command_line, 3), (in_environment, 2), (in_file, 1), (True, 8420)]
    assert config.api.port == next(port for is_given, port in places if is_given)


def test_load_config_overrides_any_scalar_of_any_table() -> None:
    config = load_config(
        None,
        environment={
            "STRIKEPLATE_STORE_URL": "postgresql+psycopg://me:secret@db/strike",
            "STRIKEPLATE_POLICY_ALLOW_DISJOINT_DUPLICATES": "true",
            "STRIKEPLATE_POLICY_RETRY_FACTOR": "3",
            "STRIKEPLATE_BLE_CONNECTION_LIMIT": "5",
            "STRIKEPLATE_URL": "http://127.0.0.1:1/",
            "STRIKEPLATE_CI": "1",
        },
        overrides={"ble.watch": "false"},
    )
    assert config.store.url == "postgresql+psycopg://me:secret@db/strike"
    assert config.policy.allow_disjoint_duplicates is True
    assert config.policy.retry_factor == 3.0
    assert config.ble.connection_limit == 5
    assert config.ble.watch is False
    assert "secret" not in repr(config)


@pytest.mark.parametrize(
    ("environment", "overrides", "sentence"),
    [
        ({"STRIKEPLATE_API_PORT": "x"}, {}, "STRIKEPLATE_API_PORT: must be a whole number"),
        ({"STRIKEPLATE_API_PORT": "70000"}, {}, "STRIKEPLATE_API_PORT: must be at most 65535"),
        ({}, {"api.port": "-1"}, "option api.port: must be at least 0"),
        ({}, {"api.prot": "1"}, "'api.prot' is no setting; did you mean 'api.port'?"),
        ({}, {"api.key": "seam_x"}, "'api.key' is no setting"),
        ({"STRIKEPLATE_POLICY_RETRY_FACTOR": "0.5"}, {}, "must be at least 1"),
        ({"STRIKEPLATE_STORE_URL": "mysql://x"}, {}, "STRIKEPLATE_STORE_URL: the store knows"),
        ({"STRIKEPLATE_API_KEY": "swordfish"}, {}, "STRIKEPLATE_API_KEY: an API key"),
    ],
)
def test_load_config_of_a_wrong_override_names_its_place(
    environment: dict[str, str], overrides: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, environment=environment, overrides=overrides)
    assert sentence in str(caught.value)
    assert "swordfish" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[api]\nprot = 1", ":2: api.prot is not a key here; did you mean 'port'?"),
        ("[api]\nkey = 'seam_x'", ":2: api.key can't stand in this file: write key_file"),
        ("[policy]\nretry_jitter = 1", ":2: policy.retry_jitter must be at most 0.9"),
        ("[policy]\nstatus_contact_s = 1", ":2: policy.status_contact_s must be at least 60"),
        (
            "[policy]\nevent_retention_s = 1000000000000",
            ":2: policy.event_retention_s must be at most 315360000",
        ),
        ("[policy]\nretry_factor = 101", ":2: policy.retry_factor must be at most 100"),
        ("[policy]\njit_lead_s = -1", ":2: policy.jit_lead_s must be at least 0"),
        ("[store]\nurl = 'mysql://x'", ":2: store.url can't be used: the store knows"),
        (
            "[store]\nurl = 'postgresql+psycopg://me:swordfish@db/x'",
            ":2: store.url can't be used: a password does not belong into this file",
        ),
        ("[[devices]]\nname = 'x'", ":1: devices[0] lacks 'profile'"),
        (
            FILE.replace("Europe/Berlin", "CET+1"),
            ":18: devices[0].time_zone can't be used: there is no time zone 'CET+1'",
        ),
        (
            "[[devices]]\nname = 'x'\nprofile = 'latch-m'\nmoniker = 'AA:BB'",
            ":4: devices[0].moniker can't be used: 'AA:BB' is no moniker",
        ),
        (
            """
[[devices]]
name = "a"
profile = "latch-m"
moniker = "ble:AA:BB:CC:DD:EE:FF"
[[devices]]
name = "b"
profile = "latch-m"
moniker = "ble:aa:bb:cc:dd:ee:ff"
""",
            ":9: devices[1].moniker is the same as devices[0]",
        ),
        (FILE + FILE[FILE.index("[[dev") :], ":25: devices[2].name is the same as devices[0]"),
    ],
)
def test_load_config_of_a_wrong_file_names_its_line(
    tmp_path: pathlib.Path, text: str, sentence: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(path, environment={})
    assert f"{path}{sentence}" in str(caught.value)
    assert "swordfish" not in str(caught.value)


def test_load_config_takes_the_key_from_its_file(tmp_path: pathlib.Path) -> None:
    (tmp_path / "key").write_text("seam_test1_abc\nsecond line\n", encoding="utf-8")
    path = write(tmp_path, '[api]\nkey_file = "key"\n')
    config = load_config(path, environment={})
    assert config.api.key == "seam_test1_abc"
    assert "seam_test1_abc" not in repr(config)


def test_load_config_prefers_the_key_of_the_environment(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path, '[api]\nkey_file = "not there"\n')
    config = load_config(path, environment={"STRIKEPLATE_API_KEY": "seam_test1_env"})
    assert config.api == ApiConfig(key_file=tmp_path / "not there", key="seam_test1_env")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "can't read the API key from .*: No such file"),
        (b"", "an API key starts with"),
        (b"swordfish\n", "an API key starts with"),
        (b"\xff\xfe", "it is not UTF-8"),
    ],
)
def test_load_config_of_a_bad_key_file_says_why(
    tmp_path: pathlib.Path, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    path = write(tmp_path, '[api]\nkey_file = "key"\n')
    with pytest.raises(ConfigError, match=sentence) as caught:
        load_config(path, environment={})
    assert "swordfish" not in str(caught.value)
