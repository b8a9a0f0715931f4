"""The words of a brand profile: enums of what locks do differently.

The value of a member is the word that a profile file writes.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from protocols.doorlock.vocabulary import UserType

# Source: Seam's `device.device_type`, the lock values of its closed enum.
DEVICE_TYPES: Final = (
    "akiles_lock",
    "akuvox_lock",
    "august_lock",
    "avigilon_alta_entry",
    "brivo_access_point",
    "butterflymx_panel",
    "controlbyweb_device",
    "doorking_lock",
    "dormakaba_oracode_door",
    "four_suites_door",
    "genie_door",
    "igloo_lock",
    "igloohome_lock",
    "keyincode_lock",
    "kisi_lock",
    "kwikset_lock",
    "linear_lock",
    "lockly_lock",
    "nuki_lock",
    "omnitec_lock",
    "salto_lock",
    "schlage_lock",
    "smartthings_lock",
    "tedee_lock",
    "ttlock_lock",
    "two_n_intercom",
    "ultraloq_lock",
    "wyze_lock",
    "yale_lock",
)

# User types by the words of a profile file: Matter's names in lower case.
USER_TYPES: Final[Mapping[str, UserType]] = MappingProxyType(
    {member.name.lower(): member for member in UserType}
)


class SystemKind(enum.StrEnum):
    """What stands behind the door's lock."""

    LOCK = "lock"  # a lock of its own, reached directly or through its maker's bridge
    HUB_BOUND = "hub_bound"  # a lock that only its home hub speaks to
    DOOR_SYSTEM = "door_system"  # an entrance of an access control system


class CredentialMode(enum.StrEnum):
    """How somebody proves at the door who they are; the words are Seam's access methods."""

    CODE = "code"
    CARD = "card"
    MOBILE_KEY = "mobile_key"


class ReservationRule(enum.StrEnum):
    """What a newer guest credential does to those before it."""

    NONE = "none"  # nothing: credentials stand side by side
    # The first use of a newer one shuts out other reservations' and joins those of its own.
    OVERRIDE_AND_JOIN = "override_and_join"


class ReadBack(enum.StrEnum):
    """What a lock tells of a stored code when it is asked for the slot."""

    CLEAR = "clear"  # the digits
    MASKED = "masked"  # as many mask characters as the code has digits
    OMITTED = "omitted"  # the slot is occupied; of the code not a word
    WRITE_ONLY = "write_only"  # as Matter has it: there is no way to ask for a code


class PinStorage(enum.StrEnum):
    """How a lock keeps its codes."""

    CLEAR = "clear"
    HASHED = "hashed"  # salted, so a memory image shows no code


class DuplicateRule(enum.StrEnum):
    """What becomes of a code that another slot already holds."""

    REFUSED = "refused"  # the answer says that it is a duplicate
    IGNORED = "ignored"  # answered like a success, and not stored
    ALLOWED = "allowed"  # stored; of two, the lower slot counts


class JitPolicy(enum.StrEnum):
    """How a just-in-time code is kept shut before its start (DESIGN D20)."""

    DISABLED_UNTIL_START = "disabled_until_start"
    EARLY_LIVE = "early_live"


class OfflineKind(enum.StrEnum):
    """Kinds of codes that an algorithm makes, so that a lock out of reach takes them."""

    ONE_TIME = "one_time"  # opens once
    HOURLY = "hourly"  # a window of whole hours
    DAILY = "daily"  # a window of whole days
    PERMANENT = "permanent"  # from its start on
    RECURRING = "recurring"  # the same hours on some days of the week
    FIRST_USE = "first_use"  # lives for a time from its first use on
    LEVEL = "level"  # a fixed window of a user level that the site programmed beforehand
    ERASE = "erase"  # takes all offline codes away


class ZoneAwareness(enum.StrEnum):
    """What a lock knows of local time."""

    ZONE = "zone"  # a time zone with its rule for daylight saving
    OFFSET = "offset"  # a distance from UTC, right until the next change
    NONE = "none"  # nothing: its clock shows what it was set to


class DstQuirk(enum.StrEnum):
    """What goes wrong with stored windows when daylight saving begins or ends."""

    NONE = "none"
    # Local bounds are made with the distance from UTC of the day they are written on, so a window
    # beyond a change is off by an hour (Schlage).
    OFFSET_AT_WRITE = "offset_at_write"


class ClockOnPowerLoss(enum.StrEnum):
    """What a power cut does to a clock (variants seen in real locks)."""

    KEEPS = "keeps"  # a cell of its own carries it through
    RESUMES = "resumes"  # it stops, and goes on from where it stopped
    LAST_FULL_HOUR = "last_full_hour"  # it falls back to the last full hour that it showed
    EPOCH_2009 = "epoch_2009"  # it starts again at 2009-01-01
    LOST = "lost"  # it starts again at its reset value, and knows that it did
