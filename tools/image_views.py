"""What is in an image of a flash, as tables for people and as a document for programs.

Views of a memory may show PINs (DESIGN D22); nothing here goes anywhere but to who asked.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from firmware_sim.flash.esp_nvs import read_esp_nvs
from firmware_sim.flash.littlefs_image import read_littlefs
from firmware_sim.flash.nor import NorFlash
from tools.errors import ToolError
from tools.flash_images import ImageFormat, NvsShape, mounted, nvs_shape
from tools.image_tables import (
    ImageView,
    Table,
    documents,
    hex_of,
    nvs_rows,
    without_blank_runs,
)
from tools.lock_image_view import (
    lock_view,
    record_tables,
    record_things,
    records_document,
    records_in,
)

# Characters of a text that a table shows.
_TEXT_MAX: Final = 72


def view_image(
    image: bytes,
    kind: ImageFormat,
    *,
    sector_bytes: int | None = None,
    write_block: int | None = None,
) -> ImageView:
    """View an image.

    Raises:
        ImageUnreadable: When it is none of that format.
        ToolError: When no NVS is in it.
    """
    match kind:
        case ImageFormat.LOCK:
            return lock_view(image)
        case ImageFormat.ESP_NVS:
            return _esp_view(image)
        case ImageFormat.LITTLEFS:
            return _littlefs_view(image)
        case ImageFormat.ZEPHYR_NVS:
            shape = nvs_shape(image, sector_bytes=sector_bytes, write_block=write_block)
            if shape is None:
                raise ToolError(
                    f"no NVS item is in these {len(image)} bytes; "
                    "name its sectors with --sector-bytes and --write-block"
                )
            return _zephyr_view(image, shape)


def _zephyr_view(image: bytes, shape: NvsShape) -> ImageView:
    contents = mounted(image, shape).contents()
    flash = NorFlash(shape.geometry)
    flash.load(image)
    geometry = shape.geometry
    rows = nvs_rows(flash, 0, geometry.sector_count, shape.settings)
    sectors = Table(
        "Sectors",
        ("SECTOR", "STATE", "ENTRIES", "USED"),
        tuple((number, state, entries, used) for _, number, state, entries, used, _ in rows),
    )
    items = Table(
        "Items",
        ("ID", "BYTES", "DATA"),
        tuple(
            (f"{item_id:#06x}", "-" if data is None else str(len(data)), hex_of(data))
            for item_id, data in sorted(contents.items())
        ),
    )
    crc = "with" if shape.settings.data_crc else "without"
    summary = (
        f"Zephyr NVS, {geometry.sector_count} sectors of {geometry.sector_size} bytes, "
        f"{crc} data CRC: {len(contents)} items"
    )
    document: dict[str, Any] = {
        "format": ImageFormat.ZEPHYR_NVS.value,
        "sector_bytes": geometry.sector_size,
        "write_block": geometry.write_block,
        "data_crc": shape.settings.data_crc,
        "items": {
            f"{item_id:#06x}": None if data is None else data.hex()
            for item_id, data in sorted(contents.items())
        },
        "sectors": documents(sectors),
    }
    tables: tuple[Table, ...] = (items, without_blank_runs(sectors, column=0))
    things = {
        f"item {item_id:#06x}": {"data": "damaged" if data is None else data.hex()}
        for item_id, data in contents.items()
    }
    records = records_in(image, shape)
    if records is not None:
        tables = (*record_tables(records), *tables)
        document |= records_document(records)
        things = record_things(records)
    return ImageView(summary, tables, document, things)


def _esp_view(image: bytes) -> ImageView:
    read = read_esp_nvs(image)
    items = Table(
        "Items",
        ("NAMESPACE", "KEY", "TYPE", "VALUE"),
        tuple(
            (item.namespace, item.key, item.kind.name.lower(), _value(item.value))
            for item in read.items
        ),
    )
    pages = Table(
        "Pages",
        ("PAGE", "STATE", "SEQUENCE", "VERSION", "WRITTEN", "ERASED"),
        tuple(
            (
                str(page.number),
                page.state.name.lower(),
                str(page.sequence) if page.entries else "-",
                page.version.name.lower() if page.entries else "-",
                str(page.written),
                str(page.erased),
            )
            for page in read.pages
        ),
    )
    problems = Table("Problems", ("WHAT",), tuple((problem,) for problem in read.problems))
    things = {
        f"{item.namespace}/{item.key}": {
            "type": item.kind.name.lower(),
            "value": _whole_value(item.value),
        }
        for item in read.items
    }
    document = {
        "format": ImageFormat.ESP_NVS.value,
        "items": [
            {
                "namespace": item.namespace,
                "key": item.key,
                "type": item.kind.name.lower(),
                "value": item.value.hex() if isinstance(item.value, bytes) else item.value,
            }
            for item in read.items
        ],
        "pages": documents(pages),
        "problems": list(read.problems),
    }
    summary = f"ESP-IDF NVS, {len(read.pages)} pages: {len(read.items)} items"
    return ImageView(summary, (items, pages, problems), document, things)


def _littlefs_view(image: bytes) -> ImageView:
    files = read_littlefs(image)
    table = Table(
        "Files",
        ("PATH", "BYTES", "CONTENT"),
        tuple((path, str(len(data)), hex_of(data)) for path, data in sorted(files.items())),
    )
    document = {
        "format": ImageFormat.LITTLEFS.value,
        "files": {path: data.hex() for path, data in sorted(files.items())},
    }
    things = {
        path: {"bytes": str(len(data)), "sha256": hashlib.sha256(data).hexdigest()[:16]}
        for path, data in files.items()
    }
    return ImageView(f"littlefs: {len(files)} files", (table,), document, things)


def _value(value: int | str | bytes) -> str:
    if isinstance(value, bytes):
        return hex_of(value)
    text = _whole_value(value)
    return text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]} ..."


def _whole_value(value: int | str | bytes) -> str:
    if isinstance(value, bytes):
        return value.hex()
    # Control characters of a hostile image must not reach a terminal.
    return str(value).encode("unicode_escape", "backslashreplace").decode("ascii")
