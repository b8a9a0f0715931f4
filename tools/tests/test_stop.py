"""Stopping a bench: by signals of another process, at the worst moments."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from tools.bench_client import BenchClient
from tools.running_bench import STOP_TIMEOUT_S, start_bench, wait_until_ready

STANDING = ("--now", "2025-07-10T12:00:00Z", "--speed", "0", "--port", "0")


def stop(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> int:
    process.send_signal(number)
    process.communicate(timeout=STOP_TIMEOUT_S)
    return process.returncode


def log(state: Path) -> list[str]:
    """What a bench said, but for the warning with which every bench begins."""
    lines = (state / "up.log").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if "in plaintext" not in line]


def give_way(process: subprocess.Popen[str]) -> None:
    """Leave the processor to what is waited for; it must not have ended."""
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.01)


def test_bench_stops_cleanly_while_it_advances_and_while_a_client_hangs(tmp_path: Path) -> None:
    state = tmp_path / "state"
    process = start_bench(state, STANDING)
    try:
        url = wait_until_ready(process, state)
        key = (state / "api-key").read_text(encoding="utf-8").strip()
        port = int(url.rpartition(":")[2])
        answers: list[int | type[Exception]] = []

        def advance() -> None:
            headers = {"authorization": f"Bearer {key}"}
            body = {"seconds": 50 * 365 * 86_400}
            try:
                reply = httpx.post(
                    f"{url}/bench/clock/advance", json=body, headers=headers, timeout=60
                )
                answers.append(reply.status_code)
            except httpx.HTTPError as error:
                answers.append(type(error))

        advancing = threading.Thread(target=advance, daemon=True)
        advancing.start()
        with (
            socket.create_connection(("127.0.0.1", port)) as silent,
            BenchClient(url, key) as bench,
        ):
            silent.sendall(b"POST /devices/list HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
            # It advances: others are served meanwhile, and see time go by.
            first = bench.get("/bench/clock")["now"]
            while bench.get("/bench/clock")["now"] == first:
                pass
            assert stop(process) == 0
        advancing.join(STOP_TIMEOUT_S)
        # Told that the bench stops, or cut off; never left waiting, never told a success.
        assert answers in ([503], [httpx.RemoteProtocolError], [httpx.ReadError])
    finally:
        process.kill()
        process.communicate()
    assert log(state) == []
    assert not (state / "up.json").exists()
    kept = json.loads((state / "clock.json").read_text(encoding="utf-8"))["now_ms"]
    assert kept > 1_752_148_800_000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_start_is_given_up_when_told_to_stop(tmp_path: Path, number: int) -> None:
    state = tmp_path / "state"
    process = start_bench(state, STANDING)
    try:
        # The clock is written just before the loop begins, and the trace just after.
        while not (state / "events.jsonl").exists():
            give_way(process)
        assert stop(process, number) == 0
    finally:
        process.kill()
        process.communicate()
    assert log(state) == []
    assert not (state / "up.json").exists()


def test_demo_that_is_told_to_stop_takes_its_bench_along(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "tools.cli", "demo", "--json"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while not (records := list(tmp_path.glob("strikeplate-demo-*/state/up.json"))):
            give_way(process)
        pid = json.loads(records[0].read_text(encoding="utf-8"))["pid"]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=STOP_TIMEOUT_S)
    assert (process.returncode, out, err) == (128 + signal.SIGTERM, "", "")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
