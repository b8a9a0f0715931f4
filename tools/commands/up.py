"""`strikeplate up [BENCH.toml]`: devices, gateway and API in one process."""

from __future__ import annotations

import argparse
import os
from importlib import resources
from pathlib import Path
from typing import Any

from firmware_sim.kernel.wall import SystemWall
from gateway.config_schema import Document
from hil_tests.bench_file import BenchFile, load_bench, read_bench, with_radio
from hil_tests.bench_state import BenchState
from tools import arguments as readers
from tools.bench_options import add_state_option
from tools.listening import listen, url_of
from tools.logs import log_to_stderr
from tools.output import Output, count
from tools.serving import Serving, serve

# Nobody but this machine: a bench holds PINs and opens (simulated) doors.
HOST = "127.0.0.1"
DEFAULT_PORT = 8420


def register(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    del shared
    parser.add_argument("bench", nargs="?", type=Path, metavar="BENCH.toml", help="a bench file")
    parser.add_argument(
        "--port",
        type=readers.port,
        default=DEFAULT_PORT,
        help="TCP port; 0 = any free (default: %(default)s)",
    )
    add_state_option(parser)
    parser.add_argument(
        "--now", type=readers.instant_ms, metavar="ISO", help="bench time to start at"
    )
    parser.add_argument(
        "--seed", type=readers.seed, help="seed of all randomness (default: the state's, or 1)"
    )
    parser.add_argument(
        "--speed",
        type=readers.speed,
        default=1.0,
        help="bench seconds a second; 0 = stands still but for what a request needs (default: 1)",
    )
    parser.add_argument(
        "--radio",
        type=readers.radio,
        metavar="sim|light",
        help="fidelity of the simulated radio (default: the bench file's, or sim)",
    )
    parser.add_argument("--verbose", action="store_true", help="log what happens, to stderr")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Run a bench until SIGTERM or SIGINT."""
    file = bench_file(arguments.bench)
    if arguments.radio is not None:
        file = with_radio(file, arguments.radio)
    log_to_stderr(output, verbose=arguments.verbose)
    output.working("starting the bench")
    state = BenchState(arguments.state)
    state.make()
    with state.claim(), listen(HOST, arguments.port, "use --port 0 for any free one") as bound:
        url = url_of(HOST, bound)

        def on_ready(new_api_key: str | None) -> None:
            document: dict[str, Any] = {"ready": True, "url": url, "devices": len(file.devices)}
            text = f"strikeplate is ready at {url} ({count(len(file.devices), 'device')})"
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
            now_ms=arguments.now,
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
