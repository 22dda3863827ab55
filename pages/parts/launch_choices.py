"""What can be chosen on the launch page: datasets, and processors with what is free now."""

import os

import streamlit as st

from catalog.samples import SAMPLES
from db.config_paths import DATASET, get
from pages.parts import cached
from pages.parts.draft import Draft
from pages.parts.launch_source import dataset_options, kinds_by_data_class
from pages.parts.processors import free_now, gpu_numbers


def kind_of(draft: Draft) -> str | None:
    """The kind of dataset that the draft's data module reads; None when no preset tells."""
    return kinds_by_data_class(cached.presets().values()).get(draft.class_path("data"))


def available_datasets(draft: Draft) -> dict[str, str]:
    """Reference to label of the datasets that the draft's data module can read."""
    states = cached.sample_states()
    loadable = {sample.key: sample.kind for sample in SAMPLES if states[sample.key][0]}
    chosen = str(get(draft.config, DATASET) or "")
    return dataset_options(cached.catalog(), loadable, kind_of(draft), chosen)


def why_not_available() -> dict[str, str]:
    """Sample key to the reason why it cannot be loaded."""
    return {key: why for key, (there, why) in cached.sample_states().items() if not there}


def sample_to_load(draft: Draft) -> str | None:
    """The key of the sample that a launch must load first, or None when the dataset is registered."""
    reference = str(get(draft.config, DATASET) or "")
    registered = {row.name for row in cached.catalog()}
    is_sample = any(sample.key == reference for sample in SAMPLES)
    return reference if is_sample and reference not in registered else None


def device_options(draft: Draft) -> dict[str, str]:
    """How many processes, or which GPUs: value as text to label."""
    options = {"auto": "Automatic"}
    numbers = gpu_numbers(cached.machines())
    wants_gpu = get(draft.config, "scaling.accelerator") == "gpu"
    most = max(2, len(numbers) if wants_gpu else min(8, os.cpu_count() or 2))
    options |= {str(count): "1 process" if count == 1 else f"{count} processes" for count in range(1, most + 1)}
    if get(draft.config, "scaling.accelerator") != "cpu":
        options |= {f"[{number}]": f"GPU {number} alone" for number in numbers}
    return options


def draw_free_now() -> None:
    """One line on the processors that a run could take this moment."""
    st.caption(free_now(cached.machines()))
