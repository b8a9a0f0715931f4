from __future__ import annotations

import contextlib
import json
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from firmware_sim.flash.esp_layout import ENTRIES_AT, EspType
from firmware_sim.flash.esp_nvs import EspItem
from firmware_sim.flash.esp_writer import write_esp_nvs
from firmware_sim.flash.intel_hex import read_intel_hex
from firmware_sim.flash.littlefs_image import write_littlefs
from firmware_sim.flash.nor import FlashGeometry, NorFlash
from firmware_sim.flash.nvs import Nvs
from firmware_sim.flash.nvs_settings import NvsSettings
from firmware_sim.memory.interface import Change
from tools.tests.here import Ran, strikeplate
from tools.tests.lock_images import (
    blank,
    cleared,
    hashed_pin,
    nvs_of,
    occupied,
    pin,
    user,
    window,
    with_changes,
)

KEY = "seam_test_bench"


class Routes(BaseHTTPRequestHandler):
    """The flash route of a bench with one lock; its flash is the server's `image`."""

    @property
    def bench(self) -> Bench:
        assert isinstance(self.server, Bench)
        return self.server

    def do_GET(self) -> None:
        area = self._area()
        if area is not None:
            self._reply(200, self.bench.image if area == "all" else nvs_of(self.bench.image))

    def do_PUT(self) -> None:
        area = self._area()
        if area is not None:
            self.bench.put = (area, self.rfile.read(int(self.headers["content-length"])))
            self._reply(200, {"ok": True})

    def _area(self) -> str | None:
        url = urlsplit(self.path)
        if unquote(url.path) != "/bench/devices/Front door/flash":
            message = {"error": {"message": "this bench has no such device"}, "ok": False}
            self._reply(404, message)
            return None
        return parse_qs(url.query)["area"][0]

    def _reply(self, status: int, body: bytes | dict[str, Any]) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


