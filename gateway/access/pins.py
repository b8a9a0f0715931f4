"""PINs: which ones a device takes now, and making new ones.

A made PIN is drawn uniformly from all codes of its length and thrown back while it breaks a rule,
is weak, or is taken; so every code that is left is equally likely.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any, Final

import sqlalchemy as sa

from gateway.access.context import Context
from gateway.errors import Conflict, InvalidInput
from gateway.store.tables import access_code, device, entry
from protocols.doorlock.constraints import CodeConstraint, CodeForm, CodeRequest, Violation
from protocols.doorlock.constraints import request_violations as violations
from protocols.doorlock.zone import LocalZone
from protocols.profiles.parser import Profile

# Draws before a device counts as having no PIN left. The tightest space is four digits without
# weak ones; even 95 % full of codes, 200 draws fail together once in 30,000 times.
DRAWS_MAX: Final = 200
# Digits of a made PIN where the device leaves a choice: 900,000 codes, and still easy to type.
USUAL_LENGTH: Final = 6
# Different digits that a PIN has at least: 1111 and 1212 are the first that somebody tries.
_UNIQUE_DIGITS_MIN: Final = 3
# The sentence for a door that codes can't be programmed on.
NO_ONLINE_CODES: Final = "The device can't program online access codes"
# Rules about a code's name or window: no other digits help.
_NAME_RULES: Final = (CodeConstraint.NAME_LENGTH, CodeConstraint.NAME_MUST_BE_UNIQUE)
_SENTENCES: Final = {
    CodeForm.DIGITS_ONLY: "Must be digits",
    CodeForm.SUPPORTED_LENGTH: "Must have a length that the device supports",
    CodeForm.SAME_LENGTH: "Must have as many digits as the other codes of the device",
    CodeConstraint.PIN_CODE_MATCHES_EXISTING_SET: "Must be a code that the account uses already",
    CodeConstraint.CANNOT_SPECIFY_PIN_CODE: "The device's vendor makes the codes: leave it out",
    CodeConstraint.NAME_LENGTH: "Must have a length that the device supports",
    CodeConstraint.NAME_MUST_BE_UNIQUE: "Must be unique on the device",
    CodeConstraint.START_DATE_IN_FUTURE: "Must be in the future",
}


_SAME_CODE: Final = (
    sa.select(access_code.c.code)
    .where(
        access_code.c.device_id == sa.bindparam("device_id"),
        access_code.c.code == sa.bindparam("code"),
        access_code.c.access_code_id != sa.bindparam("own_code_id"),
    )
    .limit(1)
)
_ACCOUNT: Final = (
    sa.select(device.c.connected_account_id)
    .where(device.c.device_id == sa.bindparam("device_id"))
    .scalar_subquery()
)
_CODES_OF_ACCOUNT: Final = (
    sa.select(access_code.c.code)
    .distinct()
    .join(device, device.c.device_id == access_code.c.device_id)
    .where(device.c.connected_account_id == _ACCOUNT, access_code.c.code.is_not(None))
    .order_by(access_code.c.code)
)
_LEFT: Final = (
    sa.select(entry.c.entry_id)
    .where(entry.c.device_id == sa.bindparam("device_id"), entry.c.code == sa.bindparam("code"))
    .limit(1)
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A device that a PIN is for, and when: None leaves a side of the window open.

    Attributes:
        device_id: The device.
        profile: Its facts.
        name: Name of the code.
        starts_at_ms: Start of its window.
        ends_at_ms: End of its window.
        local: The local time that the device keeps; None when nobody can rely on it.
        own_code_id: The access code that asks, if it exists: its own PIN is not in its way.
    """

    device_id: str
    profile: Profile
    name: str | None = None
    starts_at_ms: int | None = None
    ends_at_ms: int | None = None
    local: LocalZone | None = None
    own_code_id: str = ""


def check_takes_codes(door: Door, *, field: str = "device_id") -> None:
    """Refuse a device that the gateway can't program codes on.

    Args:
        door: The device.
        field: The parameter that names it.

    Raises:
        InvalidInput: It has no keypad, or takes no codes from outside.
    """
    if not door.profile.online_codes:
        raise InvalidInput(NO_ONLINE_CODES, fields={field: NO_ONLINE_CODES})


