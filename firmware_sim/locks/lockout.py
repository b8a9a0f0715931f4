"""Wrong-code lockout: how many wrong codes, how long, and what does not help against it.

Rules. `wrong_code_limit` wrong codes lock the keypad out, the counter starts again, and every
further lockout lasts twice as long as the one before, up to `lockout_s_max`. A known code that
does not open (outside its schedule, disabled, blocked) counts for nothing either way.

A code that opens forgives the wrong codes before it, since people mistype. Somebody who holds a
code could use it to wash out guesses, so that is limited: within a *term* of a day, which begins
with a lockout's end or with the first forgiven wrong code, `FORGIVEN_ROUNDS` times the limit is
forgiven, and lockouts keep their length. A code that opens after the term sets everything back;
time alone forgives nothing. See docs/decisions/0010-lockout-per-interface.md.

It is the keypad that is locked out, the one interface that takes codes: requests over the radio
are authenticated by their session, so they have no counter, and no vandal at the door shuts out
those who need no code.

Ends are kept on the lock's own clock and persisted before the entry that caused them is answered.
A power cut can't shorten them: a clock that ran on has counted them down rightly, one that stood
still counts on from there, and with one that was lost or went back they begin anew, unless they
had ended before the cut. Setting the clock moves them with it.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from firmware_sim.memory.records import DeviceState
from protocols.profiles.parser import LockoutRules

_US_PER_S: Final = 1_000_000
# Lockouts are counted in a byte, which is far above where every length has met its maximum.
_LOCKOUTS_MAX: Final = 0xFF
# Microseconds of a term: long enough that washing out guesses by a code of one's own adds less
# than what the longest lockouts of any profile allow anyway.
TERM_US: Final = 86_400 * _US_PER_S
# Times the limit that is forgiven in a term. A household of ten that mistypes twice a day each
# stays below it at the usual limit of five.
FORGIVEN_ROUNDS: Final = 4


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
    until_us = device_us + length_us(rules, lockouts)
    return dataclasses.replace(
        state,
        wrong_codes=0,
        lockouts=lockouts,
        lockout_until_us=until_us,
        strict_until_us=until_us + TERM_US,
    )


def after_success(state: DeviceState, rules: LockoutRules, device_us: int) -> DeviceState:
    """The state after a code that opened."""
    if device_us < state.strict_until_us:
        room = FORGIVEN_ROUNDS * rules.wrong_code_limit - state.forgiven_codes
        forgiven = min(max(room, 0), state.wrong_codes)
        return dataclasses.replace(
            state,
            wrong_codes=state.wrong_codes - forgiven,
            forgiven_codes=state.forgiven_codes + forgiven,
            lockout_until_us=0,
        )
    return dataclasses.replace(
        state,
        wrong_codes=0,
        lockouts=0,
        lockout_until_us=0,
        forgiven_codes=state.wrong_codes,
        strict_until_us=device_us + TERM_US if state.wrong_codes else 0,
    )


def after_clock_set(state: DeviceState, shift_us: int) -> DeviceState:
    """The state after the clock was moved: a lockout ends as far away as before.

    Args:
        state: The device state.
        shift_us: Microseconds by which the clock was set forward; negative = back.
    """
    # An end that would lie before 2000 has passed.
    return dataclasses.replace(
        state,
        lockout_until_us=_moved(state.lockout_until_us, shift_us),
        strict_until_us=_moved(state.strict_until_us, shift_us),
    )


def is_beyond(state: DeviceState, rules: LockoutRules, device_us: int) -> bool:
    """True when something would last longer than any of its kind: the clock has gone back.

    Args:
        state: The device state.
        rules: The lock's rules.
        device_us: What the lock's clock shows, microseconds since 2000.
    """
    longest_us = length_us(rules, max(state.lockouts, 1))
    return (
        state.lockout_until_us - device_us > longest_us
        or state.strict_until_us - device_us > longest_us + TERM_US
    )


def after_clock_lost(
    state: DeviceState, rules: LockoutRules, *, cut_us: int, device_us: int
) -> DeviceState:
    """The state after a power cut in which the clock was lost.

    Nobody can tell how much of a lockout was left, so it begins anew; but one that had ended
    before the cut is over.

    Args:
        state: The device state.
        rules: The lockout rules.
        cut_us: What the lock's clock showed when the power went, microseconds since 2000.
        device_us: What it shows now.
    """
    until_us = strict_until_us = 0
    if cut_us < state.lockout_until_us:
        until_us = device_us + length_us(rules, state.lockouts)
    if cut_us < state.strict_until_us:
        strict_until_us = max(until_us, device_us) + TERM_US
    return dataclasses.replace(state, lockout_until_us=until_us, strict_until_us=strict_until_us)


def _moved(end_us: int, shift_us: int) -> int:
    return max(0, end_us + shift_us) if end_us else 0
