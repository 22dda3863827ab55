"""What a form is drawn from: fields, read from the description of a class or from a pydantic model.

Plain values only; knows nothing of Streamlit. A path such as ``model.init_args.dropout`` says where the value stands
in the run's config.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError

WORDS = {"nan": "NaN", "lr": "learning rate", "gpu": "GPU", "gpus": "GPUs", "cpu": "CPU", "dim": "size"}
LABELS = {
    "gradient_clip_val": "Gradient clipping",
    "val_check_interval": "Validate every",
    "limit_train_batches": "Training batches at most",
    "limit_val_batches": "Validation batches at most",
    "accumulate_grad_batches": "Accumulate batches",
    "save_top_k": "Keep the best",
    "test_after_fit": "Test at the end",
}
JSON_TYPES = {
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "string": "str",
    "array": "list",
    "object": "dict",
}


@dataclass(frozen=True)
class FormField:
    """One value that a person can set.

    Attributes:
        type: int, float, bool, str, choice, list, dict, dataset, part (an optional section) or any (typed as YAML).
        inside: path of the optional section that holds the field, which may be switched off.
    """

    path: str
    name: str
    type: str
    required: bool = False
    default: Any = None
    nullable: bool = False
    choices: tuple[Any, ...] = ()
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    help: str = ""
    group: str = ""
    advanced: bool = False
    item_type: str | None = None
    inside: str | None = None

    @property
    def label(self) -> str:
        """The name as words: "learning_rate" is "Learning rate"."""
        if self.name in LABELS:
            return LABELS[self.name]
        words = " ".join(WORDS.get(word, word) for word in self.name.split("_"))
        return words[:1].upper() + words[1:]

    @property
    def bounds(self) -> str:
        """The legal values in words: "from 0 to 1", or "" without bounds."""
        low = f"above {_plain(self.gt)}" if self.ge is None else f"from {_plain(self.ge)}"
        high = f"below {_plain(self.lt)}" if self.le is None else f"to {_plain(self.le)}"
        if self.ge is None and self.gt is None:
            return "" if self.le is None and self.lt is None else high.replace("to ", "up to ")
        if self.le is None and self.lt is None:
            return low
        return f"{low} {high}" if self.le is not None and self.ge is not None else f"{low} and {high}"


@dataclass(frozen=True)
class ClassForm:
    """The form of one model or data module, as described by a training process."""

    class_path: str
    kind: str
    title: str
    summary: str
    module: str
    fields: tuple[FormField, ...]
    error: str = ""


def class_form(description: Mapping[str, Any]) -> ClassForm:
    """The form of a described class; its fields' paths begin with ``model.init_args`` or ``data.init_args``."""
    kind, class_path = description["kind"], description["class_path"]
    return ClassForm(
        class_path=class_path,
        kind=kind,
        title=description.get("title") or class_path.rpartition(".")[2],
        summary=description.get("summary") or "",
        module=description.get("module") or class_path.rpartition(".")[0],
        fields=tuple(_described(field, f"{kind}.init_args") for field in description.get("fields") or ()),
        error=description.get("error") or "",
    )


def _described(field: Mapping[str, Any], prefix: str) -> FormField:
    known = {name: field.get(name) for name in ("ge", "gt", "le", "lt", "item_type", "default")}
    return FormField(
        path=f"{prefix}.{field['name']}",
        name=field["name"],
        type=field.get("type") or "any",
        required=bool(field.get("required")),
        nullable=bool(field.get("nullable")),
        choices=tuple(field.get("choices") or ()),
        help=field.get("help") or "",
        group=field.get("group") or "",
        advanced=bool(field.get("advanced")),
        **known,
    )


def model_fields(model: type[BaseModel], prefix: str, *, common: Iterable[str] = ()) -> tuple[FormField, ...]:
    """The fields of a pydantic model; those not named in ``common`` are rarely changed.

    Choices that the model itself refuses are not offered, and a field with one legal value is left out.
    """
    schema = model.model_json_schema()
    fields = list(_section(schema, schema.get("$defs", {}), prefix, frozenset(common), inside=None))
    offered = [_only_accepted(model, field) for field in fields]
    return tuple(field for field in offered if not _has_one_value(field))


def _section(
    schema: Mapping[str, Any], parts: Mapping[str, Any], prefix: str, common: frozenset[str], inside: str | None
) -> Iterable[FormField]:
    for name, facts in schema["properties"].items():
        path = f"{prefix}.{name}"
        options = facts.get("anyOf", [facts])
        nullable = any(option.get("type") == "null" for option in options)
        kinds = [option for option in options if option.get("type") != "null"]
        advanced = bool(common) and inside is None and name not in common
        if len(kinds) == 1 and "$ref" in kinds[0]:
            part = parts[kinds[0]["$ref"].rpartition("/")[2]]
            help_text, group = facts.get("description", part.get("description", "")), name
            if nullable:
                yield FormField(path, name, "part", nullable=True, help=help_text, advanced=advanced)
            for field in _section(part, parts, path, frozenset(), inside=path if nullable else None):
                yield replace(field, advanced=advanced, group=_words(group))
            continue
        yield _schema_field(facts, kinds, path, name, nullable, advanced, inside)


def _schema_field(
    facts: Mapping[str, Any],
    kinds: list[Mapping[str, Any]],
    path: str,
    name: str,
    nullable: bool,
    advanced: bool,
    inside: str | None,
) -> FormField:
    one = kinds[0] if len(kinds) == 1 else {}
    choices = tuple(one.get("enum", [one["const"]] if "const" in one else ()))
    return FormField(
        path=path,
        name=name,
        type="choice" if choices else JSON_TYPES.get(one.get("type", ""), "any"),
        required="default" not in facts,
        default=facts.get("default"),
        nullable=nullable,
        choices=choices,
        ge=one.get("minimum"),
        gt=one.get("exclusiveMinimum"),
        le=one.get("maximum"),
        lt=one.get("exclusiveMaximum"),
        help=facts.get("description", ""),
        advanced=advanced,
        inside=inside,
    )


def _only_accepted(model: type[BaseModel], field: FormField) -> FormField:
    if field.type != "choice" or field.inside or field.path.count(".") > 1:
        return field
    return replace(field, choices=tuple(choice for choice in field.choices if _accepts(model, field.name, choice)))


def _accepts(model: type[BaseModel], name: str, value: Any) -> bool:
    try:
        model.model_validate({name: value})
    except ValidationError:
        return False
    return True


def _has_one_value(field: FormField) -> bool:
    if field.type == "choice":
        return len(field.choices) == 1 and not field.nullable
    return field.ge is not None and field.ge == field.le and not field.nullable


def defaults(fields: Iterable[FormField]) -> dict[str, Any]:
    """Each field's default, by path; the fields of a section that is off by default are left out."""
    return {field.path: field.default for field in fields if field.inside is None}


def section_defaults(fields: Iterable[FormField], path: str) -> dict[str, Any]:
    """What an optional section holds when it is switched on, by name."""
    return {field.name: field.default for field in fields if field.inside == path}


def _plain(number: float | None) -> str:
    return "" if number is None else f"{number:,.10g}" if abs(number) < 1e7 else f"{number:g}"


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
