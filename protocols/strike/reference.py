"""Renders the parts of the reference page that follow from the declarations.

The page holds blocks between two comment lines,

    <!-- rendered: layout SetUser -->
    <!-- end rendered -->

and `fill(page)` puts into each what the declarations say today. Text comes in and text goes out;
a test compares the page with its own filling, so page and code can't drift apart.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from protocols.doorlock import vocabulary
from protocols.errors import LocalProtocolError
from protocols.strike import gatt, limits
from protocols.strike.explain import ExplainedField, explain
from protocols.strike.features import Feature
from protocols.strike.fragment import Fragmenter
from protocols.strike.frame import FrameFlag, FrameHeader
from protocols.strike.messages import (
    EVENTS,
    MESSAGES,
    REPLIES,
    REPLY,
    REQUESTS,
    LogRecord,
    OccupiedRecord,
    StatusReply,
)
from protocols.strike.notes import note_of
from protocols.strike.tags import CredentialStatusTag
from protocols.strike.transaction import RESTING, TRANSITIONS, Role, State, Step
from protocols.strike.worked_examples import EXAMPLES, WorkedExample
from protocols.wire.layout import Tlv, fields_of

BLOCK: Final = re.compile(
    r"(<!-- rendered: (?P<name>[^>]+?) -->\n).*?(<!-- end rendered -->)", re.DOTALL
)

# Records that are no messages, but have a layout of their own.
RECORDS: Final = (FrameHeader, Tlv, OccupiedRecord, LogRecord, gatt.AdvertisingData)

ENUMS: Final[Mapping[str, type[enum.IntEnum | enum.IntFlag]]] = MappingProxyType(
    {
        kind.__name__: kind
        for kind in (
            vocabulary.Status,
            vocabulary.UserStatus,
            vocabulary.UserType,
            vocabulary.CredentialType,
            vocabulary.DaysMask,
            vocabulary.LockState,
            vocabulary.DoorState,
            vocabulary.OperatingMode,
            vocabulary.LockOperationType,
            vocabulary.OperationSource,
            vocabulary.AlarmCode,
            vocabulary.AccessDeniedReason,
            vocabulary.BatteryLevel,
            vocabulary.ClockQuality,
            vocabulary.RecordKind,
            vocabulary.LogEvent,
            CredentialStatusTag,
            Feature,
            FrameFlag,
            gatt.AdvertisingFlag,
        )
    }
)

_LIMITS: Final = (
    ("ATT_MTU_MIN", "octets of the smallest ATT MTU"),
    ("ATT_VALUE_SIZE_MAX", "octets of the longest ATT value"),
    ("SEQUENCE_COUNT", "numbers of the fragment sequence"),
    ("FRAGMENT_COUNT_MAX", "fragments of one message, and of all unanswered requests together"),
    ("MESSAGE_SIZE_MAX", "bytes of the longest message, header and parts included"),
    ("BODY_SIZE_MAX", "bytes of the longest body in a sealed frame"),
    ("OCCUPIED_PAGE_MAX", "records in one OccupiedList"),
    ("LOG_PAGE_MAX", "records in one LogPage"),
    ("TRANSACTION_MAX", "largest transaction number"),
    ("OPEN_REQUESTS_MAX", "requests that may wait for a reply at once"),
)


def fill(page: str) -> str:
    """The page with every rendered block as the declarations say.

    Raises:
        LocalProtocolError: When it names a block that does not exist.
    """
    return BLOCK.sub(lambda match: f"{match[1]}{render(match['name'])}\n{match[3]}", page)


def block_names() -> Iterator[str]:
    """The names of all blocks; the page has each of them once."""
    yield from ("gatt", "limits", "messages")
    yield from (f"layout {kind.__name__}" for kind in (*RECORDS, *MESSAGES.values()))
    yield from (f"enum {name}" for name in ENUMS)
    yield from (f"transitions {role.value}" for role in Role)
    yield from (f"example {name}" for name in EXAMPLES)


def render(name: str) -> str:
    """The Markdown of one block, without a line feed at its end.

    Args:
        name: One of `block_names`.

    Raises:
        LocalProtocolError: When there is no such block.
    """
    layouts = {kind.__name__: kind for kind in (*RECORDS, *MESSAGES.values())}
    roles = {role.value: role for role in Role}
    match name.split(" ", 1):
        case ["gatt"]:
            return "\n".join(_gatt())
        case ["limits"]:
            return _table(
                ("bound", "value", "meaning"),
                ((f"`{key}`", str(getattr(limits, key)), text) for key, text in _LIMITS),
            )
        case ["messages"]:
            return _table(("type", "message", "from", "answered by"), _messages())
        case ["layout", kind] if kind in layouts:
            return _layout(layouts[kind])
        case ["enum", kind] if kind in ENUMS:
            rows = ((f"{item.value:#04x}", item.name or "") for item in ENUMS[kind])
            return _table(("value", "name"), rows)
        case ["transitions", role] if role in roles:
            return "\n".join(_diagram(roles[role]))
        case ["example", example] if example in EXAMPLES:
            return "\n".join(_example(EXAMPLES[example]))
        case _:
            raise LocalProtocolError(f"the reference has no block {name!r}")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _gatt() -> Iterator[str]:
    yield _table(
        ("what", "UUID or number", "properties"),
        (
            ("service", f"`{gatt.SERVICE_UUID}`", "primary, advertised"),
            ("COMMAND", f"`{gatt.COMMAND_UUID}`", "write, write without response"),
            ("EVENT", f"`{gatt.EVENT_UUID}`", "notify"),
            ("company identifier", f"`{gatt.COMPANY_ID:#06x}`", "of the manufacturer data"),
        ),
    )


def _messages() -> Iterator[tuple[str, ...]]:
    for number, kind in REQUESTS.items():
        reply = REPLIES.get(REPLY | number, StatusReply)
        yield f"{number:#04x}", kind.__name__, "gateway", reply.__name__
    for source in (EVENTS, REPLIES):
        for number, kind in source.items():
            yield f"{number:#04x}", kind.__name__, "lock", "-"


def _layout(kind: type) -> str:
    """A table of fields; the offset is known up to the first field of varying size."""
    rows: list[tuple[str, ...]] = []
    offset: int | None = 0
    for field in fields_of(kind):
        size = "varies" if field.size is None else str(field.size)
        at = "" if offset is None else str(offset)
        rows.append((at, size, f"`{field.name}`", field.word, note_of(kind.__name__, field.name)))
        offset = None if offset is None or field.size is None else offset + field.size
    return _table(("offset", "size", "field", "word", "meaning"), rows)


def _diagram(role: Role) -> Iterator[str]:
    """The transition table of a role as a Mermaid state diagram."""
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {RESTING[role].name}"
    for state, step, target in _reachable(role):
        yield f"    {state.name} --> {target.name}: {step.value}"
    yield "```"


def _reachable(role: Role) -> Iterator[tuple[State, Step, State]]:
    seen = [RESTING[role]]
    for state in seen:
        for (source, step), target in TRANSITIONS.items():
            if source is state:
                yield source, step, target
                if target not in seen:
                    # The loop goes on over what is appended here.
                    seen.append(target)


def _example(example: WorkedExample) -> Iterator[str]:
    data = example.frame()
    yield "```text"
    yield f"message      {data.hex(' ')}"
    for fragment in Fragmenter(limits.ATT_MTU_MIN).split(data):
        yield f"MTU 23       {fragment.hex(' ')}"
    yield ""
    for field in explain(data, reveal=True).message:
        yield from _example_lines(field, "")
    yield "```"


def _example_lines(field: ExplainedField, indent: str) -> Iterator[str]:
    if field.children:
        yield f"{indent}{field.name}  {field.meaning}".rstrip()
        for child in field.children:
            yield from _example_lines(child, indent + "  ")
    else:
        yield f"{indent}{field.offset:3}  {field.name:18} {field.raw_hex}  {field.meaning}"
