from __future__ import annotations

import inspect
import pickle

import pytest

from firmware_sim import errors
from protocols.errors import StrikeplateError

KERNEL_ERRORS = (
    errors.RealWorldRefused("add_reader"),
    errors.ClockError("back"),
    errors.AdvanceInProgress("one"),
    errors.OutwardTimeout("late"),
    errors.EdgeStopped("over"),
    errors.TraceError("pin"),
    errors.SimDeadlock(at_s=1.5, waiting=("a waits", "b waits")),
)


@pytest.mark.parametrize("error", KERNEL_ERRORS, ids=lambda error: type(error).__name__)
def test_error_when_pickled_comes_back_the_same(error: errors.SimulationError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - its own bytes
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_every_error_belongs_to_the_tree_and_is_drawn_in_it() -> None:
    drawn = inspect.getdoc(errors) or ""
    for name, error_type in inspect.getmembers(errors, inspect.isclass):
        if error_type.__module__ != errors.__name__:
            continue
        assert issubclass(error_type, StrikeplateError)
        assert name in drawn
        assert error_type.__doc__


def test_outward_timeout_is_a_timeout_to_any_caller() -> None:
    assert issubclass(errors.OutwardTimeout, TimeoutError)


def test_deadlock_reads_as_one_line_a_task() -> None:
    assert str(KERNEL_ERRORS[-1]).splitlines() == [
        "the simulation stands still at 1.500000 s: no timer, nothing ready",
        "  a waits",
        "  b waits",
    ]
