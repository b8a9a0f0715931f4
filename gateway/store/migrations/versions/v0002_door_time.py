"""The time zones of doors, and windows in their time.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns; no device has had a zone before."""
    op.add_column("device", sa.Column("time_zone", sa.Text(), nullable=True))
    op.add_column("entry", sa.Column("local_start_s", BIG, nullable=True))
    op.add_column("entry", sa.Column("local_end_s", BIG, nullable=True))
