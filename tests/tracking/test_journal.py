"""The journal: what was logged comes back, and a torn or damaged file never gives a wrong point."""

import json
import math
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.source_tree import ROOT
from tracking import journal as journal_module
from tracking.journal import Journal
from tracking.journal_reading import LONGEST_RECORD_BYTES, PART_BYTES, NotAJournal, Part, Points, read_part

Logged = tuple[dict[str, float], int, float]

names = st.sampled_from(["loss", "val_loss", "épsilon", "system/cpu_percent", "a\nb", "", "epoch"])
calls = st.lists(
    st.tuples(
        st.dictionaries(names, st.floats(width=64), min_size=1, max_size=5),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(0, 1e10),
    ),
    max_size=30,
)


def write(path: Path, logged: Sequence[Logged]) -> None:
    journal = Journal(path)
    for metrics, step, at in logged:
        journal.log(metrics, step, at)
    journal.close()


def series(points: Points) -> dict[str, list[tuple[int, float, bytes]]]:
    """Comparable: the values as bytes, so that every NaN is itself."""
    return {
        name: [
            (int(step), float(at), struct.pack("<d", value))
            for step, at, value in zip(steps, times, values, strict=True)
        ]
        for name, (steps, times, values) in points.items()
    }


def expected(logged: Sequence[Logged]) -> dict[str, list[tuple[int, float, bytes]]]:
    found: dict[str, list[tuple[int, float, bytes]]] = {}
    for metrics, step, at in logged:
        for name, value in metrics.items():
            found.setdefault(name or "unnamed", []).append((step, at, struct.pack("<d", value)))
    return found


def read_parts(path: Path, most_bytes: int = PART_BYTES) -> Iterator[Part]:
    """Part after part until the last whole record, as a drain goes through a journal."""
    part = read_part(path, 0, most_bytes)
    yield part
    while (following := read_part(path, part.end, most_bytes)).end > part.end:
        part = following
        yield part


def read_all(path: Path) -> Points:
    pieces: dict[str, list[tuple[np.ndarray, ...]]] = {}
    for part in read_parts(path):
        for name, arrays in part.points.items():
            pieces.setdefault(name, []).append(arrays)
    return {name: tuple(map(np.concatenate, zip(*arrays, strict=True))) for name, arrays in pieces.items()}  # type: ignore[misc]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(logged=calls)
def test_what_was_logged_comes_back(tmp_path: Path, logged: list[Logged]) -> None:
    path = tmp_path / "journal.bin"
    path.unlink(missing_ok=True)
    write(path, logged)
    part = read_part(path)
    assert series(part.points) == expected(logged)
    assert part.end == path.stat().st_size
    assert not part.damaged_bytes


LOGGED: list[Logged] = [
    ({"loss": 0.5, "epoch": 0.0}, 1, 10.0),
    ({"loss": 0.25, "epoch": 0.0}, 2, 11.0),
    ({"val_loss": math.nan, "val_accuracy": 0.5, "epoch": 1.0}, 2, 12.0),
    ({"loss": math.inf, "epoch": 1.0}, 3, 13.0),
    ({"a much longer name than those before": -0.0}, 4, 14.0),
]


def test_a_journal_torn_at_any_byte_gives_a_prefix_and_goes_on(tmp_path: Path) -> None:
    """Torn, read, written on by another process, read on from where the first reading ended."""
    path, torn = tmp_path / "whole.bin", tmp_path / "torn.bin"
    ends = []
    journal = Journal(path)
    for metrics, step, at in LOGGED:
        journal.log(metrics, step, at)
        ends.append(path.stat().st_size)
    content = path.read_bytes()
    for cut in range(len(content) + 1):
        torn.write_bytes(content[:cut])
        whole = sum(end <= cut for end in ends)
        part = read_part(torn)
        assert series(part.points) == expected(LOGGED[:whole]), cut
        write(torn, LOGGED[3:])
        rest = read_part(torn, part.end)
        assert series(rest.points) == expected(LOGGED[3:]), cut
        assert not rest.damaged_bytes


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_never_give_a_wrong_point(tmp_path: Path, data: st.DataObject) -> None:
    """Bytes overwritten in the middle: other records are still found, none is invented or out of order."""
    path = tmp_path / "journal.bin"
    path.unlink(missing_ok=True)
    write(path, LOGGED * 3)
    content = bytearray(path.read_bytes())
    first = data.draw(st.integers(8, len(content) - 1))
    junk = data.draw(st.binary(min_size=1, max_size=60))[: len(content) - first]
    content[first : first + len(junk)] = junk
    path.write_bytes(content)
    written = expected(LOGGED * 3)
    for name, points in series(read_part(path).points).items():
        rest = iter(written[name])
        assert all(point in rest for point in points)


