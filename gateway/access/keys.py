"""API keys, kept as SHA-256 hashes; 128 random bits in a key leave nothing to search for."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

import sqlalchemy as sa

from gateway.access.context import Context
from gateway.errors import ConfigError
from gateway.store.tables import api_key

# What the SDKs check before they send a key: Seam's prefix, and none of its other tokens'.
_PREFIX: Final = "seam_"
_OTHER_TOKENS: Final = ("seam_at", "seam_cst", "seam_pk")
# Random bits of a made key: as many as a UUID has, beyond any search.
_RANDOM_BITS: Final = 128

_FIND: Final = sa.select(api_key.c.key_hash, api_key.c.workspace_id).where(
    api_key.c.key_hash == sa.bindparam("key_hash")
)


def check_key(key: str) -> None:
    """Refuse a key that the official SDKs would not send.

    Raises:
        ConfigError: Says which rule it breaks; the key itself is not repeated.
    """
    is_plain = key.isascii() and key.isprintable() and " " not in key
    if not is_plain or not key.startswith(_PREFIX) or len(key) == len(_PREFIX):
        raise ConfigError('an API key starts with "seam_" and goes on in printable characters')
    for prefix in _OTHER_TOKENS:
        if key.startswith(prefix):
            raise ConfigError(f'an API key must not start with "{prefix}"')


def make_key(ctx: Context) -> str:
    """A new key of the documented form, `seam_<short>_<long>`; a sandbox key says `test`."""
    bits = ctx.randomness.stream("keys").getrandbits(_RANDOM_BITS)
    return f"{_PREFIX}test1_{bits:032x}"


def add_api_key(conn: sa.Connection, ctx: Context, key: str, name: str) -> None:
    """Let a key into the workspace; again is no error.

    Raises:
        ConfigError: When the SDKs would not send such a key.
    """
    check_key(key)
    key_hash = hash_key(key)
    if _find(conn, key_hash) is None:
        conn.execute(
            api_key.insert().values(
                key_hash=key_hash,
                workspace_id=ctx.workspace_id,
                name=name,
                created_at_ms=ctx.now_ms,
            )
        )


def workspace_of(conn: sa.Connection, key: str) -> str | None:
    """The workspace that a key opens; None for a key that is not known."""
    key_hash = hash_key(key)
    row = _find(conn, key_hash)
    # The index compares hashes, whose bytes a guesser can't steer; the last word is constant-time.
    if row is None or not hmac.compare_digest(row["key_hash"], key_hash):
        return None
    return str(row["workspace_id"])


def hash_key(key: str) -> str:
    """SHA-256 of a key, 64 hex digits."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


def _find(conn: sa.Connection, key_hash: str) -> sa.RowMapping | None:
    return conn.execute(_FIND, {"key_hash": key_hash}).mappings().one_or_none()
