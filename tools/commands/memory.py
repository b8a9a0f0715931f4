"""`strikeplate memory dump|load|show|diff`: what is in a lock's flash, on a bench or in a file.

These views show PINs, and dumps hold them (DESIGN D22): files are written for their owner only.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tools.bench_client import BenchClient
from tools.bench_options import add_bench_options
from tools.errors import UsageError
from tools.flash_images import (
    IMAGE_SUFFIXES,
    FileFormat,
    ImageFormat,
    detect,
    file_format,
    read_image,
    write_image,
)
from tools.image_tables import ImageView, Table
from tools.image_views import view_image
from tools.nvs_options import add_nvs_shape_options
from tools.output import Output, count

# The areas of a lock's flash (DESIGN D7), and all of them in one image.
AREAS: Final = ("nvs", "audit", "meta", "all")
# Addresses have 32 bits.
_BASE_MAX: Final = (1 << 32) - 1
# Characters of a value in the table of a comparison, and those of them that are the same.
_CELL_MAX: Final = 64
_SAME_MAX: Final = 16


def register(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Add the verb's actions and options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    dump = actions.add_parser("dump", parents=[shared], help="write a lock's flash to a file")
    _add_device(dump)
    dump.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="where to; Intel HEX when it ends with .hex",
    )
    dump.add_argument(
        "--format", type=_file_format, metavar="NAME", help="bin or hex, whatever FILE ends with"
    )
    dump.add_argument(
        "--base",
        type=_base,
        default=0,
        metavar="N",
        help="address of the first byte in Intel HEX, such as 0x7f000 (default: 0)",
    )
    dump.set_defaults(run=run_dump)
    load = actions.add_parser("load", parents=[shared], help="put a file into a lock's flash")
    _add_device(load)
    load.add_argument("file", type=Path, metavar="FILE", help="binary, or Intel HEX by its suffix")
    load.set_defaults(run=run_load)
    show = actions.add_parser("show", parents=[shared], help="show what is in a flash")
    show.add_argument("what", metavar="DEVICE|FILE", help="a lock on a bench, or an image")
    _add_view(show)
    show.set_defaults(run=run_show)
    diff = actions.add_parser("diff", parents=[shared], help="show how two flashes differ")
    diff.add_argument("a", metavar="A", help="a lock on a bench, or an image")
    diff.add_argument("b", metavar="B", help="another one")
    _add_view(diff)
    diff.set_defaults(run=run_diff)


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("device", metavar="DEVICE", help="name of the lock on the bench")
    parser.add_argument(
        "--area",
        type=_area,
        default="all",
        metavar="NAME",
        help=f"{', '.join(AREAS[:-1])} or all of the flash (default: %(default)s)",
    )
    add_bench_options(parser)


def _add_view(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        type=_image_format,
        metavar="NAME",
        help=f"{', '.join(ImageFormat)} (default: found out)",
    )
    add_nvs_shape_options(parser)
    add_bench_options(parser)


# --- actions --------------------------------------------------------------------------------


def run_dump(arguments: argparse.Namespace, output: Output) -> int:
    """Write a lock's flash to a file."""
    kept_as = file_format(arguments.output, arguments.format)
    if arguments.base and kept_as is not FileFormat.HEX:
        raise UsageError("--base is for Intel HEX: add --format hex")
    image = _of_device(arguments.device, arguments.area, arguments)
    write_image(arguments.output, image, kept_as, arguments.base)
    output.result(
        {
            "device": arguments.device,
            "area": arguments.area,
            "file": str(arguments.output),
            "format": kept_as.value,
            "bytes": len(image),
            "sha256": hashlib.sha256(image).hexdigest(),
        },
        f"{arguments.output}: {len(image)} bytes of {arguments.device} ({arguments.area})",
    )
    return 0


def run_load(arguments: argparse.Namespace, output: Output) -> int:
    """Put a file into a lock's flash; its power is cycled."""
    image = read_image(arguments.file)
    with BenchClient.of(arguments) as bench:
        bench.upload(_route(arguments.device), {"area": arguments.area}, image)
    output.result(
        {"device": arguments.device, "area": arguments.area, "bytes": len(image)},
        f"{arguments.device} ({arguments.area}): {len(image)} bytes loaded, power cycled",
    )
    return 0


def run_show(arguments: argparse.Namespace, output: Output) -> int:
    """Show what is in a flash."""
    view = _view(arguments.what, arguments)
    output.result(view.document, _printable(view.summary))
    for table in view.tables:
        _print(table, output)
    return 0


