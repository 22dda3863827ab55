"""Tables: learned from the training split alone, the same for a table and its rows, and never stopped by a value."""

import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.schema import ColumnType
from features import FeaturesError, Odd
from features.tables import FARTHEST_DEVIATIONS, FIRST_CATEGORY, MISSING, UNKNOWN, TableFeatures
from tests.features.examples import assert_keeps_promises, schema

TYPES: dict[str, ColumnType] = {"size": "number", "gaps": "number", "day": "date", "colour": "category"}
START = datetime(2024, 3, 1)


def training(rows: int = 40) -> pa.Table:
    drawn = np.random.default_rng(0)
    colours = ["red", "blue", "green", None]
    return pa.table(
        {
            "size": drawn.normal(50, 10, rows),
            "gaps": pa.array([None if row % 4 == 0 else float(row) for row in range(rows)]),
            "day": pa.array([START + timedelta(hours=7 * row) for row in range(rows)], pa.timestamp("us")),
            "colour": pa.array([colours[min(row % 7, 3)] for row in range(rows)]),
            "label": ["yes" if row % 3 else "no" for row in range(rows)],
        }
    )


def fitted(table: pa.Table | None = None, **options: Any) -> TableFeatures:
    return TableFeatures.fit(table if table is not None else training(), schema(TYPES), **options)


GOOD = {"size": 50.0, "gaps": 3.0, "day": START, "colour": "red"}


def oddities(**changes: Any) -> list[str]:
    found: list[Odd] = []
    arrays = fitted().transform([GOOD | changes], found)
    assert all(np.isfinite(array).all() for array in arrays.values())
    return [f"{odd.column} {odd.what}" for odd in found]


def test_promises_of_every_kind(tmp_path: Path) -> None:
    assert_keeps_promises(fitted(), training(), tmp_path)


def test_numbers_are_standardised_and_gaps_are_told() -> None:
    features, table = fitted(), training()
    numbers = features.transform(table)["numbers"]
    names = features.number_names()
    assert numbers.shape == (40, len(names))
    size = numbers[:, names.index("size")]
    assert size.mean() == pytest.approx(0, abs=1e-6)
    assert size.std() == pytest.approx(1, abs=1e-6)
    np.testing.assert_array_equal(numbers[:, names.index("gaps is missing")], np.arange(40) % 4 == 0)
    assert "size is missing" not in names


def test_a_gap_is_filled_with_the_median() -> None:
    features = fitted()
    place = features.number_names().index("size")
    median = float(np.median(training()["size"].to_numpy()))
    gap, filled = (features.transform([GOOD | {"size": value}])["numbers"][0, place] for value in (None, median))
    assert gap == filled


def test_only_the_training_split_is_learned_from() -> None:
    before = fitted().fingerprint
    other = training().set_column(0, "size", [np.full(40, 1e6)])
    features = fitted()
    features.transform(other)
    assert features.fingerprint == before
    assert fitted(other).fingerprint != before


def test_categories_are_numbered_by_frequency() -> None:
    features = fitted()
    codes = features.transform([GOOD | {"colour": colour} for colour in ("red", "blue", "green", "pink", None)])
    assert codes["categories"][3:, 0].tolist() == [UNKNOWN, MISSING]
    assert sorted(codes["categories"][:3, 0].tolist()) == [FIRST_CATEGORY, FIRST_CATEGORY + 1, FIRST_CATEGORY + 2]
    assert features.inputs()["categories"]["sizes"] == [5]


def test_rare_categories_are_unknown() -> None:
    features = fitted(max_categories=1)
    (kept,) = features.category_columns[0].categories
    codes = features.transform(training())["categories"][:, 0]
    labels = training()["colour"].to_pylist()
    wanted = [MISSING if label is None else FIRST_CATEGORY if label == kept else UNKNOWN for label in labels]
    assert codes.tolist() == wanted


def test_a_date_becomes_its_distance_and_points_on_circles() -> None:
    features = fitted()
    names = features.number_names()
    assert [name for name in names if name.startswith("day")] == [
        "day", "day is missing", "day month sine", "day month cosine", "day weekday sine", "day weekday cosine",
        "day hour sine", "day hour cosine",
    ]  # fmt: skip
    week = [GOOD | {"day": START + timedelta(days=7 * step)} for step in range(3)]
    numbers = features.transform(week)["numbers"]
    weekday = numbers[:, names.index("day weekday sine")]
    np.testing.assert_allclose(weekday, weekday[0], atol=1e-6)
    assert (np.diff(numbers[:, names.index("day")]) > 0).all()
    missing = features.transform([GOOD | {"day": None}])["numbers"][0]
    assert missing[names.index("day is missing")] == 1
    assert missing[names.index("day")] == missing[names.index("day month sine")] == 0


