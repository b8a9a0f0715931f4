"""Time zones by name, from the data that the project depends on and not from the machine's.

So a run on any machine, of any age, has the same changes (`tzdata`, pinned in the lock file).
"""

from __future__ import annotations

import datetime as dt
import functools
import importlib.resources
from importlib.resources.abc import Traversable
from typing import Final
from zoneinfo import ZoneInfo

from gateway.errors import ConfigError
from protocols.doorlock.window import to_ms
from protocols.doorlock.zone import LocalZone, parse_zone
from protocols.errors import WindowError

_SECOND_MS: Final = 1000
_MINUTE_S: Final = 60
_EPOCH: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
# Years in which a zone must keep its own rule. Windows that end later are rare, and by then the
# law has spoken again.
_RULED_YEARS: Final = 10
# A week: no time of the year in which clocks are moved is shorter.
_STEP_S: Final = 7 * 86_400


@functools.cache
def zone_info(name: str) -> ZoneInfo:
    """The zone of an IANA name, such as ``Europe/Berlin``.

    Raises:
        ConfigError: When there is none.
    """
    with _file(name).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def posix_zone(name: str) -> str:
    """The rule that a zone follows from now on, as POSIX writes it.

    It is the last line of the zone's file (RFC 8536, 3.3).

    Raises:
        ConfigError: When there is no such zone.
    """
    return _file(name).read_bytes().rstrip(b"\n").rsplit(b"\n", 1)[1].decode("ascii")


def check_time_zone(name: str) -> None:
    """Refuse what names no time zone.

    Raises:
        ConfigError: When it does not.
    """
    try:
        parse_zone(posix_zone(name))
    except (WindowError, IndexError, UnicodeDecodeError):
        # A file beside those of the zones.
        raise _unknown(name) from None


def ruled_zone(name: str, now_ms: int) -> LocalZone | None:
    """A zone as a rule for every year alike, which is all that a lock can keep.

    Args:
        name: Its IANA name.
        now_ms: From when on the rule has to hold, milliseconds since 1970.

    Returns:
        The zone; None for one that does not go by a rule in the next ten years, such as that of
        Gaza, where changes follow the moon.

    Raises:
        ConfigError: When there is no such zone.
    """
    month = dt.datetime.fromtimestamp(now_ms / _SECOND_MS, dt.UTC).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    return _ruled_from(name, round((month - _EPOCH).total_seconds()))


def offset_min_at(name: str, now_ms: int) -> int:
    """Local time of a zone minus UTC at an instant, minutes, whether it goes by a rule or not.

    Args:
        name: Its IANA name.
        now_ms: Milliseconds since 1970.

    Raises:
        ConfigError: When there is no such zone.
    """
    instant = dt.datetime.fromtimestamp(now_ms / _SECOND_MS, zone_info(name))
    offset = instant.utcoffset()
    return 0 if offset is None else round(offset.total_seconds() / _MINUTE_S)


@functools.cache
def _ruled_from(name: str, from_s: int) -> LocalZone | None:
    """The zone, if its calendar agrees with its rule from an instant on (seconds since 2000)."""
    zone = parse_zone(posix_zone(name))
    until_s = from_s + _RULED_YEARS * 366 * 86_400
    changes_s = zone.changes_s(from_s, until_s)
    moments = {*range(from_s, until_s, _STEP_S), *changes_s, *(each - 1 for each in changes_s)}
    is_ruled = all(zone.offset_min(each) == offset_min_at(name, to_ms(each)) for each in moments)
    return zone if is_ruled else None


def _file(name: str) -> Traversable:
    found = importlib.resources.files("tzdata.zoneinfo")
    for part in name.split("/"):
        # Names are words of letters, digits, '+', '-' and '_'; nothing else leaves this folder.
        if not part.replace("-", "").replace("_", "").replace("+", "").isalnum():
            raise ConfigError(f"there is no time zone {name!r:.60}")
        found = found / part
    if not found.is_file():
        raise _unknown(name)
    return found


def _unknown(name: str) -> ConfigError:
    return ConfigError(f"there is no time zone {name!r:.60}, such as 'Europe/Berlin'")
