"""Who is calling: an API key in the `Authorization` header, looked up by its hash.

A key that was found is remembered for a few seconds under its hash, so that not every request
costs a query; one that was not found is never remembered, so a new key works at once.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Final

import sqlalchemy as sa
from starlette.datastructures import Headers

from gateway.access import keys
from gateway.api.services import UnitStore
from gateway.errors import Unauthorized

# How long a key outlives its removal by another process, in seconds of the loop. One process is
# all there is where the loop's time can stand still, and it calls `forget`.
REMEMBERED_S: Final = 5.0

# Most keys remembered: far more than a workspace has, and bounded all the same.
_KEYS_MAX: Final = 1024

# Longest header looked at; the documented keys are under 100 characters.
_HEADER_MAX: Final = 512

# What each other kind of credential is told; only API keys are served. Prefixes as the SDKs
# check them.
_OTHER_KINDS: Final = (
    ("seam_cst", "Client session tokens are not accepted here; use an API key"),
    ("seam_at", "Personal access tokens are not accepted here; use an API key"),
    ("seam_pk", "Publishable keys are not accepted here; use an API key"),
    ("ey", "Console sessions are not accepted here; use an API key"),
)
_OTHER_HEADERS: Final = (
    ("seam-publishable-key", "Publishable keys are not accepted here; use an API key"),
    ("seam-client-session-token", "Client session tokens are not accepted here; use an API key"),
    ("client-session-token", "Client session tokens are not accepted here; use an API key"),
)


class Authenticator:
    """Finds the workspace that a request may act in."""

    def __init__(self, store: UnitStore) -> None:
        self._store = store
        # Hash of a key to its workspace and the loop time at which to look again.
        self._remembered: dict[bytes, tuple[str, float]] = {}

    def forget(self) -> None:
        """Look every key up again: one was removed."""
        self._remembered.clear()

    async def workspace_id(self, headers: Headers) -> str:
        """The workspace of the API key that came with a request.

        Raises:
            Unauthorized: When there is none, or no usable one.
        """
        key = _api_key(headers)
        tag = hashlib.sha256(key.encode()).digest()
        now = asyncio.get_running_loop().time()
        workspace_id, until = self._remembered.get(tag, ("", now))
        if until > now:
            return workspace_id

        def look_up(conn: sa.Connection) -> str | None:
            return keys.workspace_of(conn, key)

        found = await self._store.read(look_up)
        if found is None:
            self._remembered.pop(tag, None)
            raise Unauthorized("The API key is not known")
        if len(self._remembered) >= _KEYS_MAX:
            self._remembered.clear()
        self._remembered[tag] = (found, now + REMEMBERED_S)
        return found


def _api_key(headers: Headers) -> str:
    header = headers.get("authorization")
    if header is None:
        for name, sentence in _OTHER_HEADERS:
            if name in headers:
                raise Unauthorized(sentence)
        raise Unauthorized("The Authorization header is missing; send `Bearer <API key>`")
    scheme, _, key = header.partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key or len(header) > _HEADER_MAX:
        raise Unauthorized("The Authorization header is malformed; send `Bearer <API key>`")
    for prefix, sentence in _OTHER_KINDS:
        if key.startswith(prefix):
            raise Unauthorized(sentence)
    return key
