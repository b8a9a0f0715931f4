"""Tasks and futures with an identity that repeats: a creation number instead of an address.

asyncio keeps tasks and futures in sets (`TaskGroup`, `asyncio.wait`, `as_completed`,
`all_tasks`). Their order is that of `hash()`, which is by address unless the class says
otherwise, so it changes from process to process whatever the hash seed.
"""

from __future__ import annotations

import asyncio
import contextvars
import weakref
from collections.abc import Coroutine, Generator, Iterator
from typing import Any


class SimFuture(asyncio.Future[Any]):
    """A future that hashes by its creation number, which its maker sets."""

    __slots__ = ("sim_number",)

    sim_number: int

    def __hash__(self) -> int:
        return self.sim_number

    __eq__ = object.__eq__


class SimTask(asyncio.Task[Any]):
    """A task that hashes by its creation number, which also names it by default."""

    __slots__ = ("sim_number",)

    def __init__(
        self,
        coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        *,
        loop: asyncio.AbstractEventLoop,
        number: int,
        name: object,
        context: contextvars.Context | None,
    ) -> None:
        # The number comes first: asyncio puts the task into a set while it is constructed.
        self.sim_number = number
        super().__init__(
            coro, loop=loop, name=f"sim-{number}" if name is None else str(name), context=context
        )

    def __hash__(self) -> int:
        return self.sim_number

    __eq__ = object.__eq__


class GeneratorRegistry:
    """The running async generators in order of their start, held weakly.

    Stands in for the set that the base loop keeps, and has the part of a set's interface that
    the base loop uses.
    """

    def __init__(self) -> None:
        self._generators: weakref.WeakKeyDictionary[Any, None] = weakref.WeakKeyDictionary()

    def add(self, generator: Any) -> None:
        """Note a generator that has started."""
        self._generators[generator] = None

    def discard(self, generator: Any) -> None:
        """Forget a generator that has ended."""
        self._generators.pop(generator, None)

    def clear(self) -> None:
        """Forget all of them."""
        self._generators.clear()

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._generators))

    def __len__(self) -> int:
        return len(self._generators)
