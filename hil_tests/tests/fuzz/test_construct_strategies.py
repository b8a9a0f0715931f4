from __future__ import annotations

import enum
from typing import Annotated, Any

import construct as c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil_tests.fuzz.construct_strategies import damaged, messages_of, values_of, wire_of
from protocols.errors import MalformedFrame
from protocols.strike.messages import MESSAGES, DeviceStatus, SetCredential, SetUser, StatusReply
from protocols.wire.checksum import crc16_ibm3740
from protocols.wire.layout import EnumWord, Tlv, codec, message

# One of each kind of node, with fields that depend on earlier ones.
SLOT = c.Struct(
    "slot" / c.Int16ul,
    "kind" / c.Enum(c.Int8ul, pin=1, token=2, fob=3),
    "flags" / c.FlagsEnum(c.Int8ul, active=1, once=2, duress=4),
    "credential"
    / c.Switch(
        c.this.kind,
        {"pin": c.PrefixedArray(c.Int8ul, c.Int8ul), "token": c.Bytes(16)},
        default=c.Prefixed(c.Int8ul, c.GreedyBytes),
    ),
)
FRAME = c.Struct(
    "magic" / c.Const(b"\xa5"),
    "header"
    / c.BitStruct("version" / c.BitsInteger(3), "sealed" / c.Flag, "n" / c.BitsInteger(4)),
    "body" / c.RawCopy(SLOT),
    "count" / c.Rebuild(c.Int8ul, c.len_(c.this.samples)),
    "samples" / c.Array(c.this.count, c.Int16sb),
    "pair" / c.Array(2, c.Float32l),
    "three" / c.Int24sb,
    "huge" / c.VarInt,
    "mode" / c.Mapping(c.Int8ul, {"day": 1, "night": 2}),
    "name" / c.PascalString(c.Int8ul, "utf8"),
    "label" / c.PaddedString(6, "ascii"),
    "note" / c.CString("utf8"),
    "fixed" / c.FixedSized(3, c.GreedyBytes),
    "small" / c.FixedSized(4, c.Int8ub),
    "ended" / c.NullTerminated(c.GreedyBytes),
    "ended_const" / c.NullTerminated(c.Const(b"n")),
    "blob" / c.Bytes(lambda context: context.header.n),
    "more" / c.If(lambda context: context.header.sealed, c.Int64ub),
    "sequence" / c.Sequence(c.Int8ub, c.Hex(c.Int8ub), c.Default(c.Int8ub, 7)),
    "inner" / c.Struct("copied" / c.Array(c.this._.header.n, c.Int8ub)),
    "aligned" / c.Aligned(4, c.Int8ub),
    "truth" / c.FormatField("<", "?"),
    c.Padding(2),
    "twice" / c.Computed(c.this.three * 2),
    "at" / c.Tell,
    "size" / c.Rebuild(c.Int8ul, c.len_(c.this.sized)),
    "sized" / c.Bytes(c.this.size),
    "checksum" / c.Checksum(c.Int16ul, crc16_ibm3740, c.this.body.data),
    "rest" / c.Prefixed(c.Int16ul, c.GreedyRange(c.Int8ub)),
    c.Terminated,
)


