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

# A record is kept as bytes: key, revision, digest, form, content. The key comes first and
# big-endian, so that the order of the bytes is that of the keys, and the bytes of a key alone come
# before those of its record. A thousand locks with their records as objects take four times as
# much. A tuple is as fast here as a list, and smaller.
_KEY: Final = struct.Struct(">BHB")
_HEAD: Final = struct.Struct(f"<I{DIGEST_SIZE}sB")
_CONTENT_AT: Final = _KEY.size + _HEAD.size


class RecordTable:
    """Records and tombstones by key."""

    __slots__ = ("_digest", "_packed")

    def __init__(self) -> None:
        self._packed: tuple[bytes, ...] = ()
        self._digest: bytes | None = None

    def __len__(self) -> int:
        return len(self._packed)

    def __eq__(self, other: object) -> bool:
        """True for a table that holds the same."""
        return isinstance(other, RecordTable) and self._packed == other._packed

    # It changes.
    __hash__ = None  # type: ignore[assignment]  # As Python's own data model has it.

    def copy(self) -> RecordTable:
        """A table of its own that holds the same; it shares the bytes."""
        twin = RecordTable()
        twin._packed, twin._digest = self._packed, self._digest
        return twin

    def __iter__(self) -> Iterator[RecordKey]:
        """All keys in order."""
        return map(_key_of, self._packed)

    def get(self, key: RecordKey) -> Record | None:
        """What a key holds; None = never written."""
        place, is_held = self._find(_pack_key(key))
        return _unpack(self._packed[place]) if is_held else None

    def content_length(self, key: RecordKey) -> int | None:
        """Bytes of the stored content of a key, 0 for a tombstone; None = never written."""
        place, is_held = self._find(_pack_key(key))
        return len(self._packed[place]) - _CONTENT_AT if is_held else None

    def put(self, record: Record) -> None:
        """Replace what a key holds."""
        place, is_held = self._find(_pack_key(record.key))
        packed = self._packed
        self._packed = (*packed[:place], _pack(record), *packed[place + is_held :])
        self._digest = None

    def replace(self, records: Iterable[Record]) -> None:
        """Forget everything and hold these records."""
        newest = {record.key: _pack(record) for record in records}
        self._packed = tuple(sorted(newest.values()))
        self._digest = None

    def records(self, after: RecordKey | None = None) -> Iterator[Record]:
        """Records and tombstones in key order, those after a key when one is given."""
        start = 0
        if after is not None:
            place, is_held = self._find(_pack_key(after))
            start = place + is_held
        for packed in itertools.islice(self._packed, start, None):
            yield _unpack(packed)

    def live(self, kind: RecordKind) -> Iterator[Record]:
        """Records of one kind in key order, without tombstones."""
        start = bisect.bisect_left(self._packed, bytes([kind]))
        for packed in itertools.islice(self._packed, start, None):
            if packed[0] != kind:
                return
            if len(packed) > _CONTENT_AT:
                yield _unpack(packed)

    def digest(self) -> bytes:
        """The memory digest (8 bytes, DESIGN D21)."""
        if self._digest is None:
            self._digest = memory_digest(
                (_key_of(packed), *_HEAD.unpack_from(packed, _KEY.size)[:2])
                for packed in self._packed
            )
        return self._digest

    def _find(self, packed_key: bytes) -> tuple[int, bool]:
        """Where a key is or would be, and whether it is there."""
        place = bisect.bisect_left(self._packed, packed_key)
        is_held = place < len(self._packed) and self._packed[place].startswith(packed_key)
        return place, is_held


def _pack_key(key: RecordKey) -> bytes:
    return _KEY.pack(key.kind, key.index, key.sub_index)


def _pack(record: Record) -> bytes:
    head = _HEAD.pack(record.revision, record.digest, record.form)
    return _pack_key(record.key) + head + record.stored_content


def _key_of(packed: bytes) -> RecordKey:
    kind, index, sub_index = _KEY.unpack_from(packed)
    return RecordKey(RecordKind(kind), index, sub_index)


def _unpack(packed: bytes) -> Record:
    revision, digest, form = _HEAD.unpack_from(packed, _KEY.size)
    content = packed[_CONTENT_AT:]
    return Record.kept(_key_of(packed), revision, RecordForm(form), content, digest)
