"""The error tree of the whole project; every other tree grows from its root.

StrikeplateError                    root
├─ ProtocolError                    whose fault it is, is decided once, where bytes enter or leave
│   ├─ LocalProtocolError           we asked for something the protocol forbids
│   └─ RemoteProtocolError          the peer sent something that the protocol forbids
│       ├─ MalformedFrame           bytes that no layout accepts
│       ├─ ChecksumMismatch         a frame whose checksum does not fit its bytes
│       ├─ UnexpectedMessage        a well-formed message at the wrong moment
│       ├─ FragmentLost             a gap, a repeat or an interleaving in a fragmented message
│       └─ LimitExceeded            more bytes, records or requests than the agreed bound
├─ ProfileError                     a brand profile that does not describe a lock
└─ WindowError                      a time window that a device can't hold
(firmware_sim, gateway, hil_tests and tools add their own branches in their own errors.py.)
"""

from __future__ import annotations


class StrikeplateError(Exception):
    """Root of every error that this project raises on purpose."""


class ProtocolError(StrikeplateError):
    """Something the protocol forbids, on either side of the wire."""


class LocalProtocolError(ProtocolError):
    """The caller asked for something that the protocol forbids; nothing was sent."""


class RemoteProtocolError(ProtocolError):
    """The peer sent something that the protocol forbids.

    Attributes:
        raw_length: Number of bytes that were refused.
        offset: Byte offset of the fault inside them, where it is known.
    """

    def __init__(self, reason: str, *, raw: bytes = b"", offset: int | None = None) -> None:
        # The bytes themselves are not kept: a frame may hold a PIN (DESIGN D22).
        super().__init__(reason)
        self.reason = reason
        self.raw_length = len(raw)
        self.offset = offset

    def __str__(self) -> str:
        where = "" if self.offset is None else f" at byte {self.offset}"
        size = f" ({self.raw_length} bytes)" if self.raw_length else ""
        return f"{self.reason}{where}{size}"


class MalformedFrame(RemoteProtocolError):  # noqa: N818 - leaves of the tree say what happened.
    """Bytes that no layout accepts."""


class ChecksumMismatch(RemoteProtocolError):  # noqa: N818 - see MalformedFrame.
    """A frame whose checksum does not fit its bytes."""


class UnexpectedMessage(RemoteProtocolError):  # noqa: N818 - see MalformedFrame.
    """A well-formed message at the wrong moment."""


class FragmentLost(RemoteProtocolError):  # noqa: N818 - see MalformedFrame.
    """A gap, a repeat or an interleaving in a fragmented message."""


class LimitExceeded(RemoteProtocolError):  # noqa: N818 - see MalformedFrame.
    """More bytes, records or requests than the agreed bound."""


class ProfileError(StrikeplateError):
    """A brand profile that does not describe a lock; names the key at fault."""


class WindowError(StrikeplateError):
    """A time window that a device can't hold."""
