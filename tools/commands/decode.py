"""`strikeplate decode HEX`: explain captured bytes of the strike protocol, field by field."""

from __future__ import annotations

import argparse
import re
from typing import Any

from protocols.errors import ProtocolError
from protocols.strike.explain import ExplainedField, Explanation, explain
from tools.errors import NoFrame, UsageError
from tools.output import Output

# Hex as captures print it: "01 02", "01:02", "0x0102", "01-02".
SEPARATORS = re.compile(r"[\s:,-]+|0[xX]")
# A message is at most a few hundred bytes; far more is a mistake, and would fill the screen.
HEX_DIGITS_MAX = 64 * 1024


def register(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    del shared
    parser.add_argument(
        "hex",
        nargs="+",
        metavar="HEX",
        help="a whole message, or its fragments in order, one argument each",
    )
    parser.add_argument(
        "--reveal", action="store_true", help="show credentials instead of hiding them"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Explain the bytes; an unknown frame is an error of its own exit code."""
    pieces = [parse_hex(text) for text in arguments.hex]
    captured: bytes | list[bytes] = pieces[0] if len(pieces) == 1 else pieces
    try:
        explanation = explain(captured, reveal=arguments.reveal)
    except ProtocolError as error:
        raise NoFrame(
            f"that is no strike frame: {error}; "
            "give one whole message, or its fragments in order, one argument each"
        ) from error
    output.result(as_document(explanation), as_text(explanation))
    return 0


def parse_hex(text: str) -> bytes:
    """Bytes of a hex text with the usual separators.

    Raises:
        UsageError: When it is not hex.
    """
    pieces = SEPARATORS.split(text)
    length = sum(len(piece) for piece in pieces)
    if length > HEX_DIGITS_MAX:
        raise UsageError(f"that is {length} hex digits; a message is far shorter")
    try:
        # Piece by piece: of "1 23 4" nobody can say which bytes it means.
        return b"".join(bytes.fromhex(piece) for piece in pieces)
    except ValueError:
        raise UsageError(
            f"{text[:40]!r} is not hex; write bytes as two hex digits each, such as 01020300"
        ) from None


def as_document(explanation: Explanation) -> dict[str, Any]:
    """The explanation as JSON."""
    return {
        "summary": explanation.summary,
        "message": [_field_document(field) for field in explanation.message],
        "fragments": [_field_document(field) for field in explanation.fragments],
    }


def _field_document(field: ExplainedField) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": field.name,
        "offset": field.offset,
        "length": field.length,
        "hex": field.raw_hex,
        "meaning": field.meaning,
    }
    if field.children:
        document["fields"] = [_field_document(child) for child in field.children]
    return document


def as_text(explanation: Explanation) -> str:
    """The explanation as lines: offset, bytes, name, meaning."""
    lines = [explanation.summary]
    for title, fields in (("fragments", explanation.fragments), ("message", explanation.message)):
        if fields:
            lines += ["", f"{title}:"]
            for field in fields:
                lines += _field_lines(field, depth=1)
    return "\n".join(lines)


def _field_lines(field: ExplainedField, *, depth: int) -> list[str]:
    shown = "" if field.children else field.raw_hex
    indent = "  " * depth
    name = f"{indent}{field.name}"
    line = f"{field.offset:4d}  {name:28s}  {shown:26s}  {field.meaning}".rstrip()
    lines = [line]
    for child in field.children:
        lines += _field_lines(child, depth=depth + 1)
    return lines
