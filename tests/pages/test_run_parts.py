"""What the run page reads and understands: logs of any size, windows, diffs, the mirror's words."""

import os
from datetime import UTC, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from charts.metrics import BYTES_PER_SECOND, PERCENT, PLAIN
from db.home import run_folder
from pages.parts.run_charts import value_text
from pages.parts.run_config_tab import as_text, as_yaml, changes_from
from pages.parts.run_curves import axis_window, local
from pages.parts.run_environment import changed_lines, machine_facts, read_diff
from pages.parts.run_log_reading import BLOCK_BYTES, LINE_CHARACTERS, as_lines, log_files, search, tail
from pages.parts.run_mirror import mirror_words
from pages.parts.run_view import ChartView, read_window, window_text


def test_a_log_without_end_is_read_from_its_end(tmp_path: Path) -> None:
    path = tmp_path / "big.log"
    with path.open("wb") as file:
        file.truncate(5 * 2**30)  # five gigabytes of nothing, which cost no room
        file.seek(0, os.SEEK_END)
        file.write(b"\nfirst of the last\nlast\n")
    end = tail(path)

    assert end.lines[-2:] == ["first of the last", "last"]
    assert end.size_bytes > 5 * 2**30
    assert not end.whole


def test_a_short_log_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("one\n\ntwo\nthree")

    assert tail(path).lines == ["one", "two", "three"]
    assert tail(path).whole
    assert not tail(path, most_lines=2).whole
    assert tail(tmp_path / "gone").lines == []


def test_lines_are_shown_without_colours_and_progress_bars_with_their_last_state() -> None:
    assert as_lines(b"\x1b[31mred\x1b[0m\n 10%\r 50%\r100%\r\nplain\n\xff\n") == ["red", "100%", "plain", "�"]
    assert len(as_lines(b"x" * 10_000)[0]) == LINE_CHARACTERS


