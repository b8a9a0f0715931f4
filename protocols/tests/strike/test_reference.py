"""The reference page says what the declarations say, and its examples are true bytes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from protocols.errors import LocalProtocolError
from protocols.strike.fragment import Fragmenter
from protocols.strike.messages import MESSAGES, REQUESTS
from protocols.strike.notes import FIELD_NOTES
from protocols.strike.provider import PlaintextProvider
from protocols.strike.reference import BLOCK, RECORDS, block_names, fill, render
from protocols.strike.session import (
    EventReceived,
    ReplyReceived,
    RequestReceived,
    Role,
    Session,
)
from protocols.strike.worked_examples import EXAMPLES
from protocols.wire.layout import fields_of

PAGE = "docs/reference/strike.md"


@pytest.fixture(scope="module")
def page(pytestconfig: pytest.Config) -> str:
    text: str = (pytestconfig.rootpath / PAGE).read_text(encoding="utf-8")
    return text


def test_page_when_filled_again_then_unchanged(page: str) -> None:
    # When a declaration changed on purpose: write fill(page) back into the file.
    assert fill(page) == page


def test_page_when_searched_then_it_has_every_block_once(page: str) -> None:
    found = [match["name"] for match in BLOCK.finditer(page)]
    assert sorted(found) == sorted(block_names())


def test_notes_when_compared_with_the_declarations_then_none_is_missing_or_left_over() -> None:
    used: set[str] = set()
    for kind in (*RECORDS, *MESSAGES.values()):
        for field in fields_of(kind):
            full = f"{kind.__name__}.{field.name}"
            used.add(full if full in FIELD_NOTES else field.name)
    assert sorted(used) == list(FIELD_NOTES)


def hex_lines(page: str, label: str) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for match in BLOCK.finditer(page):
        kind, _, name = match["name"].partition(" ")
        if kind == "example":
            lines = re.findall(rf"^{label} +([0-9a-f ]+)$", match[0], re.MULTILINE)
            found[name] = [bytes.fromhex(line) for line in lines]
    return found


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_when_its_message_is_cut_then_the_fragments_are_those_of_the_page(
    page: str, name: str
) -> None:
    (message,) = hex_lines(page, "message")[name]
    assert message == EXAMPLES[name].frame()
    assert hex_lines(page, "MTU 23")[name] == Fragmenter(23).split(message)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_when_its_fragments_are_received_then_they_are_its_message(
    page: str, name: str
) -> None:
    example = EXAMPLES[name]
    is_request = type(example.message) in REQUESTS.values()
    side = Session(Role.RESPONDER if is_request else Role.INITIATOR, PlaintextProvider(), 23)
    asked: Any = EXAMPLES["GetStatus" if name == "DeviceStatus" else "SetCredential"].message
    if not is_request:
        while side.last_transaction < example.transaction:
            side.send(asked, 0.0)
    events = [
        event
        for fragment in hex_lines(page, "MTU 23")[name]
        for event in side.receive(fragment, 0.0)
    ]
    if is_request:
        assert events == [RequestReceived(example.transaction, example.message)]
    elif example.transaction:
        assert events == [ReplyReceived(example.transaction, asked, example.message)]
    else:
        assert events == [EventReceived(example.message)]


def test_page_when_searched_for_hex_then_all_of_it_is_in_checked_blocks(page: str) -> None:
    outside = BLOCK.sub("", page)
    assert not re.search(r"\b[0-9a-f]{2}( [0-9a-f]{2}){3,}", outside)


def test_layout_when_a_field_varies_then_later_offsets_are_left_open() -> None:
    rows = [line.split(" | ")[:2] for line in render("layout SetUser").splitlines()]
    assert rows[-2:] == [["| 8", "varies"], ["| ", "varies"]]


@pytest.mark.parametrize("name", ["", "gat", "layout Nothing", "enum Nothing", "example X", "a b"])
def test_render_when_there_is_no_such_block_then_local_error(name: str) -> None:
    with pytest.raises(LocalProtocolError, match="no block"):
        render(name)


def test_fill_when_a_block_is_stale_then_it_is_replaced() -> None:
    stale = "a\n<!-- rendered: enum RecordKind -->\nold\n<!-- end rendered -->\nb\n"
    filled = fill(stale)
    assert "old" not in filled
    assert "| 0x02 | CREDENTIAL |" in filled
    assert fill(filled) == filled
    assert filled.startswith("a\n<!--")
    assert filled.endswith("-->\nb\n")
