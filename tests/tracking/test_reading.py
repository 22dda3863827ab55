"""Curves as pages draw them."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from db import curves, progress, queue, runs
from db.engine import Database, Session
from db.states import Reason, RunState
from db.types import utc_now
from tracking.axes import epoch_axis, pauses_of, training_seconds
from tracking.reading import LiveCurves, ShownCurve, View, compare

RANDOM = np.random.default_rng(3)


def add(database: Database, run_id: int, name: str, first: int, count: int, attempt: int = 1) -> np.ndarray:
    """Append ``count`` random points from step ``first``; one of them a spike, one NaN."""
    values = RANDOM.normal(size=count)
    values[count // 3], values[count // 2] = 1e3, np.nan
    steps = np.arange(first, first + count)
    with database.writing() as session:
        curves.append(session, run_id, attempt, {name: (steps, 1e9 + steps * 0.5, values)})
    return values


def shown(session: Session, run_id: int, names: list[str], **view: Any) -> list[ShownCurve]:
    """Read anew, by a reader that holds nothing."""
    return LiveCurves(run_id).shown(session, names, View(**view))


def same(one: list[ShownCurve], other: list[ShownCurve]) -> bool:
    return len(one) == len(other) and all(
        (a.name, a.count, a.downsampled) == (b.name, b.count, b.downsampled)
        and np.array_equal(a.x, b.x)
        and np.array_equal(a.y, b.y, equal_nan=True)
        and np.array_equal(a.broken, b.broken)
        for a, b in zip(one, other, strict=True)
    )


def test_a_long_curve_keeps_its_spike_and_says_what_is_broken(database: Database, run_id: int) -> None:
    values = add(database, run_id, "loss", 0, 20_000)
    with database.reading() as session:
        (curve, missing) = shown(session, run_id, ["loss", "other"], points=400)
    assert (curve.count, curve.downsampled) == (20_000, True)
    assert len(curve.x) <= 600
    assert np.nanmax(curve.y) == 1e3
    assert np.nanmin(curve.y) == np.nanmin(values)
    assert curve.broken.tolist() == [10_000.0]
    assert np.isnan(curve.y[curve.x == 10_000])
    assert (missing.count, missing.downsampled, len(missing.x)) == (0, False, 0)


def test_zooming_loads_finer_points(database: Database, run_id: int) -> None:
    values = add(database, run_id, "loss", 0, 20_000)
    with database.reading() as session:
        (curve,) = shown(session, run_id, ["loss"], points=400, window=(100, 199))
    assert (curve.count, curve.downsampled) == (100, False)
    assert curve.x.tolist() == list(range(99, 201))
    np.testing.assert_array_equal(curve.y, values[99:201])
    with database.reading() as session:
        (nothing,) = shown(session, run_id, ["loss"], window=(30_000, 40_000))
        (tail,) = shown(session, run_id, ["loss"], window=(19_990, None))
    assert nothing.count == 0
    assert tail.count == 10


def test_smoothing_is_of_all_points_and_the_original_stays(database: Database, run_id: int) -> None:
    values = add(database, run_id, "loss", 0, 5_000)
    with database.reading() as session:
        (curve,) = shown(session, run_id, ["loss"], points=100, smoothing=0.9)
        (raw,) = shown(session, run_id, ["loss"], points=100)
    assert curve.smooth is not None
    assert curve.smooth.shape == curve.y.shape
    finite = values[np.isfinite(values)]
    weights = 0.9 ** np.arange(len(finite))[::-1]
    assert curve.smooth[-1] == pytest.approx((finite * weights).sum() / weights.sum())
    assert set(raw.x.tolist()) <= set(curve.x.tolist())
    assert np.nanmax(curve.y) == 1e3


def test_live_curves_equal_a_full_read(database: Database, run_id: int) -> None:
    """After any growth, over another attempt, and when little may be held in memory."""
    live, forgetful = LiveCurves(run_id), LiveCurves(run_id, held_points=100)
    view = View(points=200)
    names = ["loss", "epoch"]
    first = 0
    for count in (10, 1, 400, 90):
        add(database, run_id, "loss", first, count)
        add(database, run_id, "epoch", first, count)
        first += count
        with database.reading() as session:
            full = shown(session, run_id, names, points=200)
            assert same(live.shown(session, names, view), full)
            assert same(forgetful.shown(session, names, view), full)
    with database.writing() as session:
        progress.end(session, run_id, RunState.FAILED, Reason.SIGNAL)
        queue.requeue(session, run_id, "ana", None, 100)
        assert queue.claim(session, run_id, "here", ["cpu"])
    add(database, run_id, "loss", 101, 50, attempt=2)
    with database.reading() as session:
        full = shown(session, run_id, names, points=200)
        assert full[0].x.tolist() == list(range(151))
        assert same(live.shown(session, names, view), full)
        assert same(forgetful.shown(session, names, view), full)


def test_nothing_new_is_the_very_same_answer(database: Database, run_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    add(database, run_id, "loss", 0, 1000)
    live = LiveCurves(run_id, held_points=10)
    with database.reading() as session:
        before = live.shown(session, ["loss", "val_loss"], View())
        read = curves.read
        asked = []

        def watched(*args: object, **more: int) -> curves.Curve:
            asked.append(more.get("after", 0))
            return read(*args, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(curves, "read", watched)
        assert live.shown(session, ["loss", "val_loss"], View()) is before
        assert live.version == 1
        assert asked == [1000, 0]
        assert live.shown(session, ["loss"], View()) is not before
    add(database, run_id, "val_loss", 0, 10)
    with database.reading() as session:
        assert live.shown(session, ["loss", "val_loss"], View())[1].count == 10


def test_epochs_come_from_the_runs_own_series(database: Database, run_id: int) -> None:
    steps = np.arange(300)
    logged = steps[9::10]  # every tenth step, as Lightning does
    ends = np.array([99, 199, 299])
    with database.writing() as session:
        curves.append(
            session,
            run_id,
            1,
            {
                "epoch": (np.r_[logged, ends], np.zeros(33), np.r_[logged // 100, ends // 100].astype(float)),
                "loss": (steps, 1e9 + steps, steps / 300),
                "val_loss": (ends, 1e9 + ends, np.ones(3)),
            },
        )
        progress.check_in(
            session, run_id, step=300, epoch=3.0, total_steps=300, max_epochs=3, samples_per_second=None, phase="fit",
            next_check_in_seconds=10.0,
        )  # fmt: skip
    with database.reading() as session:
        loss, validation = shown(session, run_id, ["loss", "val_loss"], x="epoch")
        (part,) = shown(session, run_id, ["loss"], x="epoch", window=(1.0, 2.0))
    np.testing.assert_allclose(loss.x, steps / 100, atol=0.02)
    np.testing.assert_allclose(validation.x, [1, 2, 3], atol=0.02)
    assert part.count == pytest.approx(100, abs=2)


def test_the_first_epoch_is_measured_by_what_is_planned() -> None:
    half = curves.Curve(np.arange(50), np.zeros(50), np.zeros(50), 50)
    assert epoch_axis(half, 100.0).at(np.array([0, 49])).tolist() == pytest.approx([0, 0.49])
    nothing = curves.Curve(np.empty(0, int), np.empty(0), np.empty(0), 0)
    assert epoch_axis(nothing).at(np.array([1, 2])).tolist() == [0, 0]


def test_time_leaves_out_pauses_and_jumps_of_the_clock(database: Database, run_id: int) -> None:
    with database.writing() as session:
        progress.end(session, run_id, RunState.FAILED, Reason.SIGNAL, at=utc_now() + timedelta(seconds=60))
        queue.requeue(session, run_id, "ana", None, 10)
        assert queue.claim(session, run_id, "here", ["cpu"])
    with database.reading() as session:
        pauses = pauses_of(runs.attempts(session, run_id))
    assert pauses.paused_seconds.tolist() == [0, 0]  # by that clock the second began before the first had ended
    pauses = type(pauses)(np.array([100.0, 500.0]), np.array([0.0, 380.0]))
    times = np.array([101.0, 119.0, 119.5, 501.0, 502.0, 400.0, 401.0])
    assert training_seconds(times, pauses).tolist() == pytest.approx([1, 19, 19.5, 21, 22, 22, 23])
    assert training_seconds(times[:0], pauses).tolist() == []


def test_the_clock_is_dates_in_utc(database: Database, run_id: int) -> None:
    add(database, run_id, "loss", 0, 10)
    with database.reading() as session:
        (curve,) = shown(session, run_id, ["loss"], x="clock")
        (seconds,) = shown(session, run_id, ["loss"], x="time")
    assert curve.x[2] == np.datetime64("2001-09-09T01:46:41.000")
    assert np.diff(seconds.x).tolist() == [0.5] * 9


def test_many_runs_are_compared_at_once(database: Database, run_id: int) -> None:
    with database.writing() as session:
        other = runs.create(session, name="other", config={"model": {"class_path": "a.B"}})
        without = runs.create(session, name="without", config={"model": {"class_path": "a.B"}})
    add(database, run_id, "loss", 0, 3000)
    add(database, other, "loss", 0, 10)
    with database.reading() as session:
        found = compare(session, [other, without, run_id], "loss", View(points=100))
        assert [curve.run_id for curve in found] == [other, run_id]
        assert same(found[1:], shown(session, run_id, ["loss"], points=100))
        assert compare(session, [other], "loss", View(x="epoch"))[0].count == 10
        assert compare(session, [], "loss", View()) == []
