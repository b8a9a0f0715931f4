"""The local time that a lock keeps, worked out from its profile and the time zone of its door."""

from __future__ import annotations

import dataclasses
from typing import Final

from protocols.doorlock.zone import NO_RULE, LocalZone, parse_dst_rule
from protocols.profiles.facts import ClockFacts
from protocols.profiles.profile import Profile
from protocols.profiles.vocabulary import DstQuirk, ZoneAwareness

# What a lock that knows nothing of local time takes for it.
_UTC: Final = LocalZone(0)


def zone_kept(facts: ClockFacts, door: LocalZone | None) -> LocalZone | None:
    """The local time that a lock shows once its clock is set.

    A lock that does not follow the changes of its zone (`ZoneAwareness.OFFSET`) shows it until the
    next change, and from then on once more as soon as somebody sets its clock.

    Args:
        facts: The lock's own clock.
        door: Local time at its door; None where nobody knows it.

    Returns:
        The zone, by the lock's own rule for daylight saving where it has one; None when nobody
        can know it.
    """
    if facts.zone is ZoneAwareness.NONE:
        return _UTC
    if door is None or facts.zone is ZoneAwareness.OFFSET or facts.dst_rule == NO_RULE:
        return door
    return dataclasses.replace(door, rule=parse_dst_rule(facts.dst_rule))


def stores_local_bounds(profile: Profile) -> bool:
    """True for a lock whose stored windows move when its local time does.

    Either it takes them in local time, or it takes instants and converts them when they are
    written (`DstQuirk.OFFSET_AT_WRITE`).
    """
    return profile.local_year_day or profile.clock.dst_quirk is DstQuirk.OFFSET_AT_WRITE
