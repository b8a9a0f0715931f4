from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.doorlock.vocabulary import LockState
from protocols.strike.meaning import meaning_of


@pytest.mark.parametrize(
    ("name", "value", "meaning"),
    [
        ("utc_s", 0, "2000-01-01T00:00:00Z"),
        ("utc_s", 0xFFFFFFFF, "2136-02-07T06:28:15Z"),
        ("start_s", 805_734_000, "2025-07-13T15:00:00Z"),
        ("end_s", 805_978_800, "2025-07-16T11:00:00Z"),
        ("end_s", 0xFFFFFFFF, "no end"),
        ("local_start_s", 0, "2000-01-01T00:00:00 local"),
        ("start_min", 0, "00:00 local"),
        ("end_min", 1440, "24:00 local"),
        ("utc_offset_min", 330, "UTC+05:30"),
        ("utc_offset_min", -210, "UTC-03:30"),
        ("battery_mv", 5600, "5.60 V"),
        ("days_mask", 0x41, "SUNDAY, SATURDAY"),
        ("days_mask", 0x80, "unknown 0x80"),
        ("features", 0x0011, "PIN, REMOTE_UNLOCK"),
        ("features", 0x8001, "PIN, unknown 0x8000"),
        ("flags", 0, "none"),
        ("has_more", 1, "yes"),
        ("is_occupied", 0, "no"),
        ("is_occupied", 7, "7 (neither yes nor no)"),
        ("lock_state", LockState.LOCKED, "LOCKED (1)"),
        ("lock_state", LockState(9), "UNKNOWN_0x09 (9)"),
        ("user_name", "Zoë\x1b[2J", r"'Zo\xeb\x1b[2J'"),
        ("digest", bytes(8), "8 bytes"),
        ("user_index", 3, "3"),
    ],
)
def test_meaning_when_asked_then_in_words(name: str, value: object, meaning: str) -> None:
    assert meaning_of(name, value) == meaning


@given(data=st.data())
def test_meaning_when_any_field_of_any_message_then_printable_ascii(
    data: st.DataObject, messages: Any
) -> None:
    message = data.draw(messages.any_message)
    for field in dataclasses.fields(message):
        meaning = meaning_of(field.name, getattr(message, field.name))
        assert meaning.isascii()
        assert meaning.isprintable()
