"""Lets unmodified programs in this process use the simulated radio."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import bleak

from firmware_sim.radio.backend import BleakBackend

# What `backend_id` tells of a client or scanner that was routed.
BACKEND_ID = "strikeplate"


@contextlib.contextmanager
def route_unmodified(backend: BleakBackend) -> Iterator[None]:
    """Make every `BleakClient` and `BleakScanner` of this process use a backend.

    Replaces two names of module bleak that it looks up whenever one is made without a backend of
    its own; so third-party lock libraries are reached too. They are no public interface of bleak;
    a test pins them.
    """
    names = vars(bleak)
    replaced: dict[str, object] = {
        "get_platform_client_backend_type": lambda: (backend.client, BACKEND_ID),
        "get_platform_scanner_backend_type": lambda: (backend.scanner, BACKEND_ID),
    }
    kept = {name: names[name] for name in replaced}
    names.update(replaced)
    try:
        yield
    finally:
        names.update(kept)
