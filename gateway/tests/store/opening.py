"""Stores for the store's tests."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from gateway.store.funnel import Store
from gateway.tests.store.clocks import SetClock


@contextlib.asynccontextmanager
async def opened(
    url: str = "sqlite://", *, inline: bool = True, clock: SetClock | None = None
) -> AsyncIterator[Store]:
    """A store, closed at the end."""
    store = Store.open(url, clock=clock or SetClock(), inline=inline)
    try:
        yield store
    finally:
        await store.aclose()


def file_url(folder: Path) -> str:
    """The URL of a store in a file."""
    return f"sqlite:///{folder / 'gateway.db'}"