def run_diff(arguments: argparse.Namespace, output: Output) -> int:
    """Show how two flashes differ, thing by thing."""
    before, after = _view(arguments.a, arguments), _view(arguments.b, arguments)
    kinds = {view.document["format"] for view in (before, after)}
    if len(kinds) > 1:
        raise UsageError(f"{' and '.join(sorted(kinds))} can't be compared; name a --format")
    differences = tuple(_differences(before, after))
    things = len({thing for thing, *_ in differences})
    output.result(
        {
            "format": before.document["format"],
            "differences": [
                {"what": what, "field": field, "a": a, "b": b} for what, field, a, b in differences
            ],
        },
        f"{count(things, 'difference')}" if things else "no difference",
    )
    rows = tuple((what, field, *_cut_out(a, b)) for what, field, a, b in differences)
    _print(Table("", ("WHAT", "FIELD", "A", "B"), rows), output)
    return 0


def _differences(a: ImageView, b: ImageView) -> Iterator[tuple[str, str, str, str]]:
    for what in sorted({*a.things, *b.things}, key=_natural):
        before, after = a.things.get(what), b.things.get(what)
        if before is None:
            yield what, "-", "-", _told(after)
        elif after is None:
            yield what, "-", _told(before), "-"
        else:
            for field in dict.fromkeys((*before, *after)):
                old, new = before.get(field, "-"), after.get(field, "-")
                if old != new:
                    yield what, field, old, new


def _told(fields: dict[str, str] | None) -> str:
    return ", ".join(f"{name} {value}" for name, value in (fields or {}).items() if value != "-")


def _cut_out(a: str, b: str) -> tuple[str, str]:
    """What a table shows of two long values: the part in which they begin to differ."""
    pairs = zip(a, b, strict=False)
    same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
    first = max(0, same - _SAME_MAX) if max(len(a), len(b)) > _CELL_MAX else 0
    return _cut(a, first), _cut(b, first)


def _cut(text: str, first: int) -> str:
    part = text[first : first + _CELL_MAX]
    before, after = "... " if first else "", " ..." if len(text) > first + len(part) else ""
    return before + part + after


def _natural(what: str) -> tuple[tuple[int, int | str], ...]:
    """Slot 9 before slot 10."""
    words = what.replace("/", " ").replace(".", " ").split()
    return tuple((0, int(word)) if word.isdecimal() else (1, word) for word in words)


# --- where an image comes from --------------------------------------------------------------


def _view(what: str, arguments: argparse.Namespace) -> ImageView:
    path = Path(what)
    # What looks like a file is one, and else told as missing; a display name may hold a slash.
    is_file = path.is_file() or path.suffix.lower() in IMAGE_SUFFIXES
    image = read_image(path) if is_file else _of_device(what, "all", arguments)
    kind = detect(image) if arguments.format is None else arguments.format
    return view_image(
        image, kind, sector_bytes=arguments.sector_bytes, write_block=arguments.write_block
    )


def _of_device(name: str, area: str, arguments: argparse.Namespace) -> bytes:
    with BenchClient.of(arguments) as bench:
        return bench.download(_route(name), {"area": area})


def _route(name: str) -> str:
    return f"/bench/devices/{urllib.parse.quote(name)}/flash"


# --- telling --------------------------------------------------------------------------------


def _print(table: Table, output: Output) -> None:
    if not table.rows:
        return
    if table.title:
        output.say(f"\n{table.title}")
    output.table(table.header, [tuple(_printable(cell) for cell in row) for row in table.rows])


def _printable(text: str) -> str:
    """Text for a terminal: names in an image may hold anything."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


# --- options --------------------------------------------------------------------------------


def _area(text: str) -> str:
    if text not in AREAS:
        raise UsageError(f"--area must be one of {', '.join(AREAS)}, not {text[:40]!r}")
    return text


def _file_format(text: str) -> str:
    return _one_of(text, FileFormat)


def _image_format(text: str) -> ImageFormat:
    return ImageFormat(_one_of(text, ImageFormat))


def _one_of(text: str, known: Any) -> str:
    names = [str(name) for name in known]
    if text not in names:
        raise UsageError(f"--format must be one of {', '.join(names)}, not {text[:40]!r}")
    return text


def _base(text: str) -> int:
    try:
        base = int(text, 0)
    except ValueError:
        base = -1
    if not 0 <= base <= _BASE_MAX:
        raise UsageError(f"--base must be an address such as 0x7f000, not {text[:40]!r}")
    return base
