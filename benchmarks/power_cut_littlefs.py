"""littlefs as a peer of the power-cut sweep: the same part, models and workload, other format.

Files take the place of items. The workload runs once on a NOR flash whose operations are recorded;
every image is then mounted fresh by `littlefs-python` and every file in it is read and compared.
Nothing is raised from the callbacks: see `firmware_sim.flash.littlefs_image`.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Iterator, Sequence

import littlefs
from littlefs import lfs

from firmware_sim.flash.nor import FlashGeometry, NorFlash
from firmware_sim.flash.nvs_promise import NvsWrite
from firmware_sim.flash.power_cut import Cut, Recording, cut_images, record
from firmware_sim.flash.torn import ALL_MODELS

# Bytes that littlefs reads and programs at once, and its caches: of 64 bytes to a whole block the
# size with which it is fastest here, since every read calls Python.
IO_BYTES = 16
CACHE_BYTES = 4096

Contents = dict[int, bytes]


class Part(littlefs.UserContext):
    """A NOR flash as littlefs sees it."""

    def __init__(self, flash: NorFlash) -> None:
        self.flash = flash
        super().__init__(buffer=bytearray())

    def read(self, cfg: lfs.LFSConfig, block: int, off: int, size: int) -> bytearray:
        """See the package."""
        return bytearray(self.flash.read(block * cfg.block_size + off, size))

    def prog(self, cfg: lfs.LFSConfig, block: int, off: int, data: bytes) -> int:
        """See the package."""
        self.flash.program(block * cfg.block_size + off, bytes(data))
        return 0

    def erase(self, cfg: lfs.LFSConfig, block: int) -> int:
        """See the package."""
        del cfg
        self.flash.erase(block)
        return 0


class Image(littlefs.UserContext):
    """An image that is only mounted and read."""

    def read(self, cfg: lfs.LFSConfig, block: int, off: int, size: int) -> bytearray:
        """See the package, whose own method logs."""
        start = block * cfg.block_size + off
        return bytearray(self.buffer[start : start + size])


class LittlefsPeer:
    """The recorded workload, to be swept in slices.

    Attributes:
        recording: What it programs and erases.
        broken: Images that did not mount, or broke a promise.
        examined: Images that were looked at.
    """

    def __init__(
        self, geometry: FlashGeometry, filled: Contents, writes: Sequence[NvsWrite]
    ) -> None:
        self._geometry = geometry
        flash = NorFlash(geometry)
        system = _system(Part(flash), geometry)
        system.format()
        system.mount()
        for item_id, data in filled.items():
            _write(system, NvsWrite(item_id, data))
        self._states: list[Contents] = [filled]
        for write in writes:
            after = dict(self._states[-1])
            after.pop(write.item_id, None)
            self._states.append(after | ({write.item_id: write.data} if write.data else {}))
        self.recording: Recording = record(
            flash, [functools.partial(_write, system, write) for write in writes]
        )
        system.unmount()
        self.broken = self.examined = 0

    def rate(self, every: int) -> float:
        """Images a second, over a sample of all."""
        spent_s, count = 0.0, 0
        images = cut_images(self.recording, ALL_MODELS, drawings=1, seed=0)
        for number, (cut, flash) in enumerate(images):
            if number % every:
                continue
            started = time.thread_time()
            kept = self._keeps_its_promise(flash, cut)
            spent_s += time.thread_time() - started
            count += 1
            self.broken += not kept
        self.examined += count
        return count / spent_s

    def _keeps_its_promise(self, flash: NorFlash, cut: Cut) -> bool:
        system = _system(Image(buffer=bytearray(flash.image())), self._geometry)
        held: Contents | None = None
        with contextlib.suppress(littlefs.LittleFSError):
            system.mount()
            held = dict(_files(system))
            system.unmount()
        if held is None:
            return False
        before, after = (self._states[cut.answered : cut.answered + 2] * 2)[:2]
        # Absent and empty count alike: opening a new file makes it, closing it fills it.
        return all(
            held.get(item, b"") in {before.get(item, b""), after.get(item, b"")}
            for item in held.keys() | before.keys() | after.keys()
        )


def _system(context: littlefs.UserContext, geometry: FlashGeometry) -> littlefs.LittleFS:
    return littlefs.LittleFS(
        context=context,
        mount=False,
        block_size=geometry.sector_size,
        block_count=geometry.sector_count,
        read_size=IO_BYTES,
        prog_size=IO_BYTES,
        cache_size=CACHE_BYTES,
        lookahead_size=IO_BYTES,
    )


def _write(system: littlefs.LittleFS, write: NvsWrite) -> None:
    name = f"{write.item_id:04x}"
    if not write.data:
        with contextlib.suppress(FileNotFoundError):
            system.remove(name)
        return
    handle = lfs.file_open(system.fs, name, "w")
    lfs.file_write(system.fs, handle, write.data)
    lfs.file_close(system.fs, handle)


def _files(system: littlefs.LittleFS) -> Iterator[tuple[int, bytes]]:
    for entry in list(system.scandir(".")):
        handle = lfs.file_open(system.fs, entry.name, "r")
        data = lfs.file_read(system.fs, handle, entry.size)
        lfs.file_close(system.fs, handle)
        yield int(entry.name, 16), data
