from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect, Request

from gateway.api.fields import Parameters
from gateway.api.models.access_codes import CreateAccessCode, GetAccessCode, ListAccessCodes
from gateway.api.models.access_grants import CreateAccessGrant
from gateway.api.models.devices import EnterCode, GetDevice, ListDevices
from gateway.api.models.events import ListEvents
from gateway.api.models.user_identities import CreateUserIdentity
from gateway.api.parameters import ParameterReader
from gateway.errors import InvalidInput

LIMIT = 10_000


def request_of(query: str = "", body: bytes | None = None, *, chunked: bool = False) -> Request:
    """A request as a server hands it over, its body in pieces of three bytes."""
    headers = []
    if body is not None:
        name = b"transfer-encoding" if chunked else b"content-length"
        headers.append((name, b"chunked" if chunked else str(len(body)).encode()))
    pieces = [body[start : start + 3] for start in range(0, len(body or b""), 3)] if body else []
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    scope = {
        "type": "http",
        "method": "POST",
        "headers": headers,
        "query_string": query.encode(),
        "path": "/",
    }
    return Request(scope, receive)


async def read(model: type[Parameters], body: object = None, query: str = "") -> Any:
    raw = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return await ParameterReader(model).read(request_of(query, raw), body_bytes_max=LIMIT)


async def refusal(
    model: type[Parameters], body: object = None, query: str = ""
) -> Mapping[str, str]:
    with pytest.raises(InvalidInput) as caught:
        await read(model, body, query)
    assert caught.value.error_type == "invalid_input"
    return caught.value.fields


async def test_read_when_both_name_a_parameter_then_the_body_wins() -> None:
    parameters = await read(GetDevice, {"name": "body"}, "name=query&device_id=d")
    assert (parameters.name, parameters.device_id) == ("body", "d")


async def test_read_when_there_is_no_body_then_the_query_alone_counts() -> None:
    assert (await read(GetDevice, None, "name=a")).name == "a"
    assert (await read(GetDevice, b"  \n", "name=a")).name == "a"
    assert (await read(GetDevice, b"", "name=a")).name == "a"


async def test_read_when_the_body_comes_in_chunks_then_it_is_read_whole() -> None:
    request = request_of("", b'{"name": "front door"}', chunked=True)
    parameters = await ParameterReader(GetDevice).read(request, body_bytes_max=LIMIT)
    assert parameters.name == "front door"


async def test_read_when_a_parameter_is_unknown_then_it_is_ignored() -> None:
    assert (await read(GetDevice, {"name": "a", "colour": "\u0000", "deep": [[]]})).name == "a"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b'{"name": "\\ud800"}',
        b'{"name": NaN}',
        b'{"name": 1' + b"0" * 5000 + b"}",
        b'{"name": ' + b"[" * 3000 + b"]" * 3000 + b"}",
    ],
)
async def test_read_when_the_body_is_no_json_then_the_request_as_a_whole_is_at_fault(
    body: bytes,
) -> None:
    assert await refusal(GetDevice, body) == {"": "Invalid JSON"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"[]", "array"),
        (b'"x"', "string"),
        (b"1", "number"),
        (b"null", "null"),
        (b"true", "boolean"),
    ],
)
async def test_read_when_the_body_is_no_object_then_it_says_what_it_is(
    body: bytes, kind: str
) -> None:
    assert await refusal(GetDevice, body) == {"": f"Expected object, received {kind}"}


async def test_read_when_the_body_is_too_long_then_it_is_refused_before_it_is_kept() -> None:
    fields = await refusal(GetDevice, b'{"name": "' + b"x" * LIMIT + b'"}')
    assert fields == {"": "Body must contain at most 10000 byte(s)"}


async def test_read_when_the_client_leaves_then_that_is_what_is_raised() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    scope = {
        "type": "http",
        "method": "POST",
        "headers": [(b"content-length", b"10")],
        "query_string": b"",
    }
    with pytest.raises(ClientDisconnect):
        await ParameterReader(GetDevice).read(Request(scope, receive), body_bytes_max=LIMIT)


