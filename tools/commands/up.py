"""`strikeplate up [BENCH.toml]`: devices, gateway and API in one process."""

from __future__ import annotations

import argparse
import os
import socket
from importlib import resources
from pathlib import Path
from typing import Any

from firmware_sim.kernel.http_edge import open_listener
from firmware_sim.kernel.wall import SystemWall
from gateway.config_schema import Document
from hil_tests.bench_file import BenchFile, load_bench, read_bench
from hil_tests.bench_state import BenchState, parse_instant_ms
from tools.bench_client import DEFAULT_STATE
from tools.errors import ToolError, UsageError
from tools.logs import log_to_stderr
from tools.output import Output
from tools.serving import Serving, serve

# Nobody but this machine: a bench holds PINs and opens (simulated) doors.
HOST = "127.0.0.1"
DEFAULT_PORT = 8420
PORT_MAX = 65_535


def register(verbs: Any, shared: argparse.ArgumentParser) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "up", parents=[shared], help="run a bench: devices, gateway and API in one go"
    )
    parser.add_argument("bench", nargs="?", type=Path, metavar="BENCH.toml", help="a bench file")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="TCP port; 0 = any free (%(default)s)"
    )
    parser.add_argument(
        "--state", type=Path, default=Path(DEFAULT_STATE), help="state folder (%(default)s)"
    )
    parser.add_argument("--now", metavar="ISO", help="bench time to start at")
    parser.add_argument("--seed", type=int, help="seed of all randomness (a new state: 1)")
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        help="bench seconds a second; 0 = stands still but for what a request needs (1)",
    )
    parser.add_argument("--verbose", action="store_true", help="log what happens, to stderr")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Run a bench until SIGTERM or SIGINT."""
    file = bench_file(arguments.bench)
    if not 0 <= arguments.port <= PORT_MAX:
        raise UsageError(f"--port must be from 0 to {PORT_MAX}")
    log_to_stderr(verbose=arguments.verbose)
    state = BenchState(arguments.state)
    with state.claim(), listener(arguments.port) as bound:
        url = f"http://{HOST}:{bound.getsockname()[1]}"

        def on_ready(new_api_key: str | None) -> None:
            document: dict[str, Any] = {"ready": True, "url": url, "devices": len(file.devices)}
            text = f"strikeplate is ready at {url} ({len(file.devices)} devices)"
            if new_api_key is not None:
                document["api_key"] = new_api_key
                text += f", API key {new_api_key}"
            output.result(document, text)

        serving = Serving(
            file=file,
            state=state,
            listener=bound,
            url=url,
            speed=arguments.speed,
            now_ms=None if arguments.now is None else parse_instant_ms(arguments.now),
            seed=arguments.seed,
            api_key=os.environ.get("STRIKEPLATE_API_KEY"),
            on_ready=on_ready,
            wall=SystemWall(),
        )
        serve(serving)
    return 0


def bench_file(path: Path | None) -> BenchFile:
    """The bench file that was named, or the default bench.

    Raises:
        ConfigError: Names file, line and key.
    """
    if path is not None:
        return load_bench(path)
    text = resources.files("tools").joinpath("building.toml").read_text(encoding="utf-8")
    return read_bench(Document(text=text, source="building.toml"))


def listener(port: int) -> socket.socket:
    """Bind the port.

    Raises:
        ToolError: When it can't be had.
    """
    try:
        return open_listener(HOST, port)
    except OSError as error:
        raise ToolError(
            f"can't listen on {HOST}:{port} ({error.strerror}); use --port 0 for any free one"
        ) from error
