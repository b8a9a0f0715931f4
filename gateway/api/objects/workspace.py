"""The workspace object."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class WebviewCustomization(TypedDict, total=False):
    """How connect webviews look; nothing of it is set, since there are none."""

    logo_shape: str


class Workspace(TypedDict):
    """A workspace, as documented."""

    company_name: str
    connect_partner_name: str
    connect_webview_customization: WebviewCustomization
    is_publishable_key_auth_enabled: bool
    is_sandbox: bool
    is_suspended: bool
    name: str
    organization_id: str | None
    workspace_id: str


def workspace(row: Any) -> Workspace:
    """Show a row of `workspace`."""
    return Workspace(
        company_name=row.company_name,
        connect_partner_name=row.company_name,
        connect_webview_customization=WebviewCustomization(),
        is_publishable_key_auth_enabled=False,
        is_sandbox=row.is_sandbox,
        is_suspended=False,
        name=row.name,
        organization_id=None,
        workspace_id=row.workspace_id,
    )
