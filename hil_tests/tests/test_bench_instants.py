from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.bench_instants import (
    EARLIEST_MS,
    LATEST_MS,
    check_instant,
    instant,
    parse_instant_ms,
)
from hil_tests.errors import BenchError


@given(st.integers(EARLIEST_MS, LATEST_MS))
def test_instant_when_parsed_again_is_the_same_millisecond(ms: int) -> None:
    assert parse_instant_ms(instant(ms)) == ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2025-07-10T12:00:00Z", 1_752_148_800_000),
        ("2025-07-10T14:00:00+02:00", 1_752_148_800_000),
        ("2025-07-10T12:00:00.0019Z", 1_752_148_800_001),
        ("20250710T120000Z", 1_752_148_800_000),
    ],
)
def test_parse_in_any_iso_form_is_milliseconds_rounded_down(text: str, ms: int) -> None:
    assert parse_instant_ms(text) == ms


@pytest.mark.parametrize(
    "text", ["", "soon", "2025-07-10", "2025-07-10T12:00:00", "\ud800", "9" * 99]
)
def test_parse_when_it_is_no_instant_with_a_zone_shows_one(text: str) -> None:
    with pytest.raises(BenchError, match="2025-07-13T15:00:00Z") as refused:
        parse_instant_ms(text)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    "text", ["1970-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"]
)
def test_parse_when_devices_could_not_count_it_names_the_bounds(text: str) -> None:
    with pytest.raises(BenchError, match=r"between 2000-01-03T.* and 2100-01-01T"):
        parse_instant_ms(text)


@pytest.mark.parametrize("ms", [EARLIEST_MS - 1, LATEST_MS + 1, 10**400, -(10**400)])
def test_check_beyond_the_bounds_is_refused(ms: int) -> None:
    check_instant(EARLIEST_MS)
    check_instant(LATEST_MS)
    with pytest.raises(BenchError):
        check_instant(ms)
