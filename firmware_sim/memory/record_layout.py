"""How one record lies in the lock's NVS: at most 48 bytes, saying itself which key it holds."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Final

from firmware_sim.errors import RecordTooLong
from protocols.doorlock.digest import RecordKey
from protocols.doorlock.vocabulary import RecordKind
from protocols.errors import MalformedFrame
from protocols.wire.layout import ENUM8, U8, U16, U32, ShortBytes, codec, message
from protocols.wire.open_enum import OpenIntEnum

RECORD_BYTES_MAX: Final = 48
RECORD_VERSION: Final = 1
# Bytes of a record beside its content.
RECORD_HEAD_BYTES: Final = 11


class RecordForm(OpenIntEnum):
    """How the content of a record is kept."""

    CLEAR = 0  # the canonical content of the digest (`protocols.doorlock.digest`)
    HASHED = 1  # a credential without its digits (`records.HashedCredentialContent`)
    TOMBSTONE = 2  # none: the record was cleared


@message
class FlashRecord:
    """A record as it lies in flash.

    Attributes:
        version: 1.
        kind: Of its key.
        index: Of its key.
        sub_index: Of its key.
        revision: Of the write or clear that made it.
        form: How its content is kept.
        content: Empty for a tombstone.
    """

    version: U8
    kind: Annotated[RecordKind, ENUM8]
    index: U16
    sub_index: U8
    revision: U32
    form: Annotated[RecordForm, ENUM8]
    content: ShortBytes = dataclasses.field(repr=False)


_RECORD: Final = codec(FlashRecord)


def encode_record(key: RecordKey, revision: int, form: RecordForm, content: bytes) -> bytes:
    """Bytes of a record.

    Args:
        key: Which record.
        revision: Of the write or clear that made it.
        form: How its content is kept.
        content: Its content as stored; empty for a tombstone.

    Raises:
        RecordTooLong: When it has more than 48 bytes.
        LocalProtocolError: When a value does not fit its word.
    """
    data = _RECORD.encode(
        FlashRecord(
            version=RECORD_VERSION,
            kind=key.kind,
            index=key.index,
            sub_index=key.sub_index,
            revision=revision,
            form=form,
            content=content,
        )
    )
    if len(data) > RECORD_BYTES_MAX:
        raise RecordTooLong(len(data), RECORD_BYTES_MAX)
    return data


def decode_record(data: bytes) -> FlashRecord:
    """A record from its bytes.

    Raises:
        MalformedFrame: When these bytes are no record of this version.
    """
    record = _RECORD.decode(data)
    if record.version != RECORD_VERSION:
        raise MalformedFrame(f"record version {record.version} is unknown")
    return record
