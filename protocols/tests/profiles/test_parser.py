from __future__ import annotations

import importlib.resources
import re

import pytest

from protocols.doorlock.constraints import CodeConstraint
from protocols.errors import ProfileError
from protocols.profiles.parser import (
    DEVICE_TYPES,
    JitPolicy,
    NameLength,
    Profile,
    parse_profile,
)

FILES = ("latch-m", "generic-native", "generic-jit")


def text_of(name: str) -> str:
    found = importlib.resources.files("protocols.profiles") / f"{name}.toml"
    return found.read_text(encoding="utf-8")


def load(name: str) -> Profile:
    return parse_profile(text_of(name), source=f"{name}.toml")


def changed(old: str, new: str, *, name: str = "latch-m") -> str:
    text = text_of(name)
    assert text.count(old) == 1, old
    return text.replace(old, new)


LATCH = text_of("latch-m")
KEY_LINES = [line for line in LATCH.splitlines() if re.match(r"[a-z_]+ = ", line)]


@pytest.mark.parametrize("name", FILES)
def test_parse_profile_when_shipped_file_then_it_is_named_like_the_file(name: str) -> None:
    assert load(name).profile_id == name
    assert load(name).device_type in DEVICE_TYPES


@pytest.mark.parametrize("name", FILES)
def test_shipped_file_when_read_then_every_number_has_a_reason_beside_it(name: str) -> None:
    for line in text_of(name).splitlines():
        if re.match(r"[a-z_]+ = \[?[1-9]", line) and not line.startswith("version"):
            assert "#" in line, line


def test_latch_m_when_loaded_then_it_is_latch_like() -> None:
    profile = load("latch-m")
    assert (profile.pin_slot_count, profile.code_lengths) == (500, (7,))
    assert profile.vendor_made_codes
    assert profile.code_constraints == (CodeConstraint.CANNOT_SPECIFY_PIN_CODE,)
    assert profile.native_scheduling
    assert not profile.remote_unlock
    assert not profile.variable_code_length
    assert profile.week_day_per_user == 8
    assert (profile.keypad.inter_digit_timeout_s, profile.keypad.buffer_length) == (5, 10)
    lockout = profile.lockout
    assert (lockout.wrong_code_limit, lockout.lockout_s, lockout.lockout_s_max) == (5, 60, 900)
    assert profile.log_capacity == 2048


def test_generic_native_when_loaded_then_remote_and_scheduled() -> None:
    profile = load("generic-native")
    assert (profile.pin_slot_count, profile.code_lengths) == (250, (4, 5, 6, 7, 8))
    assert profile.native_scheduling
    assert profile.remote_unlock
    assert profile.remote_lock
    assert profile.variable_code_length
    assert profile.time_granularity_s == 1


def test_generic_jit_when_loaded_then_it_has_no_schedules() -> None:
    profile = load("generic-jit")
    assert profile.pin_slot_count == 30
    assert not profile.native_scheduling
    assert (profile.year_day_per_user, profile.week_day_per_user) == (0, 0)
    assert profile.jit is JitPolicy.DISABLED_UNTIL_START
    assert profile.remote_unlock


@pytest.mark.parametrize("line", KEY_LINES, ids=lambda line: line.split(" ", 1)[0])
def test_parse_profile_when_a_key_is_missing_then_named(line: str) -> None:
    key = line.split(" ", maxsplit=1)[0]
    with pytest.raises(ProfileError, match=rf"^p\.toml: ([a-z]+\.)?{key} is missing$"):
        parse_profile(LATCH.replace(f"{line}\n", ""), source="p.toml")


@pytest.mark.parametrize("line", KEY_LINES, ids=lambda line: line.split(" ", 1)[0])
@pytest.mark.parametrize("value", ["1979-05-27", "1.5", "{}"])
def test_parse_profile_when_a_value_has_the_wrong_type_then_named(line: str, value: str) -> None:
    key = line.split(" ", maxsplit=1)[0]
    with pytest.raises(ProfileError, match=rf"^p\.toml: ([a-z]+\.)?{key} must be "):
        parse_profile(LATCH.replace(line, f"{key} = {value}"), source="p.toml")


