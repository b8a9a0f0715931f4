from __future__ import annotations

import argparse
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.bench_client import BenchClient
from tools.bench_options import add_bench_options, find_api_key, find_url
from tools.errors import BenchRefused, BenchUnreachable

KEY = "seam_test_key"


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_bench_options(parser)
    return parser.parse_args(words)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STRIKEPLATE_URL", raising=False)
    monkeypatch.delenv("STRIKEPLATE_API_KEY", raising=False)


# --- finding the bench ------------------------------------------------------------------------


def test_bench_is_found_by_option_then_environment_then_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = ("--state", str(tmp_path))
    (tmp_path / "up.json").write_text('{"url": "http://state", "pid": 1}', encoding="utf-8")
    assert find_url(options(*state)) == "http://state"
    monkeypatch.setenv("STRIKEPLATE_URL", "http://environment")
    assert find_url(options(*state)) == "http://environment"
    assert find_url(options(*state, "--url", "http://option")) == "http://option"


def test_key_is_found_in_the_environment_then_in_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "api-key").write_text("seam_state\n", encoding="utf-8")
    assert find_api_key(options("--state", str(tmp_path))) == "seam_state"
    monkeypatch.setenv("STRIKEPLATE_API_KEY", "")
    assert find_api_key(options("--state", str(tmp_path))) == "seam_state"
    monkeypatch.setenv("STRIKEPLATE_API_KEY", "seam_environment")
    assert find_api_key(options("--state", str(tmp_path))) == "seam_environment"


def test_state_without_a_bench_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(BenchUnreachable, match="start one with `strikeplate up`"):
        find_url(options("--state", str(tmp_path)))
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BenchUnreachable, match="start one with"):
        find_url(options("--state", str(tmp_path / "file")))


@pytest.mark.parametrize("text", ["", "[]", "{}", "\x00"])
def test_record_that_can_not_be_read_asks_for_a_url(tmp_path: Path, text: str) -> None:
    (tmp_path / "up.json").write_text(text, encoding="utf-8")
    with pytest.raises(BenchUnreachable, match="name the bench with --url"):
        find_url(options("--state", str(tmp_path)))


@pytest.mark.parametrize("raw", [None, b"", b"seam_\xc3\xbc", b"\xff", b"seam_a\x01"])
def test_key_that_can_not_be_sent_is_none(tmp_path: Path, raw: bytes | None) -> None:
    if raw is not None:
        (tmp_path / "api-key").write_bytes(raw)
    with pytest.raises(BenchUnreachable, match="set STRIKEPLATE_API_KEY, or name the state"):
        find_api_key(options("--state", str(tmp_path)))


# --- speaking to it ---------------------------------------------------------------------------


@pytest.fixture
def replies() -> Iterator[tuple[str, list[tuple[int, bytes]]]]:
    """A server that gives the replies that it is told to, in order; and its URL."""
    to_give: list[tuple[int, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = to_give.pop(0)
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", to_give
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>"), (200, b"[]"), (200, b"{}"), (404, b""), (502, b"\xff"), (200, b'"ok"')],
)
def test_server_that_is_no_bench_is_told_apart(
    replies: tuple[str, list[tuple[int, bytes]]], status: int, body: bytes
) -> None:
    url, to_give = replies
    to_give.append((status, body))
    with (
        BenchClient(url, KEY) as bench,
        pytest.raises(BenchUnreachable, match=f"is no bench \\(HTTP status {status}\\)"),
    ):
        bench.get("/bench/clock")


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        (409, {"type": "t", "message": "not now"}, r"the bench refused \(409\): not now"),
        (401, {"type": "t", "message": "no key"}, r"\(401\): no key; set STRIKEPLATE_API_KEY"),
        (500, {"type": "t"}, r"\(500\): it gave no reason"),
        (500, "x", r"\(500\): it gave no reason"),
    ],
)
def test_refusal_is_told_in_the_benchs_own_words(
    replies: tuple[str, list[tuple[int, bytes]]], status: int, error: object, sentence: str
) -> None:
    url, to_give = replies
    to_give.append((status, json.dumps({"ok": False, "error": error}).encode()))
    with BenchClient(url, KEY) as bench, pytest.raises(BenchRefused, match=sentence):
        bench.get("/bench/clock")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "foo", "ftp://x", "http://"])
def test_url_where_nobody_answers_says_what_to_do(url: str) -> None:
    with (
        BenchClient(url, KEY) as bench,
        pytest.raises(BenchUnreachable, match="start one with `strikeplate up`, or name it"),
    ):
        bench.get("/bench/clock")


@pytest.mark.parametrize("url", ["http://[::1", "http://x:port", "\x00"])
def test_text_that_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(BenchUnreachable, match="is no URL"):
        BenchClient(url, KEY)


def test_proxy_of_the_environment_is_not_asked(
    replies: tuple[str, list[tuple[int, bytes]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    url, to_give = replies
    to_give.append((200, b'{"ok": true, "now": "x"}'))
    with BenchClient(url, KEY) as bench:
        assert bench.get("/bench/clock")["now"] == "x"
