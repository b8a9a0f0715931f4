"""NOR flash: a program only clears bits, an erase sets a whole sector to 0xFF.

Contents are kept sparse, as immutable pages: what is erased costs no memory, a copy of a whole
flash is a copy of references, and equal contents can be recognised without comparing bytes.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import random
from typing import Final

from firmware_sim.flash.bit_lots import drawn_bits
from firmware_sim.flash.errors import FlashMisused

ERASED: Final = 0xFF

# The unit in which contents are kept and shared; no part depends on it. Small enough that a few
# records cost little, large enough that a whole sector is few pieces.
_PAGE_BYTES: Final = 256

# One sector's content: its pages in order, or None while it is erased.
SectorContent = tuple[bytes, ...] | None
# The content of a whole flash.
Snapshot = tuple[SectorContent, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FlashGeometry:
    """The shape of a part.

    Attributes:
        sector_size: Bytes that one erase sets to 0xFF.
        sector_count: How many sectors there are.
        write_block: Bytes of the smallest program; a power of two.
    """

    sector_size: int
    sector_count: int
    # nRF52 programs words of 4 bytes; STM32 8 or 16.
    write_block: int = 4

    def __post_init__(self) -> None:
        block = self.write_block
        if block < 1 or block & (block - 1):
            raise FlashMisused(0, f"a write block of {block} bytes is not a power of two")
        if self.sector_size < block or self.sector_size % block:
            raise FlashMisused(0, f"a sector of {self.sector_size} bytes is not whole blocks")
        if self.sector_count < 1:
            raise FlashMisused(0, "a flash has at least one sector")

    @property
    def size(self) -> int:
        """Bytes of the whole flash."""
        return self.sector_size * self.sector_count


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FlashLimits:
    """What the part puts up with.

    Attributes:
        erase_cycles: Erases a sector survives; each one more leaves bits that stay 0. None: any.
        programs_per_block: Programs of one write block between two erases. None: any number.
            (nRF52: 2 a word; parts with ECC: 1 a block.)
        refuses_setting_bits: Whether a program that asks for a 1 where a 0 is raises. A real part
            leaves the 0 in silence; such a program is an error of the software above.
    """

    erase_cycles: int | None = None
    programs_per_block: int | None = None
    refuses_setting_bits: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Program:
    """Bytes were programmed, all in one sector."""

    offset: int
    data: bytes = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Erase:
    """A sector was erased."""

    sector: int


Operation = Program | Erase


class NorFlash:
    """One flash part.

    Args:
        geometry: Its shape.
        limits: What it puts up with.
        stream: Where worn, rotting and unstable bits are drawn from; needed for those only.

    Attributes:
        stream: As given; it may come later.
        log: Where every program and erase is noted, or None. A program that spans sectors is
            noted once a sector.
    """

    __slots__ = (
        "_page_bytes",
        "_programs",
        "_sectors",
        "_unstable",
        "_wear",
        "geometry",
        "limits",
        "log",
        "stream",
    )

    def __init__(
        self,
        geometry: FlashGeometry,
        *,
        limits: FlashLimits | None = None,
        stream: random.Random | None = None,
    ) -> None:
        self.geometry = geometry
        self.limits = limits or _NO_LIMITS
        self.log: list[Operation] | None = None
        self.stream = stream
        self._page_bytes = page_bytes(geometry.sector_size)
        self._sectors: list[SectorContent] = [None] * geometry.sector_count
        self._wear: dict[int, int] = {}
        # Programs of each block of a sector since its erase; kept where there is a limit only.
        self._programs: dict[int, bytearray] = {}
        # Bits of a sector that read as they like after each power-up; bit 8 * offset + n.
        self._unstable: dict[int, int] = {}

    @property
    def erase_counts(self) -> tuple[int, ...]:
        """Erases of each sector so far."""
        return tuple(self._wear.get(index, 0) for index in range(self.geometry.sector_count))

    def sector(self, index: int) -> SectorContent:
        """A sector's content: the same object as long as nothing in it changes."""
        return self._sectors[index]

    def read(self, offset: int, length: int) -> bytes:
        """Read bytes anywhere.

        Raises:
            FlashMisused: When they are not all inside.
        """
        size = self.geometry.sector_size
        index, start = divmod(offset, size)
        if offset < 0 or length < 0 or offset + length > self.geometry.size:
            raise FlashMisused(offset, f"{length} bytes to read are not inside")
        if start + length > size:
            first = size - start
            return self.read(offset, first) + self.read(offset + first, length - first)
        content = self._sectors[index] if length else None
        if content is None:
            return b"\xff" * length
        page, place = divmod(start, self._page_bytes)
        last = (start + length - 1) // self._page_bytes
        if page == last:
            return content[page][place : place + length]
        return b"".join(content[page : last + 1])[place : place + length]

    def program(self, offset: int, data: bytes) -> None:
        """Clear the bits that are 0 in the data.

        Raises:
            FlashMisused: When it is not whole write blocks, not inside, programs a block too
                often, or asks for a 1 where a 0 is.
        """
        block = self.geometry.write_block
        if offset % block or len(data) % block:
            raise FlashMisused(offset, f"{len(data)} bytes are not whole blocks of {block}")
        if offset < 0 or offset + len(data) > self.geometry.size:
            raise FlashMisused(offset, f"{len(data)} bytes to program are not inside")
        size = self.geometry.sector_size
        while data:
            index, start = divmod(offset, size)
            part = data[: size - start]
            self._count_programs(index, start, len(part))
            if self.limits.refuses_setting_bits:
                self._refuse_setting_bits(offset, part)
            if self.log is not None:
                self.log.append(Program(offset, part))
            self._clear_bits(index, start, part)
            offset += len(part)
            data = data[len(part) :]

    def erase(self, sector: int) -> None:
        """Set a sector to 0xFF; a worn one keeps some bits at 0.

        Raises:
            FlashMisused: When there is no such sector.
        """
        if not 0 <= sector < self.geometry.sector_count:
            raise FlashMisused(sector * self.geometry.sector_size, "there is no such sector")
        if self.log is not None:
            self.log.append(Erase(sector))
        self._sectors[sector] = None
        self._programs.pop(sector, None)
        self._unstable.pop(sector, None)
        cycles = self._wear[sector] = self._wear.get(sector, 0) + 1
        limit = self.limits.erase_cycles
        if limit is not None and cycles > limit:
            stuck = self._draws().randrange(self.geometry.sector_size * 8)
            mask = bytes([ERASED ^ 1 << stuck % 8])
            self._clear_bits(sector, stuck // 8, mask)

    def restore_wear(self, sector: int, erases: int) -> None:
        """Set how often a sector has been erased: for a part that goes on where it stopped."""
        self._wear[sector] = erases

    def image(self) -> bytes:
        """The whole flash, as a programmer would read it out."""
        return self.read(0, self.geometry.size)

    def load(self, image: bytes) -> None:
        """Put an image in, as a programmer would; wear stays.

        Raises:
            FlashMisused: When it has another length than the flash.
        """
        size = self.geometry.sector_size
        if len(image) != self.geometry.size:
            raise FlashMisused(0, f"an image of {len(image)} bytes does not fit")
        self.restore(
            tuple(pages_of(image[start : start + size]) for start in range(0, len(image), size))
        )

    def snapshot(self) -> Snapshot:
        """The content, to compare or to restore; costs a list of references."""
        return tuple(self._sectors)

    def restore(self, snapshot: Snapshot) -> None:
        """Put a content back; wear stays, counts of programs and unstable bits are forgotten."""
        if len(snapshot) != self.geometry.sector_count:
            raise FlashMisused(0, f"a content of {len(snapshot)} sectors does not fit")
        self._sectors = list(snapshot)
        self._programs.clear()
        self._unstable.clear()

    def clone(self, stream: random.Random | None = None) -> NorFlash:
        """A part of its own with this content and wear, and no log."""
        twin = NorFlash(self.geometry, limits=self.limits, stream=stream)
        twin._sectors = self._sectors.copy()
        twin._wear = self._wear.copy()
        twin._programs = {index: counts.copy() for index, counts in self._programs.items()}
        twin._unstable = self._unstable.copy()
        return twin

    def clear_bits(self, offset: int, data: bytes) -> None:
        """Clear the bits that are 0 in the data, whatever the limits say: what damage does.

        Args:
            offset: Any byte offset.
            data: Bytes, all in one sector.
        """
        index, start = divmod(offset, self.geometry.sector_size)
        self._clear_bits(index, start, data)

    def rewrite(self, sector: int, raw: bytes) -> None:
        """Give a sector any content at all: what damage does, never what software does."""
        self._sectors[sector] = pages_of(raw)

    def rot(self, probability: float) -> int:
        """Let every programmed bit lose its charge (0 becomes 1) with a probability.

        Returns:
            How many bits changed.
        """
        changed = 0
        for index, content in enumerate(self._sectors):
            if content is None:
                continue
            raw = bytearray(b"".join(content))
            lost = [
                bit
                for bit in drawn_bits(self._draws(), len(raw) * 8, probability)
                if not raw[bit // 8] >> bit % 8 & 1
            ]
            for bit in lost:
                raw[bit // 8] |= 1 << bit % 8
            if lost:
                self.rewrite(index, bytes(raw))
            changed += len(lost)
        return changed

    def unsettle(self, sector: int, bits: int, *, lean: bool | None = None) -> None:
        """Make bits of a sector unstable: each reads anew after every power-up.

        Args:
            sector: Which sector.
            bits: A mask; bit ``8 * offset + n`` is bit n of the byte at that offset.
            lean: How all of them read for now; None draws each.
        """
        self._unstable[sector] = self._unstable.get(sector, 0) | bits
        self._settle(sector, lean=lean)

    def power_cycle(self, *, lean: bool | None = None) -> None:
        """Come up again: unstable bits read as they like.

        Args:
            lean: How all of them read; None draws each.
        """
        for sector in sorted(self._unstable):
            self._settle(sector, lean=lean)

    def _settle(self, sector: int, *, lean: bool | None) -> None:
        size = self.geometry.sector_size
        bits = self._unstable[sector]
        kept = int.from_bytes(self.read(sector * size, size), "little") & ~bits
        if lean is None:
            kept |= self._draws().getrandbits(size * 8) & bits
        elif lean:
            kept |= bits
        self.rewrite(sector, kept.to_bytes(size, "little"))

    def _draws(self) -> random.Random:
        if self.stream is None:
            raise FlashMisused(0, "worn, rotting and unstable bits need a random stream")
        return self.stream

    def _refuse_setting_bits(self, offset: int, data: bytes) -> None:
        held = int.from_bytes(self.read(offset, len(data)), "little")
        if int.from_bytes(data, "little") & ~held:
            raise FlashMisused(offset, "a program can't set bits")

    def _count_programs(self, index: int, start: int, length: int) -> None:
        limit = self.limits.programs_per_block
        if limit is None:
            return
        block = self.geometry.write_block
        counts = self._programs.get(index)
        if counts is None:
            counts = self._programs[index] = bytearray(self.geometry.sector_size // block)
        for number in range(start // block, (start + length) // block):
            if counts[number] >= limit:
                offset = index * self.geometry.sector_size + number * block
                raise FlashMisused(offset, f"a block takes {limit} programs between two erases")
            counts[number] += 1

    def _clear_bits(self, index: int, start: int, data: bytes) -> None:
        size, page_size = self.geometry.sector_size, self._page_bytes
        content = self._sectors[index]
        if content is None:
            pages = [_blank_page(page_size)] * (size // page_size)
        else:
            pages = list(content)
        if index in self._unstable:
            zeros = ~int.from_bytes(data, "little") & ((1 << len(data) * 8) - 1)
            self._unstable[index] &= ~(zeros << start * 8)
        while data:
            number, place = divmod(start, page_size)
            part = data[: page_size - place]
            page, end = pages[number], place + len(part)
            held = int.from_bytes(page[place:end], "little")
            left = (held & int.from_bytes(part, "little")).to_bytes(len(part), "little")
            pages[number] = page[:place] + left + page[end:]
            start += len(part)
            data = data[len(part) :]
        self._sectors[index] = tuple(pages)


_NO_LIMITS: Final = FlashLimits()


@functools.cache
def _blank_page(size: int) -> bytes:
    """An erased page; one object for all flashes."""
    return b"\xff" * size


def page_bytes(sector_size: int) -> int:
    """The size of the pages in which a sector of that size is kept: they fill it exactly."""
    return math.gcd(sector_size, _PAGE_BYTES)


def pages_of(raw: bytes) -> SectorContent:
    """The content of a sector with these bytes."""
    if raw.count(ERASED) == len(raw):
        return None
    size = page_bytes(len(raw))
    return tuple(raw[start : start + size] for start in range(0, len(raw), size))


def sector_bytes(content: SectorContent, sector_size: int) -> bytes:
    """The bytes of a sector with this content."""
    return b"\xff" * sector_size if content is None else b"".join(content)