def test_a_damaged_record_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "journal.bin"
    journal = Journal(path)
    journal.log({"loss": 1.0}, 1)
    before = path.stat().st_size
    journal.log({"loss": 2.0}, 2)
    journal.log({"loss": 3.0}, 3)
    content = bytearray(path.read_bytes())
    content[before + 20] ^= 0xFF
    path.write_bytes(content)
    part = read_part(path)
    assert part.points["loss"][2].tolist() == [1.0, 3.0]
    assert part.damaged_bytes == 40


def test_a_long_journal_is_read_in_parts(tmp_path: Path) -> None:
    """More than one part, with a long stretch of rubbish in the middle that is longer than a part."""
    path = tmp_path / "journal.bin"
    journal = Journal(path)
    for step in range(30_000):
        journal.log({"loss": step / 2, "epoch": 0.0}, step, 1.0)
    least = 2 * LONGEST_RECORD_BYTES
    assert path.stat().st_size > least
    assert len(list(read_parts(path, most_bytes=least))) > 1
    with path.open("ab") as file:
        file.write(b"\0" * (2 * least))
    more = bytearray(path.read_bytes())
    healthy = tmp_path / "healthy.bin"
    write(healthy, [({"loss": 7.0}, 30_000, 2.0)])
    names_and_point = healthy.read_bytes()[8:]
    position = len(more)
    more += names_and_point[:-40] + names_and_point[-40:]
    path.write_bytes(more)
    ends = [part.end for part in read_parts(path, most_bytes=least)]
    assert ends == sorted(set(ends))
    assert ends[-1] == len(more) > position
    assert read_all(path)["loss"][2].tolist() == [step / 2 for step in range(30_000)]


def test_something_else_is_not_read_as_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.bin"
    path.write_text("step,loss\n1,2\n", encoding="utf-8")
    with pytest.raises(NotAJournal, match="not a journal"):
        read_part(path)
    with pytest.raises(NotAJournal):
        Journal(path)


def test_names_that_a_database_could_not_take(tmp_path: Path) -> None:
    path = tmp_path / "journal.bin"
    many = {f"metric {number} " + "\U0001f600\x01" * 150: float(number) for number in range(1000)}
    write(path, [({"a\0b": 1.0, "\ud800": 2.0}, 1, 1.0), (many, 2, 2.0), (many, 3, 3.0)])
    points = read_part(path).points
    assert points["ab"][2].tolist() == [1.0]
    assert points["?"][2].tolist() == [2.0]
    assert len(points) == 1002
    assert all(len(name) <= 200 for name in points)
    assert all(arrays[0].tolist() == [2, 3] for name, arrays in points.items() if name.startswith("metric"))


def test_a_value_that_is_no_number_is_refused_whole(tmp_path: Path) -> None:
    path = tmp_path / "journal.bin"
    journal = Journal(path)
    journal.log({"loss": 1.0, "accuracy": 0.5}, 1)
    size = path.stat().st_size
    with pytest.raises(TypeError, match="'accuracy' is not a number"):
        journal.log({"loss": 1.0, "accuracy": "good"}, 2)  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="'other' is not a number"):
        journal.log({"other": None}, 2)  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="step"):
        journal.log({"loss": 1.0, "accuracy": 0.5}, 2**63)
    assert path.stat().st_size == size


def test_threads_share_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.bin"
    journal = Journal(path)

    def work(number: int) -> None:
        for step in range(500):
            journal.log({f"of {number}": step, "shared": number}, step)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    points = read_part(path).points
    assert all(points[f"of {number}"][0].tolist() == list(range(500)) for number in range(4))
    assert len(points["shared"][0]) == 2000


