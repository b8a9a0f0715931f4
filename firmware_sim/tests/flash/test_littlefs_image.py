"""littlefs images: files in, files out, and nothing but our errors for anything else."""

from __future__ import annotations

import contextlib
import random
import zlib
from collections.abc import Iterator

import littlefs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.flash.errors import ImageUnreadable, ImageUnwritable
from firmware_sim.flash.littlefs_image import is_littlefs, read_littlefs, write_littlefs

SIZE = 65536
FILES = {"users/0001": b"\x01" * 40, "users/0002": b"", "log": bytes(range(256)) * 50, "Tür": b"x"}
NAME = st.text(st.characters(exclude_characters="/\x00", codec="utf-8"), min_size=1, max_size=20)
NAMES = NAME.filter(lambda name: name not in {".", ".."})


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(NAMES, st.binary(max_size=300), max_size=8),
    st.dictionaries(st.tuples(NAMES, NAMES), st.binary(max_size=300), max_size=4),
)
def test_files_come_back(flat: dict[str, bytes], deep: dict[tuple[str, str], bytes]) -> None:
    # A folder must not have a file's name.
    files = flat | {f"{a}/{b}": data for (a, b), data in deep.items() if a not in flat}
    assert read_littlefs(write_littlefs(files, SIZE)) == files


@pytest.mark.parametrize("block_size", [128, 512, 4096])
def test_the_block_size_is_read_from_the_image(block_size: int) -> None:
    assert read_littlefs(write_littlefs(FILES, SIZE, block_size=block_size)) == FILES


def test_an_image_of_the_package_itself_loads() -> None:
    context = littlefs.UserContext(SIZE)
    made = littlefs.LittleFS(context=context, block_size=4096, block_count=16)
    made.makedirs("a/b")
    with made.open("a/b/c", "wb") as file:
        file.write(b"there")
    assert read_littlefs(bytes(context.buffer)) == {"a/b/c": b"there"}


def test_an_image_of_ours_is_mounted_by_the_package() -> None:
    image = write_littlefs(FILES, SIZE)
    context = littlefs.UserContext(buffer=bytearray(image))
    theirs = littlefs.LittleFS(context=context, block_size=4096, block_count=16, mount=False)
    theirs.mount()
    with theirs.open("log", "rb") as file:
        assert file.read() == FILES["log"]


def test_what_lies_behind_the_image_is_left_alone() -> None:
    assert read_littlefs(write_littlefs(FILES, SIZE) + b"something else") == FILES


def test_the_second_superblock_serves_when_the_first_is_erased() -> None:
    image = write_littlefs({}, SIZE)
    assert is_littlefs(b"\xff" * 4096 + image[4096:])
    assert read_littlefs(b"\xff" * 4096 + image[4096:]) == {}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"x": b"1" * SIZE}, "LFS_ERR_NOSPC"),
        ({f"x{number}": b"1" * 6000 for number in range(20)}, "LFS_ERR_NOSPC"),
        ({"x" * 300: b""}, "LFS_ERR_NAMETOOLONG"),
        ({"a": b"", "a/b": b""}, "LFS_ERR_NOTDIR"),
        ({"a/b": b"", "a": b""}, "LFS_ERR_ISDIR"),
        ({"a": b"", "a/b/c": b""}, "LFS_ERR_NOTDIR"),
        ({"": b""}, "no path"),
        ({"/a": b""}, "no path"),
        ({"../a": b""}, "no path"),
        ({"a\x00": b""}, "no path"),
        ({"\ud800": b""}, "no UTF-8"),
    ],
)
def test_files_that_no_image_can_hold_are_refused(files: dict[str, bytes], reason: str) -> None:
    with pytest.raises(ImageUnwritable, match=reason):
        write_littlefs(files, SIZE)


def test_a_shape_that_littlefs_does_not_take_is_refused() -> None:
    for size, block_size in ((SIZE, 100), (SIZE, 1 << 21), (4096, 4096), (SIZE + 1, 4096)):
        with pytest.raises(ImageUnwritable):
            write_littlefs({}, size, block_size=block_size)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (b"", "neither"),
        (b"\xff" * SIZE, "neither"),
        (b"12345678littlefs", "neither"),
        (b"12345678littlefs" + bytes(1000), "neither"),
        (write_littlefs(FILES, SIZE)[:-1], "it says 65536 bytes and has 65535"),
        (write_littlefs(FILES, SIZE)[:40].ljust(SIZE, b"\x00"), "LFS_ERR_CORRUPT"),
    ],
)
def test_bytes_that_are_no_image_are_refused(image: bytes, reason: str) -> None:
    with pytest.raises(ImageUnreadable, match=reason):
        read_littlefs(image)