@pytest.mark.parametrize(
    ("body", "query"),
    [
        ({"name": "a\u0000b"}, ""),
        (None, "name=a%00b"),
        ({"name": "a", "device_id": "\u0000"}, ""),
    ],
)
async def test_read_when_text_holds_a_nul_then_its_parameter_is_at_fault(
    body: object, query: str
) -> None:
    fields = await refusal(GetDevice, body, query)
    assert list(fields.values()) == ["String must not contain a NUL character"]


async def test_read_when_a_nul_lies_deep_inside_then_it_is_found() -> None:
    body = {"custom_metadata_has": {"a": "1", "b\u0000": "2"}, "device_ids": ["a"]}
    fields = await refusal(ListDevices, body)
    assert list(fields) == ["custom_metadata_has"]
    assert list(await refusal(ListDevices, {"device_ids": ["a", "\u0000"]})) == ["device_ids"]


CODE = {"device_id": "d"}
GRANT = {
    "user_identity_id": "u",
    "device_ids": ["d"],
    "requested_access_methods": [{"mode": "code"}],
}


@pytest.mark.parametrize(
    ("model", "body", "fields"),
    [
        (CreateAccessCode, {}, {"device_id": "Required"}),
        (CreateAccessCode, {"device_id": 7}, {"device_id": "Expected string, received number"}),
        (CreateAccessCode, {"device_id": None}, {"device_id": "Expected string, received null"}),
        (
            CreateAccessCode,
            {"device_id": {}, "sync": "true", "name": []},
            {
                "device_id": "Expected string, received object",
                "name": "Expected string, received array",
                "sync": "Expected boolean, received string",
            },
        ),
        (CreateAccessCode, {**CODE, "name": None}, {"name": "Expected string, received null"}),
        (
            CreateAccessCode,
            {**CODE, "name": "x" * 256},
            {"name": "String must contain at most 255 character(s)"},
        ),
        (
            CreateAccessCode,
            {**CODE, "code": "123"},
            {"code": "String must contain at least 4 character(s)"},
        ),
        (CreateAccessCode, {**CODE, "code": "12ab"}, {"code": "Must be digits"}),
        (
            CreateAccessCode,
            {**CODE, "code": "\uff11\uff12\uff13\uff14"},
            {"code": "Must be digits"},
        ),
        (CreateAccessCode, {**CODE, "code": "1234\n"}, {"code": "Must be digits"}),
        (CreateAccessCode, {**CODE, "code": 1234}, {"code": "Expected string, received number"}),
        (CreateAccessCode, {**CODE, "starts_at": "2025-07-13"}, {"starts_at": "Invalid datetime"}),
        (
            CreateAccessCode,
            {**CODE, "ends_at": 5},
            {"ends_at": "Expected string, received number"},
        ),
        (
            CreateAccessCode,
            {**CODE, "max_time_rounding": "2h"},
            {"max_time_rounding": ("Invalid enum value. Expected '1hour' | '1day' | '1h' | '1d'")},
        ),
        (
            CreateAccessCode,
            {**CODE, "preferred_code_length": 10**400},
            {"preferred_code_length": "Number is out of range"},
        ),
        (
            CreateAccessCode,
            {**CODE, "preferred_code_length": 4.5},
            {"preferred_code_length": "Expected integer, received float"},
        ),
        (
            CreateAccessCode,
            {**CODE, "preferred_code_length": True},
            {"preferred_code_length": "Expected number, received boolean"},
        ),
        (
            ListDevices,
            {"limit": -1},
            {"limit": "Number must be greater than or equal to 0"},
        ),
        (ListDevices, {"limit": "5"}, {"limit": "Expected number, received string"}),
        (ListDevices, {"search": ""}, {"search": "String must contain at least 1 character(s)"}),
        (
            ListDevices,
            {"device_ids": ["x"] * 1001},
            {"device_ids": "Array must contain at most 1000 element(s)"},
        ),
        (
            ListDevices,
            {"device_ids": ["x", 1]},
            {"device_ids.1": "Expected string, received number"},
        ),
        (
            ListDevices,
            {"custom_metadata_has": {"a": 1}},
            {"custom_metadata_has": "Expected strings or booleans as values"},
        ),
        (
            ListDevices,
            {"custom_metadata_has": {str(n): "" for n in range(51)}},
            {"custom_metadata_has": "Object must contain at most 50 pairs"},
        ),
        (
            ListDevices,
            {"custom_metadata_has": "a"},
            {"custom_metadata_has": "Expected object, received string"},
        ),
        (
            ListEvents,
            {"between": ["2025-07-13T15:00:00Z"]},
            {"between": "Array must contain at least 2 element(s)"},
        ),
        (ListEvents, {"limit": 5}, {"": "Specify `since`, `between` or another filter"}),
        (
            GetAccessCode,
            {"device_id": "d"},
            {"": "Specify `access_code_id`, or `device_id` and `code`"},
        ),
        (
            CreateAccessGrant,
            {**GRANT, "requested_access_methods": [{"mode": "whistle"}, {}]},
            {
                "requested_access_methods.0.mode": (
                    "Invalid enum value. Expected 'code' | 'card' | 'mobile_key' | 'cloud_key'"
                ),
                "requested_access_methods.1.mode": "Required",
            },
        ),
        (
            CreateAccessGrant,
            {**GRANT, "requested_access_methods": ["code"]},
            {"requested_access_methods.0": "Expected object, received string"},
        ),
        (
            CreateAccessGrant,
            {**GRANT, "user_identity": {"full_name": "Jane"}},
            {"": "Specify either `user_identity_id` or `user_identity`"},
        ),
        (
            CreateAccessGrant,
            {**GRANT, "user_identity_id": "u", "device_ids": []},
            {"": "Specify `device_ids`, `acs_entrance_ids`, `space_ids` or `space_keys`"},
        ),
        (CreateUserIdentity, {"email_address": "jane"}, {"email_address": "Invalid email"}),
        (
            CreateUserIdentity,
            {"phone_number": "0123"},
            {"phone_number": "Invalid phone number: write it as in +14155550100"},
        ),
        (
            EnterCode,
            {"device_id": "x", "code": "12a"},
            {"code": "Must be digits, `*` or `#`"},
        ),
    ],
)
async def test_read_when_parameters_are_at_fault_then_each_is_named_in_the_documented_words(
    model: type[Parameters], body: object, fields: dict[str, str]
) -> None:
    assert await refusal(model, body) == fields


