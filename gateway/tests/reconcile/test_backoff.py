"""The waits between failed sessions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.plan.policy import Policy
from gateway.reconcile.backoff import delay_ms

POLICY = Policy()
PLAIN = Policy(retry_jitter=0.0)


def test_delay_ms_grows_by_the_factor_up_to_the_cap() -> None:
    waits = [delay_ms(PLAIN, failures, 0.5) for failures in range(1, 12)]
    assert waits[:8] == [5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000]
    assert waits[8:] == [900_000] * 3


@pytest.mark.parametrize("failures", [1, 5, 50])
def test_delay_ms_is_spread_by_the_jitter(failures: int) -> None:
    middle = delay_ms(PLAIN, failures, 0.5)
    assert delay_ms(POLICY, failures, 0.0) == round(middle * 0.8)
    assert delay_ms(POLICY, failures, 0.5) == middle
    assert middle < delay_ms(POLICY, failures, 0.999) <= round(middle * 1.2)


@given(
    st.integers(1, 10**9),
    st.floats(0, 1, exclude_max=True),
    st.floats(1, 1e300),
    st.floats(0, 0.9),
)
def test_delay_ms_of_any_numbers_stays_within_its_bounds(
    failures: int, draw: float, factor: float, jitter: float
) -> None:
    policy = Policy(retry_factor=factor, retry_jitter=jitter)
    wait_ms = delay_ms(policy, failures, draw)
    assert policy.retry_first_s * 1000 * (1 - jitter) - 1 <= wait_ms
    assert wait_ms <= policy.retry_max_s * 1000 * (1 + jitter) + 1


def test_delay_ms_with_a_factor_of_one_never_grows() -> None:
    policy = Policy(retry_factor=1.0, retry_jitter=0.0)
    assert {delay_ms(policy, failures, 0.5) for failures in (1, 10, 1000)} == {5_000}
