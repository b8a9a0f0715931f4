"""Codec benchmark: generated code against hand-written struct and interpreted construct.

Every strike message is parsed and built by all three; they must give the same dataclass and the
same bytes before anything is timed. Rounds are interleaved (each codec once per round), a ratio is
taken inside each round and the median of the rounds is judged, and only the thread's own CPU time
counts, so that the noise of a shared machine hits both sides or none. Exit code 1 when a bound is
missed.

"no objects" rows leave the dataclasses out: tuples of field values by hand and generated, and
construct's own containers; they are printed for comparison and have no bound.

Run: ``python benchmarks/codec.py [--rounds N] [--json FILE]``; less than a minute.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import json
import pathlib
import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, Final

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from codec_peer_build import BUILDERS
from codec_peer_replies import REPLY_PARSERS
from codec_peer_requests import REQUEST_PARSERS
from codec_peer_tuples import TUPLE_PARSERS
from codec_samples import EXTENDED, PLAIN

from protocols.strike.messages import MESSAGES
from protocols.wire.layout import codec

# Bounds of issue 2, "Must hold".
BY_HAND_MAX: Final = 1.5  # generated time / hand-written time, for every message
INTERPRETED_MIN: Final = 8.0  # interpreted time / generated time, for every message
INTERPRETED_MEDIAN_MIN: Final = 15.0  # the same, median over the messages

# A timing loop lasts about this long: far above the clock's grain, and short enough that most
# rounds pass undisturbed.
LOOP_S: Final = 0.001


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One message in one direction: median time by codec, and medians of the ratios."""

    message: str
    kind: str  # "parse", "build" or "parse to tuples"
    hand_ns: float
    generated_ns: float
    interpreted_ns: float
    to_hand: float  # generated / hand-written
    to_interpreted: float  # interpreted / generated


PARSERS: Final = {**REQUEST_PARSERS, **REPLY_PARSERS}


def main() -> int:
    """Check, measure, print; the process's exit code."""
    arguments = _arguments()
    _check_samples()
    rows = []
    for sample in PLAIN:
        rows += _measure(type(sample).__name__, sample, arguments.rounds)
    for sample in EXTENDED:
        rows += _measure(f"{type(sample).__name__} + optional", sample, arguments.rounds)
    print(f"Python {platform.python_version()}, {arguments.rounds} rounds")
    _print_rows(rows)
    misses = _judge(rows)
    if arguments.json is not None:
        figures = {
            "python": platform.python_version(),
            "rounds": arguments.rounds,
            "rows": [dataclasses.asdict(row) for row in rows],
            "missed": misses,
        }
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 1 if misses else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare the codecs of every strike message.")
    parser.add_argument("--rounds", type=int, default=21, help="interleaved rounds (default 21)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the figures")
    return parser.parse_args()


def _check_samples() -> None:
    """Every message has a sample, and all codecs agree on value and bytes."""
    assert {type(sample) for sample in PLAIN} == set(MESSAGES.values())
    for sample in (*PLAIN, *EXTENDED):
        message = type(sample)
        made = codec(message)
        assert made.source, f"{message.__name__} has no generated code"
        wire = made.encode_interpreted(sample)
        assert made.encode(sample) == BUILDERS[message](sample) == wire
        for decode in (made.decode, made.decode_interpreted, PARSERS[message]):
            assert decode(wire) == sample
            assert type(decode(wire)) is message
        assert made.decode_tuple is not None
        assert made.decode_tuple(wire) == TUPLE_PARSERS[message](wire) == _as_tuple(sample)


def _as_tuple(value: Any) -> tuple[Any, ...]:
    fields = [getattr(value, field.name) for field in dataclasses.fields(value)]
    return tuple(
        tuple(map(_as_tuple, item)) if isinstance(item, tuple) else item for item in fields
    )


