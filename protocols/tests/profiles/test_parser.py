from __future__ import annotations

import importlib.resources
import re
import tomllib
from collections.abc import Iterator

import pytest

from protocols.doorlock.constraints import CodeConstraint
from protocols.errors import ProfileError
from protocols.profiles.parser import (
    DEVICE_TYPES,
    JitPolicy,
    NameLength,
    Profile,
    parse_citations,
    parse_profile,
)

FILES = sorted(
    entry.name.removesuffix(".toml")
    for entry in importlib.resources.files("protocols.profiles").iterdir()
    if entry.name.endswith(".toml")
)


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
# What says a fact: everything above the sources, by line number.
FACT_LINES = [
    (number, line)
    for number, line in enumerate(LATCH.partition("\n[sources]\n")[0].splitlines())
    if re.match(r"[a-z_]+ = ", line)
]


def with_line(number: int, line: str) -> str:
    lines = LATCH.splitlines()
    lines[number] = line
    return "\n".join(lines)


@pytest.mark.parametrize("name", FILES)
def test_parse_profile_when_shipped_file_then_it_is_named_like_the_file(name: str) -> None:
    assert load(name).profile_id == name
    assert load(name).device_type in DEVICE_TYPES


@pytest.mark.parametrize("name", FILES)
def test_shipped_file_when_read_then_every_fact_has_a_source(name: str) -> None:
    cited = parse_citations(text_of(name), source=name)
    facts = set(facts_of(tomllib.loads(text_of(name)))) - {
        "profile_id",
        "version",
        "display_name",
        "manufacturer",
        "model",
        "device_type",
        "device_type_is_borrowed",
    }
    assert set(cited) == {fact for fact in facts if not fact.startswith("sources.")}


