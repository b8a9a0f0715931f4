"""Explains captured bytes of the strike protocol, field by field and down to the last byte.

It takes a whole message or the fragments of one as they came over the air. What may be secret (a
credential, or an extension that nobody knows yet) shows as `**` unless the caller asks to reveal
it; that holds for every place where those bytes appear, fragments included.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Final

from protocols.errors import MalformedFrame
from protocols.strike.fragment import (
    FIRST,
    FRAGMENT_HEADER_SIZE,
    LAST,
    SEQUENCE_MASK,
    Reassembler,
)
from protocols.strike.frame import (
    COUNTER_SIZE,
    PROTOCOL_VERSION,
    SESSION_ID_SIZE,
    Frame,
    FrameHeader,
)
from protocols.strike.limits import HEADER_SIZE, MESSAGE_SIZE_MAX
from protocols.strike.meaning import meaning_of
from protocols.strike.messages import MESSAGES
from protocols.wire.layout import FieldBytes, codec, dissect

HIDDEN: Final = "**"
# A length byte comes before the bytes of a text or a credential; it is no secret.
_LENGTH_SIZE: Final = 1
# A count byte comes before a counted list of records.
_COUNT_SIZE: Final = 1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedField:
    """One field of what was captured; its children cover all of its bytes, or it has none.

    Attributes:
        name: The field's name.
        offset: Position of its first byte in its message (or, for a fragment's, in the fragment).
        length: Bytes.
        raw_hex: Its bytes as two hex digits each; `**` for a byte that is hidden.
        meaning: What they say.
        is_secret: True when something in it may be secret, hidden or not.
        children: The fields that it consists of.
    """

    name: str
    offset: int
    length: int
    raw_hex: str = dataclasses.field(repr=False)
    meaning: str = dataclasses.field(repr=False)
    is_secret: bool = False
    children: tuple[ExplainedField, ...] = ()

    @property
    def digits(self) -> list[str]:
        """Two hex digits, or `**`, a byte."""
        return self.raw_hex.split()

    def leaves(self) -> Iterator[ExplainedField]:
        """The fields without children, in the order of their bytes."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A captured message explained.

    Attributes:
        summary: One line: the message's name, its transaction, its size.
        message: Fields of the reassembled message, header first; they cover all of its bytes.
        fragments: Fields of the fragments, when fragments were given; one each.
    """

    summary: str
    message: tuple[ExplainedField, ...]
    fragments: tuple[ExplainedField, ...] = ()


def explain(data: bytes | Sequence[bytes], *, reveal: bool = False) -> Explanation:
    """Explain one message.

    Args:
        data: A whole message; or one fragment that holds a whole message; or all fragments of a
            message in order. A capture may begin at any sequence number.
        reveal: Show what may be secret.

    Raises:
        RemoteProtocolError: When it is no strike message; the sentence says what is wrong.
    """
    if isinstance(data, bytes):
        if not data:
            raise MalformedFrame("there are no bytes to explain")
        if data[0] == PROTOCOL_VERSION:
            return _explain_message(data, reveal=reveal)
        data = [data]
    message = _join(data)
    explained = _explain_message(message, reveal=reveal)
    return dataclasses.replace(
        explained, fragments=tuple(_explain_fragments(data, explained.message))
    )


def _join(fragments: Sequence[bytes]) -> bytes:
    """The message that all fragments together are.

    Raises:
        RemoteProtocolError: When they are not exactly one message.
    """
    first = fragments[0] if fragments else b""
    if not first or not first[0] & FIRST:
        raise MalformedFrame(
            f"neither a message of version {PROTOCOL_VERSION} nor the first fragment of one",
            raw=first,
        )
    reassembler = Reassembler(MESSAGE_SIZE_MAX, first_sequence=first[0])
    message: bytes | None = None
    for fragment in fragments:
        if message is not None:
            raise MalformedFrame("a fragment follows the last one of the message", raw=fragment)
        assembly = reassembler.receive(fragment)
        if assembly.fault is not None:
            raise assembly.fault
        message = assembly.message
    if message is None:
        raise MalformedFrame("the last fragment of the message is missing", raw=fragments[-1])
    return message


def _explain_fragments(
    fragments: Sequence[bytes], message: tuple[ExplainedField, ...]
) -> Iterator[ExplainedField]:
    # Byte by byte, so that what is hidden in the message is hidden here too.
    shown = [digits for field in message for digits in field.digits]
    secret = [leaf.is_secret for field in message for leaf in field.leaves() for _ in leaf.digits]
    start = 0
    for number, fragment in enumerate(fragments, start=1):
        header = fragment[0]
        end = start + len(fragment) - FRAGMENT_HEADER_SIZE
        marks = [name for bit, name in ((FIRST, "first"), (LAST, "last")) if header & bit]
        children = (
            ExplainedField(
                name="header",
                offset=0,
                length=FRAGMENT_HEADER_SIZE,
                raw_hex=f"{header:02x}",
                meaning=", ".join([*marks, f"sequence {header & SEQUENCE_MASK}"]),
            ),
            ExplainedField(
                name="payload",
                offset=FRAGMENT_HEADER_SIZE,
                length=end - start,
                raw_hex=" ".join(shown[start:end]),
                meaning=f"bytes {start} to {end - 1} of the message",
                is_secret=any(secret[start:end]),
            ),
        )
        yield _branch(f"fragment {number}", 0, f"{len(fragment)} bytes", children)
        start = end


def _explain_message(data: bytes, *, reveal: bool) -> Explanation:
    frame = Frame.decode(data)
    kind = MESSAGES.get(frame.message_type)
    name = "unknown message" if kind is None else kind.__name__
    header = tuple(
        dataclasses.replace(field, meaning=name if field.name == "message_type" else field.meaning)
        for field in _fields(FrameHeader, data[:HEADER_SIZE], 0, reveal=reveal)
    )
    parts = [_branch("header", 0, "", header)]
    offset = HEADER_SIZE
    if frame.session_id is not None:
        raw = data[offset : offset + SESSION_ID_SIZE]
        parts.append(_leaf("session_id", offset, raw, str(frame.session_id)))
        offset += SESSION_ID_SIZE
    if frame.counter is not None:
        raw = data[offset : offset + COUNTER_SIZE]
        low = f"{frame.counter}, the low 16 bits of the sender's counter"
        parts.append(_leaf("counter", offset, raw, low))
        offset += COUNTER_SIZE
    body = _explain_body(frame, kind, offset, reveal=reveal)
    if body.length:
        parts.append(body)
    if frame.tag is not None:
        offset += len(frame.body)
        parts.append(_leaf("tag", offset, frame.tag, "authenticates all bytes before it"))
    summary = f"{name}, transaction {frame.transaction}, {len(data)} bytes"
    return Explanation(summary=summary, message=tuple(parts))


def _explain_body(
    frame: Frame, kind: type[Any] | None, offset: int, *, reveal: bool
) -> ExplainedField:
    if frame.tag is not None:
        return _leaf("body", offset, frame.body, "sealed")
    if kind is None:
        # Nobody knows what it is, so it may be a secret.
        return _secret_leaf("body", offset, frame.body, 0, reveal=reveal)
    try:
        children = tuple(_fields(kind, frame.body, offset, reveal=reveal))
    except MalformedFrame as error:
        at = None if error.offset is None else offset + error.offset
        raise MalformedFrame(error.reason, raw=frame.body, offset=at) from None
    return _branch("body", offset, kind.__name__, children)


def _fields(kind: type[Any], data: bytes, base: int, *, reveal: bool) -> Iterator[ExplainedField]:
    """The fields of a record; those without a byte (no extensions) are left out."""
    secret = {field.name for field in dataclasses.fields(kind) if not field.repr}
    for part in dissect(kind, data):
        name, offset = part.layout.name, base + part.offset
        if not part.raw:
            continue
        if name in secret:
            yield _secret_leaf(name, offset, part.raw, _LENGTH_SIZE, reveal=reveal)
        elif isinstance(part.value, tuple):
            yield _explain_records(part, offset, reveal=reveal)
        else:
            yield _leaf(name, offset, part.raw, meaning_of(name, part.value))


def _explain_records(part: FieldBytes, base: int, *, reveal: bool) -> ExplainedField:
    """A list of records: its count byte, where it has one, and every record's fields."""
    encoded = [codec(type(record)).encode(record) for record in part.value]
    count_size = len(part.raw) - sum(map(len, encoded))
    children: list[ExplainedField] = []
    offset = base + count_size
    if count_size == _COUNT_SIZE:
        children.append(_leaf("count", base, part.raw[:_COUNT_SIZE], f"{len(encoded)} records"))
    for number, (record, raw) in enumerate(zip(part.value, encoded, strict=True), start=1):
        kind = type(record)
        fields = tuple(_fields(kind, raw, offset, reveal=reveal))
        children.append(_branch(f"{kind.__name__} {number}", offset, "", fields))
        offset += len(raw)
    return _branch(part.layout.name, base, f"{len(encoded)} records", tuple(children))


def _branch(
    name: str, offset: int, meaning: str, children: tuple[ExplainedField, ...]
) -> ExplainedField:
    return ExplainedField(
        name=name,
        offset=offset,
        length=sum(child.length for child in children),
        raw_hex=" ".join(child.raw_hex for child in children),
        meaning=meaning,
        is_secret=any(child.is_secret for child in children),
        children=children,
    )


def _leaf(name: str, offset: int, raw: bytes, meaning: str) -> ExplainedField:
    return ExplainedField(
        name=name, offset=offset, length=len(raw), raw_hex=raw.hex(" "), meaning=meaning
    )


def _secret_leaf(
    name: str, offset: int, raw: bytes, open_size: int, *, reveal: bool
) -> ExplainedField:
    """A field of which only the first `open_size` bytes are shown, unless revealed."""
    shown = [f"{byte:02x}" for byte in raw]
    hidden = [HIDDEN] * (len(raw) - open_size)
    size = len(raw) - open_size
    return ExplainedField(
        name=name,
        offset=offset,
        length=len(raw),
        raw_hex=" ".join(shown if reveal else shown[:open_size] + hidden),
        meaning=ascii(raw[open_size:])[1:] if reveal else f"{size} bytes, hidden",
        is_secret=True,
    )
