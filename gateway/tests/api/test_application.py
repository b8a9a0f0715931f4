from __future__ import annotations

import dataclasses
import inspect
import logging
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route as StarletteRoute

from gateway.api.declaration import Route
from gateway.api.off import off_app
from gateway.api.routes.table import ROUTES
from gateway.errors import DeviceTimeout, StoreError
from gateway.tests.api.house import House
from gateway.tests.api.required import assert_refused

# Every documented method of the routes of this gateway (reference of the API, section 2), as data
# of our own: dropping one of them breaks a dialect of the SDKs.
DOCUMENTED = {
    "/access_codes/create": "POST",
    "/access_codes/create_multiple": "POST,PUT",
    "/access_codes/delete": "DELETE,POST",
    "/access_codes/generate_code": "GET,POST",
    "/access_codes/get": "GET,POST",
    "/access_codes/list": "GET,POST",
    "/access_codes/update": "PATCH,POST,PUT",
    "/access_grants/create": "POST",
    "/access_grants/delete": "DELETE,POST",
    "/access_grants/get": "GET,POST",
    "/access_grants/get_related": "GET,POST",
    "/access_grants/list": "GET,POST",
    "/access_grants/update": "PATCH,POST",
    "/access_methods/get": "GET,POST",
    "/access_methods/get_related": "GET,POST",
    "/access_methods/list": "GET,POST",
    "/action_attempts/get": "GET,POST",
    "/action_attempts/list": "GET,POST",
    "/devices/get": "GET,POST",
    "/devices/list": "GET,POST",
    "/events/get": "GET,POST",
    "/events/list": "GET,POST",
    "/locks/get": "GET,POST",
    "/locks/list": "GET,POST",
    "/locks/lock_door": "POST",
    "/locks/simulate/keypad_code_entry": "POST",
    "/locks/unlock_door": "POST",
    "/user_identities/create": "POST",
    "/user_identities/get": "GET,POST",
    "/user_identities/list": "GET,POST",
    "/workspaces/get": "GET,POST",
}


def test_routes_when_declared_then_every_documented_method_is_registered() -> None:
    declared = {route.path: ",".join(sorted(route.methods)) for route in ROUTES}
    assert declared == DOCUMENTED


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_route_when_declared_then_its_flags_say_what_its_handler_returns(
    route: Route[Any],
) -> None:
    returned = inspect.get_annotations(route.handler)["return"]
    assert route.changes == (returned == "Changed")
    assert route.is_paged == (returned == "Listed")
    # What is answered with `ok` alone has no type; what has a key has one.
    assert bool(route.keys) == (route.shows is not None)


async def test_routes_when_walked_then_none_and_no_dependency_is_synchronous(house: House) -> None:
    walked = [route for route in house.app.routes if isinstance(route, StarletteRoute)]
    assert len(walked) == len(house.app.routes) == len(ROUTES) + 2
    for route in walked:
        assert inspect.iscoroutinefunction(route.endpoint), route.path
        # FastAPI's own routes have dependencies that could be synchronous; there are none.
        assert not isinstance(route, APIRoute), route.path


async def test_unknown_route_when_asked_for_then_it_is_told_in_json(house: House) -> None:
    for path in ("/", "/devices", "/devices/list/", "/acs/systems/list", "//devices/list"):
        assert_refused(await house.ask(path), 404, "not_found")


async def test_unknown_method_when_used_then_the_reply_names_those_allowed(house: House) -> None:
    response = await house.client.put("/devices/list")
    error = assert_refused(response, 405, "method_not_allowed")
    assert error["message"] == "This route takes GET, POST"
    assert response.headers["allow"] == "GET, POST"
    update = await house.client.delete("/access_codes/update")
    assert update.headers["allow"] == "POST, PATCH, PUT"
    assert_refused(await house.client.options("/devices/list"), 405, "method_not_allowed")
    assert_refused(await house.client.post("/health"), 405, "method_not_allowed")


async def test_health_when_asked_without_a_key_then_it_answers(house: House) -> None:
    response = await house.client.get("/health", headers={"authorization": ""})
    assert response.status_code == 200
    assert response.json() == {"status": "up", "now": "2025-07-10T12:00:00.000Z", "ok": True}


@dataclasses.dataclass(frozen=True)
class Report:
    is_store_ok: bool = True
    device_count: int = 3
    oldest_due_at_ms: int | None = 0


@pytest.mark.parametrize("report", [Report(), Report(is_store_ok=False)])
async def test_health_when_the_gateway_reports_then_the_reply_shows_it(
    house: House, report: Report
) -> None:
    async def probe() -> Report:
        return report

    house.rebuild(health=probe)
    response = await house.client.get("/health")
    if not report.is_store_ok:
        assert_refused(response, 503, "unavailable")
        return
    assert response.json() == {
        "status": "up",
        "now": "2025-07-10T12:00:00.000Z",
        "is_store_ok": True,
        "device_count": 3,
        "oldest_due_at": "1970-01-01T00:00:00.000Z",
        "ok": True,
    }


async def test_health_when_the_store_is_closed_then_it_says_so(house: House) -> None:
    await house.store.aclose()
    assert_refused(await house.client.get("/health"), 500, "internal_error")


async def test_request_id_when_requests_follow_then_each_has_its_own(house: House) -> None:
    ids = [(await house.client.get("/health")).headers["seam-request-id"] for _ in range(3)]
    assert len(set(ids)) == 3
    assert all(one.startswith("request_") and len(one) == 40 for one in ids)


async def test_request_id_when_drawn_then_it_shifts_no_ids_of_objects(house: House) -> None:
    before = house.randomness.stream("ids").getstate()
    await house.call("/devices/list")
    assert house.randomness.stream("ids").getstate() == before


