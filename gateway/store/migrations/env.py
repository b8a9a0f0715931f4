"""Alembic's entry point: runs migrations on the connection that `schema.migrate` hands over."""

from __future__ import annotations

from alembic import context

from gateway.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can't alter most of a table in place.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
