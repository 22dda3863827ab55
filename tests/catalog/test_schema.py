"""Correcting a schema, and what is refused about a corrected one."""

import pytest

from catalog.errors import CatalogError
from catalog.schema import Column, Schema, check, sort_classes

SCHEMA = Schema(
    (Column("age", "number"), Column("city", "category"), Column("bought", "category", "target")), "binary", "bought"
)


def test_a_good_schema_passes_and_survives_json() -> None:
    check(SCHEMA)
    assert Schema.from_dict(SCHEMA.to_dict()) == SCHEMA


def test_another_target_frees_the_former_one() -> None:
    corrected = SCHEMA.with_target("age", "regression")

    check(corrected)
    assert corrected.target == "age"
    assert corrected.column("bought").role == "feature"
    assert SCHEMA.with_target("age", "multiclass").column("age").type == "category"


@pytest.mark.parametrize(
    ("columns", "task", "target", "field"),
    [
        ((Column("a", "number"),), "binary", None, "target"),
        ((Column("a", "category", "target"), Column("b", "category", "target")), "binary", "a", "target"),
        ((Column("a", "number"), Column("b", "category", "target")), "binary", "a", "target"),
        ((Column("a", "number"), Column("b", "category", "target")), None, "b", "task"),
        ((Column("a", "number"), Column("b", "category", "target")), "regression", "b", "target"),
        ((Column("a", "number"), Column("b", "number", "target")), "binary", "b", "target"),
        ((Column("a", "number", "ignore"), Column("b", "category", "target")), "binary", "b", "columns"),
        ((Column("a", "shape"), Column("b", "category", "target")), "binary", "b", None),
    ],
    ids=["none", "two", "other", "no task", "regression of classes", "classes of numbers", "no feature", "no type"],
)
def test_what_cannot_be_is_refused_at_its_field(
    columns: tuple[Column, ...], task: str | None, target: str | None, field: str | None
) -> None:
    with pytest.raises(CatalogError) as caught:
        check(Schema(columns, task, target))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("features", "kind"),
    [(["number"], "table"), (["number", "text"], "text"), (["text", "image"], "images"), (["category"], "table")],
)
def test_the_kind_follows_the_features(features: list[str], kind: str) -> None:
    assert Schema(tuple(Column(f"c{i}", name) for i, name in enumerate(features))).kind == kind
    assert Schema((Column("text", "text", "ignore"), Column("n", "number"))).kind == "table"


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["10", "9", "-1"], ("-1", "9", "10")),
        (["b", "10", "a"], ("10", "a", "b")),
        (["³", "²"], ("²", "³")),
        (["01", "1"], ("01", "1")),
        (["9" * 5000, "1"], ("1", "9" * 5000)),
        (["👎", "👍"], ("👍", "👎")),
    ],
)
def test_classes_have_a_stable_order(names: list[str], order: tuple[str, ...]) -> None:
    assert sort_classes(names) == order
    assert sort_classes(reversed(names)) == order
