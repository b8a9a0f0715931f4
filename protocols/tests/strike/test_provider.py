from __future__ import annotations

import pytest

from protocols.errors import UnexpectedMessage
from protocols.strike.frame import Frame
from protocols.strike.provider import PlaintextProvider, SessionProvider

PLAIN = Frame(message_type=2, transaction=1, body=b"abc")


def test_plaintext_when_sealing_and_opening_then_the_frame_stays() -> None:
    provider: SessionProvider = PlaintextProvider()
    assert provider.open(provider.seal(PLAIN)) is PLAIN


def test_plaintext_when_asked_then_it_warns_in_a_sentence() -> None:
    provider: SessionProvider = PlaintextProvider()
    assert provider.name == "plaintext"
    assert provider.warning is not None
    assert "plaintext" in provider.warning
    assert provider.warning.endswith(".")


@pytest.mark.parametrize(
    "sealed",
    [
        Frame(message_type=2, transaction=1, body=b"", session_id=0),
        Frame(message_type=2, transaction=1, body=b"", counter=0),
        Frame(message_type=2, transaction=1, body=b"", tag=bytes(8)),
    ],
)
def test_plaintext_when_a_frame_has_parts_then_refused(sealed: Frame) -> None:
    with pytest.raises(UnexpectedMessage, match="plaintext session"):
        PlaintextProvider().open(sealed)
