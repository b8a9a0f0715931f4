"""What a store file tells before it is opened: where its time stands."""

from __future__ import annotations

import sqlalchemy as sa

from gateway.store import instant
from gateway.store.engine import open_engines, store_errors
from gateway.store.tables import instant as instant_table


def committed_instant_ms(url: str) -> int | None:
    """The highest instant of any commit, milliseconds since 1970; None for an empty store.

    A clock that goes on from a store has to be made before the store is opened with it.

    Raises:
        StoreError: When it is no store.
    """
    engines = open_engines(url)
    try:
        with store_errors(), engines.reader.connect() as conn:
            if not sa.inspect(conn).has_table(instant_table.name):
                return None
            return instant.committed_at_ms(conn)
    finally:
        engines.dispose()