def _measure(name: str, sample: Any, rounds: int) -> list[Row]:
    message = type(sample)
    made = codec(message)
    wire = made.encode(sample)
    plain = made.declaration.parse(wire)
    assert made.decode_tuple is not None
    return [
        _compare(
            (name, "parse"),
            rounds,
            (PARSERS[message], wire),
            (made.decode, wire),
            (made.decode_interpreted, wire),
        ),
        _compare(
            (name, "build"),
            rounds,
            (BUILDERS[message], sample),
            (made.encode, sample),
            (made.encode_interpreted, sample),
        ),
        _compare(
            (name, "parse, no objects"),
            rounds,
            (TUPLE_PARSERS[message], wire),
            (made.decode_tuple, wire),
            (made.declaration.parse, wire),
        ),
        _compare(
            (name, "build, no objects"),
            rounds,
            (BUILDERS[message], sample),
            (made.encode, sample),
            (made.declaration.build, plain),
        ),
    ]


Call = tuple[Callable[[Any], Any], Any]


def _compare(
    label: tuple[str, str], rounds: int, hand: Call, generated: Call, interpreted: Call
) -> Row:
    calls = (hand, generated, interpreted)
    loops = [_loop_count(call) for call in calls]
    gc.collect()
    gc.disable()
    try:
        times_ns = [
            [_time_ns(call, count) for call, count in zip(calls, loops, strict=True)]
            for _ in range(rounds)
        ]
    finally:
        gc.enable()
    by_codec = [statistics.median(column) for column in zip(*times_ns, strict=True)]
    return Row(
        message=label[0],
        kind=label[1],
        hand_ns=by_codec[0],
        generated_ns=by_codec[1],
        interpreted_ns=by_codec[2],
        to_hand=statistics.median(made / own for own, made, _ in times_ns),
        to_interpreted=statistics.median(slow / made for _, made, slow in times_ns),
    )


def _loop_count(call: Call) -> int:
    count = 1
    while (spent_ns := _time_ns(call, count) * count) < LOOP_S * 1e9 / 4:
        count *= 4
    return max(1, round(count * LOOP_S * 1e9 / spent_ns))


def _time_ns(call: Call, count: int) -> float:
    function, argument = call
    started = time.thread_time_ns()
    for _ in range(count):
        function(argument)
    return (time.thread_time_ns() - started) / count


def _print_rows(rows: list[Row]) -> None:
    print(
        f"{'message':34}{'':22}{'by hand':>10}{'generated':>11}{'construct':>11}"
        f"{'gen/hand':>10}{'constr/gen':>12}"
    )
    for row in rows:
        print(
            f"{row.message:34}{row.kind:22}{row.hand_ns:>7.0f} ns{row.generated_ns:>8.0f} ns"
            f"{row.interpreted_ns / 1000:>8.1f} us{row.to_hand:>9.2f}x{row.to_interpreted:>11.1f}x"
        )


def _judge(rows: list[Row]) -> list[str]:
    """Print the summaries; the sentences of the bounds that are missed."""
    misses = []
    for kind in dict.fromkeys(row.kind for row in rows):
        some = [row for row in rows if row.kind == kind]
        slowest = max(some, key=lambda row: row.to_hand)
        least = min(some, key=lambda row: row.to_interpreted)
        middle = statistics.median(row.to_interpreted for row in some)
        print(
            f"{kind}: generated takes {statistics.median(row.to_hand for row in some):.2f}x the "
            f"hand-written time in the median, {slowest.to_hand:.2f}x at most ({slowest.message});"
            f" construct takes {middle:.1f}x the generated time in the median, "
            f"{least.to_interpreted:.1f}x at least ({least.message})"
        )
        if "no objects" in kind:
            continue
        if slowest.to_hand > BY_HAND_MAX:
            misses.append(f"{kind} of {slowest.message} is over {BY_HAND_MAX}x by hand")
        if least.to_interpreted < INTERPRETED_MIN:
            misses.append(f"{kind} of {least.message} is under {INTERPRETED_MIN}x construct")
        if middle < INTERPRETED_MEDIAN_MIN:
            misses.append(f"{kind} is under {INTERPRETED_MEDIAN_MIN}x construct in the median")
    print("\n".join(f"MISSED: {miss}" for miss in misses) or "all bounds hold")
    return misses


if __name__ == "__main__":
    sys.exit(main())
