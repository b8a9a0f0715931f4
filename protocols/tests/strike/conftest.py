"""Strategies and a joined pair of sessions, given to tests as fixtures."""

from __future__ import annotations

import dataclasses
import enum
import typing
from typing import Any

import pytest
from hypothesis import strategies as st

from protocols.strike.messages import EVENTS, MESSAGES, REPLIES, REPLY, REQUESTS
from protocols.wire.layout import fields_of

INTEGERS = {
    "u8": (0, 0xFF),
    "u16": (0, 0xFFFF),
    "u32": (0, 0xFFFFFFFF),
    "s16": (-0x8000, 0x7FFF),
}


def values_of(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Any value of a message or record whose layout has a word for each field."""
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = {field.name: word_values(field.word, hints[field.name]) for field in fields_of(kind)}
    return st.builds(kind, **fields)


def word_values(word: str, hint: Any) -> st.SearchStrategy[Any]:
    if word in INTEGERS:
        return st.integers(*INTEGERS[word])
    if word.startswith("enum8"):
        number_class: type[enum.IntEnum] = typing.get_args(hint)[0]
        return st.one_of(st.sampled_from(number_class), st.integers(0, 0xFF).map(number_class))
    if word.startswith("bytes["):
        size = int(word[6:-1])
        return st.binary(min_size=size, max_size=size)
    if word == "u8 length + bytes":
        return st.binary(max_size=40)
    if word == "u8 length + UTF-8 text":
        return st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    assert "records" in word, word
    record = typing.get_args(typing.get_args(hint)[0])[0]
    return st.lists(values_of(record), max_size=4).map(tuple)


@dataclasses.dataclass(frozen=True)
class Strategies:
    """Strategies for messages; `replies_to` gives those that may answer a request."""

    any_message: st.SearchStrategy[Any]
    request: st.SearchStrategy[Any]
    event: st.SearchStrategy[Any]
    by_number: dict[int, st.SearchStrategy[Any]]

    def replies_to(self, request: object) -> st.SearchStrategy[Any]:
        number = next(key for key, kind in REQUESTS.items() if kind is type(request))
        fitting = [REPLY, REPLY | number]
        return st.one_of(*(self.by_number[key] for key in fitting if key in REPLIES))


def _build() -> Strategies:
    by_number = {number: values_of(kind) for number, kind in MESSAGES.items()}
    return Strategies(
        any_message=st.one_of(*by_number.values()),
        request=st.one_of(*(by_number[number] for number in REQUESTS)),
        event=st.one_of(*(by_number[number] for number in EVENTS)),
        by_number=by_number,
    )


STRATEGIES = _build()


@pytest.fixture(scope="session")
def messages() -> Strategies:
    return STRATEGIES
