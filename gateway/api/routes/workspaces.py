"""`/workspaces/*`: the workspace of the caller's key."""

from __future__ import annotations

from typing import Any, Final

from gateway.access import read
from gateway.api.declaration import READ, Call, Route
from gateway.api.fields import Parameters
from gateway.api.objects.workspace import Workspace, workspace


async def _get(call: Call, _: Parameters) -> Workspace:
    return await call.read(lambda conn, ctx: workspace(read.workspace(conn, ctx)))


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        path="/workspaces/get",
        methods=READ,
        summary="Get the workspace.",
        parameters=Parameters,
        keys=("workspace",),
        shows=Workspace,
        handler=_get,
    ),
)
