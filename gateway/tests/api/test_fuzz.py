"""Anything at all as parameters: never a fault of ours, always the documented form."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.api.declaration import Route
from gateway.api.routes.table import ROUTES
from gateway.tests.api.house import JIT, LATCH, NATIVE, House
from gateway.tests.api.required import check_reply

TEXT = st.text(max_size=20) | st.sampled_from(
    [JIT, LATCH, NATIVE, "", "\x00", "1234", "2025-07-13T15:00:00Z", "2025-08-13T15:00:00+02:00"]
)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
BODIES = st.binary(max_size=60) | JSON.map(
    lambda value: httpx.Request("POST", "http://x", json=value).content
)


def parameters_of(route: Route[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with the route's own names: right types as often as wrong ones."""
    names = sorted(route.parameters.model_fields)
    if not names:
        return st.just({})
    likely = {
        "device_id": st.sampled_from([JIT, LATCH, NATIVE]),
        "device_ids": st.lists(st.sampled_from([JIT, LATCH, NATIVE]), max_size=3),
        "requested_access_methods": st.just([{"mode": "code"}]),
        "user_identity": st.fixed_dictionaries({"full_name": TEXT}),
    }
    fields = {name: likely.get(name, JSON) | JSON for name in names}
    return st.fixed_dictionaries({}, optional=fields)


def assert_sound(response: httpx.Response) -> None:
    assert response.status_code < 500, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["seam-request-id"].startswith("request")
    body = response.json()
    if response.status_code == 200:
        check_reply(body)
        return
    assert response.status_code in {400, 404, 405, 409}
    assert set(body) == {"error", "ok"}
    assert body["ok"] is False
    error = body["error"]
    assert isinstance(error["type"], str)
    assert isinstance(error["message"], str)
    assert ("validation_errors" in error) == (response.status_code == 400)
    if "validation_errors" in error:
        _assert_tree(error["validation_errors"])


def _assert_tree(tree: dict[str, Any]) -> None:
    assert isinstance(tree["_errors"], list)
    assert all(isinstance(one, str) for one in tree["_errors"])
    for name, inner in tree.items():
        if name != "_errors":
            _assert_tree(inner)


Ask = Callable[[], Coroutine[Any, Any, httpx.Response]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
async def test_route_when_its_parameters_are_anything_then_the_reply_is_sound(
    house: House, route: Route[Any], data: st.DataObject
) -> None:
    method = data.draw(st.sampled_from([one.value for one in route.methods]))
    parameters = data.draw(parameters_of(route))
    response = await house.client.request(method, route.path, json=parameters)
    assert_sound(response)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, route=st.sampled_from(ROUTES))
async def test_route_when_its_body_is_anything_then_the_reply_is_sound(
    house: House, body: bytes, route: Route[Any]
) -> None:
    assert_sound(await house.client.post(route.path, content=body))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    route=st.sampled_from(ROUTES),
    data=st.data(),
    is_strict=st.booleans(),
)
async def test_route_when_its_query_is_anything_then_the_reply_is_sound(
    house: House, route: Route[Any], data: st.DataObject, *, is_strict: bool
) -> None:
    names = st.sampled_from([*sorted(route.parameters.model_fields), "x", "_strict"])
    pairs = data.draw(st.lists(st.tuples(names, st.sampled_from(["", "[]", ".a", "[1]"]), TEXT)))
    query = "&".join(f"{name}{suffix}={quote(value)}" for name, suffix, value in pairs)
    if is_strict:
        query += "&_strict=true"
    assert_sound(await house.client.request(route.methods[0].value, f"{route.path}?{query}"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.text(max_size=30).map(lambda text: "/" + quote(text)),
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]),
)
async def test_path_when_it_is_anything_then_the_reply_is_sound(
    house: House, path: str, method: str
) -> None:
    assert_sound(await house.client.request(method, path))


async def test_routes_when_many_ask_at_once_then_each_gets_its_own_reply(house: House) -> None:
    async def ask(number: int) -> None:
        body = await house.call("/user_identities/create", user_identity_key=f"key-{number}")
        assert body["user_identity"]["user_identity_key"] == f"key-{number}"

    async with asyncio.TaskGroup() as tasks:
        for number in range(50):
            tasks.create_task(ask(number), name=f"caller-{number}")
    body = await house.call("/user_identities/list")
    assert len(body["user_identities"]) == 50
