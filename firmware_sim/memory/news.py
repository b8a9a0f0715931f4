"""Which log records are news to a reader."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from firmware_sim.memory.records import DeviceState
from protocols.doorlock.vocabulary import LogEvent
from protocols.strike.messages import LogRecord


def is_news(record: LogRecord) -> bool:
    """True for what a reader does not know yet: setting the clock was its own doing."""
    return record.event is not LogEvent.CLOCK_SET


def with_news(state: DeviceState, records: Sequence[LogRecord]) -> DeviceState:
    """The state after these records were appended to the log."""
    for record in reversed(records):
        if is_news(record):
            return dataclasses.replace(state, news_index=record.index + 1)
    return state
