"""Libraries that the project runs on virtual time do run on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import sqlalchemy as sa
from fastapi import Depends, FastAPI, Request
from fastapi.responses import Response, StreamingResponse
from starlette.middleware.base import RequestResponseEndpoint


async def waited(request: Request) -> str:
    await asyncio.sleep(60.0)
    return request.url.path


async def test_fastapi_behind_an_asgi_transport_runs_on_virtual_time() -> None:
    app = FastAPI()

    @app.middleware("http")
    async def stamp(request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        response.headers["x-loop-time"] = str(asyncio.get_running_loop().time())
        return response

    @app.post("/slow")
    async def slow(
        body: dict[str, int], path: Annotated[str, Depends(waited)]
    ) -> dict[str, object]:
        async with asyncio.timeout(10.0):
            await asyncio.sleep(5.0)
        return {"path": path, **body}

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[str]:
            for number in range(3):
                await asyncio.sleep(1.0)
                yield str(number)

        return StreamingResponse(parts())

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://bench") as client:
        reply = await client.post("/slow", json={"slot": 1})
        assert reply.json() == {"path": "/slow", "slot": 1}
        assert reply.headers["x-loop-time"] == "65.0"
        assert (await client.get("/stream")).text == "012"
    assert asyncio.get_running_loop().time() == 68.0


async def test_sqlalchemy_in_the_executor_runs_inline() -> None:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    table = sa.Table("locks", sa.MetaData(), sa.Column("name", sa.Text))
    table.create(engine)

    def write(name: str) -> int:
        with engine.begin() as connection:
            connection.execute(table.insert().values(name=name))
            return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0

    counts = await asyncio.gather(*(asyncio.to_thread(write, name) for name in "abc"))
    assert counts == [1, 2, 3]
    engine.dispose()
