"""The official Python SDK, unmodified, over a real socket."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from seam.exceptions import (
    SeamActionAttemptFailedError,
    SeamActionAttemptTimeoutError,
    SeamHttpApiError,
    SeamHttpInvalidInputError,
    SeamHttpUnauthorizedError,
)
from seam.seam import AsyncSeam, Seam

from gateway.tests.api.house import HOUR_MS, JIT, KEY, LATCH, NATIVE, START_MS, House, open_house

GRANT_START_MS = 1_752_418_800_000  # 2025-07-13T15:00:00Z


@contextmanager
def served() -> Iterator[tuple[House, str]]:
    """A house whose API is served by uvicorn on a free port, in a thread of its own."""
    with asyncio.Runner() as runner, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        opening = open_house(inline=False)
        house = runner.run(opening.__aenter__())
        config = uvicorn.Config(house.app, ws="none", access_log=False, log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), name="uvicorn")
        thread.start()
        try:
            yield house, f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
            runner.run(opening.__aexit__(None, None, None))


@dataclasses.dataclass
class Site:
    """A served house and a client of it."""

    house: House
    url: str
    seam: Seam


@pytest.fixture
def site() -> Iterator[Site]:
    with served() as (house, url), Seam(api_key=KEY, endpoint=url) as seam:
        yield Site(house, url, seam)


def test_sdk_when_it_runs_the_seeds_example_then_every_step_works(site: Site) -> None:
    house, seam = site.house, site.seam
    grant = seam.access_grants.create(
        user_identity={"full_name": "Jane Doe", "email_address": "jane@example.com"},
        device_ids=[LATCH],
        requested_access_methods=[{"mode": "code"}],
        starts_at="2025-07-13T15:00:00.000Z",
        ends_at="2025-07-16T11:00:00.000Z",
    )
    [method] = seam.access_methods.list(access_grant_id=grant.access_grant_id)
    assert method.code is not None
    assert method.is_issued is False
    assert method.display_status == "Awaiting issuance"
    [code] = seam.access_codes.list(access_grant_id=grant.access_grant_id)
    assert (code.code, code.status) == (method.code, "unset")
    [mutation] = code.pending_mutations
    assert type(mutation).__name__ == "DeferringCreationPendingMutation"

    house.clock.ms = GRANT_START_MS - 72 * HOUR_MS
    seam.locks.lock_door(device_id=JIT)  # Settles all that is due by now.
    method = seam.access_methods.get(access_method_id=method.access_method_id)
    assert method.is_issued is True
    code = seam.access_codes.get(access_code_id=code.access_code_id)
    assert (code.status, code.is_scheduled_on_device) == ("unset", True)

    assert seam.access_grants.get(access_grant_id=grant.access_grant_id).ends_at == grant.ends_at
    assert [one.access_grant_id for one in seam.access_grants.list(device_id=LATCH)] == [
        grant.access_grant_id
    ]
    batch = seam.access_grants.get_related(access_grant_ids=[grant.access_grant_id])
    assert [one["device_id"] for one in batch.devices or []] == [LATCH]
    identity = seam.user_identities.get(user_identity_id=grant.user_identity_id)
    assert identity.full_name == "Jane Doe"
    types = [one.event_type for one in seam.events.list(since="2025-07-01T00:00:00Z")]
    assert "access_method.issued" in types

    seam.access_grants.update(
        access_grant_id=grant.access_grant_id, ends_at="2025-07-17T11:00:00Z"
    )
    code = seam.access_codes.get(access_code_id=code.access_code_id)
    assert code.ends_at == "2025-07-17T11:00:00.000Z"
    seam.access_grants.delete(access_grant_id=grant.access_grant_id)
    with pytest.raises(SeamHttpApiError) as gone:
        seam.access_grants.get(access_grant_id=grant.access_grant_id)
    assert gone.value.code == "access_grant_not_found"
    assert gone.value.status_code == 404
    assert (gone.value.request_id or "").startswith("request")


def test_sdk_when_it_handles_codes_then_every_route_works(site: Site) -> None:
    seam = site.seam
    generated = seam.access_codes.generate_code(device_id=LATCH)
    assert len(generated.code or "") == 7
    code = seam.access_codes.create(device_id=NATIVE, code="2468", name="Cleaner")
    assert (code.status, code.display_status) == ("set", "Active")
    seam.access_codes.update(access_code_id=code.access_code_id, name="Gardener")
    assert seam.access_codes.get(device_id=NATIVE, code="2468").name == "Gardener"
    both = seam.access_codes.create_multiple(device_ids=[NATIVE, JIT])
    assert both[0].code == both[1].code
    assert len(seam.access_codes.list(device_id=NATIVE)) == 2
    seam.access_codes.delete(access_code_id=code.access_code_id)
    assert len(seam.access_codes.list(device_id=NATIVE)) == 1


def test_sdk_when_it_acts_on_locks_then_it_waits_for_the_attempts(site: Site) -> None:
    house, seam = site.house, site.seam
    assert seam.locks.unlock_door(device_id=JIT).status == "success"
    with pytest.raises(SeamActionAttemptFailedError) as failed:
        seam.locks.simulate.keypad_code_entry(device_id=JIT, code="1357")
    assert failed.value.code == "code_not_accepted"
    house.keypad.opens_for.add((JIT, "1357"))
    assert seam.locks.simulate.keypad_code_entry(device_id=JIT, code="1357").status == "success"
    with pytest.raises(SeamHttpInvalidInputError) as refused:
        seam.locks.unlock_door(device_id=LATCH)
    assert refused.value.get_validation_error_messages("device_id")
    house.is_confirming = False
    with pytest.raises(SeamActionAttemptTimeoutError):
        seam.locks.lock_door(
            device_id=JIT, wait_for_action_attempt={"timeout": 0.05, "polling_interval": 0.02}
        )
    assert len(seam.action_attempts.list(device_id=JIT)) == 4


def test_sdk_when_it_lists_devices_then_its_paginator_walks_all_pages(site: Site) -> None:
    house, seam = site.house, site.seam
    assert house.clock.ms == START_MS
    paginator = seam.create_paginator(seam.devices.list, {"limit": 1})
    assert [one.device_id for one in paginator.flatten_to_list()] == [NATIVE, JIT, LATCH]
    first, pagination = paginator.first_page()
    assert pagination is not None
    assert pagination.has_next_page
    assert len(first) == 1
    assert seam.devices.get(name="door-1").device_id == LATCH
    assert seam.devices.list(device_ids=[]) == []
    assert seam.devices.list(custom_metadata_has={"floor": "2"}) == []
    assert len(seam.locks.list()) == 3
    assert seam.workspaces.get().is_sandbox is True


def test_sdk_when_something_is_wrong_then_it_raises_its_own_errors(site: Site) -> None:
    seam = site.seam
    with pytest.raises(SeamHttpInvalidInputError) as invalid:
        seam.access_codes.create(device_id=NATIVE, starts_at="tomorrow")
    assert [one.parameter_name for one in invalid.value.validation_errors] == ["starts_at"]
    assert invalid.value.get_validation_error_messages("starts_at") == ["Invalid datetime"]
    with (
        Seam(api_key="seam_test1_wrong", endpoint=site.url) as stranger,
        pytest.raises(SeamHttpUnauthorizedError) as unauthorized,
    ):
        stranger.devices.list()
    assert (unauthorized.value.request_id or "").startswith("request")
    with pytest.raises(SeamHttpApiError) as unknown:
        seam.acs.systems.list()
    assert (unknown.value.status_code, unknown.value.code) == (404, "not_found")


@pytest.mark.real_loop
async def test_async_sdk_when_it_asks_then_it_is_answered_too() -> None:
    with served_aside() as url:
        async with AsyncSeam(api_key=KEY, endpoint=url) as seam:
            devices = await seam.devices.list()
    assert len(devices) == 3


@contextmanager
def served_aside() -> Iterator[str]:
    """As `served`, from within a running loop: everything happens in another thread."""
    ready: list[str] = []
    began, ending = threading.Event(), threading.Event()

    def serve() -> None:
        with served() as (_, url):
            ready.append(url)
            began.set()
            ending.wait()

    thread = threading.Thread(target=serve, name="house")
    thread.start()
    try:
        assert began.wait(30)
        yield ready[0]
    finally:
        ending.set()
        thread.join()
