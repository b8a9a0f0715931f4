"""Emits the builder of a plan: neighbouring fixed fields in one pack, then one concatenation.

Where struct or concatenation would take what construct refuses (bytes that are too short for their
field, a memoryview, an object that merely looks like the dataclass), the type is checked first.
"""

from __future__ import annotations

import struct
from typing import Final

from protocols.wire.plan import FixedBytes, Integer, Many, Nested, Part, Plan, PrefixedBytes
from protocols.wire.source import Run, Source

# Up to here `+` is quicker than joining a tuple.
_ADDED_PARTS_MAX: Final = 4


def _pack(layout: str) -> object:
    return struct.Struct(layout).pack


def emit_builder(plan: Plan, source: Source) -> None:
    """Append statements that return the bytes of ``value``, an instance of the plan's message."""
    builder = _Builder(source)
    builder.require_class("value", plan.message)
    builder.write(plan, "value", "v_")
    last = plan.parts[-1] if plan.parts else None
    if isinstance(last, Many) and last.count is None:
        builder.write_to_end(last)
    else:
        source.add(f"return {builder.written()}")


class _Builder:
    """Emits checks and loops as statements and gathers the bytes as expressions."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._run = Run()
        self._parts: list[str] = []

    def require_class(self, expression: str, kind: type) -> None:
        """Emit the check that a value is exactly of a class."""
        name = self._source.name(kind, f"class_{kind.__name__}")
        self._refuse_if(f"type({expression}) is not {name}")

    def _refuse_if(self, condition: str) -> None:
        with self._source.block(f"if {condition}:"):
            self._source.add("raise Unfit")

    def write(self, plan: Plan, owner: str, prefix: str) -> None:
        """Write every part but a list to the end; ``owner`` is the expression of the object."""
        for part in plan.parts:
            self._write_part(part, f"{owner}.{part.name}", prefix + part.name)

    def _write_part(self, part: Part, value: str, variable: str) -> None:
        match part:
            case Integer():
                self._write_integer(part, value)
            case FixedBytes():
                self._source.add(f"{variable} = {value}")
                self._refuse_if(f"type({variable}) is not bytes or len({variable}) != {part.size}")
                self._run.add_bytes(part.size, variable)
            case PrefixedBytes():
                kind, encode = ("str", ".encode()") if part.is_text else ("bytes", "")
                self._source.add(f"{variable} = {value}")
                self._refuse_if(f"type({variable}) is not {kind}")
                if encode:
                    self._source.add(f"{variable} = {variable}{encode}")
                self._write_integer(part.length, f"len({variable})")
                self._flush()
                self._parts.append(variable)
            case Nested():
                self._source.add(f"{variable} = {value}")
                self.require_class(variable, part.plan.message)
                self.write(part.plan, variable, self._source.fresh("r") + "_")
            case Many(count=Integer() as count):
                self._source.add(f"{variable} = {value}")
                self._refuse_if(f"type({variable}) is not tuple")
                self._write_integer(count, f"len({variable})")
                self._flush()
                self._write_items(part.plan, variable)
                self._parts.append(f'b"".join(items_{variable})')
            case _:
                pass  # A list to the end: `write_to_end` writes it.

    def write_to_end(self, many: Many) -> None:
        """Write the list that ends the message, and return."""
        variable = f"v_{many.name}"
        self._source.add(f"head = {self.written()}")
        self._source.add(f"{variable} = value.{many.name}")
        with self._source.block(f"if {variable} is EMPTY:"):
            self._source.add("return head")
        self._refuse_if(f"type({variable}) is not tuple")
        self._write_items(many.plan, variable)
        self._source.add(f'return head + b"".join(items_{variable})')

    def _write_items(self, plan: Plan, variable: str) -> None:
        item = f"item_{variable}"
        self._source.add(f"items_{variable} = []")
        with self._source.block(f"for {item} in {variable}:"):
            inner = _Builder(self._source)
            inner.require_class(item, plan.message)
            inner.write(plan, item, self._source.fresh("r") + "_")
            self._source.add(f"items_{variable}.append({inner.written()})")

    def written(self) -> str:
        """Expression of everything written so far."""
        self._flush()
        if len(self._parts) > _ADDED_PARTS_MAX:
            return f'b"".join(({", ".join(self._parts)}))'
        return " + ".join(self._parts) or 'b""'

    def _write_integer(self, integer: Integer, value: str) -> None:
        if not self._run.takes(integer):
            self._flush()
        self._run.add_integer(integer, value)

    def _flush(self) -> None:
        run, self._run = self._run, Run()
        if run.codes:
            pack = self._source.share(_pack, run.format, f"pack_{run.codes}")
            self._parts.append(f"{pack}({', '.join(run.expressions)})")
