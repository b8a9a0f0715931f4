"""littlefs images to files and back, by the `littlefs-python` package: import and export only.

The package aborts the interpreter when a file is closed twice after its flash has refused a
write, so its flash never refuses anything here, and a handle is closed once, whatever happens.
Power cuts in it are tested on images that are mounted fresh, never from its callbacks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import littlefs
from littlefs import lfs

from firmware_sim.flash.errors import ImageUnreadable, ImageUnwritable
from protocols.wire.layout import U32, Bytes8, codec, message

FORMAT: Final = "littlefs"
MAGIC: Final = b"littlefs"
DEFAULT_BLOCK_BYTES: Final = 4096

# Where the superblock begins in the first two blocks: behind the revision and the first tag.
_SUPERBLOCK_AT: Final = 8
# littlefs' own bound of a block, and what every block size is a multiple of with our caches.
_BLOCK_BYTES_MIN: Final = 128
_BLOCK_BYTES_MAX: Final = 1 << 20
# Bytes of one read, one program, and the caches: what the package mounts every image with.
_IO_BYTES: Final = 16
_CACHE_BYTES: Final = 64
# A directory entry takes at least its tags; in a tree with more of them, one is in two folders.
_ENTRY_BYTES_MIN: Final = 8
_DEPTH_MAX: Final = 64
# Names come and go as bytes: each is one character of this encoding.
_NAMES: Final = "latin-1"


@message
class _Superblock:
    """What the first two blocks begin with, behind eight bytes.

    Source: littlefs' SPEC.md, 0x0ff LFS_TYPE_SUPERBLOCK and 0x201 LFS_TYPE_INLINESTRUCT.
    """

    magic: Bytes8
    tag: U32
    version: U32
    block_size: U32
    block_count: U32


_SUPERBLOCK: Final = codec(_Superblock)
_SUPERBLOCK_BYTES: Final = 24


class _Memory(littlefs.UserContext):
    """A flash that never refuses, and logs nothing: what the package's own one logs is data."""

    def read(self, cfg: lfs.LFSConfig, block: int, off: int, size: int) -> bytearray:
        start = block * cfg.block_size + off
        return bytearray(self.buffer[start : start + size])

    def prog(self, cfg: lfs.LFSConfig, block: int, off: int, data: bytes) -> int:
        start = block * cfg.block_size + off
        self.buffer[start : start + len(data)] = data
        return 0

    def erase(self, cfg: lfs.LFSConfig, block: int) -> int:
        start = block * cfg.block_size
        self.buffer[start : start + cfg.block_size] = b"\xff" * cfg.block_size
        return 0


def read_littlefs(image: bytes) -> dict[str, bytes]:
    """The files of an image by path (`folder/name`); empty directories are left out.

    Raises:
        ImageUnreadable: When it is none, is cut short, or is damaged.
    """
    block_size, block_count = _shape(image)
    size = block_size * block_count
    if size > len(image):
        raise ImageUnreadable(FORMAT, f"it says {size} bytes and has {len(image)}")
    system = _system(bytearray(image[:size]), block_size)
    reading = _Reading(system.fs, size)
    try:
        system.mount()
        found = dict(reading.walk("", 0))
        system.unmount()
    except (littlefs.LittleFSError, UnicodeError) as error:
        raise ImageUnreadable(FORMAT, _reason(error)) from None
    return found


def write_littlefs(
    files: Mapping[str, bytes], size: int, *, block_size: int = DEFAULT_BLOCK_BYTES
) -> bytes:
    """An image with these files.

    Args:
        files: Contents by path; folders come of themselves.
        size: Bytes of the image, whole blocks.
        block_size: Bytes of a block, which is an erase sector of the flash.

    Raises:
        ImageUnwritable: When a path is none, or there is no room.
    """
    if not _BLOCK_BYTES_MIN <= block_size <= _BLOCK_BYTES_MAX or block_size % _BLOCK_BYTES_MIN:
        raise ImageUnwritable(FORMAT, f"a block of {block_size} bytes is not what it takes")
    # The superblock alone takes two.
    if size < 2 * block_size or size % block_size:
        raise ImageUnwritable(FORMAT, f"{size} bytes are not two blocks or more")
    buffer = bytearray(b"\xff" * size)
    system = _system(buffer, block_size)
    system.format()
    system.mount()
    try:
        for path, data in files.items():
            _write(system, path, data)
    except (littlefs.LittleFSError, UnicodeError) as error:
        raise ImageUnwritable(FORMAT, _reason(error)) from None
    system.unmount()
    return bytes(buffer)


