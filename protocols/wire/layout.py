"""Words of the wire layouts, over construct; binds a layout to a frozen dataclass.

A message is a frozen, slotted dataclass whose annotations are these words; ``codec(cls)`` builds
the construct declaration from them once and gives ``decode`` and ``encode``. Integers are
little-endian, as in the Bluetooth core specification. Every layout ends with ``Terminated``:
construct itself ignores trailing bytes in silence.
"""

from __future__ import annotations

import dataclasses
import io
import typing
from collections.abc import Callable
from typing import Annotated, Any, Final, Generic, TypeVar

import construct as c

from protocols.errors import LocalProtocolError, MalformedFrame
from protocols.wire.binding import Buffer, EnumWord, ManyWord, bind, to_plain, to_value
from protocols.wire.describe import FieldBytes, FieldLayout, dissect, fields_of
from protocols.wire.generator import generate
from protocols.wire.plan import Unsupported

__all__ = [
    "COUNTED",
    "ENUM8",
    "S16",
    "S64",
    "TO_END",
    "U8",
    "U16",
    "U32",
    "Bytes4",
    "Bytes8",
    "Bytes16",
    "Bytes19",
    "Codec",
    "EnumWord",
    "Extensions",
    "FieldBytes",
    "FieldLayout",
    "ManyWord",
    "ShortBytes",
    "ShortText",
    "Tlv",
    "codec",
    "dissect",
    "fields_of",
    "message",
]

T = TypeVar("T")

U8 = Annotated[int, c.Int8ul]
U16 = Annotated[int, c.Int16ul]
U32 = Annotated[int, c.Int32ul]
S16 = Annotated[int, c.Int16sl]
S64 = Annotated[int, c.Int64sl]
# A length byte, then that many bytes.
ShortBytes = Annotated[bytes, c.Prefixed(c.Int8ul, c.GreedyBytes)]
# A length byte, then that many bytes of UTF-8.
ShortText = Annotated[str, c.PascalString(c.Int8ul, "utf8")]
Bytes4 = Annotated[bytes, c.Bytes(4)]
Bytes8 = Annotated[bytes, c.Bytes(8)]
Bytes16 = Annotated[bytes, c.Bytes(16)]
Bytes19 = Annotated[bytes, c.Bytes(19)]


# ``field: Annotated[Status, ENUM8]``: an OpenIntEnum in one byte.
ENUM8: Final = EnumWord(c.Int8ul)

# ``field: Annotated[tuple[Record, ...], COUNTED]``: a count byte, then the records.
COUNTED: Final = ManyWord.COUNTED
# ``field: Annotated[tuple[Record, ...], TO_END]``: records up to the end of the message.
TO_END: Final = ManyWord.TO_END


@typing.dataclass_transform(
    frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,)
)
def message(cls: type[T]) -> type[T]:
    """Make a class a wire record: a frozen, slotted dataclass with keyword-only fields."""
    return dataclasses.dataclass(frozen=True, slots=True, kw_only=True)(cls)


@message
class Tlv:
    """An optional field: receivers skip tags that they do not know."""

    tag: U8
    value: ShortBytes = dataclasses.field(repr=False)


# The last field of every message: optional fields that an older receiver skips.
Extensions = Annotated[tuple[Tlv, ...], TO_END]


class Codec(Generic[T]):
    """Turns one dataclass into bytes and back.

    Attributes:
        message: The dataclass.
        declaration: The construct Struct: the only description of the layout.
        decode: Parses a whole message body (bytes or bytearray); raises `MalformedFrame` when no
            value of the dataclass has these bytes.
        encode: Builds the bytes of a message body; raises `LocalProtocolError` when a field's
            value does not fit its word.
        source: The generated Python behind the two, or "" when the generator does not know the
            layout and they are the interpreted ones.
        decode_tuple: ``decode`` without objects (tuples of field values), for benchmarks; None
            where there is no generated code.
    """

    def __init__(self, message: type[T]) -> None:
        self.message = message
        self._record = bind(message)
        self.declaration = c.Struct(*self._record.subcons(), c.Terminated)
        self.decode: Callable[[Buffer], T] = self.decode_interpreted
        self.encode: Callable[[T], bytes] = self.encode_interpreted
        self.decode_tuple: Callable[[bytes], tuple[Any, ...]] | None = None
        self.source = ""
        try:
            generated = generate(
                self._record,
                self.declaration,
                decode_interpreted=self.decode_interpreted,
                encode_interpreted=self.encode_interpreted,
            )
        except Unsupported:
            return
        self.decode = generated.decode
        self.encode = generated.encode
        self.decode_tuple = generated.decode_tuple
        self.source = generated.source

    def decode_interpreted(self, data: Buffer) -> T:
        """Do what ``decode`` does, by interpreting the declaration: slow, and the truth.

        Raises:
            MalformedFrame: When no value of the dataclass has these bytes.
        """
        raw = bytes(memoryview(data))
        stream = io.BytesIO(raw)
        try:
            value = to_value(self._record, self.declaration.parse_stream(stream))
        except (c.ConstructError, ValueError) as error:
            reason, offset = _describe(error), _offset_of(error, stream)
        else:
            return typing.cast("T", value)
        # Raised out here, since construct's own message may quote a PIN (DESIGN D22).
        raise MalformedFrame(f"not a {self.message.__name__}: {reason}", raw=raw, offset=offset)

    def encode_interpreted(self, value: T) -> bytes:
        """Do what ``encode`` does, by interpreting the declaration: slow, and the truth.

        Raises:
            LocalProtocolError: When a field's value does not fit its word.
        """
        try:
            return typing.cast("bytes", self.declaration.build(to_plain(self._record, value)))
        except _MISFITS as error:
            reason = _describe(error)
        # As above: outside, so that the value does not hang on the error.
        raise LocalProtocolError(f"a {self.message.__name__} does not fit its layout: {reason}")


_CODECS: Final[dict[type, Codec[Any]]] = {}


def codec(message: type[T]) -> Codec[T]:
    """The codec of a dataclass, with its generated code; made once.

    Raises:
        TypeError: When an annotation is not a wire word.
    """
    made = _CODECS.get(message)
    if made is None:
        made = _CODECS[message] = Codec(message)
    return made


# What construct lets through, besides its own errors, for values of a wrong type.
_MISFITS: Final = (
    c.ConstructError,
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,
    LookupError,
)


def _describe(error: Exception) -> str:
    """Kind and place of an error of construct, without its message."""
    # A path reads "(parsing) -> records -> index".
    place = str(getattr(error, "path", None) or "").partition(" -> ")[2].replace(" -> ", ".")
    return f"{type(error).__name__} in {place}" if place else type(error).__name__


def _offset_of(error: Exception, stream: io.BytesIO) -> int | None:
    if isinstance(error, c.TerminatedError):
        return stream.tell() - 1  # It has read the first byte too many.
    if isinstance(error, c.StreamError):
        return stream.tell()  # The bytes ended here.
    return None
