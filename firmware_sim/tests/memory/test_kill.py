"""A process that writes is killed without warning; what it answered must be there."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from firmware_sim.memory.flash_file import open_memory
from firmware_sim.memory.state_file import StateFile
from firmware_sim.tests.memory.samples import FRESH, factory
from protocols.doorlock.digest import UserContent

ROOT = Path(__file__).parents[3]

# Writes revision after revision, as fast as it can, and answers each on its standard output. A
# long name makes it collect a sector every few writes and compact its file every few hundred.
WRITER = """
import sys
from pathlib import Path
from firmware_sim.memory.interface import Change
from firmware_sim.memory.flash_file import open_memory
from firmware_sim.memory.records import Record
from firmware_sim.memory.state_file import StateFile
from firmware_sim.tests.memory.samples import FRESH, factory
from protocols.doorlock.digest import RecordKey, UserContent
from protocols.doorlock.vocabulary import RecordKind, UserStatus, UserType

file = StateFile(Path(sys.argv[1]), device_id="lock-1", instant_ms=lambda: 1)
memory = open_memory(file, factory(), FRESH)
for revision in range(1, 1_000_000):
    content = UserContent(
        user_status=UserStatus.OCCUPIED_ENABLED,
        user_type=UserType.UNRESTRICTED_USER,
        user_name=str(revision) * 6,
    )
    record = Record.of(RecordKey(RecordKind.USER, 1, 0), revision, content)
    memory.commit(Change(records=(record,)))
    print(revision, flush=True)
"""


@pytest.mark.parametrize("answers", [1, 150, 700])
def test_killed_writer_keeps_what_it_answered(tmp_path: Path, answers: int) -> None:
    path = tmp_path / "lock.memory"
    with subprocess.Popen(  # noqa: S603 - our own interpreter and our own text.
        [sys.executable, "-c", WRITER, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as writer:
        assert writer.stdout is not None
        for _ in range(answers):
            assert writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        told = [*map(int, writer.stdout.read().split())]
    last = told[-1] if told else answers
    assert last >= answers
    file = StateFile(path, device_id="lock-1", instant_ms=lambda: 2)
    memory = open_memory(file, factory(), FRESH)
    (record,) = memory.records()
    # At most one more was written and not answered yet.
    assert record.revision in {last, last + 1}
    assert isinstance(record.content, UserContent)
    assert record.content.user_name == str(record.revision) * 6
