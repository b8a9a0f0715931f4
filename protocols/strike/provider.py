"""How frames are protected: the seam between a session and its cryptography.

A provider belongs to one side of one connection. It turns a plain frame into what goes on the air
and back; the session sees plain frames only. `PlaintextProvider` protects nothing and says so.
"""

from __future__ import annotations

from typing import Final, Protocol

from protocols.errors import UnexpectedMessage
from protocols.strike.frame import Frame


class SessionProvider(Protocol):
    """Seals and opens the frames of one side of one connection."""

    @property
    def name(self) -> str:
        """What kind of protection this is, one word, for logs and `--json`."""

    @property
    def warning(self) -> str | None:
        """A sentence to print at start when the protection is not enough for a real door."""

    def seal(self, frame: Frame) -> Frame:
        """Protect a plain frame: adds parts and may turn the body into ciphertext.

        Raises:
            LocalProtocolError: When this side may not send, for example with its counter spent.
        """

    def open(self, frame: Frame) -> Frame:
        """Check a frame from the peer and take its protection off: no parts, plain body.

        Raises:
            RemoteProtocolError: When the frame is forged, replayed, or not of this session.
        """


class PlaintextProvider:
    """No protection: frames go as they are."""

    name: Final = "plaintext"
    warning: Final = (
        "Lock sessions are in plaintext: anybody in radio range can read PINs and program the "
        "lock. Use this on a bench only."
    )

    def seal(self, frame: Frame) -> Frame:
        """The frame as it is."""
        return frame

    def open(self, frame: Frame) -> Frame:
        """The frame as it is.

        Raises:
            UnexpectedMessage: When it has parts of a sealed session: taking such a body as plain
                would hand ciphertext to a decoder, or hide that the peer expects protection.
        """
        if frame.flags:
            raise UnexpectedMessage("a sealed frame in a plaintext session", raw=frame.body)
        return frame
