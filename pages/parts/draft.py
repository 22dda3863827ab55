"""A run that is being written: its config, what it started from, and what was changed since.

Plain values only; knows nothing of Streamlit, of the database or of jobs.
"""

import copy
import json
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from db.config_paths import differing, get, put
from db.run_config import ConfigError, RunConfig, ScalingConfig, TrainerConfig, read_config
from db.states import Mirror
from pages.parts.fields import ClassForm, FormField, defaults, model_fields, section_defaults
from pages.parts.typed_values import as_typed

TRAINER_FIELDS = model_fields(
    TrainerConfig,
    "trainer",
    common=("max_epochs", "precision", "gradient_clip_val", "accumulate_grad_batches", "early_stopping"),
)
SCALING_FIELDS = tuple(
    one
    for one in model_fields(ScalingConfig, "scaling", common=("strategy", "devices", "accelerator"))
    if one.name != "tensor_parallel_size"  # no strategy that is offered reads it
)
SEED = FormField(
    "seed", "seed", "int", default=42, ge=0, le=2**32 - 1, help="Start of every random number: same seed, same result"
)
NOTES_LIMIT = 20_000  # characters
YAML_LIMIT = 200_000  # characters
LINK_LIMIT = 6_000  # characters; longer links are cut by chat programs and proxies

Forms = Mapping[str, ClassForm]


@dataclass
class Draft:
    """What the launch page holds between two reruns.

    Attributes:
        source: the link's parameters that it was made from; another link makes another draft.
        base: the config that changes are counted against.
        base_name: what the base is, in words: "the preset", "run 7", "the defaults".
        remarks: what could not be taken over, for a person.
        id: launching the same draft twice makes one run.
    """

    source: dict[str, str]
    base: dict[str, Any]
    base_name: str
    config: dict[str, Any]
    title: str = ""
    preset: str | None = None
    parent_id: int | None = None
    name: str = ""
    tags: list[str] = field(default_factory=list)
    notes: str = ""
    mirror: Mirror = Mirror.OFF
    remarks: list[str] = field(default_factory=list)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def class_path(self, part: str) -> str:
        """The import path of the model or the data module."""
        return str(self.config[part]["class_path"])


def fields_of(config: Mapping[str, Any], forms: Forms) -> list[FormField]:
    """Every field that a config has, in the form's order."""
    classes = [forms.get(str(get(config, f"{part}.class_path"))) for part in ("data", "model")]
    described = [one for form in classes if form for one in form.fields]
    return [SEED, *described, *TRAINER_FIELDS, *SCALING_FIELDS]


def complete(config: Mapping[str, Any], forms: Forms) -> tuple[dict[str, Any], list[str]]:
    """The config with every default written out, and remarks on values that do not fit their field.

    Unknown settings of a known class are dropped with a remark; those of a class that is not described stay.
    """
    given, full, remarks = copy.deepcopy(dict(config)), copy.deepcopy(dict(config)), list[str]()
    for part in ("model", "data"):
        form = forms.get(str(get(given, f"{part}.class_path")))
        if form is None:
            continue
        put(full, f"{part}.init_args", {})
        known = {one.name for one in form.fields}
        extra = sorted(set(get(given, f"{part}.init_args") or {}) - known)
        if extra:
            remarks.append(f"{form.title} has no setting named {', '.join(extra)}; left out.")
    for one in fields_of(given, forms):
        if one.inside and not get(full, one.inside):
            continue
        remarks += _take(full, given, one)
    return full, remarks


def _take(full: dict[str, Any], given: Mapping[str, Any], one: FormField) -> list[str]:
    value = get(given, one.path)
    if one.type == "part":
        put(full, one.path, copy.deepcopy(value) if isinstance(value, dict) else None)
        return []
    if value is None and not _is_given(given, one.path):
        put(full, one.path, copy.deepcopy(one.default))
        return []
    try:
        put(full, one.path, as_typed(one, value))
    except ValueError as error:
        put(full, one.path, copy.deepcopy(one.default))
        return [f"{one.label} ({one.path}): {error}. Its default is used."]
    return []


def _is_given(config: Mapping[str, Any], path: str) -> bool:
    section, _, name = path.rpartition(".")
    return name in (get(config, section) or {}) if section else name in config


def blank_config(model: ClassForm, data: ClassForm) -> dict[str, Any]:
    """A config of the classes' and the trainer's defaults."""
    config: dict[str, Any] = {
        "seed": SEED.default,
        "model": {"class_path": model.class_path, "init_args": {}},
        "data": {"class_path": data.class_path, "init_args": {}},
    }
    for path, value in defaults([*TRAINER_FIELDS, *SCALING_FIELDS]).items():
        put(config, path, copy.deepcopy(value))
    return config


