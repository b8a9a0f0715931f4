"""The records of a lock in RAM, as a firmware's own index of its flash: packed, in key order."""

from __future__ import annotations

import bisect
import itertools
import struct
from collections.abc import Iterable, Iterator
from typing import Final

from firmware_sim.memory.record_layout import RecordForm
from firmware_sim.memory.records import Record
from protocols.doorlock.digest import DIGEST_SIZE, RecordKey, memory_digest
from protocols.doorlock.vocabulary import RecordKind

# Revision, digest and form before the content. Records are kept as bytes, since a thousand locks
# with their records as objects take three times as much.
_HEAD: Final = struct.Struct(f"<I{DIGEST_SIZE}sB")
_KIND_SHIFT: Final = 24
_INDEX_SHIFT: Final = 8


class RecordTable:
    """Records and tombstones by key."""

    __slots__ = ("_digest", "_order", "_records")

    def __init__(self) -> None:
        self._records: dict[int, bytes] = {}
        # The keys of `_records`, in order.
        self._order: list[int] = []
        self._digest: bytes | None = None

    def __len__(self) -> int:
        return len(self._records)

    def get(self, key: RecordKey) -> Record | None:
        """What a key holds; None = never written."""
        packed = self._records.get(_pack_key(key))
        return None if packed is None else _unpack(key, packed)

    def content_length(self, key: RecordKey) -> int | None:
        """Bytes of the stored content of a key, 0 for a tombstone; None = never written."""
        packed = self._records.get(_pack_key(key))
        return None if packed is None else len(packed) - _HEAD.size

    def put(self, record: Record) -> None:
        """Replace what a key holds."""
        number = _pack_key(record.key)
        if number not in self._records:
            bisect.insort(self._order, number)
        head = _HEAD.pack(record.revision, record.digest, record.form)
        self._records[number] = head + record.stored_content
        self._digest = None

    def replace(self, records: Iterable[Record]) -> None:
        """Forget everything and hold these records."""
        self._records.clear()
        self._order.clear()
        self._digest = None
        for record in records:
            self.put(record)

    def records(self, after: RecordKey | None = None) -> Iterator[Record]:
        """Records and tombstones in key order, those after a key when one is given."""
        start = 0 if after is None else bisect.bisect_right(self._order, _pack_key(after))
        for number in itertools.islice(self._order, start, None):
            yield _unpack(_unpack_key(number), self._records[number])

    def live(self, kind: RecordKind) -> Iterator[Record]:
        """Records of one kind in key order, without tombstones."""
        first, end = kind << _KIND_SHIFT, (kind + 1) << _KIND_SHIFT
        start = bisect.bisect_left(self._order, first)
        for number in itertools.islice(self._order, start, None):
            if number >= end:
                return
            packed = self._records[number]
            if len(packed) > _HEAD.size:
                yield _unpack(_unpack_key(number), packed)

    def digest(self) -> bytes:
        """The memory digest (8 bytes, DESIGN D21)."""
        if self._digest is None:
            self._digest = memory_digest(
                (_unpack_key(number), *_HEAD.unpack_from(packed)[:2])
                for number, packed in self._records.items()
            )
        return self._digest


def _pack_key(key: RecordKey) -> int:
    return key.kind << _KIND_SHIFT | key.index << _INDEX_SHIFT | key.sub_index


def _unpack_key(number: int) -> RecordKey:
    return RecordKey(
        RecordKind(number >> _KIND_SHIFT),
        number >> _INDEX_SHIFT & 0xFFFF,
        number & 0xFF,
    )


def _unpack(key: RecordKey, packed: bytes) -> Record:
    revision, digest, form = _HEAD.unpack_from(packed)
    return Record.kept(key, revision, RecordForm(form), packed[_HEAD.size :], digest)
