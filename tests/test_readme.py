"""What the README says is true: its commands exist, its example trains, its tree is the tree."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from catalog.samples import load_sample
from db.engine import Database
from lightning_modules import presets
from scripts.dashboard_process import dashboard, environment, health
from tests.browser.asking import wait_for
from tests.source_tree import FOLDERS, ROOT, copy_project

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
INLINE = re.findall(r"`(make [^`]+)`", README)


def _block(language: str, start: str) -> str:
    found = [text for name, text in BLOCKS if name == language and text.startswith(start)]
    assert len(found) == 1, f"the README has {len(found)} {language or 'plain'} blocks that start with {start!r}"
    return found[0]


def _commands() -> list[str]:
    fenced = [line for name, text in BLOCKS if name == "" for line in text.splitlines() if line.startswith("make ")]
    return sorted({*fenced, *INLINE})


def test_the_readme_has_commands() -> None:
    assert {"make run", "make test", "make check", "make bench", "make stop", "make pictures"} <= set(_commands())


@pytest.mark.parametrize("command", _commands())
def test_make_knows_every_command(command: str) -> None:
    done = subprocess.run(
        ["make", "--dry-run", *command.split()[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "python" in done.stdout


def test_the_address_and_port_reach_the_dashboard() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "run", "PORT=9000", "HOST=::1"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--host ::1 --port 9000" in done.stdout


def test_the_tree_is_the_tree() -> None:
    named = [line.split()[0] for line in _block("", "app.py ").splitlines()]
    assert all((ROOT / name).exists() for name in named)
    assert {f"{folder}/" for folder in FOLDERS} <= set(named)


def test_the_presets_of_the_table_are_there() -> None:
    named = re.findall(r"^\| `([a-z0-9-]+)` \| .* \| (?:accuracy|R²) \|", README, re.MULTILINE)
    assert len(named) > 9
    assert set(named) <= {preset.key for preset in presets.every()}


def test_files_that_the_readme_links_are_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    assert not [link for link in links if not (ROOT / link.split("#")[0]).exists()]


@pytest.mark.slow
def test_the_example_becomes_a_form_and_trains(database: Database, bancada_home: Path, tmp_path: Path) -> None:
    """The README's own model in a copy of the project: described, then trained by the README's command."""
    project = copy_project(tmp_path / "project")
    (project / "lightning_modules" / "mine.py").write_text(_block("python", "# lightning_modules/mine.py"))
    (project / "config.yaml").write_text(_block("yaml", "# config.yaml"))
    with database.writing() as session:
        load_sample(session, "breast-cancer", "tests", None)

    ask = "from training.describe import describe; print(json.dumps(describe('lightning_modules.mine.MyModel')))"
    described = _python(project, bancada_home, "-c", f"import json; {ask}")
    form = json.loads(described.stdout.splitlines()[-1])
    field = next(field for field in form["fields"] if field["name"] == "learning_rate")
    assert (form["kind"], form["error"]) == ("model", None)
    assert (field["type"], field["default"], field["help"]) == ("float", 0.01, "Step size of AdamW.")

    command = next(line for line in _block("", ".venv/bin/python -m training").splitlines())
    trained = _python(project, bancada_home, *command.split()[1:])
    assert trained.returncode == 0, trained.stdout + trained.stderr
    from db import curves, runs

    with database.reading() as session:
        newest = runs.find(session, limit=1).rows[0]
        assert newest.state == "finished"
        assert len(curves.read(session, newest.id, "train_loss").steps) > 5


def _python(project: Path, data_folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env=environment(data_folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.slow
def test_make_run_serves_pages_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    """The command behind ``make run``, with this Python: health, page, and a gentle end that says what goes on."""
    with dashboard(tmp_path / "data") as running:
        assert (health(running.url) or {}).get("status") == "ok"
        with urllib.request.urlopen(running.url, timeout=10) as answer:
            assert answer.status == 200
        wait_for(lambda: running.url in running.output(), "the address", 10)  # printed once health answers
        assert (running.data_folder / "bancada.sqlite").is_file()
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(timeout=30) == 0
        assert "make stop" in running.output()
        assert "Traceback" not in running.output()
