"""The pair of links in memory."""

from __future__ import annotations

import pytest

from gateway.errors import LinkClosed
from gateway.links.interface import Link
from gateway.links.memory import memory_pair
from protocols.errors import LocalProtocolError


async def test_values_cross_both_ways() -> None:
    near, far = memory_pair(mtu=23)
    await near.send(b"to far")
    await far.send(b"to near")
    assert await far.receive() == b"to far"
    assert await near.receive() == b"to near"
    assert near.mtu == 23


async def test_close_of_one_end_closes_the_other() -> None:
    near, far = memory_pair()
    link: Link = near
    await link.send(b"last words")
    await link.aclose()
    await link.aclose()
    assert near.is_closed
    assert far.is_closed
    assert await far.receive() == b"last words"
    with pytest.raises(LinkClosed):
        await far.receive()
    with pytest.raises(LinkClosed):
        await near.send(b"x")


async def test_send_longer_than_the_mtu_is_the_callers_mistake() -> None:
    near, far = memory_pair(mtu=23)
    await near.send(bytes(20))
    with pytest.raises(LocalProtocolError, match="21 bytes"):
        await near.send(bytes(21))
    assert not far.is_closed


async def test_send_to_a_peer_that_does_not_read_closes_the_link() -> None:
    near, far = memory_pair(limit=2)
    await near.send(b"1")
    await near.send(b"2")
    with pytest.raises(LinkClosed, match="does not read"):
        await near.send(b"3")
    assert near.is_closed
    assert [await far.receive(), await far.receive()] == [b"1", b"2"]
    with pytest.raises(LinkClosed):
        await far.receive()
