from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.text import iso_utc
from gateway.api.instants import FIRST_MS, LAST_MS, parse_instant

JULY_13_MS = 1_752_418_800_000  # 2025-07-13T15:00:00Z


@pytest.mark.parametrize(
    "text",
    [
        "2025-07-13T15:00:00.000Z",
        "2025-07-13T15:00:00Z",
        "2025-07-13T15:00Z",
        "2025-07-13T15:00:00.0004Z",
        "2025-07-13T15:00:00.000999999Z",
        "2025-07-13t15:00:00z",
        "2025-07-13 15:00:00Z",
        "2025-07-13T15:00:00",
        "2025-07-13T17:00:00+02:00",
        "2025-07-13T17:00:00+0200",
        "2025-07-13T17:00:00+02",
        "2025-07-13T10:30:00-04:30",
        "2025-07-14T05:00:00+14:00",
        "2025-07-13T15:00:00,000Z",
    ],
)
def test_parse_when_the_same_instant_is_spelled_otherwise_then_it_is_the_same(text: str) -> None:
    assert parse_instant(text) == JULY_13_MS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2025-07-13",
        "2025-W28-7T15:00:00Z",
        "2025-194T15:00:00Z",
        "2025-02-29T00:00:00Z",
        "2025-13-01T00:00:00Z",
        "2025-07-13T24:00:00Z",
        "2025-07-13T15:60:00Z",
        "2025-07-13T15:00:60Z",
        "2025-07-13T15:00:00+24:00",
        "2025-07-13T15:00:00+02:60",
        "2025-07-13T15:00:00Zulu",
        " 2025-07-13T15:00:00Z",
        "2025-07-13T15:00:00Z\n",
        "tomorrow",
        "1752418800000",
        "\uff12\uff10\uff12\uff15-07-13T15:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:00",
        "9999-12-31T23:59:59.999-01:00",
    ],
)
def test_parse_when_the_text_names_no_instant_then_it_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Invalid datetime"):
        parse_instant(text)


@given(st.integers(FIRST_MS, LAST_MS))
def test_parse_when_the_text_is_the_apis_own_then_nothing_is_lost(at_ms: int) -> None:
    assert parse_instant(iso_utc(at_ms)) == at_ms


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30)),  # noqa: DTZ001 - zone added below.
    st.integers(-23 * 60, 23 * 60),
)
def test_parse_when_the_standard_library_agrees_on_the_text_then_the_instants_agree(
    local: datetime, offset_min: int
) -> None:
    instant = local.replace(tzinfo=timezone(timedelta(minutes=offset_min)))
    expected = (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert parse_instant(instant.isoformat()) == expected


@given(st.text())
def test_parse_when_the_text_is_anything_then_nothing_but_a_refusal_is_raised(text: str) -> None:
    try:
        at_ms = parse_instant(text)
    except ValueError as error:
        assert str(error) == "Invalid datetime"  # noqa: PT017 - either outcome is right.
    else:
        assert FIRST_MS <= at_ms <= LAST_MS