def check_code(conn: sa.Connection, ctx: Context, door: Door, code: str) -> None:
    """Refuse a PIN that a caller chose and that the device does not take.

    Raises:
        InvalidInput: It breaks a rule of the device.
        Conflict: The device has it already (`duplicate_access_code`).
    """
    check_rules(conn, ctx, door, code, is_specified=True)
    if not is_free(conn, ctx, door, code):
        raise Conflict(
            "An access code with this code already exists on this device",
            error_type="duplicate_access_code",
        )


def check_rules(
    conn: sa.Connection, ctx: Context, door: Door, code: str, *, is_specified: bool
) -> None:
    """Refuse a PIN, name or start that breaks a rule of the device.

    Raises:
        InvalidInput: Names each parameter at fault.
    """
    broken = _violations(conn, ctx, door, code, is_specified=is_specified)
    if broken:
        fields: dict[str, str] = {}
        for rule in broken:
            fields.setdefault(_field(rule), _SENTENCES.get(rule, f"Breaks {rule.value}"))
        raise InvalidInput("The device does not take this access code", fields=fields)


def broken_surroundings(conn: sa.Connection, ctx: Context, door: Door) -> dict[str, str]:
    """What is wrong with a code's name or start whatever its digits: parameter to sentence."""
    broken = _violations(conn, ctx, door, "0" * door.profile.shortest_code, is_specified=False)
    fields = {_field(rule): _SENTENCES.get(rule, f"Breaks {rule.value}") for rule in broken}
    return {name: sentence for name, sentence in fields.items() if name != "code"}


def takes(conn: sa.Connection, ctx: Context, door: Door, code: str, *, is_specified: bool) -> bool:
    """True when a device takes a PIN now."""
    return not _violations(conn, ctx, door, code, is_specified=is_specified) and is_free(
        conn, ctx, door, code
    )


def generate(
    conn: sa.Connection,
    ctx: Context,
    doors: Sequence[Door],
    *,
    preferred_length: int | None = None,
) -> str | None:
    """A PIN that every one of some devices takes now; None when there is none, or hardly any.

    Args:
        conn: The connection.
        ctx: The context; its stream `codes` is drawn from.
        doors: The devices; at least one.
        preferred_length: Digits, where all devices take that length.
    """
    length = shared_length([_lengths(conn, door) for door in doors], preferred_length)
    if length is None:
        return None
    for _ in range(DRAWS_MAX):
        code = f"{ctx.codes.randrange(10**length):0{length}d}"
        if is_weak(code):
            continue
        if all(
            takes(conn, ctx, door, code, is_specified=False)
            and not _is_left_on(conn, door.device_id, code)
            for door in doors
        ):
            return code
    return None


def shared_length(
    lengths_of_doors: Sequence[Collection[int]], preferred: int | None
) -> int | None:
    """Digits of a made PIN: the preferred length, the usual one, or the longest that all take.

    Args:
        lengths_of_doors: What each device takes; at least one device.
        preferred: What the caller would like.
    """
    lengths = set(lengths_of_doors[0]).intersection(*lengths_of_doors[1:])
    if not lengths:
        return None
    return next((one for one in (preferred, USUAL_LENGTH) if one in lengths), max(lengths))


def _lengths(conn: sa.Connection, door: Door) -> Collection[int]:
    """Numbers of digits that a device takes now: of those it can, the one that it has, if any."""
    lengths = door.profile.code_lengths
    if not door.profile.same_length:
        return lengths
    held = {len(code) for code in _other_codes(conn, door)}
    return held.intersection(lengths) if held else lengths


