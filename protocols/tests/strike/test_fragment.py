from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.errors import (
    FragmentLost,
    LimitExceeded,
    LocalProtocolError,
    MalformedFrame,
    RemoteProtocolError,
)
from protocols.strike.fragment import (
    FIRST,
    LAST,
    SEQUENCE_MASK,
    AssemblyState,
    Fragmenter,
    Reassembler,
)
from protocols.strike.limits import (
    ATT_VALUE_SIZE_MAX,
    FRAGMENT_COUNT_MAX,
    MESSAGE_SIZE_MAX,
    SEQUENCE_COUNT,
)

mtus = st.integers(23, 517)
payloads = st.binary(min_size=1, max_size=MESSAGE_SIZE_MAX)


def deliver(
    reassembler: Reassembler, fragments: list[bytes]
) -> tuple[list[bytes], list[RemoteProtocolError]]:
    assemblies = [reassembler.receive(fragment) for fragment in fragments]
    whole = [item.message for item in assemblies if item.message is not None]
    return whole, [item.fault for item in assemblies if item.fault is not None]


def numbered(count: int, size: int = 40) -> list[bytes]:
    """Messages that differ in every byte from each other."""
    return [bytes([number + 1]) * size for number in range(count)]


def test_split_when_message_fits_then_one_fragment_is_first_and_last() -> None:
    assert Fragmenter(23).split(b"abc") == [bytes((FIRST | LAST,)) + b"abc"]


def test_split_when_message_is_long_then_sequence_runs_on_between_messages() -> None:
    fragmenter = Fragmenter(23)
    first, second = fragmenter.split(bytes(40)), fragmenter.split(bytes(5))
    assert [item[0] for item in first] == [FIRST | 0, 1, LAST | 2]
    assert [len(item) for item in first] == [20, 20, 3]
    assert second[0][0] == FIRST | LAST | 3


def test_split_when_message_fills_its_fragments_then_no_empty_one_follows() -> None:
    assert [len(item) for item in Fragmenter(23).split(bytes(38))] == [20, 20]


def test_split_when_mtu_changes_then_the_next_message_uses_it() -> None:
    fragmenter = Fragmenter(23)
    assert fragmenter.count(bytes(40)) == len(fragmenter.split(bytes(40))) == 3
    fragmenter.set_mtu(185)
    assert fragmenter.count(bytes(40)) == 1
    assert fragmenter.split(bytes(40))[0][0] == FIRST | LAST | 3


def test_fragmenter_when_mtu_is_huge_then_an_att_value_is_not_exceeded() -> None:
    assert len(Fragmenter(517).split(bytes(MESSAGE_SIZE_MAX))[0]) == ATT_VALUE_SIZE_MAX


@pytest.mark.parametrize("mtu", [22, 0, -1])
def test_fragmenter_when_mtu_is_too_small_then_local_error(mtu: int) -> None:
    with pytest.raises(LocalProtocolError, match="at least 23"):
        Fragmenter(mtu)


@pytest.mark.parametrize("size", [0, MESSAGE_SIZE_MAX + 1])
def test_split_when_size_is_impossible_then_local_error_and_nothing_is_counted(size: int) -> None:
    fragmenter = Fragmenter(23)
    with pytest.raises(LocalProtocolError, match="1 to 1024"):
        fragmenter.split(bytes(size))
    assert fragmenter.split(b"x")[0][0] & SEQUENCE_MASK == 0


def test_split_when_message_is_longest_and_mtu_smallest_then_sequence_does_not_wrap_in_it() -> (
    None
):
    assert len(Fragmenter(23).split(bytes(MESSAGE_SIZE_MAX))) <= FRAGMENT_COUNT_MAX


@given(st.lists(st.tuples(payloads, mtus), min_size=1, max_size=8))
def test_reassembler_when_nothing_is_lost_then_messages_come_as_sent(
    sent: list[tuple[bytes, int]],
) -> None:
    fragmenter, reassembler = Fragmenter(23), Reassembler()
    for message, mtu in sent:
        fragmenter.set_mtu(mtu)
        fragments = fragmenter.split(message)
        assert all(len(item) <= min(mtu - 3, ATT_VALUE_SIZE_MAX) for item in fragments)
        assert deliver(reassembler, fragments) == ([message], [])


