"""NVS against a dict: writes, deletes, remounts, and cuts that a second mount must survive."""

from __future__ import annotations

import functools

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from firmware_sim.flash.errors import NvsFull
from firmware_sim.flash.nor import FlashGeometry, NorFlash
from firmware_sim.flash.nvs import Nvs
from firmware_sim.flash.nvs_settings import Generation, NvsSettings
from firmware_sim.flash.power_cut import cut_images, record
from firmware_sim.flash.torn import TornModel

IDS = st.integers(1, 5)
DATA = st.binary(max_size=16)
# What a packed collector survives as well.
STABLE = (TornModel.NOTHING, TornModel.FIRST_BYTES)


class NvsAgainstDict(RuleBasedStateMachine):
    """One area of three small sectors, and what it must hold."""

    @initialize(
        generation=st.sampled_from(Generation),
        data_crc=st.booleans(),
        block=st.sampled_from((1, 4, 8)),
    )
    def blank(self, *, generation: Generation, data_crc: bool, block: int) -> None:
        geometry = FlashGeometry(sector_size=160, sector_count=3, write_block=block)
        self.settings = NvsSettings(generation=generation, data_crc=data_crc)
        self.flash = NorFlash(geometry)
        self.nvs = Nvs(self.flash, self.settings)
        self.held: dict[int, bytes] = {}

    @rule(item_id=IDS, data=DATA)
    def write(self, item_id: int, data: bytes) -> None:
        self._write(item_id, data)

    @rule(item_id=IDS)
    def delete(self, item_id: int) -> None:
        self._write(item_id, b"")

    @rule()
    def remount(self) -> None:
        before = self.nvs
        self.nvs = Nvs(self.flash, self.settings)
        assert self.nvs.entry_position == before.entry_position
        assert self.nvs.data_position == before.data_position
        assert self.nvs.free_space() == before.free_space()

    @rule(item_id=IDS, data=DATA, where=st.integers(0))
    def cut(self, item_id: int, data: bytes, where: int) -> None:
        old = self.held.get(item_id, b"")
        recording = record(self.flash, [functools.partial(self._write, item_id, data)])
        new = self.held.get(item_id, b"")
        images = list(cut_images(recording, STABLE, drawings=0, seed=0))
        cut, self.flash = images[where % len(images)]
        self.nvs = Nvs(self.flash, self.settings)
        found = self.nvs.read(item_id) or b""
        assert found in ((new,) if cut.answered else (old, new))
        self._hold(item_id, found)

    @invariant()
    def same(self) -> None:
        if not hasattr(self, "nvs"):
            return
        assert self.nvs.contents() == self.held
        assert {item_id: self.nvs.read(item_id) for item_id in self.held} == self.held

    def _write(self, item_id: int, data: bytes) -> None:
        try:
            self.nvs.write(item_id, data)
        except NvsFull:
            return
        self._hold(item_id, data)

    def _hold(self, item_id: int, data: bytes) -> None:
        self.held.pop(item_id, None)
        if data:
            self.held[item_id] = data


NvsAgainstDict.TestCase.settings = settings(deadline=None, stateful_step_count=40)
TestNvsAgainstDict = NvsAgainstDict.TestCase
