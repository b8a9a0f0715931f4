from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seam.strict_url_search_params_serializer import serialize_url_search_params

from gateway.api.query import parse_query
from gateway.api.shapes import Kind, Shape
from gateway.errors import InvalidInput

STRING = Shape(Kind.STRING)
SHAPES = {
    "name": STRING,
    "limit": Shape(Kind.NUMBER),
    "sync": Shape(Kind.BOOLEAN),
    "device_ids": Shape(Kind.ARRAY, items=STRING),
    "lengths": Shape(Kind.ARRAY, items=Shape(Kind.NUMBER)),
    "custom_metadata_has": Shape(Kind.OBJECT),
    "user_identity": Shape(
        Kind.OBJECT, properties={"full_name": STRING, "tags": Shape(Kind.ARRAY, items=STRING)}
    ),
}


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("", {}),
        ("name=a&_strict=true", {"name": "a"}),
        ("name=Jane+Doe%21&_strict=true", {"name": "Jane Doe!"}),
        ("name=+a+&_strict=true", {"name": " a "}),
        ("name=&_strict=true", {"name": None}),
        ("device_ids=a&device_ids=b&_strict=true", {"device_ids": ["a", "b"]}),
        ("device_ids=a&_strict=true", {"device_ids": ["a"]}),
        ("device_ids=a,b&_strict=true", {"device_ids": ["a,b"]}),
        ("device_ids=&_strict=true", {"device_ids": []}),
        ("device_ids[]=a&_strict=true", {}),
        ("limit=20&_strict=true", {"limit": 20}),
        ("limit=20.5&_strict=true", {"limit": 20.5}),
        ("limit=2e1&_strict=true", {"limit": 20.0}),
        ("limit=-1&_strict=true", {"limit": -1}),
        ("limit=many&_strict=true", {"limit": "many"}),
        ("limit=1&limit=2&_strict=true", {"limit": ["1", "2"]}),
        ("lengths=4&lengths=6&_strict=true", {"lengths": [4, 6]}),
        ("sync=true&_strict=true", {"sync": True}),
        ("sync=false&_strict=true", {"sync": False}),
        ("sync=yes&_strict=true", {"sync": "yes"}),
        ("sync=True&_strict=true", {"sync": "True"}),
        ("custom_metadata_has.a=1&_strict=true", {"custom_metadata_has": {"a": "1"}}),
        (
            "custom_metadata_has.a=1&custom_metadata_has.b=&_strict=true",
            {"custom_metadata_has": {"a": "1", "b": None}},
        ),
        ("custom_metadata_has=&_strict=true", {"custom_metadata_has": None}),
        ("custom_metadata_has=x&_strict=true", {"custom_metadata_has": "x"}),
        (
            "user_identity.full_name=Jane&user_identity.tags=a&_strict=true",
            {"user_identity": {"full_name": "Jane", "tags": ["a"]}},
        ),
        ("unknown=1&un.known=2&_strict=true", {}),
    ],
)
def test_parse_when_strict_then_only_the_serializers_forms_count(
    query: str, values: dict[str, Any]
) -> None:
    assert parse_query(query, SHAPES) == values


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("name=+a+", {"name": "a"}),
        ("name=++", {"name": None}),
        ("device_ids=a,b", {"device_ids": ["a", "b"]}),
        ("device_ids=a, b", {"device_ids": ["a", "b"]}),
        ("device_ids=a&device_ids=b,c", {"device_ids": ["a", "b,c"]}),
        ("device_ids[]=a&device_ids[]=b", {"device_ids": ["a", "b"]}),
        ("device_ids[0]=a&device_ids[1]=b", {"device_ids": ["a", "b"]}),
        ("device_ids=", {"device_ids": []}),
        ("name[]=a", {}),
        ("sync=YES", {"sync": True}),
        ("sync=1", {"sync": True}),
        ("sync=no", {"sync": False}),
        ("sync=0", {"sync": False}),
        ("sync=perhaps", {"sync": "perhaps"}),
        ("limit=+20+", {"limit": 20}),
        ("lengths=4,6", {"lengths": [4, 6]}),
        ("_strict=false&sync=yes", {"sync": True}),
    ],
)
def test_parse_when_not_strict_then_what_people_type_counts_too(
    query: str, values: dict[str, Any]
) -> None:
    assert parse_query(query, SHAPES) == values


def test_parse_when_objects_nest_then_dots_reach_into_them() -> None:
    query = "custom_metadata_has.a.b=1&custom_metadata_has.a.c=2&custom_metadata_has.a=3"
    assert parse_query(query, SHAPES) == {"custom_metadata_has": {"a": "3"}}
    turned = "custom_metadata_has.a=3&custom_metadata_has.a.c=2"
    assert parse_query(turned, SHAPES) == {"custom_metadata_has": {"a": {"c": "2"}}}


def test_parse_when_dots_nest_deeply_then_it_is_refused() -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_query("custom_metadata_has." + "a." * 5000 + "b=1", SHAPES)
    assert refusal.value.fields == {"custom_metadata_has": "Nested too deeply"}


def test_parse_when_there_are_thousands_of_parameters_then_it_is_refused() -> None:
    with pytest.raises(InvalidInput, match="more than 5000 parameters"):
        parse_query("&".join(f"a{n}=1" for n in range(5001)), SHAPES)


LETTERS = st.characters(codec="utf-8")
SENDABLE = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(LETTERS, min_size=1),
        "limit": st.integers(-(2**50), 2**50)
        | st.floats(-1e9, 1e9).map(lambda number: round(number, 6)),
        "sync": st.booleans(),
        "device_ids": st.lists(st.text(LETTERS, min_size=1)),
        "lengths": st.lists(st.integers(0, 100)),
        "custom_metadata_has": st.dictionaries(
            st.text(st.characters(codec="utf-8", exclude_characters="."), min_size=1),
            st.text(LETTERS, min_size=1),
            min_size=1,
        ),
    },
)


@given(SENDABLE)
def test_parse_when_the_official_serializer_wrote_the_query_then_its_values_come_back(
    values: dict[str, Any],
) -> None:
    assert parse_query(serialize_url_search_params(values), SHAPES) == values


@given(st.text(st.sampled_from("name_sync.limit[]=&%0+,_strict=true" + "\x00é")))
def test_parse_when_the_query_is_anything_then_json_values_come_out(query: str) -> None:
    values = parse_query(query, SHAPES)
    assert set(values) <= set(SHAPES)
    json.dumps(values)
