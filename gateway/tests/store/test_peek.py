from __future__ import annotations

from pathlib import Path

from gateway.store.funnel import Store
from gateway.store.peek import committed_instant_ms
from gateway.tests.store.clocks import NOON_MS, SetClock, adding


async def test_committed_instant_when_a_store_is_looked_at_then_its_highest(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'gateway.db'}"
    assert committed_instant_ms(url) is None
    store = Store.open(url, clock=SetClock(), inline=True)
    assert committed_instant_ms(url) is None
    await store.write(adding("a"))
    await store.aclose()
    assert committed_instant_ms(url) == NOON_MS
