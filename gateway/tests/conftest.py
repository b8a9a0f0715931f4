"""What tests of several rooms of the gateway share: a real PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import sqlalchemy as sa


@pytest.fixture
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an empty database on a real server, for one test alone."""
    url = os.environ.get("STRIKEPLATE_TEST_POSTGRES")
    if not url:
        sentence = "needs PostgreSQL: set STRIKEPLATE_TEST_POSTGRES to its URL"
        if os.environ.get("STRIKEPLATE_CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    # The folder is of this run and worker alone, and so the name is.
    folder = tmp_path_factory.mktemp("postgres", numbered=True)
    name = "test_" + "_".join(folder.parts[-3:]).replace("-", "_")
    server = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as conn:
        conn.execute(sa.text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        conn.execute(sa.text(f'CREATE DATABASE "{name}"'))
    yield sa.make_url(url).set(database=name).render_as_string(hide_password=False)
    with server.connect() as conn:
        conn.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    server.dispose()
