"""The reference pages say what the code says."""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from pathlib import Path

import pytest
from starlette.routing import Route

from firmware_sim.locks.outcome import EntryReason
from gateway.api.routes.table import ROUTES
from gateway.errors import AccessError
from hil_tests.bench import Bench
from hil_tests.bench_api import build_bench_api
from hil_tests.sim_bench import SimBench
from tools.tests.docs_flash import FLASH_RENDERERS, LAYOUTS, ring_example
from tools.tests.docs_reference import BLOCK, PAGES, ROOT, TABLES, fill, parsers

REFERENCE = ROOT / "docs" / "reference"
# The gateway's source, of which some facts are literals: error types and event types.
SOURCES = sorted(path for path in (ROOT / "gateway").rglob("*.py") if "tests" not in path.parts)


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def literals(pattern: str) -> set[str]:
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCES)
    return set(re.findall(pattern, text))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_page_when_filled_again_then_unchanged(path: Path) -> None:
    # When the code changed on purpose: python -m tools.tests.docs_reference
    text = path.read_text(encoding="utf-8")
    assert fill(text) == text


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_mark_of_a_page_belongs_to_a_block(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    blocks = len(list(BLOCK.finditer(text)))
    assert (text.count("<!-- rendered: "), text.count("<!-- end rendered")) == (blocks, blocks)


def test_pages_leave_nothing_out() -> None:
    rendered = {match["name"] for path in PAGES for match in BLOCK.finditer(page(path.stem))}
    nouns = {route.path.split("/")[1] for route in ROUTES}
    packages = ("protocols", "gateway", "firmware_sim", "hil_tests", "tools")
    assert rendered == {
        *(f"verb {name}" for name in parsers()),
        *(f"table {name}" for name in TABLES),
        *(f"routes {noun}" for noun in nouns),
        *(f"errors {package}" for package in packages),
        "bench-errors",
        "exit-codes",
        "profile-overview",
        "profile-fields",
        "profile-facts",
        "variables",
        *(f"flash-layout {name}" for name in LAYOUTS),
        *(name for name in FLASH_RENDERERS if name != "flash-layout"),
    }


def test_ring_of_the_page_is_as_it_is_drawn() -> None:
    """The one layout of the flash that is drawn in words: header, then slots of whole records."""
    data = ring_example()
    sequence, first_index, chain, crc = struct.unpack_from("<II4sI", data)
    assert (sequence, first_index, chain) == (0, 0, bytes(4))
    assert crc == zlib.crc32(data[:12])
    assert len(data) == 16 + 20
    assert hashlib.sha256(chain + data[16:32]).digest()[:4] == data[32:]


def test_every_verb_has_a_heading() -> None:
    headings = re.findall(r"^## (.+)$", page("cli"), re.MULTILINE)
    assert set(parsers()) <= set(headings)


def test_environment_variables_are_all_told() -> None:
    found = set()
    for package in ("gateway", "hil_tests", "tools"):
        for path in (ROOT / package).rglob("*.py"):
            if "tests" not in path.parts:
                text = path.read_text(encoding="utf-8")
                found |= set(re.findall(r'"(STRIKEPLATE_[A-Z_]+)"', text))
    told = set(re.findall(r"`(STRIKEPLATE_[A-Z_<>]+)`", page("cli")))
    assert found <= told


def test_bench_routes_are_those_of_the_bench() -> None:
    table, _, _ = page("bench").partition("### Advance")
    told = set()
    for match in re.finditer(r"^\| `([A-Z]+) (/bench\S*)`((?:, `[A-Z]+`)*)", table, re.MULTILINE):
        methods = [match[1], *re.findall(r"`([A-Z]+)`", match[3])]
        told |= {(method, match[2]) for method in methods}
    # Only its routes are looked at; none is asked.
    api = build_bench_api(Bench.__new__(Bench))
    served = {
        (method, route.path_format)
        for route in api.routes
        if isinstance(route, Route)
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert told == served


def test_error_types_of_the_api_are_all_told() -> None:
    types = literals(r'error_type="([a-z_]+)"') | literals(r'error_reply\(\s*\d+,\s*"([a-z_]+)"')
    types |= {f"{resource}_not_found" for resource in literals(r'NotFound\("([a-z_]+)"')}
    # One workspace and one owner of a device there are in this version: nobody can meet these.
    types -= {"workspace_not_found", "device_already_exists"}
    _, _, told = page("seam-api").partition("## Errors\n")
    assert types <= set(re.findall(r"`([a-z_]+)`", told))


def test_statuses_of_the_error_tree_are_all_told() -> None:
    _, _, told = page("seam-api").partition("## Errors\n")
    statuses = set(re.findall(r"^\| (\d{3}) ", told, re.MULTILINE))
    # Forbidden is for credentials of other kinds, which are not there.
    kinds = [kind for kind in AccessError.__subclasses__() if kind.__name__ != "Forbidden"]
    assert {str(kind.http_status) for kind in kinds} <= statuses


def test_event_types_are_all_told() -> None:
    objects = "access_code|access_grant|access_method|device|lock"
    types = literals(rf'"((?:{objects})\.[a-z_]+)"')
    # These name a field of an object to an API list, not something that happened.
    types -= {name for name in types if name.endswith("_id")}
    told = set(re.findall(rf"`((?:{objects}|action_attempt)\.[a-z_.]+)`", page("seam-api")))
    assert types <= told


def test_codes_of_errors_and_warnings_are_all_told() -> None:
    codes = literals(r'"(?:error_code|warning_code)",\s*"([a-z_]+)"')
    codes -= {"error_code", "warning_code"}
    told = set(re.findall(r"`([a-z_]+)`", page("seam-api")))
    assert codes <= told


def test_reasons_of_the_keypad_are_all_told() -> None:

    told = set(re.findall(r"^\| `([a-z_]+)` \|", page("bench"), re.MULTILINE))
    assert {reason.value for reason in EntryReason} <= told


def test_fixtures_and_what_a_bench_offers_are_all_told() -> None:
    how_to = (ROOT / "docs" / "how-to" / "test-in-virtual-time.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(?:await )?(?:bench\.)?(\w+)", how_to, re.MULTILINE))
    source = (ROOT / "hil_tests" / "fixtures.py").read_text(encoding="utf-8")
    fixtures = set(re.findall(r"fixture.*\n(?:async )?def (\w+)", source))
    # Whoever opens a bench closes it; that is not for tests.
    members = {name for name in vars(SimBench) if not name.startswith("_")} - {"aclose"}
    assert fixtures | members <= told
