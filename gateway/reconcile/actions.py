"""Lock and unlock while somebody waits: done first in a session, each finished at once.

An action is not level-triggered: it is tried once. An unlock that happened late, after the person
at the door gave up, would leave a door open behind nobody's back. So whatever keeps it from being
done ends the attempt with an error, and a restarted gateway ends those that it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

import sqlalchemy as sa

from gateway.access import attempts
from gateway.access.attempts import AttemptError, PendingAttempt
from gateway.access.context import Context
from gateway.drivers.interface import Driver
from gateway.errors import RequestRefused
from gateway.reconcile.failures import attempt_error
from gateway.store.tables import action_attempt
from protocols.profiles.parser import Profile

T = TypeVar("T")

LOCK_DOOR: Final = "LOCK_DOOR"
UNLOCK_DOOR: Final = "UNLOCK_DOOR"
_ACTIONS: Final = (LOCK_DOOR, UNLOCK_DOOR)

NOT_SUPPORTED: Final = AttemptError(
    type="action_not_supported", message="This lock does not allow that remotely."
)
RESTARTED: Final = AttemptError(
    type="gateway_restarted",
    message="The gateway was restarted meanwhile; whether the lock acted is not known.",
)


def is_supported(profile: Profile, action_type: str) -> bool:
    """True when a lock of this profile does that when asked from afar."""
    return {LOCK_DOOR: profile.remote_lock, UNLOCK_DOOR: profile.remote_unlock}.get(
        action_type, False
    )


def end_all(
    conn: sa.Connection, ctx: Context, waiting: Iterable[PendingAttempt], error: BaseException
) -> None:
    """End attempts that a failed session left behind."""
    for attempt in waiting:
        attempts.finish(conn, ctx, attempt.action_attempt_id, error=attempt_error(error))


def end_interrupted(conn: sa.Connection, context_of: Callable[[str], Context]) -> int:
    """End the actions that an earlier life of the gateway left pending; returns how many.

    Args:
        conn: The connection.
        context_of: Makes the context of a workspace.
    """
    rows = conn.execute(
        sa.select(action_attempt.c.action_attempt_id, action_attempt.c.workspace_id)
        .where(action_attempt.c.status == "pending", action_attempt.c.action_type.in_(_ACTIONS))
        .order_by(action_attempt.c.created_at_ms, action_attempt.c.action_attempt_id)
    ).all()
    for row in rows:
        ctx = context_of(row.workspace_id)
        attempts.finish(conn, ctx, row.action_attempt_id, error=RESTARTED)
    return len(rows)


async def act(driver: Driver, attempt: PendingAttempt) -> AttemptError | None:
    """Do what an attempt asks for; returns why it was refused, None when it was done.

    Raises:
        LinkError: When the connection broke; the attempt is not finished yet.
        DeviceTimeout: When the device did not answer; the same.
    """
    try:
        if attempt.action_type == UNLOCK_DOOR:
            await driver.unlock()
        else:
            await driver.lock()
    except RequestRefused as error:
        return attempt_error(error)
    return None