def is_weak(code: str) -> bool:
    """True for codes that are tried first: few digits, straight runs, one block repeated."""
    if len(set(code)) < min(_UNIQUE_DIGITS_MIN, len(code)):
        return True
    steps = {(int(right) - int(left)) % 10 for left, right in pairwise(code)}
    if steps in ({1}, {9}):
        return True
    blocks = (length for length in range(1, len(code) // 2 + 1) if len(code) % length == 0)
    return any(code == code[:length] * (len(code) // length) for length in blocks)


def is_free(conn: sa.Connection, ctx: Context, door: Door, code: str) -> bool:
    """True when no access code of the device has that PIN, at any time or in that window."""
    query = _SAME_CODE
    if ctx.policy.allow_disjoint_duplicates:
        query = query.where(_overlaps(door))
    values = {"device_id": door.device_id, "code": code, "own_code_id": door.own_code_id}
    return conn.execute(query, values).first() is None


def _is_left_on(conn: sa.Connection, device_id: str, code: str) -> bool:
    """True when an entry that outlived its access code may still have that PIN on the device."""
    return conn.execute(_LEFT, {"device_id": device_id, "code": code}).first() is not None


def _overlaps(door: Door) -> sa.ColumnElement[bool]:
    """Codes whose window has an instant in common with a door's; open sides reach for ever."""
    clauses: list[sa.ColumnElement[bool]] = [sa.true()]
    if door.starts_at_ms is not None:
        clauses.append(
            sa.or_(
                access_code.c.ends_at_ms.is_(None), access_code.c.ends_at_ms > door.starts_at_ms
            )
        )
    if door.ends_at_ms is not None:
        clauses.append(
            sa.or_(
                access_code.c.starts_at_ms.is_(None),
                access_code.c.starts_at_ms < door.ends_at_ms,
            )
        )
    return sa.and_(*clauses)


def _violations(
    conn: sa.Connection, ctx: Context, door: Door, code: str, *, is_specified: bool
) -> tuple[Violation, ...]:
    rules = door.profile.code_constraints
    names = door.profile.name_length
    return violations(
        CodeRequest(
            code=code,
            is_specified=is_specified,
            existing_set=_existing_set(conn, door),
            other_codes=_other_codes(conn, door),
            is_same_length=door.profile.same_length,
            name=door.name,
            name_length_min=0 if names is None else names.min_length,
            name_length_max=None if names is None else names.max_length,
            other_names=_other_names(conn, door),
            starts_at_ms=door.starts_at_ms if door.ends_at_ms is not None else None,
            now_ms=ctx.now_ms,
        ),
        door.profile.code_lengths,
        rules,
    )


def _other_codes(conn: sa.Connection, door: Door) -> tuple[str, ...]:
    """The PINs that a device has or gets besides this one, where a rule needs to know them."""
    rule = CodeConstraint.UNIQUE_FIRST_FOUR_DIGITS
    if not door.profile.same_length and rule not in door.profile.code_constraints:
        return ()
    left = sa.select(entry.c.code).where(
        entry.c.device_id == door.device_id,
        entry.c.entry_id != door.own_code_id,
    )
    found = conn.execute(_others(door, access_code.c.code).union(left))
    return tuple(sorted(str(code) for code in found.scalars()))


def _existing_set(conn: sa.Connection, door: Door) -> tuple[str, ...] | None:
    """The PINs in use on any device of the account, where a rule needs to know them."""
    if CodeConstraint.PIN_CODE_MATCHES_EXISTING_SET not in door.profile.code_constraints:
        return None
    found = conn.execute(_CODES_OF_ACCOUNT, {"device_id": door.device_id})
    return tuple(str(code) for code in found.scalars())


def _other_names(conn: sa.Connection, door: Door) -> tuple[str, ...]:
    """The names of a device's other codes, where a rule needs to know them."""
    if CodeConstraint.NAME_MUST_BE_UNIQUE not in door.profile.code_constraints:
        return ()
    found = conn.execute(_others(door, access_code.c.name))
    return tuple(str(name) for name in found.scalars())


def _others(door: Door, column: sa.Column[str]) -> sa.Select[Any]:
    """A column of the device's other access codes, where it says anything."""
    return sa.select(column).where(
        access_code.c.device_id == door.device_id,
        access_code.c.access_code_id != door.own_code_id,
        column.is_not(None),
    )


def _field(rule: Violation) -> str:
    if rule in _NAME_RULES:
        return "name"
    return "starts_at" if rule is CodeConstraint.START_DATE_IN_FUTURE else "code"
