"""Lines of generated Python, the names they use, and the runs of fields that one Struct covers."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from protocols.wire.plan import Integer

K = TypeVar("K", bound=Hashable)

INDENT: Final = "    "
# Formats of one byte: they have no byte order.
_SINGLE_BYTES: Final = "Bb"


class Unfit(Exception):  # noqa: N818 - never leaves generated code.
    """Raised in generated code when the fast path does not apply; construct then decides."""


class Source:
    """A growing module: its lines, and the global names that they use."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.namespace: dict[str, Any] = {"Unfit": Unfit, "EMPTY": ()}
        self._depth = 0
        self._last_number = 0
        self._shared: dict[tuple[Any, Any], str] = {}

    def add(self, line: str) -> None:
        """Append a line at the present depth."""
        self.lines.append(INDENT * self._depth + line)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """A compound statement: its head now; what is added inside goes deeper."""
        self.add(head)
        self._depth += 1
        yield
        self._depth -= 1

    def fresh(self, wish: str) -> str:
        """A local name that nothing else has: the wish and a number."""
        self._last_number += 1
        return f"{wish}{self._last_number}"

    def name(self, value: Any, wish: str) -> str:
        """A global name for an object: the wish, with a number if another object has it."""
        name, number = wish, 1
        while name in self.namespace and self.namespace[name] is not value:
            number += 1
            name = f"{wish}_{number}"
        self.namespace[name] = value
        return name

    def share(self, make: Callable[[K], object], argument: K, wish: str) -> str:
        """A global name for what ``make(argument)`` gives; made once for each argument."""
        key = (make, argument)
        if key not in self._shared:
            self._shared[key] = self.name(make(argument), wish)
        return self._shared[key]

    def __str__(self) -> str:
        return "\n".join(self.lines) + "\n"


@dataclasses.dataclass(slots=True)
class Run:
    """Neighbouring fields of fixed size that one Struct reads or writes.

    Attributes:
        expressions: A target to unpack into, or a value to pack, for each field.
        codes: Their struct format, without the byte order.
        order: The byte order, once a field has one.
    """

    expressions: list[str] = dataclasses.field(default_factory=list)
    codes: str = ""
    order: str = ""

    def takes(self, integer: Integer) -> bool:
        """True when the integer's byte order fits the run's."""
        return integer.code in _SINGLE_BYTES or self.order in ("", integer.order)

    def add_integer(self, integer: Integer, expression: str) -> None:
        """Append an integer field; ``takes`` was true for it."""
        if integer.code not in _SINGLE_BYTES:
            self.order = integer.order
        self.codes += integer.code
        self.expressions.append(expression)

    def add_bytes(self, size: int, expression: str) -> None:
        """Append a field of fixed bytes."""
        self.codes += f"{size}s"
        self.expressions.append(expression)

    @property
    def format(self) -> str:
        """Format of the Struct that covers the run."""
        return (self.order or "<") + self.codes

    @property
    def size(self) -> int:
        """Bytes of the run."""
        return struct.calcsize(self.format)

    @property
    def targets(self) -> str:
        """The left side of an assignment from what the Struct unpacks."""
        return "".join(f"{target}, " for target in self.expressions).rstrip()
