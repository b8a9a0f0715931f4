"""Time zones by name, from the data that the project depends on and not from the machine's.

So a run on any machine, of any age, has the same changes (`tzdata`, pinned in the lock file).
"""

from __future__ import annotations

import functools
import importlib.resources
from importlib.resources.abc import Traversable
from zoneinfo import ZoneInfo

from gateway.errors import ConfigError


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


def _file(name: str) -> Traversable:
    found = importlib.resources.files("tzdata.zoneinfo")
    for part in name.split("/"):
        # Names are words of letters, digits, '+', '-' and '_'; nothing else leaves this folder.
        if not part.replace("-", "").replace("_", "").replace("+", "").isalnum():
            raise ConfigError(f"there is no time zone {name!r:.60}")
        found = found / part
    if not found.is_file():
        raise ConfigError(f"there is no time zone {name!r:.60}, such as 'Europe/Berlin'")
    return found
