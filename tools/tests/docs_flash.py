"""Renders the reference page of a lock's flash from the code that reads and writes it."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from firmware_sim.flash.nor import NorFlash
from firmware_sim.flash.nvs_entry import Entry
from firmware_sim.hardware.rtc import RtcState
from firmware_sim.memory import audit_ring
from firmware_sim.memory.audit_ring import AuditRing, chain_value
from firmware_sim.memory.flash_file import new_memory
from firmware_sim.memory.flash_map import FlashArea, FlashMap
from firmware_sim.memory.flash_memory import _LAST_RECORD_ID, FlashMemory
from firmware_sim.memory.item_store import _BATCH_ID, _SCRATCH_ID
from firmware_sim.memory.meta import FactoryRecord, factory_record, flash_map_of
from firmware_sim.memory.pins import credential_record
from firmware_sim.memory.record_index import FIRST_RECORD_ID
from firmware_sim.memory.record_layout import FlashRecord, RecordForm, encode_record
from firmware_sim.memory.records import (
    DeviceState,
    FirstUse,
    HashedCredentialContent,
    Record,
)
from firmware_sim.memory.state_items import (
    _CLOCK_MOVE,
    _FIRST_USES_ID,
    _FIRST_USES_ITEMS,
    _ITEMS,
    ClockMove,
    FirstUsesItem,
)
from gateway.profiles import load_profiles
from protocols.doorlock.digest import (
    CredentialContent,
    HolidayContent,
    RecordKey,
    UserContent,
    WeekDayContent,
    YearDayContent,
)
from protocols.doorlock.vocabulary import (
    ClockQuality,
    CredentialType,
    LogEvent,
    OperationSource,
    RecordKind,
)
from protocols.profiles.vocabulary import PinStorage
from protocols.strike.records import LogRecord
from protocols.wire.layout import codec, fields_of
from tools.tests.docs_markdown import attributes, code, sentence, table

# What lies in flash, by the name under which the page asks for it.
LAYOUTS: Final[Mapping[str, type]] = MappingProxyType(
    {
        kind.__name__: kind
        for kind in (
            Entry,
            FlashRecord,
            UserContent,
            CredentialContent,
            HashedCredentialContent,
            YearDayContent,
            WeekDayContent,
            HolidayContent,
            *(item.codec.message for item in _ITEMS),
            ClockMove,
            FirstUsesItem,
            FirstUse,
            LogRecord,
            FactoryRecord,
        )
    }
)
# The profile whose lock is the example.
PROFILE: Final = "generic-hashed"
# Of the examples: slot 3 holds this PIN under revision 7, and the salt is 00 01 02 ...
PIN: Final = b"8315402"
SALT: Final = bytes(range(16))
_KEY: Final = RecordKey(RecordKind.CREDENTIAL, 3, CredentialType.PIN)
_REVISION: Final = 7
_CLOCK: Final = RtcState(
    true_us=0, device_us=0, utc_offset_min=0, quality=ClockQuality.TRUSTED, is_running=True
)
_LINE_BYTES: Final = 16


def flash_map(_: str) -> str:
    """The areas of a lock."""
    found = _factory_map()
    rows = [
        (
            code(area.value),
            f"`{found.offset(area):#07x}`",
            str(found.size(area)),
            _sectors(found, area),
        )
        for area in FlashArea
    ]
    return table(("area", "begins at", "bytes", "sectors"), rows)


def _sectors(found: FlashMap, area: FlashArea) -> str:
    return f"{found.sector_count(area)} of {found.sector_bytes} bytes"


def flash_ids(_: str) -> str:
    """What each id of NVS holds."""
    found = {
        f"{_BATCH_ID:#06x}": "batch: a change of several items, while it is being made",
        f"{_SCRATCH_ID:#06x}": "scratch: a count that nobody reads, written when power is back",
        f"{FIRST_RECORD_ID:#06x} to {_LAST_RECORD_ID:#06x}": (
            "records, `FlashRecord`, in the order in which their keys were first written"
        ),
    }
    for item in (*_ITEMS, _CLOCK_MOVE):
        kind = item.codec.message
        found[f"{item.item_id:#06x}"] = f"`{kind.__name__}`: {sentence(kind.__doc__)}"
    last = _FIRST_USES_ID + _FIRST_USES_ITEMS - 1
    found[f"{_FIRST_USES_ID:#06x} to {last:#06x}"] = (
        f"`FirstUsesItem`: {sentence(FirstUsesItem.__doc__)} The item of a code is that of its "
        f"slot modulo {_FIRST_USES_ITEMS}."
    )
    return table(("id", "item"), [(code(each), found[each]) for each in sorted(found)])


def flash_layout(name: str) -> str:
    """The fields of one layout."""
    kind = LAYOUTS[name]
    meanings = attributes(kind)
    rows, offset = [], "0"
    for field in fields_of(kind):
        size = "" if field.size is None else str(field.size)
        row = [offset, size, code(field.name), field.word]
        rows.append([*row, meanings.get(field.name, "")] if meanings else row)
        # Behind a field whose length varies there is no fixed place.
        offset = str(int(offset) + field.size) if offset and field.size is not None else ""
    header = ("offset", "size", "field", "word", *(["meaning"] if meanings else []))
    return table(header, rows)


def flash_forms(_: str) -> str:
    """How contents are kept, each with the bytes of one record."""
    rows = [
        (str(form.value), code(form.name.lower()), _spaced(_example(form))) for form in RecordForm
    ]
    return table(("form", "name", "record, in hex"), rows)


def flash_ring(_: str) -> str:
    """The layout of the audit ring, and the first bytes of one."""
    text = inspect.getdoc(audit_ring) or ""
    drawn = text.partition("little-endian:\n\n")[2].partition("\n\nWith")[0]
    return f"```text\n{textwrap.dedent(drawn)}\n```\n"


def flash_ring_example(_: str) -> str:
    """The first sector of a ring with one record in it, in hex."""
    return _dump(ring_example())


def flash_meta_example(_: str) -> str:
    """The meta area of the example, in hex."""
    found = _factory_map()
    data = _memory().flash.read(found.offset(FlashArea.META), found.size(FlashArea.META))
    return _dump(data.rstrip(b"\xff"))


def ring_example() -> bytes:
    """The bytes in use of a ring's first sector, after one record."""
    found = FlashMap()
    flash = NorFlash(found.geometry)
    draft = LogRecord(
        index=0,
        utc_s=805_464_000,
        event=LogEvent.LOCK_OPERATION,
        source=OperationSource.KEYPAD,
        detail=1,
        clock_quality=ClockQuality.TRUSTED,
        user_index=3,
        credential_index=3,
        chain=bytes(4),
    )
    body = codec(LogRecord).encode(draft)
    entry = codec(LogRecord).decode(body[:-4] + chain_value(bytes(4), body))
    AuditRing(flash, found, capacity=1).append(entry)
    return flash.read(found.offset(FlashArea.AUDIT), found.sector_bytes).rstrip(b"\xff")


