"""All routes of the API, in the order of the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from gateway.api.declaration import Route
from gateway.api.routes import (
    access_codes,
    access_grants,
    access_methods,
    action_attempts,
    devices,
    events,
    locks,
    related,
    user_identities,
    workspaces,
)

ROUTES: Final[tuple[Route[Any], ...]] = (
    *access_codes.ROUTES,
    *access_grants.ROUTES,
    *access_methods.ROUTES,
    *related.ROUTES,
    *devices.ROUTES,
    *locks.ROUTES,
    *user_identities.ROUTES,
    *action_attempts.ROUTES,
    *events.ROUTES,
    *workspaces.ROUTES,
)