def test_a_forked_child_writes_nothing(tmp_path: Path) -> None:
    """Even when another thread of the parent was inside a call, and so holds the lock for ever in the child."""
    program = f"""
import os, threading
from pathlib import Path
from tracking.journal import Journal
journal = Journal(Path({str(tmp_path / "journal.bin")!r}))
journal._lock.acquire()
child = None
def fork():
    global child
    child = os.fork()
    if child == 0:
        journal.log({{"loss": 1.0}}, 1)
        journal.flush()
        os._exit(0)
thread = threading.Thread(target=fork)
thread.start()
thread.join()
assert os.waitpid(child, 0)[1] == 0
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=20, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "journal.bin").stat().st_size == 0


_FULL = """
import json, logging, resource, sys
from pathlib import Path
from tracking.journal import Journal
logging.basicConfig(format="%(message)s", stream=sys.stderr)
now = [0.0]
path = Path(sys.argv[1])
journal = Journal(path, clock=lambda: now[0])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
for step in range(40):
    journal.log({"loss": step / 2, "epoch": 0.0}, step, float(step))
    now[0] += 0.1
    if step % 10 == 9:
        journal.log({f"new {step}": 1.0}, step, float(step))
kept, trouble = journal.kept_points, journal.trouble
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
now[0] += 10
journal.log({"loss": 20.0, "epoch": 0.0}, 40, 40.0)
print(json.dumps([kept, trouble, journal.kept_points, journal.trouble, journal.lost_points]))
journal.close()
"""


@pytest.mark.parametrize("room", [0, 5, 30, 60, 611, 900])
def test_no_room_for_the_file_keeps_points_in_memory(tmp_path: Path, room: int) -> None:
    """The system refuses bytes past a limit, in the middle of a record; with room again nothing is missing."""
    path = tmp_path / "journal.bin"
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(path), str(room)], cwd=ROOT, timeout=20, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    kept, trouble, later, trouble_later, lost = json.loads(done.stdout)
    assert kept > 0
    assert trouble
    assert (later, trouble_later, lost) == (0, "", 0)
    assert done.stderr.decode().count("kept in memory") == 1
    points = read_part(path).points
    assert points["loss"][2].tolist() == [step / 2 for step in range(41)]
    assert [name for name in points if name.startswith("new")] == ["new 9", "new 19", "new 29", "new 39"]


def test_memory_is_bounded_while_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal_module, "KEPT_POINTS", 100)
    (tmp_path / "journal.bin").touch()
    journal = Journal(tmp_path / "journal.bin")
    full = os.open("/dev/full", os.O_RDWR)
    os.dup2(full, journal._file)
    for step in range(120):
        journal.log({"loss": float(step)}, step)
    assert journal.kept_points == 100
    assert journal.lost_points == 20
    journal.close()
    assert "100 points could not be written (" in caplog.text
    os.close(full)


_VICTIM = """
import os, sys
from pathlib import Path
from tracking.journal import Journal
journal = Journal(Path(sys.argv[1]))
witness = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for step in range(10**9):
    journal.log({"loss": step / 2, "accuracy": 0.5, f"metric {step % 50}": 1.0}, step)
    os.write(witness, step.to_bytes(8, "little"))
"""


@pytest.mark.parametrize("after_seconds", [0.0, 0.013, 0.1])
def test_no_logged_point_is_gone_after_kill_9(tmp_path: Path, after_seconds: float) -> None:
    path, witness = tmp_path / "journal.bin", tmp_path / "witness"
    victim = subprocess.Popen([sys.executable, "-c", _VICTIM, str(path), str(witness)], cwd=ROOT)
    deadline = time.monotonic() + 20
    while not (witness.exists() and witness.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(after_seconds)  # the random moment
    victim.send_signal(signal.SIGKILL)
    victim.wait(timeout=10)
    logged = witness.stat().st_size // 8
    assert logged > 0
    steps, _, values = read_all(path)["loss"]
    assert logged <= len(steps) <= logged + 1
    assert steps.tolist() == list(range(len(steps)))
    assert values.tolist() == [step / 2 for step in range(len(steps))]


def test_a_copy_reads_like_the_original(tmp_path: Path) -> None:
    """Nothing in the file depends on where it lies or who wrote it."""
    write(tmp_path / "one.bin", LOGGED)
    shutil.copy(tmp_path / "one.bin", tmp_path / "two.bin")
    assert series(read_part(tmp_path / "two.bin").points) == expected(LOGGED)
