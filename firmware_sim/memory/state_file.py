"""One file a device: an append-only journal that survives `kill -9` at any moment.

Layout, little-endian:

    header   "SPMEM" | version u8 | id length u8 | device id (UTF-8) | CRC-32 of all before, u32
    frame    body length u32 | bench instant s64, ms since 1970 | CRC-32 of these 12 bytes, u32
             | body | CRC-32 of the body, u32
    frame    ...

A frame is one change of the memory. `append` returns after fsync, and only then is the change
answered, so a crash can tear nothing but the last, unanswered frame: `open` drops such a tail.
Anything else that does not check out is damage, and an error that names the file, because
dropping it would silently forget something that was answered. A frame's header has a checksum of
its own, so that a damaged length is never taken for a torn tail.

`replace` makes a new file (write aside, fsync, rename, fsync of the folder), for the first
content and for compaction.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from firmware_sim.errors import StateFileDamaged, StateFileUnusable

_MAGIC: Final = b"SPMEM"
_VERSION: Final = 2
_CRC: Final = struct.Struct("<I")
_FRAME: Final = struct.Struct("<IqI")
_FRAME_CHECKED: Final = struct.Struct("<Iq")
# A journal is rewritten when it has grown by this much, or to three times its size when it was
# last rewritten: small files stay cheap to read at start, large ones are rarely rewritten.
_GROWTH_BYTES_MIN: Final = 65_536
_GROWTH_FACTOR: Final = 3
# Only the owner may read it: it holds PINs (DESIGN D22).
_FILE_MODE: Final = 0o600


class StateFile:
    """The journal of one device's memory.

    Args:
        path: The file; its folder exists.
        device_id: Whose memory it is; a file of another device is refused.
        instant_ms: The bench clock, milliseconds since 1970, noted in every frame.

    Attributes:
        path: The file.
        latest_instant_ms: Highest bench instant found or written; None before the first frame.
    """

    __slots__ = (
        "_device_id",
        "_instant_ms",
        "_length",
        "_length_when_replaced",
        "latest_instant_ms",
        "path",
    )

    def __init__(self, path: Path, *, device_id: str, instant_ms: Callable[[], int]) -> None:
        self.path = path
        self._device_id = device_id
        self._instant_ms = instant_ms
        self._length = 0
        self._length_when_replaced = 0
        self.latest_instant_ms: int | None = None

    @property
    def wants_compaction(self) -> bool:
        """True when so much was appended that rewriting it pays."""
        grown = self._length - self._length_when_replaced
        return grown > max(_GROWTH_BYTES_MIN, (_GROWTH_FACTOR - 1) * self._length_when_replaced)

    def load(self) -> list[bytes] | None:
        """Read the bodies of all whole frames; None when there is no file yet.

        A torn tail is cut off the file.

        Raises:
            StateFileUnusable: When the file can't be read, is none of ours, is of another
                version or of another device.
            StateFileDamaged: When something before the tail does not check out.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateFileUnusable(self.path, error.strerror or str(error)) from error
        offset = self._header_end(data)
        bodies: list[bytes] = []
        while (frame := _frame_at(data, offset, self.path)) is not None:
            instant_ms, body, offset = frame
            bodies.append(body)
            self._note(instant_ms)
        if offset != len(data):
            self._cut(offset)
        self._length = offset
        # How much of it is live is unknown, so a large file is rewritten at the next chance.
        self._length_when_replaced = 0
        return bodies

    def append(self, body: bytes) -> None:
        """Add one frame; on return it is on disk.

        Raises:
            StateFileUnusable: When it could not be written; the file is as before.
        """
        frame = self._frame(body)
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND)
            try:
                _write_all(descriptor, frame)
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, self._length)
                raise
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StateFileUnusable(self.path, error.strerror or str(error)) from error
        self._length += len(frame)

    def replace(self, bodies: Iterable[bytes]) -> None:
        """Put a new file in place of the old one, atomically.

        Raises:
            StateFileUnusable: When it could not be written; the old file is as before.
        """
        data = b"".join([self._header(), *map(self._frame, bodies)])
        aside = self.path.with_name(self.path.name + ".new")
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE)
            try:
                _write_all(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            aside.replace(self.path)
            _sync_folder(self.path.parent)
        except OSError as error:
            raise StateFileUnusable(self.path, error.strerror or str(error)) from error
        self._length = self._length_when_replaced = len(data)

    def _header(self) -> bytes:
        name = self._device_id.encode()
        head = _MAGIC + bytes((_VERSION, len(name))) + name
        return head + _CRC.pack(zlib.crc32(head))

    def _header_end(self, data: bytes) -> int:
        expected = self._header()
        if data.startswith(expected):
            return len(expected)
        if not data.startswith(_MAGIC):
            raise StateFileUnusable(self.path, "not a device memory")
        version_at = len(_MAGIC)
        if data[version_at : version_at + 1] != bytes((_VERSION,)):
            raise StateFileUnusable(
                self.path, f"not version {_VERSION} of the device memory format"
            )
        raise StateFileUnusable(self.path, f"not the memory of device {self._device_id}")

    def _frame(self, body: bytes) -> bytes:
        instant_ms = self._instant_ms()
        self._note(instant_ms)
        head = _FRAME_CHECKED.pack(len(body), instant_ms)
        return b"".join((head, _CRC.pack(zlib.crc32(head)), body, _CRC.pack(zlib.crc32(body))))

    def _note(self, instant_ms: int) -> None:
        if self.latest_instant_ms is None or instant_ms > self.latest_instant_ms:
            self.latest_instant_ms = instant_ms

    def _cut(self, length: int) -> None:
        try:
            with self.path.open("r+b") as file:
                file.truncate(length)
                os.fsync(file.fileno())
        except OSError as error:
            raise StateFileUnusable(self.path, error.strerror or str(error)) from error


def latest_instant_ms(paths: Iterable[Path]) -> int | None:
    """The highest bench instant in some state files, before any device is built.

    A start takes the highest instant it finds (DESIGN section 5). Nothing is written.

    Raises:
        StateFileUnusable: When a file can't be read or is no device memory.
        StateFileDamaged: When something before its tail does not check out.
    """
    latest: int | None = None
    for path in paths:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StateFileUnusable(path, error.strerror or str(error)) from error
        if not data.startswith(_MAGIC) or len(data) < len(_MAGIC) + 2:
            raise StateFileUnusable(path, "not a device memory")
        offset = len(_MAGIC) + 2 + data[len(_MAGIC) + 1] + _CRC.size
        while (frame := _frame_at(data, offset, path)) is not None:
            instant_ms, _, offset = frame
            latest = instant_ms if latest is None else max(latest, instant_ms)
    return latest


def _frame_at(data: bytes, offset: int, path: Path) -> tuple[int, bytes, int] | None:
    """Instant, body and end of the frame at an offset; None at the end or at a torn tail."""
    body_at = offset + _FRAME.size
    if body_at > len(data):
        return None
    length, instant_ms, head_crc = _FRAME.unpack_from(data, offset)
    if zlib.crc32(data[offset : offset + _FRAME_CHECKED.size]) != head_crc:
        # After a crash of the whole machine some file systems show an unwritten tail as zeros.
        if not any(data[offset:]):
            return None
        raise StateFileDamaged(path, offset)
    end = body_at + length + _CRC.size
    if end > len(data):
        return None
    body = data[body_at : body_at + length]
    if _CRC.unpack_from(data, body_at + length)[0] != zlib.crc32(body):
        if end == len(data):
            return None
        raise StateFileDamaged(path, offset)
    return instant_ms, body, end


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