async def test_fault_of_our_own_when_it_happens_then_the_reply_tells_nothing_of_it(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_: object) -> object:
        raise RuntimeError("PIN 4711 in an exception")

    monkeypatch.setattr(house.store, "read", broken)
    with caplog.at_level(logging.DEBUG):
        response = await house.client.get("/health")
    error = assert_refused(response, 500, "internal_error")
    assert "4711" not in response.text
    assert error["message"] == "An internal error occurred; it has been logged"
    [record] = [one for one in caplog.records if one.name == "gateway.api.envelope"]
    assert response.headers["seam-request-id"] in record.getMessage()
    assert "RuntimeError" in record.getMessage()
    assert "4711" not in caplog.text


async def test_fault_that_passes_when_it_happens_then_the_reply_says_to_try_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def late(_: object) -> object:
        raise DeviceTimeout(operation="GetStatus", limit_s=1)

    monkeypatch.setattr(house.store, "read", late)
    response = await house.client.get("/health")
    assert_refused(response, 503, "unavailable")
    assert response.headers["retry-after"] == "1"


async def test_fault_of_the_store_when_it_happens_then_it_is_our_own(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: object) -> object:
        raise StoreError("the store is full")

    monkeypatch.setattr(house.store, "read", broken)
    assert_refused(await house.client.get("/health"), 500, "internal_error")


async def test_fault_after_the_reply_began_when_it_happens_then_no_second_reply_follows(
    house: House,
) -> None:
    sent: list[str] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])
        if message["type"] == "http.response.body":
            raise OSError("the connection broke")

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    scope = _scope("GET", "/health")
    await house.app(scope, receive, send)
    assert sent == ["http.response.start", "http.response.body"]


async def test_client_that_leaves_when_its_body_is_awaited_then_nothing_is_answered(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[str] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    scope = _scope("POST", "/devices/list")
    scope["headers"] = [
        (b"authorization", house.client.headers["authorization"].encode()),
        (b"content-length", b"10"),
    ]
    with caplog.at_level(logging.INFO):
        await house.app(scope, receive, send)
    assert sent == []
    assert "the client left" in caplog.text


def _scope(method: str, path: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "server": ("127.0.0.1", 8420),
        "client": ("127.0.0.1", 1),
    }


async def test_preflight_when_a_browser_asks_then_the_sdks_headers_are_allowed(
    house: House,
) -> None:
    response = await house.client.options(
        "/devices/list",
        headers={
            "origin": "http://localhost:3000",
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,seam-workspace",
        },
    )
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert response.headers["access-control-allow-credentials"] == "true"
    assert response.headers["vary"] == "Origin"
    methods = response.headers["access-control-allow-methods"].split(", ")
    assert set(methods) == {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    headers = response.headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "content-type", "seam-workspace", "seam-lts-version"} <= set(headers)


async def test_browser_when_its_request_is_refused_then_it_may_read_why(house: House) -> None:
    response = await house.client.get(
        "/devices/get", headers={"origin": "https://app.example", "authorization": ""}
    )
    assert_refused(response, 401, "unauthorized")
    assert response.headers["access-control-allow-origin"] == "https://app.example"
    assert response.headers["access-control-expose-headers"] == "seam-request-id"


async def test_openapi_when_fetched_then_it_describes_every_declared_operation(
    house: House,
) -> None:
    document = (await house.client.get("/openapi.json", headers={"authorization": ""})).json()
    assert document["openapi"] == "3.1.0"
    found = {
        path: ",".join(sorted(method.upper() for method in item))
        for path, item in document["paths"].items()
    }
    assert found == DOCUMENTED
    operations = [
        one["operationId"] for item in document["paths"].values() for one in item.values()
    ]
    assert len(operations) == len(set(operations))
    _resolve_all(document, document)


def _resolve_all(node: Any, document: dict[str, Any]) -> None:
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str):
            name = reference.removeprefix("#/components/schemas/")
            assert name in document["components"]["schemas"], reference
        for inner in node.values():
            _resolve_all(inner, document)
    elif isinstance(node, list):
        for inner in node:
            _resolve_all(inner, document)


async def test_openapi_when_fetched_then_parameters_are_in_the_place_of_the_method(
    house: House,
) -> None:
    document = (await house.client.get("/openapi.json")).json()
    item = document["paths"]["/access_methods/get"]
    [parameter] = item["get"]["parameters"]
    assert parameter == {
        "name": "access_method_id",
        "in": "query",
        "required": True,
        "schema": {"type": "string"},
    }
    body = item["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["access_method_id"]
    update = document["paths"]["/access_grants/update"]["patch"]
    properties = update["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert properties["ends_at"] == {
        "anyOf": [{"format": "date-time", "type": "string"}, {"type": "null"}]
    }
    assert properties["starts_at"] == {"format": "date-time", "type": "string"}
    reply = item["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert reply["required"] == ["access_method", "ok"]


async def test_off_app_when_asked_anything_then_it_says_to_come_back() -> None:
    transport = httpx.ASGITransport(off_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
        for path in ("/devices/list", "/health", "/nowhere"):
            response = await client.post(path)
            assert_refused(response, 503, "unavailable")
            assert response.headers["retry-after"] == "1"


async def test_off_app_when_the_scope_is_no_request_then_it_does_nothing() -> None:
    async def receive() -> dict[str, Any]:
        raise AssertionError

    async def send(_: Any) -> None:
        raise AssertionError

    await off_app({"type": "lifespan"}, receive, send)


async def test_lifespan_when_a_server_asks_for_it_then_it_is_served(house: House) -> None:
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await house.app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
