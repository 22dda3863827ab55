"""Splits: reproducible, complete, and true to what they promise."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import CatalogError
from catalog.splits import SPLITS, SplitPlan, assign_codes, split_counts

shares = st.tuples(st.integers(50, 90), st.integers(1, 25)).map(
    lambda cut: (cut[0] / 100, min(cut[1], 99 - cut[0]) / 100, (100 - cut[0] - min(cut[1], 99 - cut[0])) / 100)
)
NUMBERS = pa.table({"x": range(1000)})


def table(name: str, values: object) -> pa.Table:
    return pa.table({name: values})


def assign(rows: pa.Table, plan: SplitPlan) -> np.ndarray:
    return np.array(SPLITS)[assign_codes(rows, plan)]


@given(st.integers(100, 400), shares, st.integers(0, 2**31))
def test_a_random_split_gives_every_part_its_share_and_is_the_same_again(
    rows: int, ratios: tuple[float, float, float], seed: int
) -> None:
    plan = SplitPlan("random", ratios, seed)
    codes = assign_codes(table("x", range(rows)), plan)

    assert np.array_equal(codes, assign_codes(table("x", range(rows)), plan))
    counts = split_counts(codes)
    assert sum(counts.values()) == rows
    for name, ratio in zip(SPLITS, ratios, strict=True):
        assert abs(counts[name] - ratio * rows) <= 1


@given(st.lists(st.sampled_from("abc"), min_size=60, max_size=300), st.integers(0, 1000))
def test_a_stratified_split_keeps_the_mix_of_classes(labels: list[str], seed: int) -> None:
    if min(labels.count(name) for name in set(labels)) < 2:
        return
    codes = assign_codes(table("y", labels), SplitPlan("stratified", (0.6, 0.2, 0.2), seed, "y"))

    of = np.array(labels)
    for name in set(labels):
        counts = split_counts(codes[of == name])
        for part, ratio in zip(SPLITS, (0.6, 0.2, 0.2), strict=True):
            assert abs(counts[part] - ratio * labels.count(name)) <= 1


@given(st.lists(st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2030, 1, 1)), min_size=20, max_size=200))
def test_a_split_by_time_never_trains_on_the_future(moments: list[dt.datetime]) -> None:
    split = assign(table("day", pa.array(moments, pa.timestamp("us"))), SplitPlan("time", column="day"))

    of = np.array(moments, dtype="datetime64[us]")
    assert of[split == "train"].max() <= of[split == "validation"].min()
    assert of[split == "validation"].max() <= of[split == "test"].min()


@given(
    st.lists(st.sampled_from(["train", "Training ", "val", "dev", "TEST", "teste"]), min_size=60, max_size=200),
    shares,
    st.integers(0, 50),
)
def test_a_split_by_column_says_what_the_column_says(
    words: list[str], ratios: tuple[float, float, float], seed: int
) -> None:
    said = np.array(["train" if w[0] in "tT" and w[1] in "rR" else "validation" if w in ("val", "dev") else "test"
                     for w in words])  # fmt: skip
    if (said == "train").sum() < 40:
        return
    plan = SplitPlan("column", ratios, seed, "part")
    split = assign(table("part", words), plan)

    assert np.array_equal(split, assign(table("part", words), plan))
    for name in ("validation", "test"):
        if (said == name).any():
            assert np.array_equal(split == name, said == name)
    assert ((split == "train") <= (said == "train")).all()


def test_a_part_that_the_column_leaves_out_comes_from_its_training_rows() -> None:
    words = ["train"] * 800 + ["test"] * 200
    split = assign(table("part", words), SplitPlan("column", (0.7, 0.15, 0.15), 3, "part"))

    assert (split[800:] == "test").all()
    validation = (split == "validation").sum()
    assert validation == round(800 * 0.15 / 0.85)
    assert (split[:800] != "test").all()


def test_a_column_that_names_only_training_gets_both_other_parts() -> None:
    counts = {name: int((assign(table("part", ["train"] * 1000), SplitPlan("column", column="part")) == name).sum())
              for name in SPLITS}  # fmt: skip

    assert counts == {"train": 700, "validation": 150, "test": 150}


def test_a_part_of_share_zero_may_stay_empty() -> None:
    for plan in (SplitPlan("random", (0.8, 0.0, 0.2)), SplitPlan("column", (0.8, 0.0, 0.2), 0, "part")):
        data = pa.table({"x": range(100), "part": ["train", "test"] * 50})
        assert split_counts(assign_codes(data, plan))["validation"] == 0


def test_another_seed_is_another_split() -> None:
    first, second = (assign_codes(NUMBERS, SplitPlan(seed=seed)) for seed in (0, 1))

    assert not np.array_equal(first, second)
    assert split_counts(first) == split_counts(second)


@pytest.mark.parametrize(
    ("method", "ratios", "column"),
    [
        ("by_moon", (0.7, 0.15, 0.15), None),
        ("random", (0.7, 0.2, 0.2), None),
        ("random", (0.0, 0.5, 0.5), None),
        ("random", (1.2, -0.1, -0.1), None),
        ("random", (float("nan"), 0.5, 0.5), None),
        ("time", (0.7, 0.15, 0.15), None),
        ("column", (0.7, 0.15, 0.15), ""),
    ],
)
def test_plans_that_cannot_be(method: str, ratios: tuple[float, float, float], column: str | None) -> None:
    with pytest.raises(CatalogError) as caught:
        SplitPlan(method, ratios, 0, column)
    assert caught.value.field == "split"


@pytest.mark.parametrize(
    ("data", "plan", "words"),
    [
        ({"y": ["a"] * 10 + ["b"]}, SplitPlan("stratified", column="y"), "class “b” has one example \\(row 11\\)"),
        ({"y": ["a", "b"]}, SplitPlan("random"), "leave no row for"),
        ({"y": ["a"] * 10}, SplitPlan("time", column="y"), "needs a date column"),
        ({"y": pa.array([None, 1], pa.timestamp("us"))}, SplitPlan("time", column="y"), "1 rows have no date"),
        ({"y": ["train", "moon"]}, SplitPlan("column", column="y"), "it has “moon”"),
        ({"y": ["train", None]}, SplitPlan("column", column="y"), "it has empty rows"),
        ({"y": ["test", "val"]}, SplitPlan("column", column="y"), "leave no row for train"),
        ({"y": ["a"]}, SplitPlan("stratified", column="other"), "“other”, which is not there"),
    ],
)
def test_plans_that_do_not_fit_the_data(data: dict[str, object], plan: SplitPlan, words: str) -> None:
    with pytest.raises(CatalogError, match=words) as caught:
        assign(pa.table(data), plan)
    assert caught.value.field == "split"


def test_a_plan_survives_json() -> None:
    plan = SplitPlan("time", (0.5, 0.25, 0.25), 7, "day")

    assert SplitPlan.from_dict(plan.to_dict() | {"counts": {}}) == plan
