from __future__ import annotations

import json
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.errors import TraceError
from firmware_sim.kernel.trace import Trace


class FixedClock:
    def __init__(self) -> None:
        self.us = 1_752_148_800_000_000

    def now_us(self) -> int:
        self.us += 1
        return self.us


class Bolt(StrEnum):
    THROWN = "thrown"


class Slot(IntEnum):
    FIRST = 1


class Plain(Enum):
    VALUE = "value"


def test_record_writes_one_line_of_json_an_event(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with Trace(path, 7, FixedClock()) as trace:
        trace.record("front-door", "credential_set", slot=Slot.FIRST, bolt=Bolt.THROWN, at=1.5)
        trace.record("lock", "named", name="Zoë", nothing=None, many=[1, {"a": True}])
        # Before the file is closed: a killed process leaves what happened.
        assert len(path.read_text().splitlines()) == 2
    lines = path.read_text(encoding="ascii").splitlines()
    assert lines[0] == (
        '{"t_ns":1752148800000001000,"device":"front-door","kind":"credential_set",'
        '"data":{"at":1.5,"bolt":"thrown","slot":1}}'
    )
    assert json.loads(lines[1])["data"] == {
        "name": "Zoë",
        "nothing": None,
        "many": [1, {"a": True}],
    }
    assert trace.event_count == 2


def test_digest_is_that_of_the_events_and_not_of_the_file(tmp_path: Path) -> None:
    with Trace(tmp_path / "events.jsonl", 7, FixedClock()) as written:
        written.record("lock", "opened", slot=1, user="a")
    with Trace(None, 7, FixedClock()) as unwritten:
        unwritten.record("lock", "opened", user="a", slot=1)
        before = unwritten.digest()
        unwritten.record("lock", "opened", user="a", slot=1)
    assert written.digest() == before
    assert unwritten.digest() != before
    assert len(before) == 32


def test_pin_tag_is_equal_for_equal_pins_of_one_run_only() -> None:
    trace, again, other = (Trace(None, seed, FixedClock()) for seed in (7, 7, 8))
    tag = trace.pin_tag("1234567")
    assert tag == trace.pin_tag(b"1234567") == again.pin_tag("1234567")
    assert tag != trace.pin_tag("1234568")
    assert tag != other.pin_tag("1234567")
    assert tag.startswith("pin#")
    assert len(tag) == 8


@pytest.mark.parametrize("field", ["pin", "code", "digits", "pin_code", "secret", "token"])
def test_record_when_a_secret_field_holds_no_tag_is_refused(field: str, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with Trace(path, 7, FixedClock()) as trace:
        for value in ("1234567", 1234567, "pin#12345", ["pin#1234"]):
            data: dict[str, Any] = {field: value}
            with pytest.raises(TraceError) as caught:
                trace.record("lock", "keypad_entered", **data)
            assert "1234567" not in str(caught.value)
        trace.record("lock", "keypad_entered", **{field: trace.pin_tag("1234567")})
        trace.record("lock", "keypad_entered", **{field: None})
    assert trace.event_count == 2
    assert "1234567" not in path.read_text()


@pytest.mark.parametrize("value", [b"1234567", {1, 2}, float("nan"), object(), Plain.VALUE])
def test_record_when_a_value_is_not_json_is_refused_without_showing_it(value: object) -> None:
    with Trace(None, 7, FixedClock()) as trace:
        empty = trace.digest()
        with pytest.raises(TraceError, match="'frame' of 'lock'") as caught:
            trace.record("lock", "frame", raw=value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
        assert "1234567" not in str(caught.value)
        assert trace.digest() == empty
