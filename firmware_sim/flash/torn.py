"""What a program or an erase leaves behind when the power goes in the middle of it."""

from __future__ import annotations

import dataclasses
import enum
import random
from collections.abc import Iterable, Iterator
from typing import Final

from firmware_sim.flash.nor import Erase, NorFlash, Operation, Program, sector_bytes


class TornModel(enum.Enum):
    """How much of an operation came about."""

    # Nothing: the power went between two operations.
    NOTHING = "nothing"
    # The first k bytes of a program, for every k.
    FIRST_BYTES = "first_bytes"
    # Some of the bits: a program cleared a random subset, an erase set one.
    RANDOM_BITS = "random_bits"
    # A part of the sector is erased already: its lower half, its upper half, or up to any byte.
    HALF_ERASED = "half_erased"
    # Every bit on its way is neither 0 nor 1, and reads anew after every power-up.
    UNSTABLE_BITS = "unstable_bits"


ALL_MODELS: Final = tuple(TornModel)

# How unstable bits read at the first and at the second power-up: True 1, False 0, None drawn.
# The first three need the least luck to be told apart; all others are drawn both times.
_LEANINGS: Final = ((None, True), (True, False), (False, True))
_DRAWN: Final = (None, None)

# Variants of a half-erased sector that need no drawing: lower half erased, upper half erased.
_HALVES: Final = 2


@dataclasses.dataclass(frozen=True, slots=True)
class TornWrite:
    """One way in which an operation was interrupted.

    Attributes:
        model: How much of it came about.
        variant: Which of the model's: the bytes that were programmed; the half that is erased;
            else the number of the drawing.
    """

    model: TornModel
    variant: int = 0

    def __str__(self) -> str:
        return f"{self.model.value}/{self.variant}"


UNTOUCHED: Final = TornWrite(TornModel.NOTHING)


def torn_writes(
    operation: Operation | None, models: Iterable[TornModel], *, drawings: int
) -> Iterator[TornWrite]:
    """Every way in which an operation can be interrupted under these models.

    Args:
        operation: A program of one write block or an erase; None after the last operation.
        models: Which models.
        drawings: How many variants to draw of each random model.
    """
    for model in models:
        for variant in _variants(operation, model, drawings):
            yield TornWrite(model, variant)


def _variants(operation: Operation | None, model: TornModel, drawings: int) -> range:
    match model:
        case TornModel.NOTHING:
            return range(1)
        case TornModel.FIRST_BYTES:
            return range(1, len(operation.data)) if isinstance(operation, Program) else range(0)
        case TornModel.HALF_ERASED:
            return range(_HALVES + drawings) if isinstance(operation, Erase) else range(0)
        case TornModel.RANDOM_BITS:
            return range(drawings) if operation is not None else range(0)
        case TornModel.UNSTABLE_BITS:
            return range(len(_LEANINGS) + drawings) if operation is not None else range(0)


def leanings(torn: TornWrite) -> tuple[bool | None, ...]:
    """How unstable bits read at each power-up that tells something; one for the other models."""
    if torn.model is not TornModel.UNSTABLE_BITS:
        return (None,)
    return _LEANINGS[torn.variant] if torn.variant < len(_LEANINGS) else _DRAWN


def leave_torn(
    flash: NorFlash, operation: Operation, torn: TornWrite, stream: random.Random
) -> None:
    """Bring a flash into the state in which an interrupted operation leaves it.

    Args:
        flash: The flash before the operation. For unstable bits it needs a stream of its own.
        operation: What was interrupted.
        torn: In which way.
        stream: Where random bits are drawn from.
    """
    if torn.model is TornModel.NOTHING:
        return
    if isinstance(operation, Program):
        _leave_program(flash, operation, torn, stream)
    else:
        _leave_erase(flash, operation, torn, stream)


def _leave_program(
    flash: NorFlash, operation: Program, torn: TornWrite, stream: random.Random
) -> None:
    data = operation.data
    if torn.model is TornModel.FIRST_BYTES:
        flash.clear_bits(operation.offset, data[: torn.variant])
    elif torn.model is TornModel.RANDOM_BITS:
        kept = int.from_bytes(data, "little") | stream.getrandbits(8 * len(data))
        flash.clear_bits(operation.offset, kept.to_bytes(len(data), "little"))
    else:
        sector, start = divmod(operation.offset, flash.geometry.sector_size)
        held = int.from_bytes(flash.read(operation.offset, len(data)), "little")
        bits = (held & ~int.from_bytes(data, "little")) << 8 * start
        flash.unsettle(sector, bits, lean=leanings(torn)[0])


def _leave_erase(
    flash: NorFlash, operation: Erase, torn: TornWrite, stream: random.Random
) -> None:
    size = flash.geometry.sector_size
    raw = sector_bytes(flash.sector(operation.sector), size)
    held = int.from_bytes(raw, "little")
    if torn.model is TornModel.HALF_ERASED:
        from_start, split = _erased_part(torn.variant, size, stream)
        blank = b"\xff" * size
        torn_raw = blank[:split] + raw[split:] if from_start else raw[:split] + blank[split:]
        flash.rewrite(operation.sector, torn_raw)
    elif torn.model is TornModel.RANDOM_BITS:
        left = held | stream.getrandbits(8 * size)
        flash.rewrite(operation.sector, left.to_bytes(size, "little"))
    else:
        bits = ~held & ((1 << 8 * size) - 1)
        flash.unsettle(operation.sector, bits, lean=leanings(torn)[0])


def _erased_part(variant: int, size: int, stream: random.Random) -> tuple[bool, int]:
    """Whether the part before a byte is erased, else the one from it on; and that byte."""
    if variant < _HALVES:
        return variant == 0, size // 2
    return stream.random() < 0.5, stream.randrange(1, size)  # noqa: PLR2004 - a fair coin.
