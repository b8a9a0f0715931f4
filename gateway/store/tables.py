"""The tables of the gateway's store, one declaration for SQLite and PostgreSQL.

Instants are `*_ms`: UTC milliseconds since 1970, as integers, so that both databases compare
them alike. `body` columns hold JSON whose shape the owning module documents. Codes are secret
(DESIGN D22): only `code` columns and event bodies hold them.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
ID = sa.String(64)

workspace = sa.Table(
    "workspace",
    metadata,
    sa.Column("workspace_id", ID, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("company_name", sa.Text, nullable=False),
    sa.Column("is_sandbox", sa.Boolean, nullable=False),
    sa.Column("created_at_ms", BIG, nullable=False),
)

api_key = sa.Table(
    "api_key",
    metadata,
    sa.Column("key_hash", sa.String(64), primary_key=True),  # SHA-256 of the key, hex
    sa.Column("workspace_id", ID, sa.ForeignKey("workspace.workspace_id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created_at_ms", BIG, nullable=False),
)

device = sa.Table(
    "device",
    metadata,
    sa.Column("device_id", ID, primary_key=True),
    sa.Column("workspace_id", ID, sa.ForeignKey("workspace.workspace_id"), nullable=False),
    sa.Column("connected_account_id", ID, nullable=False),
    sa.Column("name", sa.Text, nullable=False),  # short name of the configuration or bench
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("profile_id", sa.Text, nullable=False),
    sa.Column("moniker", sa.Text, nullable=False),  # what a route opens: "ble:F0:..."
    sa.Column("created_at_ms", BIG, nullable=False),
    sa.Column("custom_metadata", sa.JSON, nullable=False),
    # What the device said last: gateway.reconcile.reported documents the shape.
    sa.Column("reported", sa.JSON, nullable=False),
    sa.Column("is_online", sa.Boolean, nullable=False),
    sa.Column("last_contact_at_ms", BIG),
    sa.Column("log_next_index", BIG, nullable=False),  # first access-log record not yet fetched
    sa.Column("attempts", sa.Integer, nullable=False),  # failed sessions in a row
    sa.Column("next_try_at_ms", BIG),  # back-off: no session before this instant
    sa.Column("next_contact_at_ms", BIG, index=True),  # routine status contact
    sa.Column("errors", sa.JSON, nullable=False),
    sa.Column("warnings", sa.JSON, nullable=False),
    sa.Column("time_zone", sa.Text),  # of its door: an IANA name; null when nobody told it
)

user_identity = sa.Table(
    "user_identity",
    metadata,
    sa.Column("user_identity_id", ID, primary_key=True),
    sa.Column("workspace_id", ID, sa.ForeignKey("workspace.workspace_id"), nullable=False),
    sa.Column("user_identity_key", sa.Text),
    sa.Column("full_name", sa.Text),
    sa.Column("email_address", sa.Text),
    sa.Column("phone_number", sa.Text),
    sa.Column("created_at_ms", BIG, nullable=False),
    sa.UniqueConstraint("workspace_id", "user_identity_key"),
    sa.UniqueConstraint("workspace_id", "email_address"),
    sa.UniqueConstraint("workspace_id", "phone_number"),
    sa.Index("ix_user_identity_page", "workspace_id", "created_at_ms", "user_identity_id"),
)

access_grant = sa.Table(
    "access_grant",
    metadata,
    sa.Column("access_grant_id", ID, primary_key=True),
    sa.Column("workspace_id", ID, sa.ForeignKey("workspace.workspace_id"), nullable=False),
    sa.Column("user_identity_id", ID, sa.ForeignKey("user_identity.user_identity_id"), index=True),
    sa.Column("access_grant_key", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("starts_at_ms", BIG, nullable=False),
    sa.Column("ends_at_ms", BIG),
    sa.Column("created_at_ms", BIG, nullable=False),
    sa.Column("deleting_at_ms", BIG),
    sa.Column("is_granted_to_all_doors", sa.Boolean, nullable=False),
    sa.Column("requested_access_methods", sa.JSON, nullable=False),
    sa.Column("warnings", sa.JSON, nullable=False),
    sa.Column("errors", sa.JSON, nullable=False),
    sa.UniqueConstraint("workspace_id", "access_grant_key"),
    sa.Index("ix_access_grant_page", "workspace_id", "created_at_ms", "access_grant_id"),
)

access_grant_device = sa.Table(
    "access_grant_device",
    metadata,
    sa.Column(
        "access_grant_id", ID, sa.ForeignKey("access_grant.access_grant_id"), primary_key=True
    ),
    sa.Column("device_id", ID, sa.ForeignKey("device.device_id"), primary_key=True, index=True),
)

access_method = sa.Table(
    "access_method",
    metadata,
    sa.Column("access_method_id", ID, primary_key=True),
    sa.Column("workspace_id", ID, sa.ForeignKey("workspace.workspace_id"), nullable=False),
    sa.Column(
        "access_grant_id",
        ID,
        sa.ForeignKey("access_grant.access_grant_id"),
        nullable=False,
        index=True,
    ),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("code", sa.Text),
    sa.Column("is_issued", sa.Boolean, nullable=False),
    sa.Column("was_issued", sa.Boolean, nullable=False),  # ever: the next one is a reissue
    sa.Column("issued_at_ms", BIG),
    sa.Column("created_at_ms", BIG, nullable=False),
    sa.Column("deleting_at_ms", BIG),
    sa.Column("warnings", sa.JSON, nullable=False),
    sa.Column("errors", sa.JSON, nullable=False),
)

access_code = sa.Table(
    "access_code",
    metadata,
    sa.Column("access_code_id", ID, primary_key=True),
    sa.Column("workspace_id", ID, sa.ForeignKey("workspace.workspace_id"), nullable=False),
    sa.Column("device_id", ID, sa.ForeignKey("device.device_id"), nullable=False),
    sa.Column("access_method_id", ID, index=True),
    sa.Column("access_grant_id", ID, index=True),
    sa.Column("common_code_key", sa.Text, index=True),
    sa.Column("name", sa.Text),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),  # ongoing | time_bound
    sa.Column("starts_at_ms", BIG),
    sa.Column("ends_at_ms", BIG),
    sa.Column("prefer_native_scheduling", sa.Boolean, nullable=False),
    sa.Column("is_external_modification_allowed", sa.Boolean, nullable=False),
    sa.Column("status", sa.Text, nullable=False),  # setting | set | unset | removing | unknown
    sa.Column("is_scheduled_on_device", sa.Boolean, nullable=False),
    sa.Column("created_at_ms", BIG, nullable=False),
    sa.Column("deleting_at_ms", BIG),
    # Next instant at which this code's own state changes without the device (start, end).
    sa.Column("next_milestone_at_ms", BIG, index=True),
    # Requested but unconfirmed changes: [{mutation_code, created_at_ms, from, to}].
    sa.Column("pending_mutations", sa.JSON, nullable=False),
    sa.Column("errors", sa.JSON, nullable=False),
    sa.Column("warnings", sa.JSON, nullable=False),
    sa.Index("ix_access_code_device_code", "device_id", "code"),
    sa.Index("ix_access_code_page", "workspace_id", "created_at_ms", "access_code_id"),
)

entry = sa.Table(
    "entry",
    metadata,
    # A PIN entry has the id of its access code and outlives it until the device is clean.
    sa.Column("entry_id", ID, primary_key=True),
    sa.Column("device_id", ID, sa.ForeignKey("device.device_id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # pin (later: key, card, revocation)
    sa.Column("slot", sa.Integer),  # null until first programmed
    sa.Column("revision", BIG, nullable=False),  # of the desired content; 0 until a slot is given
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("user_name", sa.Text, nullable=False),
    sa.Column("scheduling", sa.Text, nullable=False),  # native | just_in_time | always
    sa.Column("starts_at_ms", BIG),
    sa.Column("ends_at_ms", BIG),
    sa.Column("program_at_ms", BIG, nullable=False),
    sa.Column("remove_at_ms", BIG),
    sa.Column("is_deleted", sa.Boolean, nullable=False),  # shall leave the device now
    # What the device confirmed: absent | stored | disabled | enabled, of which revision.
    sa.Column("confirmed_phase", sa.Text, nullable=False),
    sa.Column("confirmed_revision", BIG, nullable=False),
    sa.Column("confirmed_at_ms", BIG),
    # Of writes that were handed out and not confirmed yet; 0 = none (see gateway.plan.entry).
    sa.Column("pending_revision", BIG, nullable=False),
    # When a session is needed next; null when nothing is due any more.
    sa.Column("next_due_at_ms", BIG),
    sa.Column("last_error", sa.Text),
    sa.Column("failures", sa.Integer, nullable=False),
    # The window as the device shall store it, where that is door-local time: seconds since 2000.
    sa.Column("local_start_s", BIG),
    sa.Column("local_end_s", BIG),
    sa.UniqueConstraint("device_id", "kind", "slot"),
    sa.Index("ix_entry_due", "next_due_at_ms"),
    # The few that failed, to tell what is unfinished without reading all the others.
    sa.Index(
        "ix_entry_failing",
        "failures",
        sqlite_where=sa.text("failures > 0"),
        postgresql_where=sa.text("failures > 0"),
    ),
    sa.Index("ix_entry_device_code", "device_id", "code"),
)

# Highest revision issued to or seen in a slot: a tombstone's revision outlives its entry (D21).
slot_revision = sa.Table(
    "slot_revision",
    metadata,
    sa.Column("device_id", ID, sa.ForeignKey("device.device_id"), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True),
    sa.Column("revision", BIG, nullable=False),
)

# Who held a slot and when: names the person behind a log record that is fetched later.
slot_holder = sa.Table(
    "slot_holder",
    metadata,
    sa.Column("device_id", ID, sa.ForeignKey("device.device_id"), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True),
    sa.Column("revision", BIG, primary_key=True),  # first revision of what was held
    sa.Column("entry_id", ID, nullable=False),
    sa.Column("access_grant_id", ID),
    sa.Column("access_method_id", ID),
    sa.Column("user_identity_id", ID),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("held_from_ms", BIG, nullable=False),
    sa.Column("held_until_ms", BIG, index=True),  # null while it is held
)

event = sa.Table(
    "event",
    metadata,
    sa.Column("event_seq", BIG, primary_key=True, autoincrement=True),
    sa.Column("event_id", ID, nullable=False, unique=True),
    sa.Column("workspace_id", ID, nullable=False),
    sa.Column("event_type", sa.Text, nullable=False, index=True),
    sa.Column("occurred_at_ms", BIG, nullable=False, index=True),
    sa.Column("created_at_ms", BIG, nullable=False, index=True),
    sa.Column("device_id", ID, index=True),
    sa.Column("access_code_id", ID, index=True),
    sa.Column("access_grant_id", ID, index=True),
    sa.Column("access_method_id", ID, index=True),
    sa.Column("user_identity_id", ID, index=True),
    sa.Column("body", sa.JSON, nullable=False),  # the event's own fields, as the API shows them
)

action_attempt = sa.Table(
    "action_attempt",
    metadata,
    sa.Column("action_attempt_id", ID, primary_key=True),
    sa.Column("workspace_id", ID, nullable=False),
    sa.Column("device_id", ID, index=True),
    sa.Column("action_type", sa.Text, nullable=False),  # LOCK_DOOR, UNLOCK_DOOR, ...
    sa.Column("status", sa.Text, nullable=False),  # pending | success | error
    sa.Column("result", sa.JSON),
    sa.Column("error", sa.JSON),
    sa.Column("created_at_ms", BIG, nullable=False),
    sa.Column("expires_at_ms", BIG, nullable=False),  # pending after this = error
    sa.Index("ix_action_attempt_pending", "status", "expires_at_ms"),
)

# Access-log records fetched from devices: the proof of what happened at the door.
device_log = sa.Table(
    "device_log",
    metadata,
    sa.Column("device_id", ID, sa.ForeignKey("device.device_id"), primary_key=True),
    sa.Column("log_index", BIG, primary_key=True, autoincrement=False),
    sa.Column("occurred_at_ms", BIG, nullable=False, index=True),
    sa.Column("fetched_at_ms", BIG, nullable=False),
    sa.Column("event", sa.Integer, nullable=False),
    sa.Column("source", sa.Integer, nullable=False),
    sa.Column("detail", sa.Integer, nullable=False),
    sa.Column("user_index", sa.Integer, nullable=False),
    sa.Column("credential_index", sa.Integer, nullable=False),
)

# One row: the highest bench or wall instant of any commit; a start takes the highest found.
instant = sa.Table(
    "instant",
    metadata,
    sa.Column("instant_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("committed_at_ms", BIG, nullable=False),
)
