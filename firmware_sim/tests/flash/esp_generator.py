"""Espressif's own generator of NVS images, as a peer."""

from __future__ import annotations

import io
from collections.abc import Iterable

from esp_idf_nvs_partition_gen import nvs_partition_gen as generator

from firmware_sim.flash.esp_layout import EspType
from firmware_sim.flash.esp_nvs import EspItem

V1: int = generator.Page.VERSION1
V2: int = generator.Page.VERSION2
# What it raises when an image has no room, or for a string that it can't place.
TooMuch = (generator.InsufficientSizeError, generator.PageFullError)
# One page stays erased; with fewer than three there is none to spare.
PAGE = 4096


def generated(items: Iterable[EspItem], size: int, version: int = V2) -> bytes:
    """The image that the generator makes of these items."""
    read_only = size < 3 * PAGE
    image = io.BytesIO()
    usable = size if read_only else size - PAGE
    with generator.nvs_open(image, usable, version, read_only=read_only) as made:
        namespace = None
        for item in items:
            if item.namespace != namespace:
                generator.write_entry(made, item.namespace, "namespace", "", "")
                namespace = item.namespace
            generator.write_entry(made, item.key, "data", *_cell(item))
    return image.getvalue().ljust(size, b"\xff")


def _cell(item: EspItem) -> tuple[str, str]:
    """Encoding and value as a line of its CSV has them."""
    if isinstance(item.value, bytes):
        return "hex2bin", item.value.hex()
    if isinstance(item.value, str):
        return "string", item.value
    return item.kind.name.lower(), str(item.value)


NUMBER_KINDS = [kind for kind in EspType if kind.is_number]
