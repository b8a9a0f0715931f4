"""What only the light link has, and where it must be the bumble link's equal byte for byte."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from bleak.exc import BleakError, BleakGATTProtocolError
from bumble import att
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.faults.plan import NO_FAULTS, FaultPlan
from firmware_sim.radio.att_client import AttRefused, ConnectionLost
from firmware_sim.radio.discovery import database_hash, discover
from firmware_sim.radio.faults import LinkFaults
from firmware_sim.radio.light.session import LightSession
from firmware_sim.radio.light.table import services
from protocols.strike.gatt import COMMAND_UUID

# Changes nothing but that a client asks for everything.
SLOW = FaultPlan(ble_connection_interval_s=0.01)


async def connected(radio: Any, **details: Any) -> Any:
    lock = await radio.lock(**details)
    return await radio.pool.connect(radio.pool.target(lock.address, None))


# ------------------------------------------------------------------ the table


@pytest.mark.parametrize("mtu", [23, 24, 64, 517])
async def test_discovery_when_each_radio_is_asked_then_both_have_the_same_table(
    radio: Any, mtu: int
) -> None:
    connection = await connected(radio)
    await connection.att.exchange_mtu(mtu)
    assert await discover(connection.att) == services()
    [found_hash] = {await database_hash(connection.att)}
    assert found_hash is not None
    assert len(found_hash) == 16
    assert found_hash.hex() == "92f3537631b938d170a812c75af5708b"


async def test_values_when_each_radio_is_asked_then_all_are_alike(radio: Any) -> None:
    connection = await connected(radio)
    seen: list[bytes | int] = []
    for handle in range(22):
        try:
            seen.append(await connection.att.read(handle))
        except AttRefused as refused:
            seen.append(refused.code)
    read_hash = bytes.fromhex("92f3537631b938d170a812c75af5708b")
    assert [seen[at] for at in (0, 3, 5, 8, 9, 11, 13, 16, 18, 19, 20)] == [
        *(0x01, b"lock 0", b"\x00\x00", 0x02, b"\x00\x00", b"\x00", read_hash, 0x02, 0x02),
        *(b"\x00\x00", 0x01),
    ]
    codes = [0] * 22
    for handle in range(22):
        try:
            await connection.att.write(handle, b"\x01\x00")
        except AttRefused as refused:
            codes[handle] = refused.code
    writeable = (9, 11, 16, 19)
    assert codes == [0x01] + [0 if at in writeable else 0x03 for at in range(1, 20)] + [0x01] * 2
    assert [await connection.att.read(handle) for handle in (9, 11, 19)] == [b"\x01\x00"] * 3


def known(connection: Any) -> object:
    return connection.known_services


async def test_services_when_nothing_can_go_wrong_then_they_are_not_asked_for(
    light_radio: Any,
) -> None:
    connection = await connected(light_radio)
    assert known(connection) is services()
    light_radio.locks[0].set_faults(SLOW)
    assert known(connection) is None
    light_radio.locks[0].set_faults(NO_FAULTS)
    light_radio.locks[0].faults = LinkFaults(loss=0.1)
    assert known(connection) is None
    light_radio.locks[0].faults = None
    light_radio.locks[0].set_in_range(False)
    assert known(connection) is None
    light_radio.locks[0].set_in_range(True)
    await connection.disconnect()
    assert known(connection) is None
    light_radio.link.faults = LinkFaults(loss=0.1)
    again = await connected(light_radio)
    assert known(again) is None


# ------------------------------------------------------------------ requests


@pytest.mark.parametrize(
    ("request_hex", "answer_hex"),
    [
        ("0a", "010a000001"),  # No handle.
        ("0affff", "010affff01"),
        ("0c0300ffff", "010c030007"),  # Beyond the end.
        ("0c03000200", "010c03000b"),  # Not a long one.
        ("0201", "0102000004"),  # Half an MTU.
        ("021600", "03f700"),  # An MTU below the least: nothing is agreed on.
        ("0806", "0108000004"),
        ("0614001500002801ff", "0106140006"),  # Find by type and value: nobody asks for it.
        ("18", "0118000004"),
        ("1801", "19"),  # Nothing was queued.
        ("16100005000102", "17100005000102"),
        ("ff", None),  # A command of the future.
        ("1e", None),
    ],
)
async def test_request_when_odd_then_it_is_answered_as_the_standard_says(
    light_radio: Any, request_hex: str, answer_hex: str | None
) -> None:
    connection = await connected(light_radio)
    answers: list[bytes] = []
    connection.att.receive = answers.append
    connection.air.send(connection, bytes.fromhex(request_hex))
    await asyncio.sleep(1.0)
    assert answers == ([] if answer_hex is None else [bytes.fromhex(answer_hex)])


async def test_long_write_when_its_parts_leave_a_gap_or_are_too_many_then_it_is_refused(
    light_radio: Any,
) -> None:
    connection = await connected(light_radio)
    client = connection.att
    await client.request(b"\x16\x10\x00\x05\x00tail")
    with pytest.raises(AttRefused, match="0x07"):
        await client.request(b"\x18\x01")
    for _ in range(2):
        await client.request(b"\x16\x10\x00\x00\x00" + bytes(18))
    for at in range(18, 540, 18):
        await client.request(b"\x16\x10\x00" + at.to_bytes(2, "little") + bytes(18))
    with pytest.raises(AttRefused, match="0x0d"):
        await client.request(b"\x18\x01")
    for _ in range(64):
        await client.request(b"\x16\x10\x00\x00\x00x")
    with pytest.raises(AttRefused, match="0x09"):
        await client.request(b"\x16\x10\x00\x00\x00x")
    assert (await client.request(b"\x18\x00")) == b"\x19"
    assert light_radio.echoes[0].events == [("connected", 23)]


async def test_request_when_longer_than_the_mtu_then_it_is_refused(light_radio: Any) -> None:
    connection = await connected(light_radio)
    with pytest.raises(AttRefused, match="0x04"):
        await connection.att.request(b"\x12\x10\x00" + bytes(21))
    assert light_radio.echoes[0].events == [("connected", 23)]


class _Lock:
    """What a session asks of a lock."""

    name = "a lock"
    att_mtu_max = 64
    is_in_range = True
    faults = None
    radio_faults = None

    def mtu_changed(self, att_mtu: int) -> None:
        assert 23 <= att_mtu <= 64

    def written(self, value: bytes) -> bool:
        return not value.startswith(b"\x00")


class _Air:
    def __init__(self) -> None:
        self.sent: list[object] = []

    def send(self, _end: object, frame: object) -> None:
        self.sent.append(frame)


@given(
    st.lists(
        st.binary(max_size=30)
        | st.tuples(
            st.sampled_from([int(op) for op in att.Opcode]),
            st.integers(0, 25),
            st.binary(max_size=22),
        ).map(lambda part: bytes([part[0]]) + part[1].to_bytes(2, "little") + part[2]),
        max_size=20,
    )
)
def test_session_when_any_bytes_come_then_a_request_is_answered_and_nothing_raised(
    pdus: list[bytes],
) -> None:
    air: Any = _Air()
    lock: Any = _Lock()
    session = LightSession(lock, air)
    for pdu in pdus:
        air.sent.clear()
        session.receive(pdu)
        is_silent = not pdu or pdu[0] & 0x40 or pdu[0] == 0x1E
        assert len(air.sent) == (0 if is_silent else 1)
        for answer in air.sent:
            assert len(answer) <= 64


# ------------------------------------------------------------------ life


async def test_lock_when_idle_then_it_is_a_few_words_and_draws_nothing(light_radio: Any) -> None:
    state = random.getstate()
    lock = await light_radio.lock()
    async with light_radio.session(lock) as session:
        assert lock._session is not None
        await session.ask(b"x")
    assert lock._session is None
    assert not light_radio.link._timers
    assert not light_radio.link._attempts
    assert [name for name in light_radio.link.streams._streams if "F0:00" in name] == []
    assert random.getstate() == state


async def test_adapter_when_address_is_in_small_letters_then_it_is_the_same(
    light_radio: Any,
) -> None:
    await light_radio.lock(address="F0:00:00:00:00:AB")
    async with light_radio.client("f0:00:00:00:00:ab") as client:
        assert client.is_connected
    lock = await light_radio.lock(address="f0:00:00:00:00:ac")
    assert lock.address == "F0:00:00:00:00:AC"
    assert light_radio.fidelity.is_taken("f0:00:00:00:00:aC")
    async with light_radio.client(lock.address) as client:
        assert client.is_connected


async def test_adapter_when_it_vanishes_in_the_turn_of_a_connection_then_the_lock_times_out(
    light_radio: Any,
) -> None:
    lock = await light_radio.lock()
    # The lock learns of the connection before the adapter's own task runs.
    light_radio.echoes[0].connected = lambda *_args: asyncio.get_running_loop().call_soon(
        light_radio.pool.vanish
    )
    with pytest.raises(BleakError):
        await light_radio.client(lock.address).connect()
    assert lock.is_connected
    await asyncio.sleep(1.0)
    assert not lock.is_connected
    assert light_radio.slots_taken == 0


async def test_attempt_when_cancelled_as_the_adapter_vanishes_then_nothing_is_left(
    light_radio: Any,
) -> None:
    lock = await light_radio.lock(power=False)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(light_radio.client(lock.address).connect(), name="connect")
        await asyncio.sleep(1.0)
        task.cancel()
        light_radio.pool.vanish()
    assert task.cancelled()
    assert light_radio.slots_taken == 0


async def test_pair_when_two_ask_at_once_then_the_lock_is_asked_once(light_radio: Any) -> None:
    connection = await connected(light_radio)
    sent: list[object] = []
    send = connection.air.send

    def count(end: object, frame: object) -> None:
        sent.append(frame)
        send(end, frame)

    connection.air.send = count
    async with asyncio.TaskGroup() as tasks:
        for number in range(2):
            tasks.create_task(connection.pair(), name=f"pair {number}")
    assert len(sent) == 2  # The question and its answer.


async def test_pair_when_the_connection_ends_meanwhile_then_it_fails(light_radio: Any) -> None:
    connection = await connected(light_radio)
    async with asyncio.TaskGroup() as tasks:
        light_radio.locks[0].set_in_range(False)
        pairing = tasks.create_task(_lost(connection), name="pair")
        await asyncio.sleep(1.0)
    assert pairing.result() == 0x08


async def _lost(connection: Any) -> int:
    with pytest.raises(ConnectionLost) as lost:
        await connection.pair()
    return lost.value.reason


async def test_write_when_lock_is_stale_for_the_standard_services_then_they_answer(
    light_radio: Any,
) -> None:
    lock = await light_radio.lock()
    lock.set_faults(FaultPlan(ble_stale_gatt_cache=True))
    async with light_radio.client(lock.address) as client:
        with pytest.raises(BleakGATTProtocolError):
            await client.write_gatt_char(COMMAND_UUID, bytes(300), response=True)
    assert lock.handler_errors == 0
