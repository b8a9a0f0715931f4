from __future__ import annotations

from gateway.plan.policy import Policy


def test_policy_when_default_then_the_seed_numbers() -> None:
    policy = Policy()
    assert policy.native_lead_s == 72 * 3600
    assert policy.jit_lead_s == 1800
    assert not policy.allow_disjoint_duplicates


def test_policy_when_read_in_milliseconds_then_a_thousand_times_the_seconds() -> None:
    policy = Policy(
        native_lead_s=1,
        jit_lead_s=2,
        issue_warning_lead_s=3,
        issue_grace_s=4,
        action_attempt_timeout_s=5,
        status_contact_s=6,
    )
    assert (
        policy.native_lead_ms,
        policy.jit_lead_ms,
        policy.issue_warning_lead_ms,
        policy.issue_grace_ms,
        policy.action_attempt_timeout_ms,
        policy.status_contact_ms,
    ) == (1000, 2000, 3000, 4000, 5000, 6000)