@pytest.mark.parametrize("table", re.findall(r"^\[(\w+)\]$", LATCH, re.MULTILINE))
def test_parse_profile_when_a_table_is_missing_or_no_table_then_named(table: str) -> None:
    without = LATCH.replace(f"[{table}]", f"[{table}x]")
    with pytest.raises(ProfileError, match=rf"{table} is missing"):
        parse_profile(without, source="p")
    with pytest.raises(ProfileError, match=rf"{table} must be a table"):
        parse_profile(f"{table} = 5\n" + without, source="p")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "version = 1\n",
            "version = 1\nmodell = 'x'\n",
            "modell is unknown; did you mean 'model'",
        ),
        ("[log]", "[log]\nzzz = 1", r"log\.zzz is unknown$"),
        ("[log]", "[extra]\n[log]", "extra is unknown"),
        ("version = 1\n", "version = true\n", "version must be a whole number"),
        ("version = 1\n", "version = 0\n", "version must be a whole number from 1 to 65535"),
        ('"latch-m"\nversion', '"Latch M"\nversion', "profile_id must be lower-case words"),
        ('model = "latch-m"', 'model = ""', "model must have 1 to 63 characters"),
        ('model = "latch-m"', f'model = "{"x" * 64}"', "model must have 1 to 63 characters"),
        ('"salto_lock"', '"salto_loc"', "device_type has no value .*; did you mean 'salto_lock'"),
        ("lengths = [7]", "lengths = []", r"codes\.lengths must not be empty"),
        ("lengths = [7]", "lengths = [true]", r"codes\.lengths must be a whole number from 1"),
        ("lengths = [7]", "lengths = [17]", r"codes\.lengths must be a whole number from 1 to 16"),
        ("lengths = [7]", "lengths = [7, 6]", "must ascend"),
        ("lengths = [7]", "lengths = [7, 7]", "must ascend"),
        ("lengths = [7]", "lengths = [7, 11]", "buffer_length is shorter"),
        (
            '["cannot_specify_pin_code"]',
            '["cannot_specify_pin_code", "cannot_specify_pin_code"]',
            r"codes\.constraints names something twice",
        ),
        ('["cannot_specify_pin_code"]', "[5]", r"codes\.constraints has no value 5$"),
        ('["cannot_specify_pin_code"]', "[]", "vendor_made and the constraint"),
        (
            '["cannot_specify_pin_code"]',
            '["cannot_specify_pin_code", "name_length"]',
            "name_length and the constraint",
        ),
        ("[log]", "[codes.name_length]\nmin_length = 1\nmax_length = 2\n[log]", "name_length and"),
        ('"disabled_until_start"', '"whenever"', r"schedules\.jit has no value 'whenever'"),
        ("year_day_per_user = 1", "year_day_per_user = 0", "year_day_per_user of at least 1"),
        ("native = true", "native = false", "year_day_per_user of at least 1"),
        ("duration_s = 60 ", "duration_s = 901 ", "duration_s exceeds duration_s_max"),
        ("low_mv = 4200", "low_mv = 3900", "battery voltages must fall"),
        ("[log]", "[log", "^p: not TOML: "),
    ],
)
def test_parse_profile_when_a_fact_is_impossible_then_named(
    old: str, new: str, sentence: str
) -> None:
    with pytest.raises(ProfileError, match=sentence):
        parse_profile(changed(old, new), source="p")


def test_parse_profile_when_week_days_without_native_then_refused() -> None:
    text = changed("week_day_per_user = 0", "week_day_per_user = 1", name="generic-jit")
    with pytest.raises(ProfileError, match="must be 0 without native"):
        parse_profile(text, source="p")


def test_parse_profile_when_names_are_bounded_then_both_bounds_are_read() -> None:
    text = changed(
        '["cannot_specify_pin_code"]', '["cannot_specify_pin_code", "name_length"]'
    ).replace("[log]", "[codes.name_length]\nmin_length = 2\nmax_length = {max}\n[log]")
    assert parse_profile(text.format(max=20), source="p").name_length == NameLength(
        min_length=2, max_length=20
    )
    with pytest.raises(ProfileError, match="min_length exceeds max_length"):
        parse_profile(text.format(max=1), source="p")
