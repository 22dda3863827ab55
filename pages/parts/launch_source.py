"""Where a draft begins: a preset, a run to clone, a model, or a pasted config. Knows nothing of Streamlit."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from db.config_paths import DATASET, get, put
from db.rows import DatasetRow, RunDetail
from pages.parts.draft import Draft, Forms, apply_changes, blank_config, companions, complete
from pages.parts.fields import ClassForm

LINK_NAMES = ("preset", "from", "model", "dataset", "set")


def from_link(
    link: Mapping[str, str], forms: Forms, presets: Mapping[str, Any], parent: RunDetail | None
) -> Draft | None:
    """The draft that a link asks for; None when it names no start that exists here."""
    source = {name: link[name] for name in LINK_NAMES if link.get(name)}
    if parent is not None:
        draft = _from_run(parent, source, forms)
    elif source.get("preset") in presets:
        draft = from_preset(presets[source["preset"]], source, forms)
    elif (form := forms.get(source.get("model", ""))) and form.kind == "model" and companions(form, forms):
        draft = _from_model(form, source, forms)
    else:
        return None
    if source.get("dataset"):
        put(draft.config, DATASET, source["dataset"])
    if source.get("set"):
        apply_changes(draft, source["set"], forms)
    return draft


def from_preset(preset: Any, source: dict[str, str], forms: Forms) -> Draft:
    """A preset as it is written."""
    config, remarks = complete(preset.config, forms)
    return Draft(
        source=source,
        base=config,
        base_name="the preset",
        config=copy.deepcopy(config),
        title=preset.title,
        preset=preset.key,
        remarks=remarks + _not_known(config, forms),
    )


def from_config(config: Mapping[str, Any], forms: Forms) -> Draft:
    """A pasted config; changes are counted against it."""
    full, remarks = complete(config, forms)
    return Draft(
        source={},
        base=full,
        base_name="the pasted config",
        config=copy.deepcopy(full),
        title="Pasted config",
        remarks=remarks + _not_known(full, forms),
    )


def _from_run(run: RunDetail, source: dict[str, str], forms: Forms) -> Draft:
    config, remarks = complete(run.config, forms)
    return Draft(
        source=source,
        base=config,
        base_name=f"run {run.id}",
        config=copy.deepcopy(config),
        title=run.name,
        preset=run.preset,
        parent_id=run.id,
        tags=list(run.tags),
        mirror=run.mirror,
        remarks=remarks + _not_known(config, forms),
    )


def _from_model(model: ClassForm, source: dict[str, str], forms: Forms) -> Draft:
    config, _ = complete(blank_config(model, companions(model, forms)[0]), forms)
    return Draft(
        source=source, base=config, base_name="the defaults", config=copy.deepcopy(config), title=f"New {model.title}"
    )


def _not_known(config: Mapping[str, Any], forms: Forms) -> list[str]:
    paths = [str(get(config, f"{part}.class_path")) for part in ("model", "data")]
    return [
        f"{path} is not known here (any more). Choose another class below, or bring its file back: "
        "Settings lists what could be read."
        for path in paths
        if path not in forms
    ]


def kinds_by_data_class(presets: Iterable[Any]) -> dict[str, str]:
    """Data module to the kind of dataset that it reads, as the presets use it."""
    return {preset.config["data"]["class_path"]: preset.kind for preset in presets}


def dataset_options(
    catalog: Iterable[DatasetRow], samples: Mapping[str, str], kind: str | None, chosen: str = ""
) -> dict[str, str]:
    """Dataset reference to label, of one kind: what is registered, and samples that a launch would load.

    Args:
        samples: key to kind of the samples that are available.
        chosen: the reference in the draft; it is among the options whatever its kind, when it exists.
    """
    options: dict[str, str] = {}
    registered = set()
    for row in catalog:
        registered.add(row.name)
        named = chosen.partition("@")[0] == row.name
        if kind and row.kind != kind and not named:
            continue
        options[row.name] = f"{row.name} · newest (version {row.version}) · {row.row_count:,} rows"
        exact = range(row.version, 0, -1) if row.version > 1 or (named and "@" in chosen) else ()
        options |= {f"{row.name}@{number}": f"{row.name} · version {number}" for number in exact}
    for key, sample_kind in samples.items():
        if key not in registered and (not kind or sample_kind == kind):
            options[key] = f"{key} · sample, loaded when you launch"
    return options
