from __future__ import annotations

import pytest

from gateway.errors import ConfigError, StoreError
from hil_tests.errors import StateInUse
from protocols.errors import MalformedFrame, StrikeplateError
from tools import errors
from tools.errors import EXIT_CODES, InternalError, exit_code, told_as


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("x"), 2),
        (ConfigError("x"), 2),
        (errors.NoFrame("x"), 3),
        (MalformedFrame("x"), 3),
        (errors.BenchUnreachable("x"), 4),
        (errors.BenchRefused("x"), 5),
        (errors.DemoFailed("x"), 6),
        (errors.InternalError("x"), 70),
        (errors.ToolError("x"), 1),
        (StoreError("x"), 1),
        (StateInUse("x"), 1),
        (StrikeplateError("x"), 1),
    ],
)
def test_exit_code_comes_from_the_tree(error: StrikeplateError, code: int) -> None:
    assert exit_code(error) == code


def test_special_classes_stand_before_general_ones() -> None:
    kinds = [kind for kind, _ in EXIT_CODES]
    for position, kind in enumerate(kinds):
        assert not any(issubclass(kind, earlier) for earlier in kinds[:position])


def test_error_of_the_tree_is_told_as_it_is_out_of_any_group() -> None:
    first, second = StoreError("one"), ConfigError("two")
    assert told_as(first) is first
    group = ExceptionGroup("outer", [ExceptionGroup("inner", [first]), second])
    assert told_as(group) is first


def test_mistake_of_ours_is_named_by_kind_and_place_but_not_by_its_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(errors.TRACEBACK_VARIABLE, raising=False)
    told = told_as(ExceptionGroup("tasks", [StoreError("fine"), KeyError("482915")]))
    assert isinstance(told, InternalError)
    assert "KeyError at nowhere" in str(told)
    assert "482915" not in str(told)
    with pytest.raises(KeyError) as raised:
        dict[str, int]()["482915"]
    assert "KeyError at test_errors.py:" in str(told_as(raised.value))
    monkeypatch.setenv(errors.TRACEBACK_VARIABLE, "1")
    assert "Traceback (most recent call last)" in str(told_as(raised.value))
