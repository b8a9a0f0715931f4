"""`/bench/devices/{name}/flash`: images of a lock's flash, out and in."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firmware_sim.errors import MemoryRefused
from firmware_sim.flash.errors import FlashError
from firmware_sim.memory.flash_map import FlashArea
from gateway.config_schema import nearest
from hil_tests.bench import Bench
from hil_tests.bench_replies import told
from hil_tests.errors import BenchError

IMAGE_TYPE: Final = "application/octet-stream"
# The word for the whole flash, beside those of its areas.
ALL: Final = "all"
_WORDS: Final = (ALL, *FlashArea)


def flash_route(bench: Bench, path: str) -> Route:
    """The route: GET gives an image, PUT puts one in and cycles the power."""

    async def endpoint(request: Request) -> Response:
        name, area = request.path_params["name"], _area(request)
        if request.method == "PUT":
            try:
                await bench.load_flash(name, await request.body(), area)
            except (FlashError, MemoryRefused) as error:
                raise BenchError(str(error)) from error
            return JSONResponse({"area": area or ALL, "ok": True})
        return Response(bench.flash(name, area), media_type=IMAGE_TYPE)

    return Route(path, told(endpoint), methods=["GET", "PUT"])


def _area(request: Request) -> FlashArea | None:
    for key in request.query_params:
        if key != "area":
            raise BenchError(f"{key[:64]!r} is no parameter here; did you mean 'area'?")
    word = request.query_params.get("area", ALL)
    if word not in _WORDS:
        raise BenchError(f"there is no area {word[:64]!r}{nearest(word[:64], _WORDS)}")
    return None if word == ALL else FlashArea(word)
