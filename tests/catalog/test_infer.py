"""The guessed schema: types, roles, target, task, and what a person is told to look at."""

import pyarrow as pa
import pytest

from catalog.infer import guess_schema, has_decimal_comma, split_column, with_date_formats
from catalog.schema import Column, Schema

ROWS = 60
LABEL = ["yes", "no"] * (ROWS // 2)


def guessed(values: list[object], name: str = "x") -> Column:
    return guess_schema(pa.table({name: pa.array(values), "label": LABEL}))[0].column(name)


@pytest.mark.parametrize(
    ("values", "wanted", "role"),
    [
        ([str(n) for n in range(ROWS)], "number", "feature"),
        ([f"{n},000.5" for n in range(1, ROWS + 1)], "number", "feature"),
        ([f"{n}.5e3" for n in range(ROWS)], "number", "feature"),
        (["NA", "?", "-"] * 10 + ["1.5"] * 30, "number", "feature"),
        (["red", "green", "blue"] * 20, "category", "feature"),
        ([f"word{n % 40}" for n in range(ROWS)], "category", "ignore"),
        ([f"code-{n}" for n in range(ROWS)], "id", "ignore"),
        ([f"a sentence of some words {n}" for n in range(ROWS)], "text", "feature"),
        ([f"First Last{n}" for n in range(ROWS)], "text", "ignore"),
        (["2024-01-02"] * ROWS, "date", "feature"),
        (["2024-01-02T10:00:00Z"] * ROWS, "date", "feature"),
        (["31/12/2024"] * ROWS, "date", "feature"),
        ([True, False] * 30, "category", "feature"),
        ([None] * ROWS, "category", "ignore"),
    ],
)
def test_the_type_and_role_of_a_column(values: list[object], wanted: str, role: str) -> None:
    column = guessed(values)

    assert (column.type, column.role) == (wanted, role)


@pytest.mark.parametrize("name", ["id", "user_id", "Unnamed: 0", "__index_level_0__", "column_1"])
def test_numbers_that_only_count_the_rows_are_set_aside(name: str) -> None:
    column = guessed([str(n) for n in range(ROWS)], name)

    assert (column.type, column.role) == ("id", "ignore")


def test_a_day_that_can_only_be_day_first_or_month_first() -> None:
    assert guessed(["13/01/2024"] * ROWS).format == "%d/%m/%Y"
    assert guessed(["01/13/2024"] * ROWS).format == "%m/%d/%Y"
    assert guessed(["01/02/2024"] * ROWS).format == "%d/%m/%Y"


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"] * 30, "binary"),
        (["a", "b", "c"] * 20, "multiclass"),
        (["0", "1"] * 30, "binary"),
        ([str(n % 10) for n in range(ROWS)], "multiclass"),
        ([str(n) for n in range(ROWS)], "regression"),
        ([f"{n % 3}.5" for n in range(ROWS)], "regression"),
        ([float(n % 2) for n in range(ROWS)], "binary"),
    ],
)
def test_the_task_follows_the_target(values: list[object], task: str) -> None:
    schema, _ = guess_schema(pa.table({"x": [str(n) for n in range(ROWS)], "target": values}))

    assert (schema.target, schema.task) == ("target", task)
    assert schema.column("target").type == ("number" if task == "regression" else "category")


def test_a_usual_name_is_the_target_wherever_it_stands_and_else_the_last_column() -> None:
    numbers = [str(n / 2) for n in range(ROWS)]

    assert guess_schema(pa.table({"Label": LABEL, "x": numbers}))[0].target == "Label"
    assert guess_schema(pa.table({"x": numbers, "bought": LABEL}))[0].target == "bought"


def test_no_target_is_a_thing_to_look_at() -> None:
    schema, problems = guess_schema(pa.table({"text": [f"a sentence of some words {n}" for n in range(ROWS)]}))

    assert schema.target is None
    assert any("No target was recognised" in problem for problem in problems)


def test_beside_a_text_other_columns_are_set_aside() -> None:
    texts = [f"a sentence of some words {n}" for n in range(ROWS)]
    schema, _ = guess_schema(pa.table({"text": texts, "stars": ["1", "2"] * 30, "label": LABEL}))

    assert schema.kind == "text"
    assert [column.name for column in schema.features] == ["text"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["1"] * 57 + ["one", "two", "three"], "mixes numbers with text: 3 of 60"),
        (["same"] * ROWS, "has the same value in every row"),
        ([None] * ROWS, "has no value in the first 60 rows"),
        (["a\n" * 200 + "b"] * 2 + ["c"] * 58, "goes over 200 lines"),
        ([[1, 2]] * ROWS, "which is set aside"),
    ],
)
def test_what_is_odd_is_said(values: list[object], words: str) -> None:
    _, problems = guess_schema(pa.table({"x": pa.array(values), "label": LABEL}))

    assert any(words in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("values", "found"),
    [(["1.234,5", "2,0"], True), (["1,5"], True), (["1,234"], False), (["1.5"], False), (["a,b"], False)],
)
def test_a_decimal_comma_is_told_from_thousands(values: list[str], found: bool) -> None:
    assert has_decimal_comma(pa.table({"x": values})) is found


def test_a_column_that_names_the_parts_is_found() -> None:
    parts = ["Train", "test"] * 30

    assert split_column(pa.table({"x": LABEL, "split": parts})) == "split"
    assert split_column(pa.table({"x": parts})) is None
    assert split_column(pa.table({"split": ["train", "other"]})) is None
    assert split_column(pa.table({"split": ["train", "train"]})) is None


def test_a_column_corrected_to_a_date_gets_its_format_once_for_the_whole_file() -> None:
    schema = Schema((Column("day", "date"), Column("iso", "date"), Column("own", "date", format="%Y%m%d")))
    head = pa.table({"day": ["31/12/2024"], "iso": ["2024-12-31"], "own": ["20241231"]})

    assert [column.format for column in with_date_formats(schema, head).columns] == ["%d/%m/%Y", "", "%Y%m%d"]
