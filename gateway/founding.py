"""What a store must hold before anybody asks: the workspace, the API key, the devices."""

from __future__ import annotations

import logging
from collections.abc import Callable

import sqlalchemy as sa

from gateway.access import devices, keys, workspaces
from gateway.access.context import Context
from gateway.access.requests import DeviceRegistration
from gateway.access.retiming import plan_anew
from gateway.config import DeviceConfig, GatewayConfig
from gateway.errors import ConfigError
from gateway.store.tables import device

logger = logging.getLogger(__name__)


def found(conn: sa.Connection, context_of: Callable[[str], Context], config: GatewayConfig) -> str:
    """Bring a store up to a configuration; again changes nothing. Returns the workspace's id.

    Args:
        conn: The connection.
        context_of: Makes the context of a workspace.
        config: The configuration.

    Raises:
        ConfigError: When a device names a profile that there is not.
    """
    workspace_id = _workspace(conn, context_of, config)
    ctx = context_of(workspace_id)
    if config.api.key is not None:
        keys.add_api_key(conn, ctx, config.api.key, "configuration")
    known = _known_devices(conn, workspace_id)
    for each in config.devices:
        _check_profile(ctx, each)
        device_id = each.device_id or known.get(each.name) or ctx.new_id()
        is_to_be_planned = devices.register(
            conn,
            ctx,
            DeviceRegistration(
                device_id=device_id,
                name=each.name,
                display_name=each.display_name or each.name,
                profile_id=each.profile,
                moniker=each.moniker,
                time_zone=each.time_zone,
            ),
        )
        if is_to_be_planned:
            plan_anew(conn, ctx, device_id)
        known.pop(each.name, None)
    if known:
        # Their codes stay on them; forgetting a lock that holds codes is a decision of people.
        logger.warning("devices that the configuration does not name: %s", ", ".join(known))
    return workspace_id


def _workspace(
    conn: sa.Connection, context_of: Callable[[str], Context], config: GatewayConfig
) -> str:
    known = workspaces.workspace_ids(conn)
    if known:
        return known[0]
    return workspaces.ensure_workspace(
        conn,
        context_of(context_of("").new_id()),
        name=config.workspace.name,
        company_name=config.workspace.company_name,
        is_sandbox=config.workspace.is_sandbox,
    )


def _known_devices(conn: sa.Connection, workspace_id: str) -> dict[str, str]:
    rows = conn.execute(
        sa.select(device.c.name, device.c.device_id)
        .where(device.c.workspace_id == workspace_id)
        .order_by(device.c.created_at_ms, device.c.device_id)
    )
    return {row.name: row.device_id for row in rows}


def _check_profile(ctx: Context, each: DeviceConfig) -> None:
    if each.profile not in ctx.profiles:
        raise ConfigError(
            f"device {each.name!r}: there is no profile {each.profile!r};"
            f" known: {', '.join(ctx.profiles)}"
        )
