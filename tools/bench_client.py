"""Speaks to the `/bench` routes of a running bench."""

from __future__ import annotations

import argparse
from types import TracebackType
from typing import Any, Final, Self

import httpx

from tools.bench_options import find_api_key, find_url
from tools.errors import BenchRefused, BenchUnreachable

CONNECT_TIMEOUT_S: Final = 5.0
# What is only read is answered at once, during an advance too.
READ_TIMEOUT_S: Final = 30.0
# An advance over weeks of bench time can take minutes of wall time on a small machine.
CHANGE_TIMEOUT_S: Final = 3600.0
_REFUSED_FROM: Final = 400
# What an image of a flash is sent and received as.
BYTES: Final = "application/octet-stream"


class BenchClient:
    """A synchronous client of one bench's `/bench` routes; several threads may use it.

    Args:
        url: The bench's URL.
        api_key: Its API key.

    Raises:
        BenchUnreachable: When the URL is none.
    """

    def __init__(self, url: str, api_key: str) -> None:
        self.url = url.rstrip("/")
        try:
            self._http = httpx.Client(
                base_url=self.url,
                headers={"authorization": f"Bearer {api_key}"},
                # A bench is on this machine, or behind a tunnel: a proxy knows neither.
                trust_env=False,
            )
        except httpx.InvalidURL as error:
            raise BenchUnreachable(
                f"{self.url[:128]!r} is no URL ({error}); write for example http://127.0.0.1:8420"
            ) from None

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Self:
        """The client that the command line's options ask for.

        Raises:
            BenchUnreachable: When they name no bench.
        """
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
        """GET a bench route.

        Raises:
            BenchUnreachable: When no bench answers.
            BenchRefused: When it answers with an error.
        """
        return self._call("GET", path, None, READ_TIMEOUT_S)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST to a bench route; raises as `get` does."""
        return self._call("POST", path, body, CHANGE_TIMEOUT_S)

    def download(self, path: str, query: dict[str, str]) -> bytes:
        """GET a bench route that answers with bytes; raises as `get` does."""
        reply = self._request("GET", path, READ_TIMEOUT_S, params=query)
        if reply.headers.get("content-type") != BYTES:
            self._document(reply)
            raise BenchUnreachable(f"what answers at {self.url} sends no bytes")
        return reply.content

    def upload(self, path: str, query: dict[str, str], body: bytes) -> dict[str, Any]:
        """PUT bytes to a bench route; raises as `get` does."""
        headers = {"content-type": BYTES}
        return self._document(
            self._request(
                "PUT", path, CHANGE_TIMEOUT_S, params=query, content=body, headers=headers
            )
        )

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None, timeout_s: float
    ) -> dict[str, Any]:
        return self._document(self._request(method, path, timeout_s, json=body))

    def _request(self, method: str, path: str, timeout_s: float, **options: Any) -> httpx.Response:
        timeout = httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S)
        try:
            return self._http.request(method, path, timeout=timeout, **options)
        except httpx.HTTPError as error:
            raise BenchUnreachable(
                f"no bench answers at {self.url} ({type(error).__name__}); "
                "start one with `strikeplate up`, or name it with --url"
            ) from error

    def _document(self, reply: httpx.Response) -> dict[str, Any]:
        try:
            document = reply.json()
        except ValueError:
            document = None
        if not isinstance(document, dict) or "ok" not in document:
            raise BenchUnreachable(
                f"what answers at {self.url} is no bench (HTTP status {reply.status_code}); "
                "name the bench with --url"
            )
        if reply.status_code >= _REFUSED_FROM:
            raise BenchRefused(_refusal(reply.status_code, document))
        return document


def _refusal(status: int, document: dict[str, Any]) -> str:
    error = document.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    sentence = f"the bench refused ({status}): {message or 'it gave no reason'}"
    if status == httpx.codes.UNAUTHORIZED:
        sentence += "; set STRIKEPLATE_API_KEY, or name its state folder with --state"
    return sentence
