"""The GATT service of a lock and what it advertises.

The central writes fragments of requests to COMMAND and gets fragments of replies and events as
notifications of EVENT. Nothing can be read: state is asked for by messages.

The advertisement is full to the byte: flags 3, service UUID 18, manufacturer data 10 of the 31
octets that legacy advertising has. The device's name goes into the scan response.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
from typing import Final

from protocols.errors import MalformedFrame
from protocols.strike.frame import PROTOCOL_VERSION
from protocols.wire.layout import U8, U16, codec, message

# 128-bit UUIDs, drawn at random for this project.
SERVICE_UUID: Final = "6d1f0001-8e3a-4b57-9c42-d05b7e91a3c6"
# Write and write without response, central to lock.
COMMAND_UUID: Final = "6d1f0002-8e3a-4b57-9c42-d05b7e91a3c6"
# Notify, lock to central.
EVENT_UUID: Final = "6d1f0003-8e3a-4b57-9c42-d05b7e91a3c6"
# "Reserved for internal testing" among the SIG's company identifiers: this project has none.
COMPANY_ID: Final = 0xFFFF

_LOG_INDEX_MASK: Final = 0xFFFF


class AdvertisingFlag(enum.IntFlag):
    """Bits of `AdvertisingData.flags`; unknown ones are ignored."""

    HAS_NEWS = 0x01


@message
class AdvertisingData:
    """Manufacturer data of the advertisement, after the company identifier."""

    version: U8  # protocol version, 1
    flags: U8  # AdvertisingFlag
    profile_hint: U16  # tells profiles apart before a connection; see `profile_hint`
    log_next_low: U16  # low 16 bits of the index that the next log record will get


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Advertisement:
    """What a lock tells everybody.

    Attributes:
        has_news: True when the log holds records that nobody has read up to.
        profile_hint: `profile_hint` of its profile id.
        log_next_low: Low 16 bits of the index that the next log record will get.
        protocol_version: Version of the strike protocol.
    """

    has_news: bool
    profile_hint: int
    log_next_low: int
    protocol_version: int = PROTOCOL_VERSION

    def encode(self) -> bytes:
        """The 6 bytes after the company identifier.

        Raises:
            LocalProtocolError: When a number does not fit its word.
        """
        return codec(AdvertisingData).encode(
            AdvertisingData(
                version=self.protocol_version,
                flags=int(AdvertisingFlag.HAS_NEWS) if self.has_news else 0,
                profile_hint=self.profile_hint,
                log_next_low=self.log_next_low & _LOG_INDEX_MASK,
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> Advertisement:
        """Take manufacturer data apart.

        Args:
            data: The bytes after the company identifier. The identifier is anybody's, so look at
                the service UUID first.

        Raises:
            MalformedFrame: When it is not of this layout, or of another version.
        """
        found = codec(AdvertisingData).decode(data)
        if found.version != PROTOCOL_VERSION:
            raise MalformedFrame("another protocol version", raw=data, offset=0)
        return cls(
            has_news=bool(found.flags & AdvertisingFlag.HAS_NEWS),
            profile_hint=found.profile_hint,
            log_next_low=found.log_next_low,
            protocol_version=found.version,
        )


def profile_hint(profile_id: str) -> int:
    """A 16-bit hint at a profile: the first two bytes of SHA-256 over its id, little-endian.

    Two profiles can share a hint; `Info.profile_id` decides.
    """
    return int.from_bytes(hashlib.sha256(profile_id.encode()).digest()[:2], "little")
