"""Emits the parser of a plan: neighbouring fixed fields in one unpack, no object but the result.

Positions only ever grow, and a slice beyond the end is silently short; so one comparison of the
last position with the length of the data refuses every length that points too far.
"""

from __future__ import annotations

import dataclasses
import enum
import struct
from typing import Final, TypeAlias

from protocols.wire.plan import (
    FixedBytes,
    Integer,
    Many,
    Nested,
    Part,
    Plan,
    PrefixedBytes,
    fits_one_run,
    fixed_size,
)
from protocols.wire.source import Run, Source

# A run of one or two single bytes is quicker to index than to unpack: a call into struct costs
# about as much as four index operations.
_INDEXED_RUNS: Final = ("B", "BB")


class Members(dict[int, enum.IntEnum]):
    """The members of an enum by number; a number without a member is asked of the enum itself."""

    def __init__(self, kind: type[enum.IntEnum]) -> None:
        super().__init__({member.value: member for member in kind})
        self._kind = kind

    def __missing__(self, number: int) -> enum.IntEnum:
        return self._kind(number)


@dataclasses.dataclass(frozen=True, slots=True)
class _Object:
    """A record whose fields are read: the expression of each, or the object that it is."""

    plan: Plan
    values: tuple[_Value, ...]


_Value: TypeAlias = str | _Object


def _unpack_from(layout: str) -> object:
    return struct.Struct(layout).unpack_from


def _iter_unpack(layout: str) -> object:
    return struct.Struct(layout).iter_unpack


def emit_parser(plan: Plan, source: Source, *, as_tuple: bool = False) -> None:
    """Append statements that read ``data`` (bytes) and return the message.

    Args:
        plan: The message.
        source: Receives the statements.
        as_tuple: Return the values of the fields as a tuple, to measure what objects cost.
    """
    parser = _Parser(source, as_tuple=as_tuple)
    message = parser.read(plan, "v_")
    parser.flush()
    last = plan.parts[-1] if plan.parts else None
    if isinstance(last, Many) and last.count is None:
        parser.read_to_end(last, f"v_{last.name}")
    else:
        with source.block(f"if {parser.position} != len(data):"):
            source.add("raise Unfit")
    source.add(f"return {parser.make(message)}")