def test_reassembler_when_a_middle_fragment_is_lost_then_only_that_message_is() -> None:
    fragmenter, reassembler = Fragmenter(23), Reassembler()
    lost, kept = fragmenter.split(bytes(80)), fragmenter.split(b"kept")
    assert len(lost) == 5
    whole, faults = deliver(reassembler, [lost[0], lost[2], lost[3], lost[4], *kept])
    assert whole == [b"kept"]
    assert [str(item) for item in faults] == ["1 fragments are missing (20 bytes)"]


def test_reassembler_when_a_message_follows_a_loss_at_once_then_it_comes_with_the_fault() -> None:
    fragmenter, reassembler = Fragmenter(23), Reassembler()
    cut, kept = fragmenter.split(bytes(40)), fragmenter.split(b"kept")
    deliver(reassembler, cut[:2])
    assembly = reassembler.receive(kept[0])
    assert assembly.message == b"kept"
    assert isinstance(assembly.fault, FragmentLost)


def test_reassembler_when_a_fragment_repeats_then_the_message_is_dropped() -> None:
    fragmenter, reassembler = Fragmenter(23), Reassembler()
    twice, kept = fragmenter.split(bytes(40)), fragmenter.split(b"kept")
    whole, faults = deliver(reassembler, [twice[0], twice[0], *twice[1:], *kept])
    assert whole == [b"kept"]
    assert [str(item) for item in faults] == ["a fragment came twice or late (20 bytes)"]


def test_reassembler_when_a_whole_message_repeats_then_it_comes_once() -> None:
    fragments = Fragmenter(23).split(b"open")
    assert deliver(Reassembler(), fragments * 3)[0] == [b"open"]


def test_reassembler_when_a_message_begins_inside_another_then_both_are_dropped() -> None:
    reassembler = Reassembler()
    whole, faults = deliver(
        reassembler,
        [
            bytes((FIRST | 0,)) + b"old",
            bytes((FIRST | 1,)) + b"new",
            bytes((LAST | 2,)) + b"old",
            bytes((LAST | 3,)) + b"new",
            bytes((FIRST | LAST | 4,)) + b"next",
        ],
    )
    assert whole == [b"next"]
    assert [str(item) for item in faults] == ["a message began inside another (4 bytes)"]


@given(payloads, payloads, st.lists(st.booleans(), max_size=120))
def test_reassembler_when_a_sender_interleaves_two_messages_then_never_a_mixture(
    one: bytes, other: bytes, turns: list[bool]
) -> None:
    # This sender numbers fragments when it sends them, so that no gap tells.
    streams = [Fragmenter(23).split(one), Fragmenter(23).split(other)]
    merged = [streams[turn].pop(0) for turn in turns if streams[turn]]
    merged += streams[0] + streams[1]
    sent = [
        bytes((item[0] & ~SEQUENCE_MASK | at & SEQUENCE_MASK,)) + item[1:]
        for at, item in enumerate(merged)
    ]
    whole, _ = deliver(Reassembler(), sent)
    assert set(whole) <= {one, other}


def test_reassembler_when_a_fragment_continues_nothing_then_the_rest_is_skipped_once() -> None:
    reassembler = Reassembler()
    whole, faults = deliver(
        reassembler,
        [b"\x00a", b"\x01b", bytes((LAST | 2,)) + b"c", bytes((FIRST | LAST | 3,)) + b"d"],
    )
    assert whole == [b"d"]
    assert [str(item) for item in faults] == ["a fragment continues nothing (2 bytes)"]


@pytest.mark.parametrize("fragment", [b"", b"\xc0"])
def test_reassembler_when_a_fragment_carries_nothing_then_refused(fragment: bytes) -> None:
    reassembler = Reassembler()
    assert isinstance(reassembler.receive(fragment).fault, MalformedFrame)
    assert reassembler.state is AssemblyState.SKIPPING


def test_reassembler_when_a_message_passes_its_limit_then_it_recovers() -> None:
    reassembler = Reassembler(limit=30)
    fragmenter = Fragmenter(23)
    whole, faults = deliver(
        reassembler, [*fragmenter.split(bytes(31)), *fragmenter.split(bytes(30))]
    )
    assert whole == [bytes(30)]
    assert [type(item) for item in faults] == [LimitExceeded]


