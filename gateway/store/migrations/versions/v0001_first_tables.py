"""The first tables.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ID = sa.String(64)


def upgrade() -> None:
    """Make them."""
    _make_people()
    _make_devices()
    _make_grants()
    _make_methods()
    _make_codes()
    _make_entries()
    _make_history()


def _make_people() -> None:
    op.create_table(
        "workspace",
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("company_name", sa.Text(), nullable=False),
        sa.Column("is_sandbox", sa.Boolean(), nullable=False),
        sa.Column("created_at_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", name="pk_workspace"),
    )
    op.create_table(
        "api_key",
        sa.Column("key_hash", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at_ms", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.workspace_id"], name="fk_api_key_workspace_id"
        ),
        sa.PrimaryKeyConstraint("key_hash", name="pk_api_key"),
    )
    op.create_table(
        "user_identity",
        sa.Column("user_identity_id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("user_identity_key", sa.Text(), nullable=True),
        sa.Column("full_name", sa.Text(), nullable=True),
        sa.Column("email_address", sa.Text(), nullable=True),
        sa.Column("phone_number", sa.Text(), nullable=True),
        sa.Column("created_at_ms", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.workspace_id"], name="fk_user_identity_workspace_id"
        ),
        sa.PrimaryKeyConstraint("user_identity_id", name="pk_user_identity"),
        sa.UniqueConstraint(
            "workspace_id", "email_address", name="uq_user_identity_workspace_id_email_address"
        ),
        sa.UniqueConstraint(
            "workspace_id", "phone_number", name="uq_user_identity_workspace_id_phone_number"
        ),
        sa.UniqueConstraint(
            "workspace_id",
            "user_identity_key",
            name="uq_user_identity_workspace_id_user_identity_key",
        ),
    )
    op.create_index(
        "ix_user_identity_page",
        "user_identity",
        ["workspace_id", "created_at_ms", "user_identity_id"],
    )


def _make_devices() -> None:
    op.create_table(
        "device",
        sa.Column("device_id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("connected_account_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("profile_id", sa.Text(), nullable=False),
        sa.Column("moniker", sa.Text(), nullable=False),
        sa.Column("created_at_ms", BIG, nullable=False),
        sa.Column("custom_metadata", sa.JSON(), nullable=False),
        sa.Column("reported", sa.JSON(), nullable=False),
        sa.Column("is_online", sa.Boolean(), nullable=False),
        sa.Column("last_contact_at_ms", BIG, nullable=True),
        sa.Column("log_next_index", BIG, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at_ms", BIG, nullable=True),
        sa.Column("next_contact_at_ms", BIG, nullable=True),
        sa.Column("errors", sa.JSON(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.workspace_id"], name="fk_device_workspace_id"
        ),
        sa.PrimaryKeyConstraint("device_id", name="pk_device"),
    )
    op.create_index("ix_device_next_contact_at_ms", "device", ["next_contact_at_ms"])


def _make_grants() -> None:
    op.create_table(
        "access_grant",
        sa.Column("access_grant_id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("user_identity_id", ID, nullable=True),
        sa.Column("access_grant_key", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("starts_at_ms", BIG, nullable=False),
        sa.Column("ends_at_ms", BIG, nullable=True),
        sa.Column("created_at_ms", BIG, nullable=False),
        sa.Column("deleting_at_ms", BIG, nullable=True),
        sa.Column("is_granted_to_all_doors", sa.Boolean(), nullable=False),
        sa.Column("requested_access_methods", sa.JSON(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("errors", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.workspace_id"], name="fk_access_grant_workspace_id"
        ),
        sa.ForeignKeyConstraint(
            ["user_identity_id"],
            ["user_identity.user_identity_id"],
            name="fk_access_grant_user_identity_id",
        ),
        sa.PrimaryKeyConstraint("access_grant_id", name="pk_access_grant"),
        sa.UniqueConstraint(
            "workspace_id",
            "access_grant_key",
            name="uq_access_grant_workspace_id_access_grant_key",
        ),
    )
    op.create_index(
        "ix_access_grant_page",
        "access_grant",
        ["workspace_id", "created_at_ms", "access_grant_id"],
    )
    op.create_index("ix_access_grant_user_identity_id", "access_grant", ["user_identity_id"])
    op.create_table(
        "access_grant_device",
        sa.Column("access_grant_id", ID, nullable=False),
        sa.Column("device_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.device_id"], name="fk_access_grant_device_device_id"
        ),
        sa.ForeignKeyConstraint(
            ["access_grant_id"],
            ["access_grant.access_grant_id"],
            name="fk_access_grant_device_access_grant_id",
        ),
        sa.PrimaryKeyConstraint("access_grant_id", "device_id", name="pk_access_grant_device"),
    )
    op.create_index("ix_access_grant_device_device_id", "access_grant_device", ["device_id"])


def _make_methods() -> None:
    op.create_table(
        "access_method",
        sa.Column("access_method_id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("access_grant_id", ID, nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("is_issued", sa.Boolean(), nullable=False),
        sa.Column("was_issued", sa.Boolean(), nullable=False),
        sa.Column("issued_at_ms", BIG, nullable=True),
        sa.Column("created_at_ms", BIG, nullable=False),
        sa.Column("deleting_at_ms", BIG, nullable=True),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("errors", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.workspace_id"], name="fk_access_method_workspace_id"
        ),
        sa.ForeignKeyConstraint(
            ["access_grant_id"],
            ["access_grant.access_grant_id"],
            name="fk_access_method_access_grant_id",
        ),
        sa.PrimaryKeyConstraint("access_method_id", name="pk_access_method"),
    )
    op.create_index("ix_access_method_access_grant_id", "access_method", ["access_grant_id"])


def _make_codes() -> None:
    op.create_table(
        "access_code",
        sa.Column("access_code_id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("device_id", ID, nullable=False),
        sa.Column("access_method_id", ID, nullable=True),
        sa.Column("access_grant_id", ID, nullable=True),
        sa.Column("common_code_key", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("starts_at_ms", BIG, nullable=True),
        sa.Column("ends_at_ms", BIG, nullable=True),
        sa.Column("prefer_native_scheduling", sa.Boolean(), nullable=False),
        sa.Column("is_external_modification_allowed", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("is_scheduled_on_device", sa.Boolean(), nullable=False),
        sa.Column("created_at_ms", BIG, nullable=False),
        sa.Column("deleting_at_ms", BIG, nullable=True),
        sa.Column("next_milestone_at_ms", BIG, nullable=True),
        sa.Column("pending_mutations", sa.JSON(), nullable=False),
        sa.Column("errors", sa.JSON(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.device_id"], name="fk_access_code_device_id"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.workspace_id"], name="fk_access_code_workspace_id"
        ),
        sa.PrimaryKeyConstraint("access_code_id", name="pk_access_code"),
    )
    op.create_index("ix_access_code_access_grant_id", "access_code", ["access_grant_id"])
    op.create_index("ix_access_code_access_method_id", "access_code", ["access_method_id"])
    op.create_index("ix_access_code_common_code_key", "access_code", ["common_code_key"])
    op.create_index("ix_access_code_device_code", "access_code", ["device_id", "code"])
    op.create_index("ix_access_code_next_milestone_at_ms", "access_code", ["next_milestone_at_ms"])
    op.create_index(
        "ix_access_code_page", "access_code", ["workspace_id", "created_at_ms", "access_code_id"]
    )


def _make_entries() -> None:
    op.create_table(
        "entry",
        sa.Column("entry_id", ID, nullable=False),
        sa.Column("device_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=True),
        sa.Column("revision", BIG, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("scheduling", sa.Text(), nullable=False),
        sa.Column("starts_at_ms", BIG, nullable=True),
        sa.Column("ends_at_ms", BIG, nullable=True),
        sa.Column("program_at_ms", BIG, nullable=False),
        sa.Column("remove_at_ms", BIG, nullable=True),
        sa.Column("is_deleted", sa.Boolean(), nullable=False),
        sa.Column("confirmed_phase", sa.Text(), nullable=False),
        sa.Column("confirmed_revision", BIG, nullable=False),
        sa.Column("confirmed_at_ms", BIG, nullable=True),
        sa.Column("pending_revision", BIG, nullable=False),
        sa.Column("next_due_at_ms", BIG, nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.device_id"], name="fk_entry_device_id"),
        sa.PrimaryKeyConstraint("entry_id", name="pk_entry"),
        sa.UniqueConstraint("device_id", "kind", "slot", name="uq_entry_device_id_kind_slot"),
    )
    op.create_index("ix_entry_device_code", "entry", ["device_id", "code"])
    op.create_index("ix_entry_due", "entry", ["next_due_at_ms"])
    op.create_index(
        "ix_entry_failing",
        "entry",
        ["failures"],
        sqlite_where=sa.text("failures > 0"),
        postgresql_where=sa.text("failures > 0"),
    )
    op.create_table(
        "slot_holder",
        sa.Column("device_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("revision", BIG, nullable=False, autoincrement=False),
        sa.Column("entry_id", ID, nullable=False),
        sa.Column("access_grant_id", ID, nullable=True),
        sa.Column("access_method_id", ID, nullable=True),
        sa.Column("user_identity_id", ID, nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("held_from_ms", BIG, nullable=False),
        sa.Column("held_until_ms", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.device_id"], name="fk_slot_holder_device_id"
        ),
        sa.PrimaryKeyConstraint("device_id", "kind", "slot", "revision", name="pk_slot_holder"),
    )
    op.create_index("ix_slot_holder_held_until_ms", "slot_holder", ["held_until_ms"])
    op.create_table(
        "slot_revision",
        sa.Column("device_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("revision", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.device_id"], name="fk_slot_revision_device_id"
        ),
        sa.PrimaryKeyConstraint("device_id", "kind", "slot", name="pk_slot_revision"),
    )


def _make_history() -> None:
    op.create_table(
        "action_attempt",
        sa.Column("action_attempt_id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("device_id", ID, nullable=True),
        sa.Column("action_type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("created_at_ms", BIG, nullable=False),
        sa.Column("expires_at_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("action_attempt_id", name="pk_action_attempt"),
    )
    op.create_index("ix_action_attempt_device_id", "action_attempt", ["device_id"])
    op.create_index("ix_action_attempt_pending", "action_attempt", ["status", "expires_at_ms"])
    op.create_table(
        "event",
        sa.Column("event_seq", BIG, nullable=False, autoincrement=True),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("occurred_at_ms", BIG, nullable=False),
        sa.Column("created_at_ms", BIG, nullable=False),
        sa.Column("device_id", ID, nullable=True),
        sa.Column("access_code_id", ID, nullable=True),
        sa.Column("access_grant_id", ID, nullable=True),
        sa.Column("access_method_id", ID, nullable=True),
        sa.Column("user_identity_id", ID, nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("event_seq", name="pk_event"),
        sa.UniqueConstraint("event_id", name="uq_event_event_id"),
    )
    op.create_index("ix_event_access_code_id", "event", ["access_code_id"])
    op.create_index("ix_event_access_grant_id", "event", ["access_grant_id"])
    op.create_index("ix_event_access_method_id", "event", ["access_method_id"])
    op.create_index("ix_event_created_at_ms", "event", ["created_at_ms"])
    op.create_index("ix_event_device_id", "event", ["device_id"])
    op.create_index("ix_event_event_type", "event", ["event_type"])
    op.create_index("ix_event_occurred_at_ms", "event", ["occurred_at_ms"])
    op.create_index("ix_event_user_identity_id", "event", ["user_identity_id"])
    op.create_table(
        "instant",
        sa.Column("instant_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("committed_at_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("instant_id", name="pk_instant"),
    )
    op.create_table(
        "device_log",
        sa.Column("device_id", ID, nullable=False),
        sa.Column("log_index", BIG, nullable=False, autoincrement=False),
        sa.Column("occurred_at_ms", BIG, nullable=False),
        sa.Column("fetched_at_ms", BIG, nullable=False),
        sa.Column("event", sa.Integer(), nullable=False),
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Integer(), nullable=False),
        sa.Column("user_index", sa.Integer(), nullable=False),
        sa.Column("credential_index", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.device_id"], name="fk_device_log_device_id"
        ),
        sa.PrimaryKeyConstraint("device_id", "log_index", name="pk_device_log"),
    )
    op.create_index("ix_device_log_occurred_at_ms", "device_log", ["occurred_at_ms"])
    # Its one row: commits only update it.
    op.execute("INSERT INTO instant (instant_id, committed_at_ms) VALUES (0, 0)")
