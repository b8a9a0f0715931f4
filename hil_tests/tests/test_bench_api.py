from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from firmware_sim.errors import SimulationError
from firmware_sim.kernel.loop import SimLoop
from hil_tests.bench import Bench
from hil_tests.bench_gate import BenchGate
from hil_tests.sim_bench import API_KEY, SimBench, SimOptions, sim_bench
from hil_tests.tests.paced_bench import small_bench

AUTHORIZED = {"authorization": f"Bearer {API_KEY}"}
REASONS = {
    "opened",
    "unknown_code",
    "outside_schedule",
    "disabled",
    "locked_out",
    "incomplete",
    "no_power",
}


def client_of(bench: Bench, headers: dict[str, str] = AUTHORIZED) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=BenchGate(bench, [API_KEY]))
    return httpx.AsyncClient(transport=transport, base_url="http://bench", headers=headers)


async def ask(
    bench: Bench, method: str, path: str, body: Any = None
) -> tuple[int, dict[str, Any]]:
    async with client_of(bench) as http:
        reply = await http.request(method, path, json=body)
    check_form(reply)
    return reply.status_code, dict(reply.json())


def check_form(reply: httpx.Response) -> None:
    """Every reply is a JSON object: `ok`, or an error as the Seam routes have it."""
    document = reply.json()
    assert isinstance(document, dict)
    assert document["ok"] is (reply.status_code == httpx.codes.OK)
    if reply.status_code != httpx.codes.OK:
        assert set(document) == {"error", "ok"}
        assert set(document["error"]) == {"type", "message"}
        assert document["error"]["message"]
        assert len(document["error"]["message"]) < 400


# --- what the routes do -----------------------------------------------------------------------


async def test_keypad_opens_and_tells_the_slot(small: SimBench) -> None:
    bench = small.bench
    gym = bench.device("gym").spec.device_id
    await small.call("/access_codes/create", device_id=gym, code="482915")
    for name in ("gym", "The%20Gym", gym):
        status, reply = await ask(
            bench, "POST", f"/bench/devices/{name}/keypad", {"digits": "482915#"}
        )
        assert status == 200
        assert reply == {"opened": True, "reason": "opened", "slot": 1, "ok": True}
    for digits, reason in (
        ("1111#", "unknown_code"),
        ("12", "incomplete"),
        ("*", "incomplete"),
    ):
        _, reply = await ask(bench, "POST", "/bench/devices/gym/keypad", {"digits": digits})
        assert (reply["opened"], reply["reason"], reply["slot"]) == (False, reason, None)


async def test_keypad_of_a_lock_without_power_does_nothing(small: SimBench) -> None:
    await ask(small.bench, "POST", "/bench/devices/gym/power", {"on": False})
    _, reply = await ask(small.bench, "POST", "/bench/devices/gym/keypad", {"digits": "1#"})
    assert (reply["opened"], reply["reason"]) == (False, "no_power")


async def test_memory_shows_what_the_device_holds_while_the_gateway_is_off(
    small: SimBench,
) -> None:
    bench = small.bench
    gym = bench.device("gym").spec.device_id
    await small.call("/access_codes/create", device_id=gym, code="482915")
    assert (await ask(bench, "POST", "/bench/gateway", {"on": False}))[1]["on"] is False
    status, memory = await ask(bench, "GET", "/bench/devices/gym/memory")
    assert status == 200
    assert [slot["code"] for slot in memory["slots"] if slot["code"]] == ["482915"]
    assert (await ask(bench, "GET", "/bench/clock"))[0] == 200
    status, reply = await ask(bench, "POST", "/devices/list", {})
    assert (status, reply["error"]["type"]) == (503, "gateway_off")
    async with client_of(bench) as http:
        off = await http.get("/health")
        assert off.headers["retry-after"] == "5"
    assert (await ask(bench, "POST", "/bench/gateway", {"on": True}))[1]["on"] is True
    assert (await ask(bench, "POST", "/devices/list", {}))[0] == 200
    assert (await ask(bench, "POST", "/bench/gateway", {"crash": True}))[1]["on"] is False


async def test_power_and_radio_are_seen_in_the_list(small: SimBench) -> None:
    bench = small.bench
    for path, body in (("power", {"on": False}), ("radio", {"in_range": False})):
        status, reply = await ask(bench, "POST", f"/bench/devices/gym/{path}", body)
        assert (status, reply) == (200, {**body, "ok": True})
    _, listed = await ask(bench, "GET", "/bench/devices")
    gym, shed = listed["devices"]
    assert (gym["is_powered"], gym["is_in_range"]) == (False, False)
    assert (shed["is_powered"], shed["is_in_range"]) == (True, True)


