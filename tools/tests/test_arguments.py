from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools import arguments
from tools.errors import UsageError

READERS: tuple[Callable[[str], object], ...] = (
    arguments.span_s,
    arguments.instant_ms,
    arguments.port,
    arguments.seed,
    arguments.speed,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("90s", 90.0),
        ("0", 0.0),
        ("1.5s", 1.5),
        ("15m", 900.0),
        ("72h", 259_200.0),
        ("3d", 259_200.0),
        ("1d12h", 129_600.0),
        ("1d2h3m4s", 93_784.0),
        ("0.5d", 43_200.0),
    ],
)
def test_span_as_people_write_it_is_seconds(text: str, seconds: float) -> None:
    assert arguments.span_s(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "28x", "-5", "1h1d", "1 h", "1,5h", "٣", "9" * 41])
def test_span_that_is_none_shows_some(text: str) -> None:
    with pytest.raises(UsageError, match="write for example 90s, 15m, 72h or 1d12h"):
        arguments.span_s(text)


def test_numbers_within_their_bounds_are_taken() -> None:
    assert arguments.port("0") == 0
    assert arguments.port("65535") == 65_535
    assert arguments.seed("9007199254740991") == 2**53 - 1
    assert arguments.radio("light") == "light"
    assert arguments.speed("0") == 0.0
    assert arguments.speed("1e5") == 100_000.0
    assert arguments.instant_ms("2025-07-10T12:00:00Z") == 1_752_148_800_000


@pytest.mark.parametrize(
    ("read", "text", "sentence"),
    [
        (arguments.port, "65536", "--port must be a whole number from 0 to 65535, not '65536'"),
        (arguments.port, "-1", "--port must be"),
        (arguments.port, "http", "--port must be"),
        (arguments.seed, "1.5", "--seed must be"),
        (arguments.radio, "usb:0", "--radio must be sim or light"),
        (arguments.seed, "9007199254740992", "--seed must be"),
        (arguments.speed, "-1", "--speed must be a number from 0 to 100000, not '-1'"),
        (arguments.speed, "nan", "--speed must be"),
        (arguments.speed, "inf", "--speed must be"),
        (arguments.speed, "fast", "--speed must be"),
        (arguments.instant_ms, "noon", "such as 2025-07-13T15:00:00Z"),
        (arguments.instant_ms, "1999-01-01T00:00:00Z", "bench time lies between"),
    ],
)
def test_value_that_is_none_is_one_sentence(
    read: Callable[[str], object], text: str, sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        read(text)


@given(st.sampled_from(READERS), st.text())
def test_any_text_is_read_or_refused_with_a_bounded_sentence(
    read: Callable[[str], object], text: str
) -> None:
    sentence = ""
    try:
        read(text)
    except UsageError as error:
        sentence = str(error)
    assert len(sentence) < 250
