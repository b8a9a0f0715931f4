"""A house with one lock of each kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.tests.access.harness import House


@pytest.fixture
def house() -> Iterator[House]:
    """Doors `native`, `jit` and `latch`."""
    built = House()
    built.add_device("native", "generic-native")
    built.add_device("jit", "generic-jit")
    built.add_device("latch", "latch-m")
    yield built
    built.close()
