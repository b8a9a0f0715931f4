"""Generates fused struct code from a construct declaration; the declaration stays the only truth.

Neighbouring fixed fields become one ``unpack_from`` or ``pack``, a length or a count joins the run
before it, and the frozen dataclass is filled without its ``__init__``. The generated functions may
refuse what construct accepts (then construct does the work), but never accept what it refuses, nor
give another value or other bytes. On *any* exception they call the interpreted codec, so what a
caller sees, value or error, is construct's own. A layout that is not known raises `Unsupported`
here, when its codec is made.
"""

from __future__ import annotations

import dataclasses
import linecache
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from protocols.wire.binding import BoundRecord, Buffer
from protocols.wire.build_source import emit_builder
from protocols.wire.parse_source import emit_parser
from protocols.wire.plan import plan_message
from protocols.wire.source import Source


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """The fast path of a codec.

    Attributes:
        decode: Bytes of a message to its dataclass.
        encode: The dataclass to bytes.
        decode_tuple: Bytes to the tuple of field values, records as tuples too: ``decode`` without
            the objects, for benchmarks.
        source: The Python source of all three.
    """

    decode: Callable[[Buffer], Any]
    encode: Callable[[Any], bytes]
    decode_tuple: Callable[[bytes], tuple[Any, ...]]
    source: str


def generate(
    record: BoundRecord,
    declaration: Any,
    *,
    decode_interpreted: Callable[[Buffer], Any],
    encode_interpreted: Callable[[Any], bytes],
) -> Generated:
    """Generate the fast path of a message.

    Args:
        record: The dataclass and its fields.
        declaration: The construct Struct of the whole message, ending with Terminated.
        decode_interpreted: Does what the generated parser refuses, or raises the error.
        encode_interpreted: Does what the generated builder refuses, or raises the error.

    Raises:
        Unsupported: When the declaration holds anything that the generator does not know.
    """
    plan = plan_message(record, declaration)
    source = Source()
    source.namespace["decode_interpreted"] = decode_interpreted
    source.namespace["encode_interpreted"] = encode_interpreted
    with _function(source, "decode(data)", "return decode_interpreted(data)"):
        _emit_exact_bytes(source)
        emit_parser(plan, source)
    with _function(source, "encode(value)", "return encode_interpreted(value)"):
        emit_builder(plan, source)
    with source.block("def decode_tuple(data):"):
        emit_parser(plan, source, as_tuple=True)
    text = str(source)
    _execute(text, source.namespace, f"<wire codec of {record.message.__qualname__}>")
    return Generated(
        decode=source.namespace["decode"],
        encode=source.namespace["encode"],
        decode_tuple=source.namespace["decode_tuple"],
        source=text,
    )


@contextmanager
def _function(source: Source, signature: str, otherwise: str) -> Iterator[None]:
    with source.block(f"def {signature}:"):
        with source.block("try:"):
            yield
        # Left before construct is asked, so that no error of the fast path hangs on construct's.
        with source.block("except Exception:"):
            source.add("pass")
        source.add(otherwise)


def _emit_exact_bytes(source: Source) -> None:
    # Slices of other buffers are not bytes; bleak hands over bytearrays.
    with source.block("if type(data) is not bytes:"):
        with source.block("if type(data) is not bytearray:"):
            source.add("raise Unfit")
        source.add("data = bytes(data)")


def _execute(text: str, namespace: dict[str, Any], filename: str) -> None:
    # Tracebacks and debuggers find the source here; no modification time means "always fresh".
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    # The text is made of field names and of our own literals, never of what a peer sent.
    exec(compile(text, filename, "exec"), namespace)  # noqa: S102 - see the line above.
