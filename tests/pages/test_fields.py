"""Fields read from descriptions and from pydantic models."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, model_validator

from db.run_config import ScalingConfig, TrainerConfig
from pages.parts.fields import FormField, class_form, model_fields, section_defaults
from pages.parts.typed_values import as_typed, read_typed, write_typed
from tests.pages.descriptions import DESCRIPTIONS


class Inner(BaseModel):
    patience: Annotated[int, Field(ge=1)] = 3


class Sample(BaseModel):
    size: Annotated[int, Field(ge=1, lt=10)] = Field(5, description="How large")
    share: Annotated[float, Field(gt=0)] | None = None
    mode: Literal["a", "b", "never"] = "a"
    only: Literal["x"] = "x"
    inner: Inner | None = None

    @model_validator(mode="after")
    def _never(self) -> "Sample":
        if self.mode == "never":
            raise ValueError("not offered")
        return self


def by_name(fields: tuple[FormField, ...]) -> dict[str, FormField]:
    return {field.path: field for field in fields}


def test_types_bounds_and_help_come_from_the_model() -> None:
    fields = by_name(model_fields(Sample, "part"))

    assert fields["part.size"].type == "int"
    assert fields["part.size"].help == "How large"
    assert fields["part.size"].bounds == "from 1 and below 10"
    assert fields["part.share"].nullable
    assert fields["part.share"].bounds == "above 0"


def test_choices_that_the_model_refuses_and_fields_with_one_value_are_not_offered() -> None:
    fields = by_name(model_fields(Sample, "part"))

    assert fields["part.mode"].choices == ("a", "b")
    assert "part.only" not in fields


def test_an_optional_section_is_a_switch_with_fields_inside() -> None:
    fields = by_name(model_fields(Sample, "part"))

    assert fields["part.inner"].type == "part"
    assert fields["part.inner.patience"].inside == "part.inner"
    assert section_defaults(fields.values(), "part.inner") == {"patience": 3}


def test_every_field_of_the_run_config_has_a_type_that_can_be_drawn() -> None:
    drawn = {"int", "float", "bool", "str", "choice", "list", "dict", "part", "any"}
    for model, prefix in ((TrainerConfig, "trainer"), (ScalingConfig, "scaling")):
        fields = model_fields(model, prefix)
        assert fields
        assert {field.type for field in fields} <= drawn


def test_a_description_becomes_fields_with_paths_in_the_config() -> None:
    form = class_form(DESCRIPTIONS[0])

    assert [field.path for field in form.fields][:2] == ["model.init_args.width", "model.init_args.dropout"]
    assert form.fields[0].bounds == "from 1 to 4,096"
    assert form.fields[4].label == "Learning rate"


def make(kind: str, **facts: object) -> FormField:
    return FormField("p", "p", kind, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value", "typed"),
    [
        (make("int"), 3.0, 3),
        (make("float"), "1e-3", 0.001),
        (make("float"), 2, 2.0),
        (make("list"), (1, 2), [1, 2]),
        (make("int"), "", None),
        (make("str"), "", ""),
    ],
)
def test_a_value_that_fits_is_kept(field: FormField, value: object, typed: object) -> None:
    assert as_typed(field, value) == typed


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (make("int"), 1.5),
        (make("int"), True),
        (make("int"), "many"),
        (make("int"), 10**30),
        (make("float"), float("nan")),
        (make("bool"), "yes"),
        (make("choice", choices=("a",)), "b"),
        (make("str"), 5),
        (make("list"), "abc"),
    ],
)
def test_a_value_of_another_kind_is_refused_with_its_name(field: FormField, value: object) -> None:
    with pytest.raises(ValueError, match=r"not|neither"):
        as_typed(field, value)


@pytest.mark.parametrize("value", [[64, 32], {"a": 1}, "auto", 2, None, ["a b", "é"], 0.5])
def test_typed_text_comes_back_as_the_same_value(value: object) -> None:
    assert read_typed(write_typed(value)) == value


def test_a_list_may_be_typed_with_commas_and_a_broken_one_stays_text() -> None:
    assert read_typed("128, 64") == [128, 64]
    assert read_typed("[128, ") == "[128, "
