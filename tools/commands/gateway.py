"""`strikeplate gateway --config FILE`: the gateway alone, on real links."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import secrets
import signal
from pathlib import Path

from firmware_sim.kernel.http_edge import serve_http
from firmware_sim.kernel.wall import SystemWall
from gateway.app import Gateway
from gateway.config import GatewayConfig, load_config
from gateway.ports import DirectEdge
from tools.config_view import as_text, view
from tools.errors import UsageError
from tools.listening import listen, url_of
from tools.logs import log_to_stderr
from tools.output import Output, count


def register(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    del shared
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML file")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override one setting, such as api.port=0; may be given again",
    )
    parser.add_argument("--check", action="store_true", help="show what the file means, and stop")
    parser.add_argument("--verbose", action="store_true", help="log what happens, to stderr")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Run the gateway until SIGTERM or SIGINT."""
    config = load_config(
        arguments.config, environment=os.environ, overrides=_overrides(arguments.set)
    )
    if arguments.check:
        document = view(config)
        output.result(document, as_text(document))
        return 0
    if config.api.key is None:
        raise UsageError(
            "the gateway needs an API key: set STRIKEPLATE_API_KEY, or key_file in [api]"
        )
    log_to_stderr(output, verbose=arguments.verbose)
    with asyncio.Runner() as runner:
        runner.run(_serve(config, output))
    return 0


def _overrides(settings: list[str]) -> dict[str, str]:
    overrides = {}
    for text in settings:
        key, separator, value = text.partition("=")
        if not separator:
            raise UsageError(f"--set takes KEY=VALUE, such as api.port=0, not {text!r}")
        overrides[key.strip()] = value.strip()
    return overrides


class WallClock:
    """UTC of this machine, as the gateway's port asks for it."""

    def __init__(self) -> None:
        self._wall = SystemWall()

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00Z."""
        return self._wall.utc_ms()

    def loop_s(self, utc_ms: int) -> float:
        """See `gateway.ports.LoopClock`."""
        return asyncio.get_running_loop().time() + (utc_ms - self.now_ms()) / 1000


class SystemRandomness:
    """The operating system's randomness, whatever the purpose."""

    def __init__(self) -> None:
        self._source = secrets.SystemRandom()

    def stream(self, name: str) -> random.Random:
        """See `gateway.ports.Randomness`."""
        del name
        return self._source


async def _serve(config: GatewayConfig, output: Output) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    gateway = Gateway(config, clock=WallClock(), edge=DirectEdge(), randomness=SystemRandomness())
    async with contextlib.AsyncExitStack() as stack:
        listener = stack.enter_context(
            listen(config.api.host, config.api.port, "choose another [api] host or port")
        )
        url = url_of(config.api.host, listener)
        await stack.enter_async_context(gateway)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        running = tasks.create_task(gateway.run(), name="gateway")
        server = tasks.create_task(
            serve_http(
                gateway.asgi,
                listener,
                on_ready=lambda: output.result(
                    {"ready": True, "url": url, "devices": len(config.devices)},
                    f"strikeplate gateway is ready at {url} "
                    f"({count(len(config.devices), 'device')})",
                ),
            ),
            name="http server",
        )
        await stop.wait()
        server.cancel()
        running.cancel()
