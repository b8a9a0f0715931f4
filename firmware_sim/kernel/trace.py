"""The trace: one `events.jsonl` a run, and a digest that two runs of one seed share.

A line is one event: ``{"t_ns": ..., "device": ..., "kind": ..., "data": {...}}``, keys in that
order, those of the data sorted, no spaces. The digest is taken over these lines, which hold our
own events and nothing of asyncio's, so it is the same in any process, under any hash seed and
on any Python version.

Credentials never enter it (DESIGN D17, D22): a PIN shows as a tag such as ``pin#3f2a``, equal
for equal PINs within one run. Fields that are named like a secret take a tag or nothing.
Each event is handed to the system at once; nothing is kept in memory.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from firmware_sim.errors import TraceError
from firmware_sim.kernel.streams import derive_seed

# Names of fields whose plain value would be a credential.
_SECRET_FIELDS = frozenset({"code", "digits", "pin", "pin_code", "secret", "token"})

_TAG = re.compile(r"pin#[0-9a-f]{4}")

# Bytes of a tag: enough to tell the PINs of one bench apart, too few to search for one by it.
_TAG_BYTES = 2

# Bytes of the digest: as long as a UUID, which a report prints on one line.
_DIGEST_BYTES = 16


class TraceClock(Protocol):
    """The part of a bench clock that the trace needs."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01T00:00:00Z."""


class Trace:
    """Writes the events of one run; a context manager, single-use.

    Args:
        path: The file to write, replaced when it exists; None keeps the digest only.
        seed: The run's seed; keys the tags.
        clock: Stamps the events.
    """

    def __init__(self, path: Path | None, seed: int, clock: TraceClock) -> None:
        # Line by line: a killed process leaves every event, and whoever follows the file sees it.
        self._file = (
            None if path is None else path.open("w", buffering=1, encoding="utf-8", newline="\n")
        )
        self._clock = clock
        self._hash = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        self._tag_key = derive_seed(seed, "trace/pin-tag").to_bytes(32, "big")
        self.event_count = 0
        self._listeners: list[Callable[[Mapping[str, Any]], None]] = []

    def record(self, device: str, kind: str, **data: Any) -> None:
        """Write one event.

        Args:
            device: Who it happened to; the bench name of a device, or a part such as ``radio``.
            kind: What happened, such as ``credential_set``.
            data: Facts as JSON values; never bytes, never a credential.

        Raises:
            TraceError: When a field is named like a secret and holds no tag, or a value is not
                JSON. Its message names the field, not the value.
        """
        for field in sorted(_SECRET_FIELDS.intersection(data)):
            value = data[field]
            if value is not None and not (isinstance(value, str) and _TAG.fullmatch(value)):
                raise TraceError(f"field {field!r} of event {kind!r} takes a pin_tag only")
        event = {
            "t_ns": self._clock.now_us() * 1_000,
            "device": device,
            "kind": kind,
            "data": dict(sorted(data.items())),
        }
        try:
            line = json.dumps(event, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
        except (TypeError, ValueError):
            # Without its cause: the value might show in it.
            raise TraceError(
                f"event {kind!r} of {device!r} holds a value that is not JSON"
            ) from None
        self._hash.update(line.encode())
        self._hash.update(b"\n")
        self.event_count += 1
        if self._file is not None:
            self._file.write(line + "\n")
        for listener in self._listeners:
            listener(event)

    def listen(self, listener: Callable[[Mapping[str, Any]], None]) -> None:
        """Have every event from now on told to a listener too: an oracle, or a person's screen."""
        self._listeners.append(listener)

    def digest(self) -> str:
        """Digest of the events so far: 32 hexadecimal characters."""
        return self._hash.hexdigest()

    def pin_tag(self, code: str | bytes) -> str:
        """The tag that stands for a PIN in this run, such as ``pin#3f2a``."""
        raw = code.encode() if isinstance(code, str) else code
        tag = hashlib.blake2b(raw, key=self._tag_key, digest_size=_TAG_BYTES).hexdigest()
        return f"pin#{tag}"

    def close(self) -> None:
        """Close the file; the digest stays readable."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
