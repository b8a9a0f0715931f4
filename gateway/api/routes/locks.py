"""What of `/locks/*` acts: locking, unlocking, and typing at a simulated keypad."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import sqlalchemy as sa

from gateway.access import attempts, read
from gateway.access.attempts import AttemptError
from gateway.access.context import Context
from gateway.api.declaration import ACT, Call, Changed, Route
from gateway.api.models.devices import EnterCode, OperateLock
from gateway.api.objects.action_attempt import ActionAttempt, action_attempt
from gateway.api.zod import invalid
from gateway.ports import NoSettling
from protocols.profiles.parser import Profile

# How often a request that waits for its attempt looks again, seconds: unnoticed by people.
_LOOK_AGAIN_S: Final = 0.05


async def _lock(call: Call, parameters: OperateLock) -> Changed:
    return await _operate(call, parameters, "LOCK_DOOR")


async def _unlock(call: Call, parameters: OperateLock) -> Changed:
    return await _operate(call, parameters, "UNLOCK_DOOR")


async def _operate(call: Call, parameters: OperateLock, action_type: str) -> Changed:
    def unit(conn: sa.Connection, ctx: Context) -> str:
        row = read.device_of(conn, ctx, device_id=parameters.device_id)
        _refuse_remote(ctx.profile(row.profile_id), action_type)
        return attempts.begin(conn, ctx, action_type, row.device_id)

    attempt_id = await call.write(unit)

    async def show() -> ActionAttempt:
        shown = await _attempt(call, attempt_id)
        return await _finished(call, shown) if parameters.sync else shown

    return Changed([parameters.device_id], show)


def _refuse_remote(profile: Profile, action_type: str) -> None:
    """Refuse what the kind of lock never does.

    Raises:
        InvalidInput: When it does not.
    """
    if action_type == "UNLOCK_DOOR" and not profile.remote_unlock:
        raise invalid({"device_id": "The device can't be unlocked remotely"})
    if action_type == "LOCK_DOOR" and not profile.remote_lock:
        raise invalid({"device_id": "The device can't be locked remotely"})


async def _attempt(call: Call, attempt_id: str) -> ActionAttempt:
    return await call.read(lambda conn, ctx: action_attempt(read.attempt(conn, ctx, attempt_id)))


async def _finished(call: Call, shown: ActionAttempt) -> ActionAttempt:
    """Wait for an attempt to end where time goes on by itself, within the limit.

    Where requests settle, time may stand still afterwards: nothing more is to be had by waiting.
    """
    if not isinstance(call.services.settling, NoSettling):
        return shown
    loop = asyncio.get_running_loop()
    deadline = loop.time() + call.services.limits.sync_wait_s
    while shown["status"] == "pending" and loop.time() < deadline:
        await asyncio.sleep(_LOOK_AGAIN_S)
        shown = await _attempt(call, shown["action_attempt_id"])
    return shown


async def _enter_code(call: Call, parameters: EnterCode) -> Changed:
    keypad = call.services.keypad
    device_id = parameters.device_id

    def unit(conn: sa.Connection, ctx: Context) -> str:
        row = read.device_of(conn, ctx, device_id=device_id)
        if keypad is None:
            raise invalid({"device_id": "The device is not a simulated one"})
        return attempts.begin(conn, ctx, "SIMULATE_KEYPAD_CODE_ENTRY", row.device_id)

    attempt_id = await call.write(unit)
    assert keypad is not None  # noqa: S101 - the unit above refused otherwise.
    try:
        opened = await keypad.enter(device_id, parameters.code)
        error = (
            None
            if opened
            else AttemptError(
                type="code_not_accepted", message="The lock did not open for this code"
            )
        )
    except KeyError:
        error = AttemptError(
            type="device_not_simulated", message="The device is not a simulated one"
        )
    await call.write(
        lambda conn, ctx: attempts.finish(
            conn, ctx, attempt_id, result=None if error else {}, error=error
        )
    )
    return Changed([device_id], lambda: _attempt(call, attempt_id))


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        path="/locks/lock_door",
        methods=ACT,
        summary="Lock a door.",
        parameters=OperateLock,
        keys=("action_attempt",),
        shows=ActionAttempt,
        changes=True,
        handler=_lock,
    ),
    Route(
        path="/locks/unlock_door",
        methods=ACT,
        summary="Unlock a door.",
        parameters=OperateLock,
        keys=("action_attempt",),
        shows=ActionAttempt,
        changes=True,
        handler=_unlock,
    ),
    Route(
        path="/locks/simulate/keypad_code_entry",
        methods=ACT,
        summary="Type a code at the keypad of a simulated lock.",
        parameters=EnterCode,
        keys=("action_attempt",),
        shows=ActionAttempt,
        changes=True,
        handler=_enter_code,
    ),
)
