"""A keypad collects digits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.errors import KeypadKeyUnknown
from firmware_sim.hardware.keypad import Entry, Keypad


def make(submit_length: int | None = None, buffer_length: int = 10) -> Keypad:
    keypad = Keypad(
        inter_digit_timeout_s=5, buffer_length=buffer_length, submit_length=submit_length
    )
    keypad.wake(0.0)
    return keypad


def type_in(keypad: Keypad, keys: str, now: float = 0.0) -> list[Entry]:
    return [entry for key in keys if (entry := keypad.press(key, now)) is not None]


def submitted(digits: str) -> Entry:
    return Entry(digits=digits, is_submitted=True)


def left(digits: str) -> Entry:
    return Entry(digits=digits, is_submitted=False)


def test_digits_when_length_is_fixed_submit_at_the_last() -> None:
    keypad = make(submit_length=7)
    assert type_in(keypad, "1234567") == [submitted("1234567")]
    assert type_in(keypad, "7654321") == [submitted("7654321")]


def test_digits_when_lengths_vary_wait_for_the_submit_key() -> None:
    keypad = make()
    assert type_in(keypad, "1234") == []
    assert type_in(keypad, "#") == [submitted("1234")]


def test_push_buttons_take_the_first_key_and_a_dark_keypad_does_not() -> None:
    for wakes_on_touch, typed in ((True, "234"), (False, "1234")):
        keypad = Keypad(
            inter_digit_timeout_s=5,
            buffer_length=10,
            submit_length=None,
            wakes_on_touch=wakes_on_touch,
        )
        assert type_in(keypad, "1234#") == [submitted(typed)]
        # It has slept meanwhile, and the keys before it went to sleep are an entry of their own.
        assert type_in(keypad, "12", 100.0) == []
        assert type_in(keypad, "3", 200.0) == [left("12"[wakes_on_touch:])]
        assert type_in(keypad, "#", 200.0) == ([] if wakes_on_touch else [submitted("3")])


def test_push_button_that_is_a_whole_code_submits_it() -> None:
    keypad = Keypad(
        inter_digit_timeout_s=5, buffer_length=4, submit_length=1, wakes_on_touch=False
    )
    assert type_in(keypad, "7", 0.0) == [submitted("7")]
    assert type_in(keypad, "*", 100.0) == []


def test_submit_key_without_digits_does_nothing() -> None:
    assert type_in(make(), "##") == []


def test_clear_key_forgets_the_entry() -> None:
    assert type_in(make(), "99*1234#") == [submitted("1234")]


def test_further_digits_push_out_the_oldest() -> None:
    assert type_in(make(buffer_length=8), "001234567#") == [submitted("01234567")]


@pytest.mark.parametrize(("pause_s", "expected"), [(5.0, "12"), (5.000_001, None)])
def test_entry_when_the_pause_is_longer_than_the_time_out_is_dropped(
    pause_s: float, expected: str | None
) -> None:
    keypad = make()
    keypad.press("1", 0.0)
    entry = keypad.press("2", pause_s)
    if expected is not None:
        assert entry is None
        assert keypad.press("#", pause_s) == submitted(expected)
    else:
        assert entry == left("1")
        # That key only woke the keypad.
        assert keypad.press("#", pause_s) is None


def test_time_out_counts_from_the_last_key_not_from_the_first() -> None:
    keypad = make(submit_length=4)
    ended = [keypad.press(key, at) for key, at in zip("1234", (4, 8, 12, 16), strict=True)]
    assert ended == [None, None, None, submitted("1234")]


def test_key_on_a_sleeping_keypad_only_wakes_it() -> None:
    keypad = make(submit_length=2)
    assert keypad.is_awake(5.0)
    assert not keypad.is_awake(5.1)
    assert type_in(keypad, "123", 60.0) == [submitted("23")]


def test_touch_within_the_time_keeps_the_entry() -> None:
    keypad = make(submit_length=2)
    keypad.press("1", 0.0)
    assert keypad.wake(3.0) is None
    assert keypad.press("2", 6.0) == submitted("12")


def test_walking_away_leaves_an_unfinished_entry_once() -> None:
    keypad = make()
    type_in(keypad, "12")
    assert keypad.walk_away() == left("12")
    assert keypad.walk_away() is None
    assert not keypad.is_awake(0.0)


def test_reset_forgets_everything() -> None:
    keypad = make()
    type_in(keypad, "12")
    keypad.reset()
    assert keypad.walk_away() is None
    assert not keypad.is_awake(0.0)


def test_unknown_key_is_refused() -> None:
    with pytest.raises(KeypadKeyUnknown):
        make().press("A", 0.0)


@given(st.text("0123456789*#", max_size=60), st.integers(1, 12))
def test_entries_whatever_is_typed_are_bounded(keys: str, buffer_length: int) -> None:
    keypad = make(buffer_length=buffer_length)
    for entry in [*type_in(keypad, keys), keypad.walk_away()]:
        if entry is not None:
            assert 1 <= len(entry.digits) <= buffer_length
            assert entry.digits in keys


def test_repr_of_an_entry_has_no_digits() -> None:
    assert "1234" not in repr(submitted("1234"))