def _example(form: RecordForm) -> bytes:
    content = CredentialContent(user_index=3, credential_data=PIN)
    records = {
        RecordForm.CLEAR: _credential(PinStorage.CLEAR, content),
        RecordForm.HASHED: _credential(PinStorage.HASHED, content),
        RecordForm.TOMBSTONE: Record.tombstone(_KEY, _REVISION),
    }
    record = records[form]
    return encode_record(record.key, record.revision, record.form, record.stored_content)


def _credential(storage: PinStorage, content: CredentialContent) -> Record:
    return credential_record(_memory(), storage, _KEY, _REVISION, content)


def _factory() -> FactoryRecord:
    profile = load_profiles()[PROFILE]
    return factory_record(profile, serial_number="C00000000001", salt=SALT)


def _factory_map() -> FlashMap:
    return flash_map_of(_factory())


def _memory() -> FlashMemory:
    return new_memory(_factory(), DeviceState(clock=_CLOCK))


def _spaced(data: bytes) -> str:
    return code(data.hex(" "))


def _dump(data: bytes) -> str:
    lines = [
        f"{at:04x}  {data[at : at + _LINE_BYTES].hex(' ')}"
        for at in range(0, len(data), _LINE_BYTES)
    ]
    return "```text\n" + "\n".join(lines) + "\n```\n"


FLASH_RENDERERS: Final = MappingProxyType(
    {
        "flash-map": flash_map,
        "flash-ids": flash_ids,
        "flash-layout": flash_layout,
        "flash-forms": flash_forms,
        "flash-ring": flash_ring,
        "flash-ring-example": flash_ring_example,
        "flash-meta-example": flash_meta_example,
    }
)