class Bench(ThreadingHTTPServer):
    image: bytes = occupied()
    put: tuple[str, bytes] | None = None


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("STRIKEPLATE_API_KEY", KEY)
    with Bench(("127.0.0.1", 0), Routes) as server:
        monkeypatch.setenv("STRIKEPLATE_URL", f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def memory(*words: str | int | Path) -> Ran:
    return strikeplate("memory", *words)


def kept(folder: Path, image: bytes, name: str = "lock.bin") -> Path:
    path = folder / name
    path.write_bytes(image)
    return path


# --- a lock in a file ------------------------------------------------------------------------


def test_lock_image_is_shown_by_slots_windows_log_and_wear(tmp_path: Path) -> None:
    path = kept(tmp_path, occupied())
    ran = memory("show", path)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == (
        "lock C00000000001, profile latch-m: 2 slots, 1 cleared record, log 0 to 0"
    )
    [jane] = [line for line in lines if "Jane" in line]
    assert jane.split()[:6] == ["3", "4821", "1", "3", "Jane", "occupied_enabled"]
    assert jane.endswith("2025-05-08T06:13:20Z to 2025-05-09T10:00:00Z")
    [cleaner] = [line for line in lines if "Cleaner" in line]
    assert cleaner.endswith("mon tue wed thu fri 08:00-18:00")
    assert "Cleared" in lines
    assert "Holidays" in lines
    assert [line.split()[:3] for line in lines if line.startswith("nvs ")][:2] == [
        ["nvs", "0", "open"],
        ["nvs", "1-3", "blank"],
    ]


def test_windows_of_a_lock_of_local_time_are_shown_without_a_zone(tmp_path: Path) -> None:
    jane = Change(records=(user(3, "Jane"), pin(3, "4821"), window(3, 800_000_000, 800_100_000)))
    shown = [
        memory("show", kept(tmp_path, with_changes(blank(profile_id), jane), profile_id))
        for profile_id in ("nuki", "somebodys-own")
    ]
    [local, instants] = [
        next(line for line in ran.out.splitlines() if "Jane" in line) for ran in shown
    ]
    assert local.endswith("2025-05-08T06:13:20 to 2025-05-09T10:00:00")
    assert instants.endswith("2025-05-08T06:13:20Z to 2025-05-09T10:00:00Z")


def test_lock_image_is_a_document(tmp_path: Path) -> None:
    document = memory("show", kept(tmp_path, occupied()), "--json").document
    assert document["format"] == "lock"
    assert [(slot["slot"], slot["code"]) for slot in document["slots"]] == [
        (3, "4821"),
        (10, "77700"),
    ]
    assert [each["area"] for each in document["sectors"]] == ["nvs"] * 4 + ["audit"] * 2


def test_code_of_which_a_lock_keeps_a_hash_is_said_to_be_one(tmp_path: Path) -> None:
    path = kept(tmp_path, with_changes(blank(), Change(records=(hashed_pin(3, "4821"),))))
    ran = memory("show", path)
    [slot] = [line for line in ran.out.splitlines() if line.startswith("3 ")]
    assert slot.split()[:3] == ["3", "(hashed)", "1"]
    assert "4821" not in ran.out
    [shown] = memory("show", path, "--json").document["slots"]
    assert (shown["code"], shown["is_code_hashed"]) == (None, True)


def test_two_lock_images_differ_by_slots(tmp_path: Path) -> None:
    before = occupied()
    after = with_changes(
        before, Change(records=(pin(3, "9999", 2),)), Change(records=(cleared(10, 2), pin(5, "1")))
    )
    a, b = kept(tmp_path, before, "a.bin"), kept(tmp_path, after, "b.bin")
    ran = memory("diff", a, b)
    lines = ran.out.splitlines()
    assert lines[0] == "4 differences"
    assert lines[1].split() == ["WHAT", "FIELD", "A", "B"]
    assert [line.split()[:5] for line in lines if line.startswith("slot 3")] == [
        ["slot", "3", "code", "4821", "9999"],
        ["slot", "3", "revision", "1", "2"],
    ]
    whats = [each["what"] for each in memory("diff", a, b, "--json").document["differences"]]
    assert list(dict.fromkeys(whats)) == [
        "cleared credential 10.1",
        "slot 3",
        "slot 5",
        "slot 10",
    ]
    assert memory("diff", a, a).out == "no difference\n"


def test_encrypted_image_is_refused_with_the_reason(tmp_path: Path) -> None:
    image = bytearray(write_esp_nvs([EspItem("n", "k", EspType.STRING, "text")], 12288))
    image[ENTRIES_AT:1024] = bytes(byte ^ 0x5A for byte in image[ENTRIES_AT:1024])
    ran = memory("show", kept(tmp_path, bytes(image)))
    assert ran.code == 1
    assert ran.err.rstrip().endswith("no entry fits its checksum: it is encrypted, or damaged")


def test_long_values_are_cut_where_people_look_and_whole_for_programs(tmp_path: Path) -> None:
    blob, text = bytes(2_000), "x" * 900
    before = [EspItem("n", "b", EspType.BLOB, blob), EspItem("n", "s", EspType.STRING, text)]
    after = [
        EspItem("n", "b", EspType.BLOB, blob[:-9] + b"\x11" + blob[-8:]),
        EspItem("n", "s", EspType.STRING, text + "y"),
        EspItem("n", "t", EspType.STRING, text),
    ]
    a, b = (
        kept(tmp_path, write_esp_nvs(items, 12288), name)
        for items, name in ((before, "a.bin"), (after, "b.bin"))
    )
    assert max(map(len, memory("show", b).out.splitlines())) < 120
    lines = memory("diff", a, b).out.splitlines()
    assert max(map(len, lines)) < 170
    # What is cut out begins a little before the first difference.
    same = "0" * 16
    (row,) = (line.split() for line in lines if line.startswith("n/b"))
    assert row == ["n/b", "value", "...", f"{same}{'0' * 18}", "...", f"{same}11{same}"]
    (row,) = (line.split() for line in lines if line.startswith("n/s"))
    assert row == ["n/s", "value", "...", "x" * 16, "...", "x" * 16 + "y"]
    whole = memory("diff", a, b, "--json").document["differences"]
    assert whole[0]["a"] == blob.hex()


def test_nvs_area_alone_is_shown_by_slots_and_items(tmp_path: Path) -> None:
    ran = memory("show", kept(tmp_path, nvs_of(occupied())))
    assert ran.out.startswith("Zephyr NVS, 4 sectors of 4096 bytes, with data CRC: ")
    assert "Jane" in ran.out
    assert "Items" in ran.out.splitlines()


# --- the formats of others -------------------------------------------------------------------


def test_nvs_of_another_firmware_is_shown_by_items(tmp_path: Path) -> None:
    for block, crc in ((4, True), (16, False)):
        geometry = FlashGeometry(sector_size=1024, sector_count=4, write_block=block)
        nvs = Nvs(NorFlash(geometry), NvsSettings(data_crc=crc))
        nvs.write(7, b"seven")
        nvs.write(0x300, bytes(60))
        path = kept(tmp_path, nvs.flash.image())
        for options in ((), ("--format", "zephyr-nvs", "--sector-bytes", 1024)):
            document = memory("show", path, *options, "--json").document
            assert document["format"] == "zephyr-nvs"
            assert document["sector_bytes"] == 1024
            assert document["data_crc"] is crc
            assert document["items"] == {"0x0007": b"seven".hex(), "0x0300": bytes(60).hex()}
    assert "00 ..." in memory("show", path).out


def test_new_nvs_area_is_shown_as_empty(tmp_path: Path) -> None:
    ran = memory("show", kept(tmp_path, nvs_of(with_changes(blank()))))
    assert ran.out.startswith("Zephyr NVS, 4 sectors of 4096 bytes, with data CRC: 0 items\n")


def test_esp_nvs_and_littlefs_are_shown_and_compared(tmp_path: Path) -> None:
    items = [
        EspItem("lock", "pin", EspType.STRING, "48\x1b[2J"),
        EspItem("lock", "n", EspType.U8, 3),
        EspItem("lock", "b", EspType.BLOB, bytes(30)),
    ]
    one = kept(tmp_path, write_esp_nvs(items, 0x4000), "one.bin")
    two = kept(tmp_path, write_esp_nvs(items[:2], 0x4000), "two.bin")
    ran = memory("show", one)
    assert ran.out.startswith("ESP-IDF NVS, 4 pages: 3 items\n")
    assert "\x1b" not in ran.out
    assert memory("show", one, "--json").document["items"][1]["value"] == 3
    [gone] = memory("diff", one, two, "--json").document["differences"]
    assert (gone["what"], gone["b"]) == ("lock/b", "-")
    files = {"slots/3": b"4821", "evil\x1b[2J": b""}
    three = kept(tmp_path, write_littlefs(files, 0x8000), "three.bin")
    ran = memory("show", three)
    assert ran.out.startswith("littlefs: 2 files\n")
    assert "\x1b" not in ran.out
    assert memory("show", three, "--json").document["files"]["slots/3"] == b"4821".hex()
    other = memory("diff", one, three)
    assert other.code == 2
    assert "esp-nvs and littlefs can't be compared" in other.sentence


@pytest.mark.parametrize(
    ("name", "image", "options", "code", "sentence"),
    [
        ("x.bin", b"\xff" * 4096, (), 1, "these 4096 bytes fit no format known here"),
        ("x.bin", b"", (), 1, "these 0 bytes fit no format known here"),
        ("x.bin", b"\xff" * 4096, ("--format", "zephyr-nvs"), 1, "no NVS item is in these"),
        ("x.bin", bytes(4096), ("--format", "esp-nvs"), 1, "this is no esp-nvs image"),
        ("x.bin", bytes(4096), ("--format", "lock"), 1, "this is no lock image"),
        (
            "x.hex",
            b"hello",
            (),
            1,
            "this is no Intel HEX image: Hex file contains invalid record at line 1",
        ),
        ("x.bin", b"1", ("--format", "fat"), 2, "--format must be one of lock, zephyr-nvs"),
    ],
)
def test_what_is_no_image_is_told_in_one_sentence(
    tmp_path: Path, name: str, image: bytes, options: tuple[str, ...], code: int, sentence: str
) -> None:
    ran = memory("show", kept(tmp_path, image, name), *options)
    assert ran.code == code
    assert sentence in ran.sentence


# --- on a bench ------------------------------------------------------------------------------


def test_flash_of_a_lock_is_dumped_for_its_owner_only_and_shown(
    bench: Bench, tmp_path: Path
) -> None:
    path = tmp_path / "lock.bin"
    ran = memory("dump", "Front door", "-o", path)
    assert ran.out == f"{path}: {len(bench.image)} bytes of Front door (all)\n"
    assert path.read_bytes() == bench.image
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert memory("show", "Front door").out == memory("show", path).out
    assert memory("diff", "Front door", path).out == "no difference\n"


def test_one_area_is_dumped_as_intel_hex_with_its_base(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "nvs.hex"
    words = ("dump", "Front door", "-o", path, "--area", "nvs", "--base", "0x7f000", "--json")
    document = memory(*words).document
    assert (document["format"], document["bytes"]) == ("hex", len(nvs_of(bench.image)))
    read = read_intel_hex(path.read_text("ascii"))
    assert (read.base, read.data) == (0x7F000, nvs_of(bench.image))
    assert memory("load", "Front door", path, "--area", "nvs").code == 0
    assert bench.put == ("nvs", nvs_of(bench.image))
    assert "Jane" in memory("show", path).out
    binary = tmp_path / "nvs.dump"
    memory("dump", "Front door", "-o", binary, "--area", "nvs", "--format", "hex")
    assert binary.read_bytes().startswith(b":")


def test_image_is_loaded(bench: Bench, tmp_path: Path) -> None:
    ran = memory("load", "Front door", kept(tmp_path, b"12345678"))
    assert ran.out == "Front door (all): 8 bytes loaded, power cycled\n"
    assert bench.put == ("all", b"12345678")


@pytest.mark.usefixtures("bench")
@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("dump", "Shed", "-o", "x.bin"), 5, "this bench has no such device"),
        (("show", "none"), 5, "this bench has no such device"),
        (("show", "none.bin"), 1, "can't read none.bin"),
        (("dump", "Front door"), 2, "required: -o/--output"),
        (("dump", "Front door", "-o", "x", "--area", "y"), 2, "--area must be one of nvs"),
        (("dump", "Front door", "-o", "x", "--base", "1"), 2, "--base is for Intel HEX"),
        (("dump", "Front door", "-o", "x", "--base", "y"), 2, "--base must be an address"),
        (("dump", "Front door", "-o", "x", "--format", "y"), 2, "one of bin, hex"),
        (("dump", "Front door", "-o", "none/x"), 1, "can't write none/x"),
        (("load", "Front door", "none"), 1, "can't read none"),
    ],
)
def test_what_can_not_be_done_is_told_in_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    with contextlib.chdir(tmp_path):
        monkeypatch.setenv("PWD", str(tmp_path))
        ran = memory(*words)
    assert ran.code == code
    assert sentence in ran.sentence


def test_too_long_a_file_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "long.bin"
    with path.open("wb") as file:
        file.truncate((16 << 20) + 1)
    assert "too long to be an image" in memory("show", path).sentence