async def test_read_when_null_is_a_value_then_it_is_told_from_an_omission() -> None:
    grant = await read(CreateAccessGrant, {**GRANT, "ends_at": None, "name": None})
    assert grant.given("ends_at")
    assert grant.ends_at is None
    assert not (await read(CreateAccessGrant, GRANT)).given("ends_at")
    assert (await read(ListDevices, None, "page_cursor=&_strict=true")).page_cursor is None


async def test_read_when_a_number_has_a_zero_fraction_then_it_is_whole() -> None:
    assert (await read(ListDevices, {"limit": 20.0})).limit == 20
    assert (await read(ListDevices, b'{"limit": 2e1}')).limit == 20
    assert await refusal(ListDevices, b'{"limit": 1e999}') == {
        "limit": "Expected integer, received float"
    }


async def test_read_when_both_dialects_say_the_same_then_the_parameters_are_the_same() -> None:
    query = "custom_metadata_has.a=1&device_ids=x&device_ids=b&limit=5&_strict=true"
    body = {"device_ids": ["x", "b"], "custom_metadata_has": {"a": "1"}, "limit": 5}
    assert await read(ListDevices, None, query) == await read(ListDevices, body)


async def test_read_when_many_items_are_at_fault_then_the_reply_stays_small() -> None:
    assert len(await refusal(ListAccessCodes, {"access_code_ids": [1] * 900})) == 50


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(
    st.dictionaries(
        st.sampled_from([*CreateAccessGrant.model_fields, *ListEvents.model_fields]), JSON
    ),
    st.sampled_from([CreateAccessGrant, ListEvents]),
)
async def test_read_when_the_values_are_anything_then_nothing_but_a_refusal_is_raised(
    body: dict[str, Any], model: type[Parameters]
) -> None:
    try:
        parameters = await read(model, body)
    except InvalidInput as error:
        assert error.fields  # noqa: PT017 - either outcome is right.
    else:
        assert isinstance(parameters, model)