def is_littlefs(image: bytes) -> bool:
    """Whether an image begins as one of littlefs does; it may be damaged all the same."""
    try:
        _shape(image)
    except ImageUnreadable:
        return False
    return True


def _shape(image: bytes) -> tuple[int, int]:
    """Size and number of the blocks, from the first superblock that is there."""
    at = image.find(MAGIC)
    while at >= 0:
        start = at - _SUPERBLOCK_AT
        raw = image[at : at + _SUPERBLOCK_BYTES]
        if len(raw) == _SUPERBLOCK_BYTES:
            block = _SUPERBLOCK.decode(raw)
            # The one of the first block, or of the second.
            fits = start in {0, block.block_size}
            if fits and _BLOCK_BYTES_MIN <= block.block_size <= _BLOCK_BYTES_MAX:
                return block.block_size, block.block_count
        at = image.find(MAGIC, at + 1)
    raise ImageUnreadable(FORMAT, "neither of its first two blocks is a superblock")


def _system(buffer: bytearray, block_size: int) -> littlefs.LittleFS:
    return littlefs.LittleFS(
        context=_Memory(buffer=buffer),
        mount=False,
        filename_encoding=_NAMES,
        block_size=block_size,
        block_count=len(buffer) // block_size,
        read_size=_IO_BYTES,
        prog_size=_IO_BYTES,
        cache_size=_CACHE_BYTES,
        lookahead_size=_IO_BYTES,
    )


class _Reading:
    """One walk over the files of an image, with bounds: a damaged tree may hold itself."""

    def __init__(self, fs: lfs.LFSFilesystem, size: int) -> None:
        self._fs = fs
        self._entries_left = size // _ENTRY_BYTES_MIN
        self._bytes_left = size

    def walk(self, folder: str, depth: int) -> Iterator[tuple[str, bytes]]:
        if depth > _DEPTH_MAX:
            raise ImageUnreadable(FORMAT, "its folders are nested too deeply")
        for entry in self._list(folder):
            path = f"{folder}{entry.name}"
            if entry.type == lfs.LFSStat.TYPE_DIR:
                yield from self.walk(f"{path}/", depth + 1)
            else:
                yield path.encode(_NAMES).decode(), self._content(path, entry.size)

    def _list(self, folder: str) -> list[lfs.LFSStat]:
        found = []
        handle = lfs.dir_open(self._fs, folder or ".", _NAMES)
        try:
            while entry := lfs.dir_read(self._fs, handle, _NAMES):
                self._entries_left -= 1
                if self._entries_left < 0:
                    raise ImageUnreadable(FORMAT, "it has more entries than it has room for")
                if entry.name not in {".", ".."}:
                    found.append(entry)
        finally:
            lfs.dir_close(self._fs, handle)
        return found

    def _content(self, path: str, size: int) -> bytes:
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise ImageUnreadable(FORMAT, "its files are longer than the image")
        handle = lfs.file_open(self._fs, path, "r", _NAMES)
        try:
            return lfs.file_read(self._fs, handle, size)
        finally:
            lfs.file_close(self._fs, handle)


def _write(system: littlefs.LittleFS, path: str, data: bytes) -> None:
    name = path.encode().decode(_NAMES)
    parts = name.split("/")
    if "" in parts or "\x00" in name or {".", ".."} & set(parts):
        raise ImageUnwritable(FORMAT, f"{path!r} is no path of a file")
    if len(parts) > 1:
        system.makedirs("/".join(parts[:-1]), exist_ok=True)
    handle = lfs.file_open(system.fs, name, "w", _NAMES)
    try:
        lfs.file_write(system.fs, handle, data)
    finally:
        # Once: see above. What was left in its cache may not have had room either.
        lfs.file_close(system.fs, handle)


def _reason(error: Exception) -> str:
    if isinstance(error, littlefs.LittleFSError):
        return f"littlefs answers {error.name} ({error.code})"
    return "a name in it is no UTF-8"