def tags(image: bytearray, block: int, size: int = 4096) -> Iterator[tuple[int, int, int]]:
    """The tags of a metadata block: offset, kind and length of what follows; see its SPEC.md."""
    at, tag = block * size + 4, 0xFFFFFFFF
    while at + 4 <= (block + 1) * size:
        tag ^= int.from_bytes(image[at : at + 4], "big")
        if tag >> 31:
            return
        kind, length = tag >> 20 & 0x7FF, tag & 0x3FF
        length = 0 if length == 0x3FF else length
        yield at, kind, length
        if is_checksum(kind):
            tag ^= (kind & 1) << 31
        at += 4 + length


def is_checksum(kind: int) -> bool:
    return kind & 0x700 == 0x500 and kind != 0x5FF


def reseal(image: bytearray, block: int, size: int = 4096) -> None:
    """Make the checksums of a metadata block fit again, as if its damage were meant."""
    start = block * size
    for at, kind, length in tags(image, block, size):
        if is_checksum(kind):
            crc = zlib.crc32(bytes(image[start : at + 4])) ^ 0xFFFFFFFF
            image[at + 4 : at + 8] = crc.to_bytes(4, "little")
            start = at + 4 + length


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_no_bytes_raise_anything_but_the_error_tree(seed: int) -> None:
    stream = random.Random(seed)
    image = bytearray(write_littlefs(FILES, SIZE))
    blocks = [block for block in range(16) if set(image[block * 4096 :][:4096]) != {0xFF}]
    for _ in range(stream.randrange(1, 4)):
        block = stream.choice(blocks)
        used = len(bytes(image[block * 4096 :][:4096]).rstrip(b"\xff"))
        offset = block * 4096 + stream.randrange(4, used)
        image[offset] = stream.choice((0, 1, 2, 3, 4, 255, image[offset] ^ 1 << seed % 8))
        reseal(image, block)
    with contextlib.suppress(ImageUnreadable):
        read_littlefs(bytes(image))


def patched(files: dict[str, bytes], kind: int, data: bytes) -> bytes:
    """An image in which every tag of a kind has other data, and all checksums fit."""
    image = bytearray(write_littlefs(files, SIZE))
    for block in range(16):
        for at, found, _ in list(tags(image, block)):
            if found == kind:
                image[at + 4 : at + 4 + len(data)] = data
        reseal(image, block)
    return bytes(image)


# Of a folder: the two blocks in which it lies; these are the root's.
FOLDER, ROOT = 0x200, b"\x00\0\0\0\x01\0\0\0"
# Of a file in blocks of its own: its last block, then its size.
BLOCKS, HUGE = 0x202, b"\x05\0\0\0\xff\xff\xff\x7f"


@pytest.mark.parametrize(
    ("files", "kind", "data", "reason"),
    [
        ({"a/b/c": b""}, FOLDER, ROOT, "nested too deeply"),
        ({"a": b"1" * 9000}, BLOCKS, HUGE, "longer than the image"),
    ],
)
def test_a_tree_that_checks_out_and_has_no_end_is_refused(
    files: dict[str, bytes], kind: int, data: bytes, reason: str
) -> None:
    with pytest.raises(ImageUnreadable, match=reason):
        read_littlefs(patched(files, kind, data))


def test_erased_flash_is_no_image() -> None:
    assert not is_littlefs(b"\xff" * SIZE)


def test_folders_that_hold_the_next_one_twice_are_refused_before_they_fill_the_memory() -> None:
    levels = ["a/" * level for level in range(15)]
    files = {f"{level}b/c": b"" for level in reversed(levels)}
    image = bytearray(write_littlefs(files, SIZE, block_size=512))
    for block in range(SIZE // 512):
        folders = [at for at, kind, _ in tags(image, block, 512) if kind == FOLDER]
        for at in folders:
            image[at + 4 : at + 12] = image[folders[0] + 4 : folders[0] + 12]
        reseal(image, block, 512)
    with pytest.raises(ImageUnreadable, match="more entries than it has room for"):
        read_littlefs(bytes(image))