class _Parser:
    """Emits one read after the other; knows the position as a variable plus a constant."""

    def __init__(self, source: Source, *, as_tuple: bool) -> None:
        self._source = source
        self._as_tuple = as_tuple
        self._run = Run()
        self._variable = ""  # "" = the position is the constant alone
        self._offset = 0

    @property
    def position(self) -> str:
        """Expression of the position behind everything that has been flushed."""
        return self._ahead(0)

    def read(self, plan: Plan, prefix: str) -> _Object:
        """Read every part into variables, but a list to the end, which `read_to_end` fills."""
        return _Object(plan, tuple(self._read_part(part, prefix) for part in plan.parts))

    def _read_part(self, part: Part, prefix: str) -> _Value:
        target = prefix + part.name
        match part:
            case Integer():
                self._read_integer(part, target)
                if part.enum is not None:
                    wish = f"members_{part.enum.__name__}"
                    return f"{self._source.share(Members, part.enum, wish)}[{target}]"
            case FixedBytes():
                self._run.add_bytes(part.size, target)
            case PrefixedBytes():
                self._read_integer(part.length, f"n{target}")
                self.flush()
                start, stop = self.position, self._source.fresh("at")
                self._source.add(f"{stop} = {start} + n{target}")
                decode = ".decode()" if part.is_text else ""
                self._source.add(f"{target} = data[{start}:{stop}]{decode}")
                self._continue_at(stop)
            case Nested():
                return self.read(part.plan, self._source.fresh("r") + "_")
            case Many(count=Integer() as count):
                self._read_integer(count, f"n{target}")
                self.flush()
                self._read_counted(part, target)
            case _:
                pass  # A list to the end: `read_to_end` reads it.
        return target

    def _read_integer(self, integer: Integer, target: str) -> None:
        if not self._run.takes(integer):
            self.flush()
        self._run.add_integer(integer, target)

    def flush(self) -> None:
        """Emit the read of the fixed fields gathered so far."""
        run, self._run = self._run, Run()
        if not run.codes:
            return
        if run.codes in _INDEXED_RUNS:
            for index, target in enumerate(run.expressions):
                self._source.add(f"{target} = data[{self._ahead(index)}]")
        else:
            at = "" if self.position == "0" else f", {self.position}"
            unpack = self._source.share(_unpack_from, run.format, f"unpack_{run.codes}")
            self._source.add(f"{run.targets} = {unpack}(data{at})")
        self._offset += run.size

    def _read_counted(self, many: Many, target: str) -> None:
        items = f"items_{target}"
        self._source.add(f"{items} = []")
        if fits_one_run(many.plan):
            start, stop = self.position, self._source.fresh("at")
            self._source.add(f"{stop} = {start} + n{target} * {fixed_size(many.plan)}")
            self._unpack_items(many.plan, items, f"data[{start}:{stop}]")
            self._continue_at(stop)
        else:
            self._read_items(many.plan, items, f"for _ in range(n{target}):")
        self._source.add(f"{target} = tuple({items})")

    def read_to_end(self, many: Many, target: str) -> None:
        """Read the list that ends with the message, and check that it does end there."""
        items = f"items_{target}"
        self._source.add("end = len(data)")
        with self._source.block(f"if end == {self.position}:"):
            self._source.add(f"{target} = EMPTY")
        with self._source.block("else:"):
            self._source.add(f"{items} = []")
            if fits_one_run(many.plan):
                self._unpack_items(many.plan, items, f"data[{self.position}:]")
                refusal = f"if {self.position} > end:"
            else:
                self._read_items(many.plan, items, "while {cursor} < end:")
                refusal = f"if {self.position} != end:"
            with self._source.block(refusal):
                self._source.add("raise Unfit")
            self._source.add(f"{target} = tuple({items})")

    def _unpack_items(self, plan: Plan, items: str, data: str) -> None:
        item = self.read(plan, self._source.fresh("r") + "_")
        run, self._run = self._run, Run()
        unpack = self._source.share(_iter_unpack, run.format, f"each_{run.codes}")
        with self._source.block(f"for {run.targets} in {unpack}({data}):"):
            self._source.add(f"{items}.append({self.make(item)})")

    def _read_items(self, plan: Plan, items: str, head: str) -> None:
        cursor = self._source.fresh("at")
        self._source.add(f"{cursor} = {self.position}")
        self._continue_at(cursor)
        with self._source.block(head.format(cursor=cursor)):
            item = self.read(plan, self._source.fresh("r") + "_")
            self.flush()
            self._source.add(f"{items}.append({self.make(item)})")
            self._source.add(f"{cursor} = {self.position}")
        self._continue_at(cursor)

    def make(self, read: _Object) -> str:
        """Emit the making of an object from what was read; the expression that it is in."""
        if self._as_tuple:
            values = [self._expression(value) for value in read.values]
            return f"({''.join(f'{value}, ' for value in values)})"
        twin = self._source.name(read.plan.twin, f"twin_{read.plan.message.__name__}")
        final = self._source.name(read.plan.message, f"class_{read.plan.message.__name__}")
        made = self._source.fresh("o")
        self._source.add(f"{made} = {twin}()")
        for part, value in zip(read.plan.parts, read.values, strict=True):
            self._source.add(f"{made}.{part.name} = {self._expression(value)}")
        self._source.add(f"{made}.__class__ = {final}")
        return made

    def _expression(self, value: _Value) -> str:
        return value if isinstance(value, str) else self.make(value)

    def _ahead(self, distance: int) -> str:
        offset = self._offset + distance
        if not self._variable:
            return str(offset)
        return f"{self._variable} + {offset}" if offset else self._variable

    def _continue_at(self, variable: str) -> None:
        self._variable, self._offset = variable, 0
