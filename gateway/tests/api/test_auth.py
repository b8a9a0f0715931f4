from __future__ import annotations

import asyncio

import httpx
import pytest
import sqlalchemy as sa

from gateway.access import keys
from gateway.api.auth import REMEMBERED_S, Authenticator
from gateway.errors import Unauthorized
from gateway.store.tables import api_key
from gateway.tests.api.house import KEY, WORKSPACE_ID, House, client_of
from gateway.tests.api.required import assert_refused


def remove_keys(conn: sa.Connection) -> None:
    conn.execute(sa.delete(api_key))


@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        ({}, "header is missing"),
        ({"authorization": ""}, "malformed"),
        ({"authorization": "Bearer"}, "malformed"),
        ({"authorization": "Bearer "}, "malformed"),
        ({"authorization": KEY}, "malformed"),
        ({"authorization": f"Basic {KEY}"}, "malformed"),
        ({"authorization": "Bearer " + "x" * 600}, "malformed"),
        ({"authorization": "Bearer seam_test1_wrong"}, "is not known"),
        ({"authorization": "Bearer \xe9\xff"}, "is not known"),
        ({"authorization": "Bearer seam_cst1_token"}, "Client session tokens are not"),
        ({"authorization": "Bearer seam_at1_token"}, "Personal access tokens are not"),
        ({"authorization": "Bearer seam_pk1_token"}, "Publishable keys are not"),
        ({"authorization": "Bearer eyJhbGciOi"}, "Console sessions are not"),
        ({"seam-publishable-key": "seam_pk1_token"}, "Publishable keys are not"),
        ({"client-session-token": "seam_cst1_token"}, "Client session tokens are not"),
        ({"seam-client-session-token": "seam_cst1"}, "Client session tokens are not"),
    ],
)
async def test_request_when_its_credential_is_not_usable_then_it_is_told_why(
    house: House, headers: dict[str, str], sentence: str
) -> None:
    async with client_of(house, key=None) as client:
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        response = await client.post("/devices/list", headers=raw)
    error = assert_refused(response, 401, "unauthorized")
    assert sentence in error["message"]


@pytest.mark.parametrize("header", [f"Bearer {KEY}", f"bearer {KEY}", f"BEARER   {KEY} "])
async def test_request_when_its_key_is_known_then_it_is_served(house: House, header: str) -> None:
    response = await house.client.get("/workspaces/get", headers={"authorization": header})
    assert response.json()["workspace"]["workspace_id"] == WORKSPACE_ID


async def test_key_when_it_was_refused_before_it_was_added_then_it_works_at_once(
    house: House,
) -> None:
    late = "seam_test2_late"
    async with client_of(house, key=late) as client:
        assert_refused(await client.get("/workspaces/get"), 401, "unauthorized")
        await house.store.write(lambda conn: keys.add_api_key(conn, house.context(), late, "late"))
        assert (await client.get("/workspaces/get")).status_code == 200


async def test_key_when_it_was_removed_then_it_is_forgotten_in_seconds(house: House) -> None:
    async def ask() -> httpx.Response:
        return await house.client.get("/workspaces/get")

    assert (await ask()).status_code == 200
    await house.store.write(remove_keys)
    assert (await ask()).status_code == 200
    await asyncio.sleep(REMEMBERED_S)  # Virtual time.
    assert_refused(await ask(), 401, "unauthorized")


async def test_authenticator_when_told_to_forget_then_it_looks_again_at_once(
    house: House,
) -> None:
    authenticator = Authenticator(house.store)
    headers = httpx.Request("GET", "http://x", headers={"authorization": f"Bearer {KEY}"}).headers
    found = await authenticator.workspace_id(headers)  # type: ignore[arg-type] # a mapping, too.
    assert found == WORKSPACE_ID
    await house.store.write(remove_keys)
    authenticator.forget()
    with pytest.raises(Unauthorized):
        await authenticator.workspace_id(headers)  # type: ignore[arg-type] # a mapping, too.


async def test_authenticator_when_many_keys_come_then_what_it_remembers_is_bounded(
    house: House,
) -> None:
    authenticator = Authenticator(house.store)
    for number in range(3):
        await house.store.write(
            lambda conn, number=number: keys.add_api_key(  # type: ignore[misc] # bound early.
                conn, house.context(), f"seam_test_{number}", "many"
            )
        )
    reads = 0
    read = house.store.read

    async def counted(query: object) -> object:
        nonlocal reads
        reads += 1
        return await read(query)  # type: ignore[arg-type] # handed through.

    authenticator._store = type("Counting", (), {"read": staticmethod(counted)})()
    authenticator._remembered = {bytes([n % 256, n // 256]): ("w", 1e9) for n in range(1024)}
    for number in (0, 1, 2, 2):
        header = {"authorization": f"Bearer seam_test_{number}"}
        await authenticator.workspace_id(httpx.Headers(header))  # type: ignore[arg-type] # as above.
    assert reads == 3
    assert len(authenticator._remembered) == 3