def test_reassembler_when_fragments_are_tiny_then_their_number_is_bounded() -> None:
    reassembler = Reassembler()
    stream = [bytes((FIRST if at == 0 else at & SEQUENCE_MASK, 7)) for at in range(64)]
    whole, faults = deliver(reassembler, stream)
    assert (whole, [type(item) for item in faults]) == ([], [LimitExceeded])


def test_reassembler_when_abandoned_then_it_tells_the_size_and_waits_for_a_first() -> None:
    reassembler = Reassembler()
    fragmenter = Fragmenter(23)
    cut = fragmenter.split(bytes(40))
    assert reassembler.abandon() == 0
    assert reassembler.state is AssemblyState.READY
    reassembler.receive(cut[0])
    assert reassembler.abandon() == 19
    assert deliver(reassembler, [*cut[1:], *fragmenter.split(b"kept")]) == ([b"kept"], [])


@given(st.integers(1, SEQUENCE_COUNT - 1), st.integers(1, 2))
def test_reassembler_when_fewer_than_64_in_a_row_are_lost_then_no_mixture(
    run: int, start: int
) -> None:
    sent = numbered(40)
    fragmenter, reassembler = Fragmenter(23), Reassembler()
    stream = [item for message in sent for item in fragmenter.split(message)]
    whole, faults = deliver(reassembler, stream[:start] + stream[start + run :])
    assert set(whole) <= set(sent)
    assert faults


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 5))
@example(1, 63, 0)
def test_reassembler_when_it_lost_and_recovered_then_messages_come_again(
    start: int, run: int, extra: int
) -> None:
    # After any loss, at most half a circle of fragments is taken for late ones.
    sent = numbered(250, size=4)
    fragmenter, reassembler = Fragmenter(23), Reassembler()
    stream = [item for message in sent for item in fragmenter.split(message)]
    whole, _ = deliver(reassembler, stream[:start] + stream[start + run : 230 + extra])
    assert set(whole) <= set(sent)
    assert len(whole) >= 230 + extra - run - SEQUENCE_COUNT // 2 - 1 - max(0, start - 230)


@given(
    st.lists(payloads, min_size=1, max_size=6, unique=True),
    st.integers(23, 120),
    st.data(),
)
def test_reassembler_when_fragments_are_lost_repeated_or_reordered_then_never_a_wrong_message(
    sent: list[bytes], mtu: int, data: st.DataObject
) -> None:
    fragmenter, reassembler = Fragmenter(mtu), Reassembler()
    stream = [item for message in sent for item in fragmenter.split(message)]
    # A repeat is known as one for half a circle of fragments.
    stream = stream[: SEQUENCE_COUNT // 2]
    order = data.draw(
        st.lists(st.integers(0, len(stream) - 1), max_size=2 * len(stream)), label="order"
    )
    whole, _ = deliver(reassembler, [stream[at] for at in order])
    assert set(whole) <= set(sent)
    assert len(whole) == len(set(whole))


@pytest.mark.parametrize("age", [1, 2, 31, 32])
def test_reassembler_when_an_old_fragment_comes_again_then_known_for_half_a_circle(
    age: int,
) -> None:
    fragmenter, reassembler = Fragmenter(23), Reassembler()
    stream = [item for message in numbered(40, size=4) for item in fragmenter.split(message)]
    deliver(reassembler, stream[:34])
    whole, faults = deliver(reassembler, [stream[34 - age]])
    assert (whole, [type(item) for item in faults]) == ([], [FragmentLost])


@given(st.lists(st.binary(max_size=80), max_size=100))
def test_reassembler_when_fed_garbage_then_it_never_raises_and_stays_bounded(
    stream: list[bytes],
) -> None:
    reassembler = Reassembler(limit=100)
    whole, faults = deliver(reassembler, stream)
    assert all(0 < len(message) <= 100 for message in whole)
    assert all(isinstance(item, RemoteProtocolError) for item in faults)
    assert reassembler.abandon() <= 100


def test_reassembler_when_given_64_kib_at_once_then_refused() -> None:
    assembly = Reassembler().receive(bytes((FIRST | LAST,)) + bytes(65_535))
    assert isinstance(assembly.fault, LimitExceeded)
    assert assembly.fault.raw_length == 65_536
