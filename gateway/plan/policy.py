"""Numbers and policies that decide when devices are programmed and when somebody is told.

Every one of them is configuration (DESIGN D2); what stands here are the defaults with their
reasons. Spans are whole seconds; instants in the gateway are milliseconds, so `*_ms` properties
give what the arithmetic needs.
"""

from __future__ import annotations

import dataclasses

SECOND_MS = 1000
HOUR_S = 3600
DAY_S = 24 * HOUR_S


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What `[policy]` of the configuration holds.

    Attributes:
        native_lead_s: How long before its start a natively scheduled code is loaded.
        jit_lead_s: How long before its start a just-in-time code is programmed.
        allow_disjoint_duplicates: True allows one PIN twice on a device in windows apart.
        issue_warning_lead_s: How long before a start a code that is not on its lock is late.
        issue_grace_s: What one session may take before a code counts as failed.
        failures_before_error: Failed tries after which a warning becomes an error.
        action_attempt_timeout_s: How long an action attempt stays pending.
        status_contact_s: How long a healthy device is left alone.
        clock_tolerance_s: Distance of a device's clock from ours that is not corrected.
        retry_first_s: Wait after the first failed session of a device.
        retry_factor: By how much the wait grows with each further one.
        retry_max_s: Longest wait.
        retry_jitter: Share of the wait that is drawn from the random stream.
        event_retention_s: How long events are kept.
        log_retention_s: How long access-log records and slot history are kept.
        attempt_retention_s: How long finished action attempts are kept.
        retention_interval_s: How often old rows are looked for.
        retention_rows_max: Rows that one clean-up unit deletes of each kind at most.
    """

    # Seam's access code guide, every version: native codes are loaded up to 72 h ahead.
    native_lead_s: int = 72 * HOUR_S
    # The seed text says 30 min (newer documentation says 60): DESIGN D20 and issue 2 decide 30.
    jit_lead_s: int = 30 * 60
    # Seam refuses the same PIN on one device whatever the windows; users ask for the other way.
    allow_disjoint_duplicates: bool = False
    # Ours: time enough to send somebody to the door with another key.
    issue_warning_lead_s: int = 10 * 60
    # Ours: the first tries with their back-off (5, 10, 20 s) fit into it, so one lost connection
    # is not told as a failure.
    issue_grace_s: int = 60
    # Ours: with the back-off below, an error is told about 15 s after the first failed try.
    failures_before_error: int = 3
    # Ours: longer than a BLE connection (10 s) and its first retry; the SDKs poll for 5 to 10 s.
    action_attempt_timeout_s: int = 30
    # DESIGN D10: a healthy device is not polled more than once in six hours.
    status_contact_s: int = 6 * HOUR_S
    # The protocol counts whole seconds, so one second of difference may be rounding.
    clock_tolerance_s: int = 2
    # Ours: a lock that missed a connection is usually back at its next advertising interval.
    retry_first_s: int = 5
    retry_factor: float = 2.0
    # Ours: a lock that was out of range for long is tried four times an hour.
    retry_max_s: int = 15 * 60
    # Ours: enough to keep a building's locks from trying in step after a power cut.
    retry_jitter: float = 0.2
    # Ours: a quarter of a year of events answers what hosts ask about a stay.
    event_retention_s: int = 90 * DAY_S
    # Ours: a year of proof of who opened.
    log_retention_s: int = 365 * DAY_S
    # Ours: the SDKs look at an attempt for seconds; a week serves whoever debugs.
    attempt_retention_s: int = 7 * DAY_S
    retention_interval_s: int = HOUR_S
    # Ours: keeps the clean-up's transaction in the range of milliseconds.
    retention_rows_max: int = 500

    @property
    def native_lead_ms(self) -> int:
        """`native_lead_s` in milliseconds."""
        return self.native_lead_s * SECOND_MS

    @property
    def jit_lead_ms(self) -> int:
        """`jit_lead_s` in milliseconds."""
        return self.jit_lead_s * SECOND_MS

    @property
    def issue_warning_lead_ms(self) -> int:
        """`issue_warning_lead_s` in milliseconds."""
        return self.issue_warning_lead_s * SECOND_MS

    @property
    def issue_grace_ms(self) -> int:
        """`issue_grace_s` in milliseconds."""
        return self.issue_grace_s * SECOND_MS

    @property
    def action_attempt_timeout_ms(self) -> int:
        """`action_attempt_timeout_s` in milliseconds."""
        return self.action_attempt_timeout_s * SECOND_MS

    @property
    def status_contact_ms(self) -> int:
        """`status_contact_s` in milliseconds."""
        return self.status_contact_s * SECOND_MS
