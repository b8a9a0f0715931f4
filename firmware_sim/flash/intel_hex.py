"""Flash images as Intel HEX, the text that programmers read, by the `intelhex` package."""

from __future__ import annotations

import dataclasses
import io
import re
from typing import Final

import intelhex

from firmware_sim.flash.errors import ImageUnreadable, ImageUnwritable
from firmware_sim.flash.nor import ERASED

FORMAT: Final = "Intel HEX"
# Bytes from the first address to the last: far more than any lock's flash, and a bound for a file
# whose two records lie at the ends of the address space.
SPAN_BYTES_MAX: Final = 64 << 20
# The record that ends a file; some tools leave an address in it.
_END: Final = re.compile(r":00[0-9A-Fa-f]{4}01[0-9A-Fa-f]{2}$")
# Addresses have 32 bits.
_ADDRESSES: Final = 1 << 32


@dataclasses.dataclass(frozen=True, slots=True)
class HexImage:
    """What a file says.

    Attributes:
        base: Address of the first byte.
        data: All bytes from there on; 0xFF where the file says nothing.
    """

    base: int
    data: bytes = dataclasses.field(repr=False)


def read_intel_hex(text: str) -> HexImage:
    """Read a file.

    Raises:
        ImageUnreadable: When it is none, holds no data, is cut short, or spans too much.
    """
    loaded = intelhex.IntelHex()
    loaded.padding = ERASED
    try:
        loaded.loadhex(io.StringIO(text))
        base, last = loaded.minaddr(), loaded.maxaddr()
    except intelhex.IntelHexError as error:
        # Its words give the number of a line and quote none, which may hold a credential.
        raise ImageUnreadable(FORMAT, str(error)) from None
    except ValueError:
        raise ImageUnreadable(FORMAT, "a line of it holds no numbers") from None
    if base is None or last is None:
        raise ImageUnreadable(FORMAT, "it holds no data")
    if not any(_END.match(line) for line in text.splitlines()):
        # The package takes what there is.
        raise ImageUnreadable(FORMAT, "it is cut short: no line says that it ends")
    if last - base >= SPAN_BYTES_MAX:
        raise ImageUnreadable(FORMAT, f"it spans more than {SPAN_BYTES_MAX} bytes")
    return HexImage(base, loaded.tobinstr(start=base, end=last))


def write_intel_hex(image: bytes, *, base: int = 0) -> str:
    """An image as Intel HEX, erased bytes included, so that a reader knows where it ends.

    Args:
        image: The bytes.
        base: Address of the first one.

    Raises:
        ImageUnwritable: When addresses of 32 bits do not reach so far.
    """
    if base < 0 or base + len(image) > _ADDRESSES:
        raise ImageUnwritable(FORMAT, f"{len(image)} bytes from {base:#x} on pass 32 bits")
    made = intelhex.IntelHex()
    made.frombytes(image, offset=base)
    text = io.StringIO()
    made.write_hex_file(text)
    return text.getvalue()
