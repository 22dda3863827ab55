"""Photograph the pages with real runs on them, for the README.

    python -m scripts.pictures docs/pictures

A dashboard of its own, with an own data folder, trains a few presets; the last one is photographed while it runs.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from playwright.sync_api import Browser, Page

from catalog.samples import load_sample
from db import modules, runs
from db.run_config import read_config
from db.states import RunState
from jobs import control
from jobs.launch import launch
from lightning_modules import presets
from scripts.benchmarks import scratch
from scripts.browser import browser, go, wait_until_idle, window
from scripts.dashboard_process import dashboard

WHO = "ana"
WIDTH, HEIGHT = 1440, 900
MOST_BYTES = 300_000
TRAINING_SECONDS = 900.0
_SHARE_SHOWN = 0.2  # how far the run on the pictures is when the first one is taken


@dataclass(frozen=True)
class Shown:
    """A run that the pictures show."""

    preset: str
    name: str
    tags: tuple[str, ...] = ()
    changes: dict[str, Any] = field(default_factory=dict)


def _network(width: int) -> dict[str, Any]:
    """Changes that put a small network into a table's preset."""
    return {"model": {"class_path": "lightning_modules.tabular.MLP", "init_args": {"width": width}}}


ENDED = (
    Shown("iris-linear", "iris, first look", ("baseline",)),
    Shown("breast-cancer-linear", "tumours, logistic regression", ("baseline",)),
    Shown("breast-cancer-linear", "tumours, small network", ("ablation",), _network(32)),
    Shown("breast-cancer-linear", "tumours, wider", ("ablation",), _network(128)),
    Shown("wine-ft-transformer", "wines, FT-Transformer"),
    Shown("frases-pt-bag", "frases em português", ("baseline", "text")),
)
STOPPED = Shown("digits-vit", "digits, Vision Transformer", (), {"trainer.max_epochs": 200})
LIVE = Shown("digits-resnet", "digits, ResNet with augmentation", ("paper",), {"trainer.max_epochs": 120})


@dataclass(frozen=True)
class Picture:
    """One picture: its file's name, the page's address, and what must be there before it is taken."""

    name: str
    address: str
    ready: str
    theme: Literal["light", "dark"] = "light"


def pictures(live: int) -> list[Picture]:
    """All pictures, those of the running run first."""
    table, curve = '[data-testid="stDataFrame"] canvas', ".js-plotly-plot .main-svg"
    return [
        Picture("run-light", f"run?id={live}", curve),
        Picture("run-dark", f"run?id={live}", curve, "dark"),
        Picture("home", "", '[data-testid="stProgress"]'),
        Picture("runs", "runs", table),
        Picture("launch", "launch?preset=digits-resnet", '[data-testid="stNumberInput"]'),
        Picture("data", "data", '[data-testid="stMain"] h1'),
    ]


def take_all(folder: Path) -> list[Path]:
    """Train, photograph, and end everything; returns the files, each smaller than `MOST_BYTES`."""
    folder.mkdir(parents=True, exist_ok=True)
    with scratch.data_folder() as data, dashboard(data) as served, browser() as chrome:
        _load_samples((*ENDED, STOPPED, LIVE))
        scratch.wait_for(_described, "the description of the models", timeout_seconds=120)
        _train_the_ended()
        live = _launch(LIVE)
        scratch.wait_for(
            lambda: _share(live) >= _SHARE_SHOWN, "a good part of the live run", timeout_seconds=TRAINING_SECONDS
        )
        taken = [_take(chrome, served.url, picture, folder) for picture in pictures(live)]
        with scratch.database().writing() as session:
            control.stop(session, [live], WHO)
    return taken


def _load_samples(shown: Sequence[Shown]) -> None:
    for key in dict.fromkeys(presets.get(one.preset).sample for one in shown):
        with scratch.database().writing() as session:
            load_sample(session, key, WHO, None)


def _described() -> bool:
    with scratch.database().reading() as session:
        return bool(modules.every(session))


def _launch(shown: Shown) -> int:
    preset = presets.get(shown.preset)
    config = read_config(control.with_changes(preset.config, shown.changes))
    with scratch.database().writing() as session:
        return launch(session, config, name=shown.name, tags=shown.tags, preset=preset.key, who=WHO)


def _train_the_ended() -> None:
    """Train some runs to their end, and one until somebody stops it."""
    ids = [_launch(shown) for shown in ENDED]
    stopped = _launch(STOPPED)
    scratch.wait_for(lambda: _share(stopped) > 0, "the run that is stopped", timeout_seconds=TRAINING_SECONDS)
    with scratch.database().writing() as session:
        control.stop(session, [stopped], WHO)
    scratch.wait_for(
        lambda: all(_state(run_id).ended for run_id in (*ids, stopped)), "the runs", timeout_seconds=TRAINING_SECONDS
    )


def _state(run_id: int) -> RunState:
    with scratch.database().reading() as session:
        return runs.get(session, run_id).state


def _share(run_id: int) -> float:
    """How far a run is; raises when it ended before it was to be seen."""
    with scratch.database().reading() as session:
        run = runs.get(session, run_id)
    if run.state.ended:
        raise RuntimeError(f"Run {run_id} ended as {run.state.value}: {run.reason_text}\n{run.last_lines}")
    return run.epoch / run.max_epochs if run.max_epochs else 0.0


def _take(chrome: Browser, url: str, picture: Picture, folder: Path) -> Path:
    with window(chrome, width=WIDTH, height=HEIGHT, theme=picture.theme) as page:
        go(page, f"{url}/{picture.address}", timeout_seconds=60)
        page.wait_for_selector(picture.ready, state="visible", timeout=60_000)
        _settle(page)
        path = folder / f"{picture.name}.png"
        path.write_bytes(small_png(page.screenshot()))
    return path


def _settle(page: Page) -> None:
    """Wait until icons have their font, and what slides or fades in has come to rest."""
    page.evaluate("() => document.fonts.ready")
    page.wait_for_timeout(1500)
    wait_until_idle(page)


def small_png(png: bytes, most_bytes: int = MOST_BYTES) -> bytes:
    """The same picture with as many colours as fit into ``most_bytes``.

    Raises:
        ValueError: when not even 16 colours do.
    """
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for colors in (256, 128, 64, 32, 16):
        out = io.BytesIO()
        picture.quantize(colors, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
            out, "PNG", optimize=True
        )
        if out.tell() <= most_bytes:
            return out.getvalue()
    raise ValueError(f"The picture has {len(png):,} bytes and does not fit into {most_bytes:,}.")


def main(arguments: list[str] | None = None) -> int:
    """Write the pictures into the folder that is named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    for path in take_all(parser.parse_args(arguments).folder):
        print(f"{path}  {path.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
