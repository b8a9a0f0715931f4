"""PINs in a lock's memory: how one is kept, who holds one, and what can still be told of it.

A lock keeps its PINs in clear or as a salted hash, as its profile says, and nothing else asks
which: whoever looks for a PIN asks `holders_of`.

The hash is HMAC-SHA-256 of the PIN under the lock's own salt of 16 bytes, of which the first 16
bytes are kept. With it no PIN can be read off a dump, a backup or a screen, nor can two locks be
compared by it. It is no wall against somebody who has the dump and computes: the salt lies in the
same flash, the content digest (DESIGN D21) beside the hash has no salt at all, and ten million
PINs of seven digits are tried in seconds. A slower hash would change nothing as long as the digest
is there, and little without it: a PIN has at most 33 bits at ten digits. So whoever loses a dump
has lost its PINs.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Final

from firmware_sim.memory.interface import LockMemory
from firmware_sim.memory.records import HashedCredentialContent, Record
from protocols.doorlock.digest import CredentialContent, RecordKey
from protocols.doorlock.vocabulary import RecordKind
from protocols.profiles.vocabulary import PinStorage

# Bytes kept of the HMAC: 128 bits, so that no two PINs of a lock ever agree by chance.
PIN_HASH_BYTES: Final = 16
# What the salt is used for, so that the same salt can serve something else one day.
_PURPOSE: Final = b"strikeplate PIN\x00"


def pin_hash(salt: bytes, pin: bytes) -> bytes:
    """The salted hash of a PIN, 16 bytes.

    Args:
        salt: The lock's own.
        pin: ASCII digits.
    """
    return hmac.digest(salt, _PURPOSE + pin, "sha256")[:PIN_HASH_BYTES]


def credential_record(
    memory: LockMemory,
    storage: PinStorage,
    key: RecordKey,
    revision: int,
    content: CredentialContent,
) -> Record:
    """The record of a credential as a lock of this kind stores it."""
    clear = Record.of(key, revision, content)
    if storage is PinStorage.CLEAR:
        return clear
    hashed = HashedCredentialContent(
        user_index=content.user_index,
        pin_hash=pin_hash(memory.salt, content.credential_data),
        digest=clear.digest,
    )
    return Record.of(key, revision, hashed)


def holders_of(memory: LockMemory, pin: bytes) -> Iterator[Record]:
    """The credentials that hold a PIN, lowest slot first."""
    hashed = pin_hash(memory.salt, pin)
    for record in memory.live(RecordKind.CREDENTIAL):
        match record.content:
            case CredentialContent(credential_data=held):
                is_held = hmac.compare_digest(held, pin)
            case HashedCredentialContent(pin_hash=held):
                is_held = hmac.compare_digest(held, hashed)
            case _:
                is_held = False
        if is_held:
            yield record


def clear_pin(record: Record | None) -> bytes | None:
    """The digits of a credential; None when there is none, or only a hash of them."""
    content = None if record is None else record.content
    return content.credential_data if isinstance(content, CredentialContent) else None


def owner_of(record: Record | None) -> int | None:
    """Whose a credential is; None when there is none."""
    content = None if record is None else record.content
    if isinstance(content, CredentialContent | HashedCredentialContent):
        return content.user_index
    return None