def changes(draft: Draft, forms: Forms) -> dict[str, tuple[Any, Any]]:
    """Path to (before, now) of what differs from the base.

    Settings of another class, and of a section that was switched on, are held against their defaults.
    """
    base = copy.deepcopy(draft.base)
    for part in ("model", "data"):
        form = forms.get(draft.class_path(part))
        if form and get(base, f"{part}.class_path") != form.class_path:
            put(base, f"{part}.init_args", _plain_args(form))
    now, switched = copy.deepcopy(draft.config), {}
    for one in TRAINER_FIELDS:
        was_on, is_on = bool(get(base, one.path)), bool(get(now, one.path))
        if one.type == "part" and was_on != is_on:
            switched[one.path] = (was_on, is_on)
            put(base, one.path, section_defaults(TRAINER_FIELDS, one.path) if is_on else None)
    return switched | differing(base, now)


def change_class(draft: Draft, part: str, class_path: str, forms: Forms, *, keep: bool = True) -> None:
    """Take another model or data module; with ``keep``, settings of the same name that fit stay."""
    before = get(draft.config, f"{part}.init_args") or {}
    taken = _plain_args(forms[class_path])
    for one in forms[class_path].fields if keep else ():
        if one.name in before:
            with suppress(ValueError):
                taken[one.name] = as_typed(one, before[one.name])
    draft.config[part] = {"class_path": class_path, "init_args": taken}


def _plain_args(form: ClassForm) -> dict[str, Any]:
    return {one.name: copy.deepcopy(one.default) for one in form.fields}


def companions(model: ClassForm, forms: Forms) -> list[ClassForm]:
    """The data modules, those of the model's own file first."""
    found = [form for form in forms.values() if form.kind == "data" and not form.error]
    return sorted(found, key=lambda form: (form.module != model.module, form.module, form.title))


def switch_section(config: dict[str, Any], path: str, on: bool, fields: Iterable[FormField]) -> None:
    """Switch an optional section, such as early stopping, on with its defaults, or off."""
    if on and not get(config, path):
        put(config, path, section_defaults(fields, path))
    elif not on:
        put(config, path, None)


def encode_changes(draft: Draft, forms: Forms) -> str:
    """The draft's changes as compact JSON for a link; "" when nothing was changed."""
    values: dict[str, Any] = {"config": {path: now for path, (_, now) in changes(draft, forms).items()}}
    values |= {"name": draft.name, "tags": draft.tags}
    values = {name: value for name, value in values.items() if value}
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False) if values else ""


def apply_changes(draft: Draft, text: str, forms: Forms) -> None:
    """Apply what `encode_changes` wrote; what does not fit becomes a remark."""
    try:
        values = json.loads(text)
        wanted = dict(values.get("config") or {})
    except (ValueError, TypeError, AttributeError, RecursionError):
        draft.remarks.append("The link's changes could not be read; it may have been cut. The form shows its start.")
        return
    for part in ("model", "data"):
        class_path = wanted.pop(f"{part}.class_path", None)
        if isinstance(class_path, str) and class_path in forms:
            change_class(draft, part, class_path, forms, keep=False)
        elif class_path:
            draft.remarks.append(
                f"{str(class_path)[:200]} is not known here; the link's {part} could not be taken over."
            )
    config = copy.deepcopy(draft.config)
    for path in [one.path for one in TRAINER_FIELDS if one.type == "part" and one.path in wanted]:
        switch_section(config, path, bool(wanted.pop(path)), TRAINER_FIELDS)
    known = [one.path for one in fields_of(config, forms) if one.type != "part"]
    known += [f"{part}.init_args" for part in ("model", "data") if draft.class_path(part) not in forms]
    for path, value in wanted.items():
        if any(path == one or path.startswith(f"{one}.") for one in known):
            put(config, path, value)
        else:
            draft.remarks.append(f"There is no setting {path[:200]}; the link's value was left out.")
    draft.config, remarks = complete(config, forms)
    draft.remarks += remarks
    if isinstance(values.get("name"), str):
        draft.name = values["name"][:200]
    if isinstance(values.get("tags"), list):
        draft.tags = [str(tag)[:100] for tag in values["tags"]][:50]


def checked(draft: Draft) -> tuple[RunConfig | None, list[tuple[str, str]]]:
    """The config as the record keeps it, or its problems: (path, message)."""
    try:
        return read_config(draft.config), []
    except ConfigError as error:
        return None, error.problems
