from __future__ import annotations

from typing import Any

import pytest

from protocols.doorlock.vocabulary import Status


def test_known_number_is_the_member() -> None:
    assert Status(0x85) is Status.INVALID_FIELD
    assert Status.INVALID_FIELD.is_known


def test_unknown_number_keeps_its_value_and_says_so() -> None:
    unknown = Status(0x42)
    assert unknown == 0x42
    assert unknown == Status(0x42)
    assert unknown.name == "UNKNOWN_0x42"
    assert not unknown.is_known
    assert unknown not in list(Status)


@pytest.mark.parametrize("value", [-1, "SUCCESS", None, 1.5])
def test_what_no_wire_can_carry_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="is not a valid Status"):
        Status(value)