# --- what they refuse -------------------------------------------------------------------------


# Tables, not parameters: one bench serves them all.
MISTAKES: tuple[tuple[str, str, Any, int, str], ...] = (
    ("POST", "clock/advance", {}, 400, 'either "seconds" or "to"'),
    ("POST", "clock/advance", {"seconds": 1, "to": "x"}, 400, 'either "seconds" or "to"'),
    ("POST", "clock/advance", {"seconds": "1"}, 400, "seconds must be a number"),
    ("POST", "clock/advance", {"seconds": True}, 400, "seconds must be a number"),
    ("POST", "clock/advance", {"seconds": -1}, 400, "seconds must be from 0"),
    ("POST", "clock/advance", {"to": 5}, 400, "to must be an instant"),
    ("POST", "clock/advance", {"to": "soon"}, 400, "not an instant with a zone"),
    ("POST", "clock/advance", {"to": "2000-01-01T00:00:00Z"}, 400, "bench time lies between"),
    ("POST", "clock/advance", {"to": "2025-01-01T00:00:00Z"}, 400, "never goes back"),
    ("POST", "clock/advance", {"seconds": 1, "settle": 1}, 400, "settle must be"),
    ("POST", "clock/advance", {"seconds": 1, "setle": True}, 400, "did you mean 'settle'"),
    ("POST", "devices/gym/keypad", {}, 400, "digits must be 1 to 64"),
    ("POST", "devices/gym/keypad", {"digits": ""}, 400, "digits must be 1 to 64"),
    ("POST", "devices/gym/keypad", {"digits": 12}, 400, "digits must be 1 to 64"),
    ("POST", "devices/gym/keypad", {"digits": "12a"}, 400, "digits must be 1 to 64"),
    ("POST", "devices/gym/keypad", {"digits": "٣"}, 400, "digits must be 1 to 64"),
    ("POST", "devices/gym/keypad", {"digits": "1" * 65}, 400, "digits must be 1 to 64"),
    ("POST", "devices/nobody/keypad", {"digits": "1"}, 404, "no device 'nobody'"),
    ("GET", "devices/nobody/memory", None, 404, "no device 'nobody'"),
    ("GET", f"devices/{'n' * 999}/memory", None, 404, "no device"),
    # A display name may hold a slash.
    ("GET", "devices/Pool%20%2F%20Gym/memory", None, 404, "no device 'Pool / Gym'"),
    ("POST", "devices/nobody/power", {"on": True}, 404, "no device 'nobody'"),
    ("POST", "devices/gym/power", {"on": "yes"}, 400, "on must be true or false"),
    ("POST", "devices/gym/power", {"off": True}, 400, "'off' is no parameter here"),
    ("POST", "devices/gym/radio", {"in_range": None}, 400, "in_range must be"),
    ("POST", "gateway", {}, 400, 'either "on" or "crash"'),
    ("POST", "gateway", {"on": True, "crash": True}, 400, 'either "on" or "crash"'),
    ("POST", "gateway", {"crash": False}, 400, "crash must be true"),
    ("POST", "gateway", {"crash": "now"}, 400, "crash must be true or false"),
    ("GET", "clock/", None, 404, "no bench route /bench/clock/"),
    ("GET", "nothing", None, 404, "no bench route /bench/nothing"),
    ("GET", "clock/advance", None, 405, "does not take this method"),
    ("DELETE", "devices/gym/memory", None, 405, "does not take this method"),
    ("PATCH", "devices/gym/flash", None, 405, "does not take this method"),
)


async def test_mistake_is_told_in_the_form_of_the_api(small: SimBench) -> None:
    before = small.now
    for method, path, body, status, sentence in MISTAKES:
        seen, reply = await ask(small.bench, method, f"/bench/{path}", body)
        assert seen == status, path
        assert sentence in reply["error"]["message"], path
        assert small.now == before


async def test_body_that_is_no_json_object_is_refused(small: SimBench) -> None:
    bodies = (b"{", b"\xff\xfe", b"[]", b"1", b'"x"', b"null", b"[" * 100_000, b'{"on": 1' * 9)
    async with client_of(small.bench) as http:
        for raw in bodies:
            reply = await http.post("/bench/devices/gym/power", content=raw)
            check_form(reply)
            assert reply.status_code == 400
            assert reply.json()["error"]["type"] == "invalid_input"