def facts_of(value: object, path: str = "") -> Iterator[str]:
    """Dotted keys of every leaf, found without the product's reader."""
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from facts_of(inside, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for position, inside in enumerate(value):
            yield from facts_of(inside, f"{path}.{position}")
    else:
        yield path


@pytest.mark.parametrize("name", FILES)
def test_shipped_file_when_read_then_a_cited_source_names_something(name: str) -> None:
    for fact, citation in parse_citations(text_of(name), source=name).items():
        assert citation.is_assumed or len(citation.text.split()) > 1, fact


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


@pytest.mark.parametrize(("number", "line"), FACT_LINES, ids=str)
def test_parse_profile_when_a_key_is_missing_then_named(number: int, line: str) -> None:
    key = line.split(" ", maxsplit=1)[0]
    with pytest.raises(ProfileError, match=rf"^p\.toml: ([a-z_0-9]+\.)*{key} is missing$"):
        parse_profile(with_line(number, ""), source="p.toml")


@pytest.mark.parametrize(("number", "line"), FACT_LINES, ids=str)
@pytest.mark.parametrize("value", ["1979-05-27", "1.5", "{}"])
def test_parse_profile_when_a_value_has_the_wrong_type_then_named(
    number: int, line: str, value: str
) -> None:
    key = line.split(" ", maxsplit=1)[0]
    with pytest.raises(ProfileError, match=rf"^p\.toml: ([a-z_0-9]+\.)*{key} must be "):
        parse_profile(with_line(number, f"{key} = {value}"), source="p.toml")


@pytest.mark.parametrize(
    "table",
    # `[codes]` is there as long as a table inside it is.
    sorted(set(re.findall(r"^\[([\w.]+)\]$", LATCH, re.MULTILINE)) - {"codes", "sources"}),
)
def test_parse_profile_when_a_table_is_missing_or_no_table_then_named(table: str) -> None:
    without = LATCH.replace(f"[{table}]", f"[{table}x]")
    with pytest.raises(ProfileError, match=rf"{table} is missing"):
        parse_profile(without, source="p")
    around, _, key = table.rpartition(".")
    at = f"[{around}]\n" if around else ""
    scalar = without.replace(at, f"{at}{key} = 5\n", 1)
    with pytest.raises(ProfileError, match=rf"{table} must be a table"):
        parse_profile(scalar, source="p")


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
        ("lengths = [7]  #", "lengths = []  #", r"codes\.lengths is empty exactly where"),
        (
            "lengths = [7]  #",
            "lengths = [true]  #",
            r"codes\.lengths must be a whole number from 1",
        ),
        (
            "lengths = [7]  #",
            "lengths = [17]  #",
            r"codes\.lengths must be a whole number from 1 to 16",
        ),
        ("lengths = [7]  #", "lengths = [7, 6]  #", "must ascend"),
        ("lengths = [7]  #", "lengths = [7, 7]  #", "must ascend"),
        ("lengths = [7]  #", "lengths = [7, 11]  #", "buffer_length is shorter"),
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
        ("duration_s = 60 ", "duration_s = 901 ", "duration_s exceeds duration_s_max"),
        ("low_mv = 4200", "low_mv = 3900", "battery voltages must fall"),
        ("[log]", "[log", "^p: not TOML: "),
        ("pin_slot_count = 500", "pin_slot_count = 0", "empty exactly where"),
        ('["code", "mobile_key", "card"]', '["mobile_key"]', "names code exactly where"),
        ('read_back = "write_only"', 'read_back = "masked"', "read_back_mask and"),
        (
            'read_back = "write_only"',
            'read_back = "masked"\nread_back_mask = "**"',
            r"codes\.read_back_mask must be one character",
        ),
        (
            'read_back = "write_only"\npin_storage = "clear"',
            'read_back = "clear"\npin_storage = "hashed"',
            'read_back = "clear" needs codes.pin_storage',
        ),
        (
            'read_back = "write_only"\npin_storage = "clear"',
            'read_back = "masked"\nread_back_mask = "*"\npin_storage = "hashed"',
            'read_back = "masked" needs codes.pin_storage',
        ),
        ('remote = "refused"', 'remote = "refuse"', r"duplicates\.remote .* mean 'refused'"),
        ("step_s = 1 ", "step_s = 0 ", r"offline_codes\.1\.step_s must be a whole number"),
        ("duration_s_min = 900", "duration_s_min = 901", "duration_s_min exceeds"),
        ('kind = "first_use"', 'kind = "daily"', "offline_codes names a kind twice"),
        ("holiday_count = 0", "holiday_count = 256", r"schedules\.holiday_count must be"),
        ('types = ["unrestricted_user", ', "types = [", "must name unrestricted_user"),
        ('"year_day_schedule_user", ', "", "must name year_day_schedule_user"),
        ("week_day_per_user = 8", "week_day_per_user = 0", "week_day_schedule_user without"),
        ("expiring_timeout_min = 0", "expiring_timeout_min = 5", "names expiring_user"),
        ('types = ["unre', 'types = ["expiring_user", "unre', "names expiring_user"),
        ('types = ["unre', 'types = ["robot", "unre', r"users\.types has no value 'robot'"),
        ("nvs_bytes = 65536", "nvs_bytes = 65537", "whole sectors"),
        ("write_block = 4", "write_block = 3", "multiple of flash.write_block"),
        ("capacity = 2048", "capacity = 2245", "keeps 2244 records, .*: fewer than log.capacity"),
        ("nvs_bytes = 65536", "nvs_bytes = 8192", "nvs_bytes must be 3 sectors or more"),
        ("meta_bytes = 8192", "meta_bytes = 0", "meta_bytes must be a sector or more"),
        ("write_block = 4", "write_block = 64", "a power of two up to 32"),
        ("sector_bytes = 4096", "sector_bytes = 256", "sector_bytes must be 320 to 65536"),
        ("sector_bytes = 4096", "sector_bytes = 131072", "sector_bytes must be 320 to 65536"),
        ("user_name_bytes_max = 10", "user_name_bytes_max = 35", "a whole number from 0 to 34"),
        ('log = "assumed"', 'lok = "assumed"', r'sources\."lok" names no fact; did you mean'),
        ('log = "assumed"', 'qqqq = "assumed"', r'sources\."qqqq" names no fact$'),
        ('log = "assumed"', "log = 5", r'sources\."log" must be a text of 1 to 200'),
        ('log = "assumed"', f'log = "{"x" * 201}"', r'sources\."log" must be a text of 1 to 200'),
    ],
)
def test_parse_profile_when_a_fact_is_impossible_then_named(
    old: str, new: str, sentence: str
) -> None:
    with pytest.raises(ProfileError, match=sentence):
        parse_profile(changed(old, new), source="p")


def test_parse_profile_when_offline_lengths_contradict_then_refused() -> None:
    for lengths, sentence in (
        ("[8, 7]", "ascend"),
        ("[11]", r"longest of offline_codes\.lengths"),
        ("[]", r"offline_codes\.0\.lengths must not be empty"),
    ):
        text = LATCH.replace("lengths = [7]\n", f"lengths = {lengths}\n")
        with pytest.raises(ProfileError, match=sentence):
            parse_profile(text, source="p")


def test_parse_profile_when_offline_codes_are_no_tables_then_named() -> None:
    text = "offline_codes = [5]\n" + text_of("generic-jit")
    with pytest.raises(ProfileError, match="offline_codes must be an array of tables"):
        parse_profile(text, source="p")


def test_parse_profile_when_offline_codes_are_no_list_then_named() -> None:
    text = "offline_codes = 5\n" + text_of("generic-jit")
    with pytest.raises(ProfileError, match="offline_codes must be an array of tables"):
        parse_profile(text, source="p")


def test_parse_profile_when_hashed_then_no_rule_may_need_the_digits() -> None:
    text = changed('pin_storage = "clear"', 'pin_storage = "hashed"')
    assert parse_profile(text, source="p").pin_storage == "hashed"
    text = text.replace(
        '["cannot_specify_pin_code"]', '["cannot_specify_pin_code", "unique_first_four_digits"]'
    )
    with pytest.raises(ProfileError, match="unique_first_four_digits needs"):
        parse_profile(text, source="p")


