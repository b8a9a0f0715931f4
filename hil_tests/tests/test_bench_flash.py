"""Images of a lock's flash over the bench: out, in, and what a lock is after that."""

from __future__ import annotations

import httpx
import pytest

from firmware_sim.flash.nor import FlashGeometry, NorFlash
from firmware_sim.flash.nvs import Nvs
from firmware_sim.memory.meta import find_factory_record
from hil_tests.bench_gate import BenchGate
from hil_tests.fixtures import BenchFactory
from hil_tests.sim_bench import API_KEY, SimBench
from hil_tests.suites.steps import create_code, enter

NVS_BYTES = 65_536
ALL_BYTES = 65_536 + 49_152 + 8_192
CODE = "482915"


def http(bench: SimBench) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=BenchGate(bench.bench, [API_KEY])),
        base_url="http://bench",
        headers={"authorization": f"Bearer {API_KEY}"},
    )


async def test_image_of_before_a_revocation_opens_again_until_the_gateway_sees_it(
    open_bench: BenchFactory,
) -> None:
    async with open_bench() as bench, http(bench) as client:
        code = await create_code(bench, "gym", code=CODE)
        before = (await client.get("/bench/devices/gym/flash", params={"area": "nvs"})).content
        assert len(before) == NVS_BYTES
        await bench.call("/access_codes/delete", access_code_id=code["access_code_id"])
        assert await enter(bench, "gym", CODE) == "unknown_code"
        await bench.call("/bench/devices/gym/radio", in_range=False)
        put = await client.put("/bench/devices/gym/flash", params={"area": "nvs"}, content=before)
        assert (put.status_code, put.json()) == (200, {"area": "nvs", "ok": True})
        # A rollback: what the lock does not know, it can't refuse.
        assert await enter(bench, "gym", CODE) == "opened"
        await bench.call("/bench/devices/gym/radio", in_range=True)
        await bench.advance(seconds=7 * 3600, settle=True)
        assert await enter(bench, "gym", CODE) == "unknown_code"


async def test_image_of_the_whole_flash_explains_itself(open_bench: BenchFactory) -> None:
    async with open_bench() as bench, http(bench) as client:
        reply = await client.get("/bench/devices/gym/flash")
        assert reply.headers["content-type"] == "application/octet-stream"
        assert len(reply.content) == ALL_BYTES
        record = find_factory_record(reply.content)
        assert record is not None
        assert record.profile_id == bench.bench.device("gym").spec.profile.profile_id
        again = await client.put("/bench/devices/gym/flash", content=reply.content)
        assert again.status_code == 200


def full_nvs() -> bytes:
    """An area that mounts, and has no room for what a lock writes when it comes up."""
    nvs = Nvs(NorFlash(FlashGeometry(sector_size=4096, sector_count=NVS_BYTES // 4096)))
    for item_id in range(0x200, 0x200 + NVS_BYTES // 4096 - 1):
        nvs.write(item_id, bytes(nvs.length_max))
    return nvs.flash.image()


@pytest.mark.parametrize(
    ("area", "image", "sentence"),
    [
        ("nvs", full_nvs(), "the lock's flash has no room for another record"),
        ("nvs", bytes(10), "an image of 10 bytes does not fit: it has 65536"),
        ("nvs", bytes(NVS_BYTES), "this area can't be mounted as NVS"),
        ("nvss", b"", "there is no area 'nvss'; did you mean 'nvs'?"),
    ],
)
async def test_image_that_does_not_do_is_refused_and_nothing_is_lost(
    open_bench: BenchFactory, area: str, image: bytes, sentence: str
) -> None:
    async with open_bench() as bench, http(bench) as client:
        await create_code(bench, "gym", code=CODE)
        put = await client.put("/bench/devices/gym/flash", params={"area": area}, content=image)
        assert put.status_code == 400
        assert sentence in put.json()["error"]["message"]
        assert await enter(bench, "gym", CODE) == "opened"
        assert (await client.post("/bench/devices/gym/flash")).status_code == 405
        assert (await client.get("/bench/devices/nobody/flash")).status_code == 404