def plain(value: Any) -> Any:
    """What construct parsed, without its bookkeeping."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key != "_io"}
    return [plain(item) for item in value] if isinstance(value, list) else value


@given(value=values_of(FRAME))
def test_drawn_values_build_and_parse_back(value: Any) -> None:
    parsed = FRAME.parse(FRAME.build(value))
    again = {**plain(parsed), "body": {"value": plain(parsed.body.value)}}
    for name in ("name", "label", "note", "samples", "three", "huge", "mode", "rest", "blob"):
        assert again[name] == value[name]
    assert plain(parsed.body.value.slot) == value["body"]["value"]["slot"]
    assert parsed.more == value["more"]
    assert len(parsed.inner.copied) == parsed.header.n == len(parsed.blob)
    assert FRAME.build(again) == FRAME.build(value)


@given(value=values_of(FRAME, slot=st.just(7), credential=st.just([1, 2]), kind=st.just("pin")))
def test_override_is_used_at_any_depth(value: Any) -> None:
    assert FRAME.parse(FRAME.build(value)).body.value.credential == [1, 2]
    assert value["body"]["value"]["slot"] == 7


def test_switch_reaches_every_case() -> None:
    seen = set()

    @settings(max_examples=100, database=None, derandomize=True)
    @given(value=values_of(SLOT))
    def collect(value: Any) -> None:
        seen.add((value["kind"], type(value["credential"])))

    collect()
    assert seen == {("pin", list), ("token", bytes), ("fob", bytes)}


def test_node_that_is_not_known_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="no strategy for a Union of construct"):
        values_of(c.Union(None, "x" / c.Int8ub))


@pytest.mark.parametrize("cls", MESSAGES.values(), ids=lambda cls: cls.__name__)
@settings(max_examples=10)
@given(data=st.data())
def test_drawn_messages_round_trip(cls: type, data: st.DataObject) -> None:
    value = data.draw(messages_of(cls))
    made: Any = codec(cls)
    assert made.decode(made.encode(value)) == value


class Closed(enum.IntEnum):
    """Only these."""

    ONE = 1
    TWO = 2


@message
class Carrier:
    closed: Annotated[Closed, EnumWord(c.Int8sl)]
    tag: Tlv


@given(value=messages_of(Carrier))
def test_drawn_messages_hold_only_members_of_closed_enums(value: Carrier) -> None:
    assert isinstance(value.closed, Closed)
    assert codec(Carrier).decode(codec(Carrier).encode(value)) == value


def test_open_enums_are_drawn_known_and_unknown() -> None:
    known = set()

    @settings(max_examples=100, database=None, derandomize=True)
    @given(value=messages_of(StatusReply))
    def collect(value: StatusReply) -> None:
        known.add(value.status.is_known)

    collect()
    assert known == {True, False}


def test_wire_is_sometimes_refused_and_sometimes_accepted() -> None:
    outcomes = set()

    @settings(max_examples=100, database=None, derandomize=True)
    @given(wire=wire_of(SetUser))
    def collect(wire: bytes) -> None:
        try:
            codec(SetUser).decode(wire)
        except MalformedFrame:
            outcomes.add("refused")
        else:
            outcomes.add("accepted")

    collect()
    assert outcomes == {"refused", "accepted"}


@given(wire=wire_of(SetCredential, faults_max=0))
def test_wire_without_faults_is_right(wire: bytes) -> None:
    assert codec(SetCredential).encode(codec(SetCredential).decode(wire)) == wire


def test_damage_of_nothing_stays_bytes() -> None:
    @settings(max_examples=100, database=None, derandomize=True)
    @given(wire=damaged(st.just(b""), faults_max=3))
    def collect(wire: bytes) -> None:
        assert isinstance(wire, bytes)

    collect()


def test_damaged_bytes_are_repaired_or_not() -> None:
    def with_checksum(frame: bytes) -> bytes:
        return frame[:-2] + crc16_ibm3740(frame[:-2]).to_bytes(2, "little")

    def is_right(frame: bytes) -> bool:
        return len(frame) > 1 and frame == with_checksum(frame)

    frames = wire_of(DeviceStatus, faults_max=0).map(lambda body: with_checksum(body + b"??"))
    kinds = set()

    @settings(max_examples=100, database=None, derandomize=True)
    @given(data=st.data())
    def collect(data: st.DataObject) -> None:
        frame = data.draw(frames)
        changed = data.draw(damaged(st.just(frame), repair=with_checksum))
        kinds.add((changed != frame, is_right(changed)))

    collect()
    assert kinds == {(False, True), (True, True), (True, False)}