WRONG_KEYS: tuple[dict[str, str], ...] = (
    {},
    {"authorization": API_KEY},
    {"authorization": f"Basic {API_KEY}"},
    {"authorization": "Bearer "},
    {"authorization": "Bearer seam_test_other"},
    {"authorization": f"Bearer {API_KEY}x"},
    {"authorization": "Bearer \u00e9"},
    {"x-api-key": API_KEY},
)


async def test_route_without_the_key_of_the_bench_is_refused(small: SimBench) -> None:
    async with client_of(small.bench, {}) as http:
        for headers in WRONG_KEYS:
            encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
            for path in ("/bench", "/bench/clock", "/bench/nothing"):
                reply = await http.get(path, headers=encoded)
                check_form(reply)
                assert (reply.status_code, reply.json()["error"]["type"]) == (401, "unauthorized")
        reply = await http.get("/bench/clock", headers={"authorization": f"bearer  {API_KEY} "})
        assert reply.status_code == 200
        # Not a bench route, whatever it begins with: the gateway's to refuse.
        assert (await http.get("/benchmark")).status_code == 404


async def test_trouble_of_the_bench_itself_is_not_the_callers_fault(
    small: SimBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise SimulationError("the disk is full")

    monkeypatch.setattr(Bench, "enter", fail)
    status, reply = await ask(small.bench, "POST", "/bench/devices/gym/keypad", {"digits": "1"})
    assert status == 503
    assert reply["error"] == {"type": "bench_unusable", "message": "the disk is full"}


# --- anything at all --------------------------------------------------------------------------

NAMES = st.sampled_from(["gym", "shed", "The Gym", "nobody", "", "..", "é", "\x00", "a/b", "%2f"])
ROUTES = st.sampled_from(["keypad", "memory", "power", "radio", "flash", "faults", "", "bolt"])
PATHS = st.one_of(
    st.sampled_from(["/bench/clock", "/bench/clock/advance", "/bench/gateway", "/bench/devices"]),
    st.builds("/bench/devices/{}/{}".format, NAMES, ROUTES),
    st.text(max_size=20).map("/bench/{}".format),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    # Advances that are taken stay short: a day has four contacts a device.
    st.floats(0, 86_400),
    st.floats(),
    st.text(max_size=10),
    st.text("0123456789*#", max_size=10),
    st.sampled_from(["2025-07-10T12:00:01Z", "2025-07-11T00:00:00+09:00", "9999-12-31", "\ud800"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=5), each, max_size=3)
    ),
    max_leaves=4,
)
KEYS = st.sampled_from(["seconds", "to", "settle", "digits", "on", "in_range", "crash"])
BODIES = st.one_of(
    st.dictionaries(KEYS, VALUES, max_size=2).map(json.dumps).map(str.encode),
    st.dictionaries(KEYS | st.text(max_size=5), VALUES, max_size=4)
    .map(json.dumps)
    .map(str.encode),
    VALUES.map(json.dumps).map(str.encode),
    st.binary(max_size=30),
)
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
REQUESTS = st.lists(st.tuples(METHODS | st.just("POST"), PATHS, BODIES), min_size=1, max_size=60)


async def send_all(requests: list[tuple[str, str, bytes]]) -> None:
    async with (
        sim_bench(small_bench(), SimOptions()) as running,
        client_of(running.bench) as http,
    ):
        for method, path, body in requests:
            url = "http://bench" + quote(path, safe="/%")
            before = running.now
            reply = await http.request(method, url, content=body)
            assert reply.status_code in {200, 400, 404, 405, 501, 503}, (method, path, body)
            if method != "HEAD":
                check_form(reply)
            if reply.status_code != httpx.codes.OK or method == "GET":
                assert running.now == before
            assert before <= running.now
            if "reason" in reply.text and path.endswith("/keypad") and reply.is_success:
                assert reply.json()["reason"] in REASONS


# Each example is a bench of its own and many requests: a fifth of the usual number is enough, and
# shrinking is no use, since the assertion names the request.
@settings(
    max_examples=max(1, settings().max_examples // 5),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(REQUESTS)
def test_bench_routes_answer_anything_with_a_documented_form(
    requests: list[tuple[str, str, bytes]],
) -> None:
    with asyncio.Runner(loop_factory=SimLoop) as runner:
        runner.run(send_all(requests))
