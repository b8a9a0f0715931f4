"""Expiring users: their code lives for some minutes from its first use on.

The first use is persisted in the unit that opens the door, so no power cut gives a second life.
It is the code that is used up: each code of a user has a life of its own. A new code in a slot
begins a new one; a user that is written again with the code it had does not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

from firmware_sim.memory.records import DeviceState, FirstUse

_MINUTE_S: Final = 60
# A first use stays within the words that hold it (u32 seconds since 2000).
_LAST_S: Final = 0xFFFF_FFFF


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """The code of an expiring user.

    Attributes:
        credential_index: Its slot.
        revision: Of its credential.
    """

    credential_index: int
    revision: int


def is_expired(state: DeviceState, code: Code, *, timeout_min: int, utc_s: int) -> bool:
    """True when a code was used for the first time too long ago.

    Args:
        state: The device state.
        code: The code.
        timeout_min: Minutes that it lives from its first use on.
        utc_s: What the lock's clock shows, seconds since 2000.
    """
    use = _first_use(state.first_uses, code)
    return use is not None and utc_s >= use.used_s + timeout_min * _MINUTE_S


def after_use(state: DeviceState, code: Code, utc_s: int) -> DeviceState:
    """The state after a code opened; only its first use is noted."""
    if _first_use(state.first_uses, code) is not None:
        return state
    slot = code.credential_index
    others = [use for use in state.first_uses if use.credential_index != slot]
    fresh = FirstUse(credential_index=slot, credential_revision=code.revision, used_s=utc_s)
    uses = sorted([*others, fresh], key=lambda use: use.credential_index)
    return dataclasses.replace(state, first_uses=tuple(uses))


def after_clock_set(state: DeviceState, shift_s: int) -> DeviceState:
    """The state after a clock that knew the time was moved: codes expire as far away as before.

    Args:
        state: The device state.
        shift_s: Seconds by which the clock was set forward, rounded down; negative = back.
    """
    uses = tuple(
        dataclasses.replace(use, used_s=min(max(use.used_s + shift_s, 0), _LAST_S))
        for use in state.first_uses
    )
    return dataclasses.replace(state, first_uses=uses)


def _first_use(uses: Iterable[FirstUse], code: Code) -> FirstUse | None:
    for use in uses:
        is_slot = use.credential_index == code.credential_index
        if is_slot and use.credential_revision == code.revision:
            return use
    return None
