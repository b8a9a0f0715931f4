"""The lock of a run of suite `device`: of a kind that is sold, or one that has everything."""

from __future__ import annotations

import dataclasses
import random
from typing import Final

from gateway.profiles import load_profiles
from hil_tests.bench_file import BenchFile
from hil_tests.explore.stage import bench_of
from protocols.doorlock.vocabulary import UserType
from protocols.profiles.parser import Profile
from protocols.profiles.vocabulary import ClockOnPowerLoss, PinStorage

# Kinds that are sold differ in what they can do; the last draws from all that any can do.
_SOLD: Final = ("generic-native", "generic-jit", "generic-hashed", "yale", "2n")
_EVERYTHING: Final = "has-everything"
# Three runs in five are at a lock that has everything.
_SHARE: Final = 0.6
_EXPIRING_MIN: Final = (1, 20, 120)
_OFFSETS_MIN: Final = (0, 60, -300, 345)


def drawn_house(draw: random.Random) -> BenchFile:
    """A bench with one lock, called "lock"."""
    is_sold = draw.random() >= _SHARE
    profile_id = draw.choice(_SOLD) if is_sold else "generic-native"
    file = bench_of(
        f'[bench]\nname = "explore"\n[[devices]]\nname = "lock"\nprofile = "{profile_id}"'
    )
    profile = load_profiles()[profile_id] if is_sold else _everything(draw)
    [device] = file.devices
    device = dataclasses.replace(
        device,
        profile=profile.profile_id,
        utc_offset_min=draw.choice(_OFFSETS_MIN),
        clock_on_power_loss=draw.choice((None, *ClockOnPowerLoss)),
    )
    return dataclasses.replace(file, devices=(device,), profiles=() if is_sold else (profile,))


def _everything(draw: random.Random) -> Profile:
    """A lock that takes every type of user and has every part, and may have every quirk."""
    plain = load_profiles()["generic-native"]
    return dataclasses.replace(
        plain,
        profile_id=_EVERYTHING,
        pin_storage=draw.choice(tuple(PinStorage)),
        user_types=tuple(UserType),
        expiring_user_timeout_min=draw.choice(_EXPIRING_MIN),
        year_day_per_user=2,
        privacy_deadbolt=True,
        auto_relock_s=draw.choice((0, 10)),
        local_year_day=_coin(draw),
        keypad=dataclasses.replace(plain.keypad, programming_code_opens=_coin(draw)),
        clock=dataclasses.replace(
            plain.clock, lost_admits=_coin(draw), detects_rollback=_coin(draw)
        ),
    )


def _coin(draw: random.Random) -> bool:
    return draw.random() < 0.5  # noqa: PLR2004 - even chances.
