"""Ready-made configs, each a YAML file in this folder: real data, a real model, trained in under a minute on two cores.

A file of your own put beside them appears in the dashboard. Knows nothing of torch.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

_FOLDER = Path(__file__).parent


class PresetError(ValueError):
    """A preset file that cannot be used; the message names it."""


@dataclass(frozen=True)
class Preset:
    """One ready-made run.

    Attributes:
        key: The file's name without ``.yaml``; a link and a run's row carry it.
        title: For a person.
        summary: What is learned and how, in a sentence or two.
        kind: "text", "table" or "images".
        sample: The sample dataset it needs, also its dataset's name.
        config: Plain values in the shape of `db.run_config.RunConfig`; defaults are left out.
        place: Where it stands among the others, lowest first.
    """

    key: str
    title: str
    summary: str
    kind: Literal["text", "table", "images"]
    sample: str
    config: dict[str, Any]
    place: int = 100


def every(folder: Path = _FOLDER) -> list[Preset]:
    """All presets in the order they are shown.

    Raises:
        PresetError: when a file is no preset.
    """
    found = [_read(path) for path in folder.glob("*.yaml")]
    return sorted(found, key=lambda preset: (preset.place, preset.key))


def get(key: str) -> Preset:
    """The preset of a key.

    Raises:
        PresetError: when there is none, with the keys there are.
    """
    found = {preset.key: preset for preset in every()}
    if key not in found:
        raise PresetError(f"There is no preset {key}; there are {', '.join(found)}.")
    return found[key]


def _read(path: Path) -> Preset:
    try:
        return Preset(key=path.stem, **yaml.safe_load(path.read_text("utf-8")))
    except (yaml.YAMLError, TypeError, OSError) as error:
        raise PresetError(f"The preset {path.name} cannot be read: {error}") from error
