"""How long a device that failed is left alone before the next try; pure, the draw comes in.

The wait grows by a factor with each failure in a row and stops at a cap, so a lock that missed one
connection is back in seconds, and one with a dead battery costs four tries an hour. The jitter
keeps a building's locks from trying in step after a power cut. Every number is policy, with its
reason there (`retry_*`).
"""

from __future__ import annotations

from typing import Final

from gateway.plan.policy import SECOND_MS, Policy

# Failures that still lengthen the wait: with any factor worth the name the cap is reached long
# before, and with a factor of 1 nothing grows.
GROWTH_STEPS_MAX: Final = 64


def delay_ms(policy: Policy, failures: int, draw: float) -> int:
    """The wait before the next try.

    Args:
        policy: First wait, factor, cap and share of jitter.
        failures: Failed tries in a row, from 1.
        draw: A number from a seeded stream, 0 <= draw < 1.

    Returns:
        Milliseconds: at least 1, at most the cap and its jitter.
    """
    wait_s = float(policy.retry_first_s)
    for _ in range(min(failures - 1, GROWTH_STEPS_MAX)):
        wait_s *= policy.retry_factor
        if wait_s >= policy.retry_max_s:
            break
    wait_s = min(wait_s, policy.retry_max_s)
    spread = 1 + policy.retry_jitter * (2 * draw - 1)
    return max(1, round(wait_s * spread * SECOND_MS))