def test_words_are_found_across_the_borders_of_blocks(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    filler = b"x" * 99 + b"\n"
    needle = b"here is the Needle\n"
    before = filler * (BLOCK_BYTES // len(filler) + 1)
    after = filler * (BLOCK_BYTES // len(filler))
    for shift in range(0, len(needle), 6):
        path.write_bytes(needle + before + needle + after[shift:] + needle)
        found = search(path, "nEEdle")
        assert found.lines == ["here is the Needle"] * 3
        assert found.complete


def test_a_search_stops_at_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("".join(f"line {number}\n" for number in range(50)))
    found = search(path, "line", most=10)

    assert found.lines == [f"line {number}" for number in range(40, 50)]
    assert not found.complete
    assert search(path, "nowhere").lines == []


def test_logs_are_listed_by_attempt_and_rank(bancada_home: Path) -> None:
    folder = run_folder(3) / "logs"
    folder.mkdir(parents=True)
    for name in ("attempt-1-rank-0.log", "attempt-2-rank-10.log", "attempt-2-rank-2.log", "other.log", ".probe"):
        (folder / name).write_text("x")

    assert [(file.attempt, file.rank) for file in log_files(3)] == [(2, 2), (2, 10), (1, 0)]
    assert log_files(4) == []


@pytest.mark.parametrize(
    ("text", "x", "window"),
    [
        ("100 to 500", "step", (100.0, 500.0)),
        ("1,000 … 2,000", "step", (1000.0, 2000.0)),
        ("0.5..1.5", "epoch", (0.5, 1.5)),
        ("-5 to 5", "step", (-5.0, 5.0)),
        ("1970-01-01 01:00 to 1970-01-01 01:01", "clock", (0.0, 60.0)),
        ("500 to 100", "step", None),
        ("1 to 1", "step", None),
        ("nan to 5", "step", None),
        ("1 to inf", "step", None),
        ("yesterday to today", "clock", None),
        ("5", "step", None),
        ("1 to 2 to 3", "step", None),
    ],
)
def test_a_window_is_read_from_text(text: str, x: str, window: tuple[float, float] | None) -> None:
    assert read_window(text, x, timezone(timedelta(hours=1))) == window


@pytest.mark.parametrize(
    ("start", "end", "x"),
    [(155.67, 389.19, "step"), (0.25, 0.75, "step"), (1.23456, 2.0, "epoch"), (1e-3, 12.5, "time")],
)
def test_what_was_zoomed_is_read_back(start: float, end: float, x: str) -> None:
    window = read_window(window_text(start, end, x), x, UTC)

    assert window == pytest.approx((start, end), abs=0.51 if x == "step" and end - start > 2 else 1e-4)


def test_clock_windows_and_times_are_those_of_the_viewer() -> None:
    zone = timezone(timedelta(hours=2))
    window = read_window("2026-01-31 10:00 to 2026-01-31 10:05", "clock", zone)
    view = ChartView("clock", window)

    assert axis_window(view, zone) == ("2026-01-31 10:00:00", "2026-01-31 10:05:00")
    assert str(local(np.array(["2026-01-31T08:00"], dtype="datetime64[ms]"), zone)[0]).startswith("2026-01-31T10:00")
    assert axis_window(ChartView("step", (1.0, 2.0)), zone) == (1.0, 2.0)


def test_a_diff_is_split_by_file(tmp_path: Path) -> None:
    path = tmp_path / "code.diff"
    path.write_text(
        "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1 +1,2 @@\n-a\n+b\n+c\n"
        "diff --git a/d/new file.py b/d/new file.py\nnew file mode 100644\n+++ b/d/new file.py\n+z\n"
    )
    files = read_diff(path)

    assert list(files) == ["x.py", "d/new file.py"]
    assert [changed_lines(text) for text in files.values()] == ["+2 −1", "+1 −0"]
    assert read_diff(tmp_path / "gone") == {}


def test_only_real_changes_count_as_differences() -> None:
    base = {"model": {"class_path": "a.B"}, "data": {"class_path": "a.C", "init_args": {"dataset": "wine"}}}
    now = {
        "seed": 42,
        "model": {"class_path": "a.B", "init_args": {"width": 3}},
        "data": {"class_path": "a.C", "init_args": {"dataset": "wine@1"}},
        "trainer": {"max_epochs": 10, "precision": "bf16-mixed"},
        "scaling": {"strategy": "auto", "nodes": 1},
    }

    assert changes_from(base, now, {}) == {
        "model.init_args.width": (None, 3),
        "trainer.precision": ("32-true", "bf16-mixed"),
    }


def test_values_are_written_as_in_yaml() -> None:
    assert [as_text(value).replace("\\", "") for value in (None, True, 0.1, [1, 2], "a", {})] == [
        "–", "true", "0.1", "[1, 2]", "a", "{}",
    ]  # fmt: skip
    assert as_yaml({"not": "a config"}) == "not: a config\n"


def test_machine_facts_are_words() -> None:
    found = machine_facts(
        {"memory_bytes": 64_000_000_000, "cores": 16, "cuda": None, "devices": ["a", "b"], "odd_one": "x"}
    )

    assert found == {"Memory": "64.0 GB", "Cores": "16", "Devices": "a, b", "Odd one": "x"}


def test_the_mirror_says_how_far_it_is() -> None:
    assert mirror_words({}) == "Nothing was mirrored yet."
    waiting = mirror_words({"state": "waiting", "points_sent": 1000, "points_total": 2500})
    assert "1,000 of 2,500 points sent, 1,500 wait" in waiting
    assert "everything" in mirror_words({"state": "sent", "points_sent": 5, "points_total": 5})


def test_a_last_value_has_its_unit() -> None:
    assert value_text(0.123456, PLAIN) == "0.1235"
    assert value_text(2_500_000.0, BYTES_PER_SECOND) == "2.5 MB/s"
    assert value_text(71.26, PERCENT) == "71.26 %"
    assert value_text(None, PERCENT) == "–"
    assert value_text(float("nan"), BYTES_PER_SECOND) == "nan"
