"""Wrong-code lockout: how many wrong codes, how long, and what a power cut can't do about it.

Rules. `wrong_code_limit` wrong codes without a success between them lock the keypad out, the
counter starts again, and every further lockout lasts twice as long as the one before, up to
`lockout_s_max`. A code that opens sets counter and length back. A known code that does not open
(outside its schedule, disabled) counts for nothing either way. Time alone forgives nothing.

The end of a lockout is kept on the lock's own clock and persisted before the entry that caused it
is answered. A power cut can't shorten it: a clock that ran on has counted it down rightly, one
that stood still counts on from there, and with one that was lost or went back it begins anew.
Setting the clock moves the end with it.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from firmware_sim.memory.records import DeviceState
from protocols.profiles.parser import LockoutRules

_US_PER_S: Final = 1_000_000
# Lockouts are counted in a byte, which is far above where every length has met its maximum.
_LOCKOUTS_MAX: Final = 0xFF


def is_locked_out(state: DeviceState, device_us: int) -> bool:
    """True while no code is accepted.

    Args:
        state: The device state.
        device_us: What the lock's clock shows, microseconds since 2000.
    """
    return device_us < state.lockout_until_us


def length_us(rules: LockoutRules, lockouts: int) -> int:
    """Microseconds that the lockout of that number lasts, from 1."""
    return min(rules.lockout_s << (lockouts - 1), rules.lockout_s_max) * _US_PER_S


def after_wrong_code(state: DeviceState, rules: LockoutRules, device_us: int) -> DeviceState:
    """The state after a wrong code; a lockout has begun when its `wrong_codes` is 0."""
    wrong_codes = state.wrong_codes + 1
    if wrong_codes < rules.wrong_code_limit:
        return dataclasses.replace(state, wrong_codes=wrong_codes, lockout_until_us=0)
    lockouts = min(state.lockouts + 1, _LOCKOUTS_MAX)
    return dataclasses.replace(
        state,
        wrong_codes=0,
        lockouts=lockouts,
        lockout_until_us=device_us + length_us(rules, lockouts),
    )


def after_success(state: DeviceState) -> DeviceState:
    """The state after a code that opened."""
    return dataclasses.replace(state, wrong_codes=0, lockouts=0, lockout_until_us=0)


def after_clock_set(state: DeviceState, shift_us: int) -> DeviceState:
    """The state after the clock was moved: a lockout ends as far away as before.

    Args:
        state: The device state.
        shift_us: Microseconds by which the clock was set forward; negative = back.
    """
    if not state.lockout_until_us:
        return state
    # An end that would lie before 2000 has passed.
    until_us = max(0, state.lockout_until_us + shift_us)
    return dataclasses.replace(state, lockout_until_us=until_us)


def is_beyond(state: DeviceState, rules: LockoutRules, device_us: int) -> bool:
    """True when a lockout would last longer than any of its kind: the clock has gone back.

    Args:
        state: The device state.
        rules: The lock's rules.
        device_us: What the lock's clock shows, microseconds since 2000.
    """
    if not state.lockout_until_us:
        return False
    return state.lockout_until_us - device_us > length_us(rules, state.lockouts)


def after_clock_lost(state: DeviceState, rules: LockoutRules, device_us: int) -> DeviceState:
    """The state after a power cut in which the clock was lost.

    Nobody can tell how much of a lockout was left, so it begins anew.
    """
    if not state.lockout_until_us:
        return state
    until_us = device_us + length_us(rules, state.lockouts)
    return dataclasses.replace(state, lockout_until_us=until_us)