def test_days_without_a_time_have_no_hour() -> None:
    table = training().set_column(2, "day", pa.array([START + timedelta(days=row) for row in range(40)]))
    assert not [name for name in fitted(table).number_names() if "hour" in name]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": "big"}, "size is not a finite number"),
        ({"size": math.inf}, "size is not a finite number"),
        ({"size": None}, "size is missing, which never happened in training"),
        ({"size": 1e9}, "size is very far from everything in the training data; is the unit right?"),
        ({"size": -1e308}, "size is very far from everything in the training data; is the unit right?"),
        ({"day": "soon"}, "day is not a date"),
        ({"colour": "pink"}, "colour is 'pink', which was not in the training data"),
    ],
)
def test_what_is_odd_is_told_and_stops_nothing(changes: dict[str, Any], words: str) -> None:
    assert oddities(**changes) == [words]


def test_nothing_is_odd_about_training_examples() -> None:
    assert fitted().warnings(training()) == []
    assert oddities() == []
    assert oddities(gaps=None, colour=None, more="than asked for") == []


def test_a_warning_names_the_row() -> None:
    assert fitted().warnings([GOOD, GOOD | {"size": "big"}]) == ["row 2: size is not a finite number"]


def test_a_far_value_is_cut() -> None:
    numbers = fitted().transform([GOOD | {"size": 1e300}, GOOD | {"size": -1e300}])["numbers"][:, 0]
    assert numbers.tolist() == [FARTHEST_DEVIATIONS, -FARTHEST_DEVIATIONS]


VALUE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=4)
ROW = st.dictionaries(st.sampled_from(sorted(TYPES)), VALUE | st.datetimes() | st.dates() | st.lists(VALUE, max_size=2))
FITTED = fitted()


@given(st.lists(ROW, min_size=1, max_size=4))
@settings(max_examples=150)
def test_any_row_gives_finite_numbers(rows: list[dict[str, Any]]) -> None:
    found: list[Odd] = []
    arrays = FITTED.transform(rows, found)
    assert np.isfinite(arrays["numbers"]).all()
    assert np.abs(arrays["numbers"]).max() <= FARTHEST_DEVIATIONS
    assert (arrays["categories"] < FITTED.inputs()["categories"]["sizes"]).all()
    assert all(0 <= odd.row < len(rows) for odd in found)


@given(st.lists(st.none() | st.floats(), min_size=1, max_size=6))
def test_any_training_column_gives_features_that_can_be_written(values: list[float | None]) -> None:
    rows = len(values) + 2
    table = pa.table({"size": pa.array([*values, 1.0, 2.0], pa.float64()), "label": ["a", *["b"] * (rows - 1)]})
    features = TableFeatures.fit(table, schema({"size": "number"}))
    assert len(features.fingerprint) == 64
    assert np.isfinite(features.transform(table)["numbers"]).all()


def test_columns_that_say_nothing_are_left_out_with_the_reason() -> None:
    table = training().set_column(0, "size", pa.array([None] * 40, pa.float64()))
    features = fitted(table)
    assert features.left_out == {"size": "has no number in the training split"}
    assert "size" not in features.number_names()


def test_a_constant_column_stays_harmless() -> None:
    features = fitted(training().set_column(0, "size", [np.full(40, 7.0)]))
    numbers = features.transform([GOOD | {"size": 7.0}, GOOD | {"size": 8.0}])["numbers"][:, 0]
    assert numbers.tolist() == [0.0, 1.0]


def test_columns_are_found_by_name_whatever_their_order() -> None:
    table = training()
    turned = table.select(list(reversed(table.column_names)))
    np.testing.assert_array_equal(fitted().transform(turned)["numbers"], fitted().transform(table)["numbers"])


def test_nothing_to_learn_from_is_an_error() -> None:
    with pytest.raises(FeaturesError, match="No number, date or category"):
        TableFeatures.fit(training(), schema({}))
    with pytest.raises(FeaturesError, match="fewer than two classes"):
        fitted(training().set_column(4, "label", [["yes"] * 40]))
