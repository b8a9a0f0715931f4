"""Finds a running bench and speaks to its `/bench` routes."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tools.errors import BenchRefused, BenchUnreachable

# An advance over weeks of bench time can take minutes of wall time on a small machine.
ADVANCE_TIMEOUT_S = 3600.0
CONNECT_TIMEOUT_S = 5.0
DEFAULT_STATE = ".strikeplate"
REFUSED_FROM_STATUS = 400


def add_bench_options(parser: argparse.ArgumentParser) -> None:
    """Options by which a verb finds the bench that it speaks to."""
    parser.add_argument(
        "--url", help="the bench's URL (default: STRIKEPLATE_URL, then the state folder's up.json)"
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=Path(DEFAULT_STATE),
        help="the state folder of the bench (default: %(default)s)",
    )


def find_url(arguments: argparse.Namespace) -> str:
    """The URL of a running bench: option, then environment, then `up.json`.

    Raises:
        BenchUnreachable: When none of the three names one.
    """
    if arguments.url:
        return str(arguments.url)
    if from_environment := os.environ.get("STRIKEPLATE_URL"):
        return from_environment
    record = Path(arguments.state) / "up.json"
    try:
        return str(json.loads(record.read_text(encoding="utf-8"))["url"])
    except FileNotFoundError:
        raise BenchUnreachable(
            f"no bench is known: {record} does not exist; "
            "start one with `strikeplate up`, or name it with --url"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise BenchUnreachable(f"{record} can't be read; name the bench with --url") from error


def find_api_key(arguments: argparse.Namespace) -> str:
    """The API key: environment, then the state folder's `api-key`.

    Raises:
        BenchUnreachable: When there is none.
    """
    if from_environment := os.environ.get("STRIKEPLATE_API_KEY"):
        return from_environment
    try:
        return (Path(arguments.state) / "api-key").read_text(encoding="utf-8").strip()
    except OSError:
        raise BenchUnreachable(
            "no API key is known: set STRIKEPLATE_API_KEY, or name the state folder with --state"
        ) from None


class BenchClient:
    """A synchronous client of one bench's `/bench` routes."""

    def __init__(self, url: str, api_key: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(
            base_url=self.url,
            headers={"authorization": f"Bearer {api_key}"},
            timeout=httpx.Timeout(ADVANCE_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        )

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Self:
        """The client that the command line's options ask for."""
        return cls(find_url(arguments), find_api_key(arguments))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, path: str) -> dict[str, Any]:
        """GET a bench route."""
        return self._call("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST to a bench route."""
        return self._call("POST", path, body)

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        try:
            reply = self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise BenchUnreachable(
                f"no bench answers at {self.url} ({type(error).__name__}); is it running?"
            ) from error
        try:
            document = reply.json()
        except ValueError:
            document = {}
        if reply.status_code >= REFUSED_FROM_STATUS:
            raise BenchRefused(_refusal(reply.status_code, document))
        return dict(document)


def _refusal(status: int, document: Any) -> str:
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        return f"the bench refused ({status}): {error['message']}"
    return f"the bench refused with HTTP status {status}"
