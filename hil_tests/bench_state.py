"""The state folder of a bench: what survives its process.

    gateway.db        the gateway's store
    devices/          each device's memory
    clock.json        the bench clock, and the seed of the run
    api-key           the API key, mode 0600
    up.json           URL and process id of the bench that runs now
    events.jsonl      the trace of the run

Every commit and every device write carries the bench instant too; a start takes the highest
found anywhere, so bench time never goes back.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from firmware_sim.kernel.clock import WorldClock
from firmware_sim.kernel.trace import Trace
from firmware_sim.world import latest_instant_in
from gateway.config import check_api_key
from gateway.errors import ConfigError, StoreError
from gateway.store.peek import committed_instant_ms
from hil_tests.bench_instants import check_instant
from hil_tests.errors import BenchError, StateInUse, StateUnusable

# Only the owner may read: the folder holds PINs and the API key.
_FOLDER_MODE: Final = 0o700
_KEY_MODE: Final = 0o600
_KEY_BYTES: Final = 16

_MEMORY_DISK: Final = Path("/dev/shm")  # noqa: S108 - whoever uses it makes a folder of its own.
# For state that nobody keeps, which need not wait for a disk; None where a system has none.
RAM_DISK: Final = _MEMORY_DISK if _MEMORY_DISK.is_dir() else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClockRecord:
    """What `clock.json` holds.

    Attributes:
        now_ms: The highest bench instant that was told to anybody.
        seed: Seed of the state's randomness.
        run: How often this state was started; each run draws from streams of its own.
    """

    now_ms: int
    seed: int
    run: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """The API key of a state.

    Attributes:
        text: The key.
        is_new: Whether it was made just now, and has to be shown once.
    """

    text: str = dataclasses.field(repr=False)
    is_new: bool


class BenchState:
    """One state folder.

    Args:
        folder: Where it is; `make` makes it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.devices = folder / "devices"

    def make(self) -> None:
        """Make the folder when it is missing; one that is there keeps its mode.

        Raises:
            StateUnusable: When it can't be made.
        """
        with _state_errors(self.folder):
            self.folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            self.devices.mkdir(mode=_FOLDER_MODE, exist_ok=True)

    @property
    def store_path(self) -> Path:
        """The gateway's store."""
        return self.folder / "gateway.db"

    @property
    def store_url(self) -> str:
        """The gateway's store, as the gateway is told of it."""
        return f"sqlite:///{self.store_path.resolve()}"

    # --- the clock ------------------------------------------------------------------------

    def read_clock(self) -> ClockRecord | None:
        """The bench clock of this state; None when it is new.

        Raises:
            StateUnusable: When the file is damaged.
        """
        path = self.folder / "clock.json"
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            record = ClockRecord(
                now_ms=int(document["now_ms"]),
                seed=int(document["seed"]),
                run=int(document["run"]),
            )
            check_instant(record.now_ms)
        except FileNotFoundError:
            return None
        except (BenchError, OSError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise StateUnusable(
                f"{path} is damaged; remove it to go on from the latest write of the gateway "
                "or a device"
            ) from error
        return record

    def found_ms(self) -> int | None:
        """The highest bench instant anywhere in this state; None for a new one.

        Raises:
            StrikeplateError: When something in it is damaged.
        """
        known = self.read_clock()
        try:
            committed_ms = (
                committed_instant_ms(self.store_url) if self.store_path.exists() else None
            )
        except StoreError as error:
            raise StateUnusable(
                f"{self.store_path}: {error}; restore a backup, or name another --state"
            ) from error
        instants = [
            None if known is None else known.now_ms,
            latest_instant_in(self.devices),
            committed_ms,
        ]
        return max((ms for ms in instants if ms is not None), default=None)

    def write_clock(self, record: ClockRecord) -> None:
        """Note the bench clock, so that a later start does not go back behind it.

        Raises:
            StateUnusable: When it can't be written.
        """
        _replace(self.folder / "clock.json", json.dumps(dataclasses.asdict(record)))

    # --- the key --------------------------------------------------------------------------

    def api_key(self, given: str | None, lots: random.Random) -> ApiKey:
        """The API key of this state; a key that is not kept yet is kept by `keep_key`.

        Args:
            given: The key of the environment; it wins. None or empty for the state's own.
            lots: Where a new key comes from.

        Raises:
            ConfigError: When the given key is none that the SDKs would send.
            StateUnusable: When the kept key can't be read.
        """
        if given:
            check_api_key(given)
            return ApiKey(text=given, is_new=False)
        known = self._kept_key()
        if known is not None:
            return ApiKey(text=known, is_new=False)
        digits = f"{lots.getrandbits(_KEY_BYTES * 8):0{_KEY_BYTES * 2}x}"
        return ApiKey(text=f"seam_test_{digits}", is_new=True)

    def keep_key(self, key: ApiKey) -> None:
        """Keep the key for later starts, and for other verbs.

        It is kept when it is shown, not before: a start that fails has shown nothing, and the
        next one still has a key to show.

        Raises:
            StateUnusable: When it can't be written.
        """
        _replace(self.folder / "api-key", key.text + "\n", mode=_KEY_MODE)

    def _kept_key(self) -> str | None:
        path = self.folder / "api-key"
        try:
            with _state_errors(path):
                key = path.read_text(encoding="utf-8").strip() if path.exists() else None
            if key is not None:
                check_api_key(key)
        except (ConfigError, UnicodeError) as error:
            reason = error if isinstance(error, ConfigError) else "it is not text"
            raise StateUnusable(f"{path}: {reason}; remove it to get a new key") from None
        return key

    # --- the trace ------------------------------------------------------------------------

    def open_trace(self, run_seed: int, clock: WorldClock) -> Trace:
        """The trace of a run; that of the run before is replaced.

        Raises:
            StateUnusable: When it can't be written.
        """
        path = self.folder / "events.jsonl"
        with _state_errors(path):
            return Trace(path, run_seed, clock)

    # --- the running bench ----------------------------------------------------------------

    @contextlib.contextmanager
    def claim(self) -> Iterator[None]:
        """Keep a second bench from using this state at the same time.

        Raises:
            StateInUse: When another process holds it.
            StateUnusable: When the folder can't be written.
        """
        path = self.folder / "lock"
        with _state_errors(path):
            # Python's descriptors are not inherited: a child keeps no ended bench's claim.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise StateInUse(
                f"another bench runs on {self.folder}; stop it, or name another --state"
            ) from None
        try:
            yield
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def announce(self, url: str) -> Iterator[None]:
        """Let other verbs find this bench while the context is open.

        Raises:
            StateUnusable: When the folder can't be written.
        """
        path = self.folder / "up.json"
        _replace(path, json.dumps({"url": url, "pid": os.getpid()}))
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _replace(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a small file so that a reader sees the old one or the new one, never half.

    Raises:
        StateUnusable: When it can't be written.
    """
    aside = path.with_name(path.name + ".new")
    with _state_errors(path):
        # One that a killed process left behind may have another mode.
        aside.unlink(missing_ok=True)
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        aside.replace(path)


@contextlib.contextmanager
def _state_errors(path: Path) -> Iterator[None]:
    """Turn what the system says about a file into a sentence.

    Raises:
        StateUnusable: When it refused.
    """
    try:
        yield
    except OSError as error:
        raise StateUnusable(
            f"can't use {path} ({error.strerror}); name another --state, or mend it"
        ) from error