def test_parse_profile_when_hashed_then_codes_of_one_length_need_a_single_length() -> None:
    text = changed('pin_storage = "clear"', 'pin_storage = "hashed"')
    text = text.replace("same_length = false", "same_length = true")
    assert parse_profile(text, source="p").same_length
    text = text.replace("lengths = [7]", "lengths = [6, 7]")
    with pytest.raises(ProfileError, match="same_length with several"):
        parse_profile(text, source="p")


def test_parse_profile_when_masked_then_the_mask_is_read() -> None:
    text = changed('read_back = "write_only"', 'read_back = "masked"\nread_back_mask = "0"')
    assert parse_profile(text, source="p").read_back_mask == "0"


def test_parse_profile_when_sources_are_no_table_then_named() -> None:
    text = "sources = 5\n" + LATCH.partition("\n[sources]\n")[0]
    with pytest.raises(ProfileError, match=r"^p: sources must be a table$"):
        parse_profile(text, source="p")


def test_parse_citations_when_no_sources_then_empty() -> None:
    text = LATCH.partition("\n[sources]\n")[0]
    assert dict(parse_citations(text, source="p")) == {}
    assert parse_profile(text, source="p") == load("latch-m")


def test_parse_citations_when_fact_has_none_of_its_own_then_that_of_its_table() -> None:
    cited = parse_citations(LATCH, source="p")
    assert cited["codes.lengths"].key == "codes.lengths"
    assert not cited["codes.lengths"].is_assumed
    assert cited["codes.duplicates.remote"].key == "codes"
    assert cited["codes.duplicates.remote"].is_assumed
    assert cited["offline_codes.1.lengths"].text == cited["offline_codes.0.lengths"].text
    assert cited["offline_codes.1.step_s"].key == "offline_codes"


def test_parse_profile_when_no_keypad_then_no_codes_at_all() -> None:
    text = (
        text_of("generic-jit")
        .replace("pin_slot_count = 30", "pin_slot_count = 0")
        .replace("lengths = [4, 5, 6, 7, 8]", "lengths = []")
        .replace('["code"]', '["card"]')
    )
    with pytest.raises(ProfileError, match=r"codes\.online and codes\.backup_pool must be false"):
        parse_profile(text, source="p")
    text = text.replace("online = true", "online = false")
    text = text.replace("backup_pool = true", "backup_pool = false")
    profile = parse_profile(text, source="p")
    assert not profile.has_keypad
    assert not profile.variable_code_length
    offline = LATCH.partition("[[offline_codes]]\n")[2].partition("\n\n")[0]
    with pytest.raises(ProfileError, match="offline_codes need a keypad"):
        parse_profile(f"{text}\n[[offline_codes]]\n{offline}", source="p")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("local_year_day = false", "local_year_day = true"),
        ("holiday_count = 0", "holiday_count = 1"),
    ],
)
def test_parse_profile_when_quirk_of_schedules_without_any_then_refused(
    old: str, new: str
) -> None:
    with pytest.raises(ProfileError, match=r"^p: schedules\.(local_year_day|holiday_count) "):
        parse_profile(changed(old, new, name="generic-jit"), source="p")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('dst_rule = "none"', 'dst_rule = "summer"', r"clock\.dst_rule is \"none\" or a rule"),
        ("local_year_day = false", "local_year_day = true", r"clock\.dst_quirk .*local_year_day"),
        ('zone = "zone"', 'zone = "none"', r"clock\.dst_quirk needs local time"),
    ],
)
def test_parse_profile_when_clock_contradicts_itself_then_refused(
    old: str, new: str, sentence: str
) -> None:
    with pytest.raises(ProfileError, match=f"^p: {sentence}"):
        parse_profile(changed(old, new, name="schlage"), source="p")


def test_parse_profile_when_names_are_bounded_then_both_bounds_are_read() -> None:
    text = changed(
        '["cannot_specify_pin_code"]', '["cannot_specify_pin_code", "name_length"]'
    ).replace("[log]", "[codes.name_length]\nmin_length = 2\nmax_length = {max}\n[log]")
    assert parse_profile(text.format(max=20), source="p").name_length == NameLength(
        min_length=2, max_length=20
    )
    with pytest.raises(ProfileError, match="min_length exceeds max_length"):
        parse_profile(text.format(max=1), source="p")


def test_profile_when_asked_how_entries_end_then_by_its_lengths() -> None:
    fixed, free, none = load("latch-m"), load("yale"), load("visionline")
    assert (fixed.submit_length, fixed.shortest_code) == (7, 7)
    assert (free.submit_length, free.shortest_code) == (None, 4)
    assert (none.submit_length, none.shortest_code) == (None, 1)
    assert [each.variable_code_length for each in (fixed, free, none)] == [False, True, False]
