from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tools.running_bench import STOP_TIMEOUT_S
from tools.tests.here import strikeplate

KEY = "seam_test_gateway"
DEVICE = (
    '[[devices]]\nname = "front"\nprofile = "generic-native"\nmoniker = "ble:C0:00:00:00:00:99"\n'
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(
        f'[api]\nport = 0\n[store]\nurl = "sqlite:///{tmp_path / "gateway.db"}"\n'
        # The first failure is told, and the second try comes soon.
        "[policy]\nfailures_before_error = 1\nretry_first_s = 1\n" + DEVICE,
        encoding="utf-8",
    )
    return path


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("STRIKEPLATE_") and name != "STRIKEPLATE_CI":
            monkeypatch.delenv(name)


# --- for real ---------------------------------------------------------------------------------


class Caller:
    """Speaks to a gateway."""

    def __init__(self, url: str) -> None:
        self._url = url

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {KEY}"}
        reply = httpx.post(self._url + path, json=body, headers=headers, trust_env=False)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    def health(self) -> dict[str, Any]:
        return dict(httpx.get(f"{self._url}/health", trust_env=False).json())


def test_gateway_without_a_radio_serves_says_so_and_keeps_trying(
    config: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.cli", "gateway", "--config", config, "--verbose"],
            # No system bus, whatever this machine has.
            env={
                **os.environ,
                "STRIKEPLATE_API_KEY": KEY,
                "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path / 'no-bus'}",
            },
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert ready.startswith("strikeplate gateway is ready at http://127.0.0.1:")
        assert ready.endswith(" (1 device)\n")
        caller = Caller(ready.split()[5])
        assert caller.health()["status"] == "up"
        [device] = caller.post("/devices/list")["devices"]
        body = {"device_id": device["device_id"], "code": "482915"}
        created = caller.post("/access_codes/create", **body)["access_code"]
        assert created["status"] == "setting"
        while not (
            shown := caller.post("/access_codes/get", access_code_id=created["access_code_id"])[
                "access_code"
            ]
        )["errors"]:
            assert process.poll() is None
        assert [error["error_code"] for error in shown["errors"]] == ["device_offline"]
        assert caller.health()["online_count"] == 0
        with socket.create_connection(("127.0.0.1", int(ready.split()[5].rpartition(":")[2]))):
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=STOP_TIMEOUT_S)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()
    said = log.read_text(encoding="utf-8")
    assert "no advertisements for now: can't listen for advertisements" in said
    assert "this machine has no Bluetooth service that answers" in said
    assert "can't connect to C0:00:00:00:00:99" in said
    assert "Traceback" not in said
    assert KEY not in said
    assert "482915" not in said


# --- what it refuses --------------------------------------------------------------------------


def test_check_shows_what_the_file_means_and_no_secret(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = strikeplate("gateway", "--config", config, "--check", "--set", "ble.watch=false")
    assert (ran.code, ran.err) == (0, "")
    assert "[ble]\nconnection_limit = 7\nconnect_timeout_s = 10.0\nwatch = false\n" in ran.out
    assert "# key is not set" in ran.out
    assert ran.out.count("[[devices]]") == 1
    monkeypatch.setenv("STRIKEPLATE_API_KEY", KEY)
    monkeypatch.setenv("STRIKEPLATE_STORE_URL", "postgresql+psycopg://me:geheim@host/store")
    ran = strikeplate("gateway", "--config", config, "--check")
    assert "# key (set, not shown)" in ran.out
    document = strikeplate("gateway", "--config", config, "--check", "--json").document
    assert document["store"]["url"] == "postgresql+psycopg://me:***@host/store"
    assert document["api"]["key"] == "(set, not shown)"
    assert document["devices"][0]["moniker"] == "ble:C0:00:00:00:00:99"
    assert "geheim" not in ran.out + json.dumps(document)
    assert not (tmp_path / "gateway.db").exists()


def test_key_file_is_shown_by_its_name_only(config: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY + "\n", encoding="utf-8")
    text = config.read_text(encoding="utf-8").replace("port = 0", 'port = 0\nkey_file = "key"')
    config.write_text(text, encoding="utf-8")
    document = strikeplate("gateway", "--config", config, "--check", "--json").document
    assert document["api"]["key_file"] == str(tmp_path / "key")
    assert document["api"]["key"] == "(set, not shown)"


@pytest.mark.parametrize(
    ("change", "options", "code", "sentence"),
    [
        (
            ("port = 0", "prt = 0"),
            (),
            2,
            "gateway.toml:2: api.prt is not a key here; did you mean",
        ),
        (("port = 0", 'key = "x"'), (), 2, "gateway.toml:2: api.key can't stand in this file"),
        (("ble:C0", "bel:C0"), (), 2, "gateway.toml:11: devices[0].moniker can't be used: "),
        (("ble:C0", "ble:G0"), (), 2, "gateway.toml:11: devices[0].moniker can't be used: "),
        (("sqlite:", "mysql:"), (), 2, "gateway.toml:4: store.url"),
        (("", ""), ("--set", "api.port"), 2, "--set takes KEY=VALUE, such as api.port=0"),
        (("", ""), ("--set", "api.prt=1"), 2, "did you mean 'api.port'?"),
        (("", ""), ("--set", "api.port=x"), 2, "option api.port: must be a whole number"),
        (("generic-n", "generic-m"), (), 2, "gateway.toml:10: devices[0].profile can't be used: "),
        (("gateway.db", "none/gateway.db"), (), 1, "none/gateway.db"),
        (("port = 0", 'host = "192.0.2.1"'), (), 1, "can't listen on 192.0.2.1:8420"),
        (("port = 0", 'host = "no.such.host.invalid"'), (), 1, "choose another [api] host"),
    ],
)
def test_configuration_that_can_not_be_used_is_one_sentence(
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: tuple[str, str],
    options: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    monkeypatch.setenv("STRIKEPLATE_API_KEY", KEY)
    config.write_text(config.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    ran = strikeplate("gateway", "--config", config, *options)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.splitlines()[-1].startswith("strikeplate: ")
    assert sentence in ran.err.splitlines()[-1]


def test_gateway_without_a_key_says_where_to_put_one(config: Path, tmp_path: Path) -> None:
    ran = strikeplate("gateway", "--config", config)
    assert ran.code == 2
    assert "set STRIKEPLATE_API_KEY, or key_file in [api]" in ran.sentence
    ran = strikeplate("gateway", "--config", tmp_path / "none.toml", "--json")
    assert ran.code == 2
    assert json.loads(ran.err)["error"]["type"] == "ConfigError"


def test_port_in_use_is_one_sentence(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIKEPLATE_API_KEY", KEY)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = strikeplate("gateway", "--config", config, "--set", f"api.port={port}")
    assert ran.code == 1
    assert ran.sentence == (
        f"can't listen on 127.0.0.1:{port} (Address already in use); "
        "choose another [api] host or port"
    )
