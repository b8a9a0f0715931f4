from __future__ import annotations

import re
from pathlib import Path

import pytest

from firmware_sim.radio.open_radio import RadioKind
from gateway.config_schema import Document
from gateway.errors import ConfigError
from hil_tests.bench_file import BenchFile, load_bench, read_bench, with_radio
from protocols.profiles.vocabulary import ClockOnPowerLoss

DEVICE = '[[devices]]\nname = "gym"\nprofile = "generic-native"\n'


def read(text: str) -> BenchFile:
    return read_bench(Document(text=text, source="bench.toml"))


def test_device_that_names_only_what_it_must_gets_the_same_ids_every_time() -> None:
    [device] = read(DEVICE).devices
    assert device.display_name == "gym"
    assert device == read("# the same\n" + DEVICE).devices[0]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", device.device_id or "")
    assert device.address is not None
    assert int(device.address[:2], 16) >= 0xC0
    [other] = read('[bench]\nname = "other"\n' + DEVICE).devices
    assert other.device_id != device.device_id
    assert other.address != device.address


def test_every_key_of_a_device_and_the_policy_is_read() -> None:
    file = read(
        '[bench]\nname = "b"\n[policy]\nnative_lead_s = 60\n'
        + DEVICE
        + 'display_name = "Gym"\ndevice_id = "id-1"\naddress = "FF:00:00:00:00:01"\n'
        + "drift_ppm = -20\nutc_offset_min = -300\ntime_zone = 'America/New_York'\n"
        + "lock_time_zone = 'Europe/Berlin'\n"
        + "dst_rule = 'M4.1.0,M10.5.0'\nclock_error_s = 2.5\ntemperature_c = -10\n"
        + "clock_on_power_loss = 'epoch_2009'\n"
    )
    assert file.policy.native_lead_s == 60
    [device] = file.devices
    assert (device.display_name, device.device_id) == ("Gym", "id-1")
    assert (device.drift_ppm, device.utc_offset_min) == (-20.0, -300)
    assert (device.time_zone, device.dst_rule) == ("America/New_York", "M4.1.0,M10.5.0")
    assert device.lock_time_zone == "Europe/Berlin"
    assert (device.clock_error_s, device.temperature_c) == (2.5, -10.0)
    assert device.clock_on_power_loss is ClockOnPowerLoss.EPOCH_2009


def test_radio_is_read_and_can_be_replaced() -> None:
    assert read(DEVICE).bench.radio is RadioKind.SIM
    file = read('[bench]\nradio = "light"\n' + DEVICE)
    assert file.bench.radio is RadioKind.LIGHT
    assert with_radio(file, RadioKind.SIM).bench.radio is RadioKind.SIM
    with pytest.raises(ConfigError, match=r"bench.toml:2: .*sim, light"):
        read('[bench]\nradio = "usb:0"\n' + DEVICE)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[bench]\nnme = 1\n", "bench.toml:2: bench.nme is not a key here; did you mean 'name'?"),
        ("[bank]\n", "bench.toml:1: bank is not a key here"),
        (DEVICE + "drft_ppm = 1\n", "bench.toml:4: .*did you mean 'drift_ppm'?"),
        ("[policy]\nnative_leads = 1\n" + DEVICE, "bench.toml:2: .*'native_lead_s'"),
        # The gateway's own bounds hold here too: such a factor or interval never ends.
        ("[policy]\nretry_factor = 0.0\n" + DEVICE, "bench.toml:2: .*at least 1"),
        ("[policy]\nretention_interval_s = 0\n" + DEVICE, "bench.toml:2: .*at least 60"),
        ("", "bench.toml:1: a bench needs at least one"),
        ("x = [\n", "bench.toml:2: not TOML"),
        ('[[devices]]\nname = "a"\n', "bench.toml:1: .*lacks 'profile'"),
        (DEVICE.replace('"gym"', '"The Gym"'), "bench.toml:2: .*write 1 to 63"),
        (DEVICE.replace("generic-native", "yalee"), "bench.toml:3: .*Known are 2n, august"),
        (DEVICE.replace("generic-native", "x.toml"), "bench.toml:3: .*can.t read .*x.toml"),
        (DEVICE + 'device_id = "a/b"\n', "bench.toml:4: .*write 1 to 64"),
        (DEVICE + 'device_id = ".."\n', "bench.toml:4: .*not dots alone"),
        (DEVICE + 'address = "c0:00"\n', "bench.toml:4: .*such as C0:00:00:00:00:01"),
        (DEVICE + 'address = "BF:00:00:00:00:01"\n', "bench.toml:4: .*C0 to FF"),
        (DEVICE + "time_zone = 'Mars/Olympus'\n", "bench.toml:4: .*no time zone 'Mars/Olympus'"),
        (DEVICE + "time_zone = '../../etc'\n", "bench.toml:4: .*no time zone"),
        (DEVICE + "time_zone = 'Europe'\n", "bench.toml:4: .*no time zone"),
        (DEVICE + "lock_time_zone = 'Europe'\n", "bench.toml:4: .*no time zone"),
        (DEVICE + "dst_rule = 'summer'\n", "bench.toml:4: .*no rule such as"),
        (DEVICE + "temperature_c = 200\n", "bench.toml:4: .*at most 100"),
        (DEVICE + "clock_on_power_loss = 'stops'\n", "bench.toml:4: .*clock_on_power_loss"),
        (DEVICE + "drift_ppm = 50001\n", "bench.toml:4: .*at most 50000"),
        (DEVICE + "utc_offset_min = 900\n", "bench.toml:4: .*at most 840"),
        (DEVICE + DEVICE, r"bench.toml:5: devices\[1\].name is the same as devices\[0\].name"),
        (
            DEVICE + '[[devices]]\nname = "b"\nprofile = "latch-m"\ndevice_id = "gym"\n',
            r"bench.toml:7: devices\[1\].device_id is the same as devices\[0\].name",
        ),
        (
            DEVICE
            + 'address = "C0:00:00:00:00:01"\n'
            + DEVICE.replace("gym", "b")
            + 'address = "C0:00:00:00:00:01"\n',
            r"bench.toml:8: devices\[1\].address is the same as devices\[0\].address",
        ),
    ],
)
def test_mistake_in_a_bench_file_names_file_line_and_key(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        read(text)


def test_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"can't read .*none\.toml: No such file"):
        load_bench(tmp_path / "none.toml")
    (tmp_path / "bench.toml").write_text(DEVICE, encoding="utf-8")
    assert len(load_bench(tmp_path / "bench.toml").devices) == 1
