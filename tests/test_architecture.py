"""The rules of the house: who may import whom, what no process may load, how long a file may get."""

import ast
import importlib.machinery
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.source_tree import FOLDERS, ROOT, SourceFile, product_files

EVERYTHING_BUT_PAGES = frozenset(FOLDERS) - {"pages"}
MAY_IMPORT: dict[str, frozenset[str]] = {
    "app.py": EVERYTHING_BUT_PAGES - {"lightning_modules", "training"},
    "scripts": EVERYTHING_BUT_PAGES,
    "pages": frozenset({"jobs", "catalog", "tracking", "charts", "features", "db"}),
    "api": frozenset({"jobs", "catalog", "tracking", "charts", "features", "db"}),
    "training": frozenset({"lightning_modules", "tracking", "catalog", "features", "db"}),
    "jobs": frozenset({"catalog", "features", "db"}),
    "tracking": frozenset({"features", "db"}),
    "catalog": frozenset({"features", "db"}),
    "lightning_modules": frozenset({"features", "catalog"}),
    "charts": frozenset(),
    "features": frozenset(),
    "db": frozenset(),
}
# A preset is YAML; the pages read it through this torch-free module. After a death, the supervisor brings in the tail
# of the journal with the very function that the run would have used.
ALSO: dict[str, frozenset[str]] = {
    "pages": frozenset({"lightning_modules.presets"}),
    "jobs": frozenset({"tracking.drain"}),
}

LIGHTNING_LOGGER = "tracking/lightning_logger.py"
MIRROR_FILES = ("tracking/wandb_mirror.py", "scripts/wandb_sync.py")
TORCH_NAMES = ("torch", "pytorch_lightning", "lightning", "lightning_fabric", "torchmetrics")
TORCH_FOLDERS = ("lightning_modules", "training", "scripts")

FILE_LINES = 250
FUNCTION_LINES = 40
# Longer than the house allows, and by how much; these numbers only ever go down.
LONG_FILES: dict[str, int] = {}
LONG_FUNCTIONS: dict[str, int] = {}


def _place(file: SourceFile, line: int) -> str:
    return f"{file.path}:{line}"


def _uses(file: SourceFile, *packages: str) -> list[str]:
    return [f"{_place(file, line)} imports {name}" for line, name in file.imports if name.split(".")[0] in packages]


def _allowed(file: SourceFile, name: str) -> bool:
    top = name.split(".")[0]
    if top not in FOLDERS or top == file.owner or top in MAY_IMPORT[file.owner]:
        return True
    return any(name == extra or name.startswith(f"{extra}.") for extra in ALSO.get(file.owner, ()))


def _whole_import(file: SourceFile, name: str) -> bool:
    """False for the first half of ``from a import b`` that was already judged as ``a.b``."""
    return not any(other.startswith(f"{name}.") for _, other in file.imports)


def test_imports_point_one_way() -> None:
    wrong = [
        f"{_place(file, line)} imports {name}"
        for file in product_files()
        for line, name in file.imports
        if not _allowed(file, name) and _whole_import(file, name)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_folder_has_an_import_rule() -> None:
    assert set(MAY_IMPORT) == {*FOLDERS, "app.py"}


OUTSIDE: list[tuple[str, tuple[str, ...], Callable[[SourceFile], bool]]] = [
    ("streamlit", ("streamlit",), lambda file: file.owner in ("app.py", "pages")),
    ("plotly", ("plotly",), lambda file: file.owner == "charts"),
    ("sqlalchemy", ("sqlalchemy", "alembic"), lambda file: file.owner == "db"),
    ("wandb", ("wandb",), lambda file: str(file.path) in MIRROR_FILES),
    ("torch", TORCH_NAMES, lambda file: file.owner in TORCH_FOLDERS or str(file.path) == LIGHTNING_LOGGER),
]


@pytest.mark.parametrize(("packages", "at_home"), [row[1:] for row in OUTSIDE], ids=[row[0] for row in OUTSIDE])
def test_a_library_stays_in_its_folder(packages: tuple[str, ...], at_home: Callable[[SourceFile], bool]) -> None:
    wrong = [place for file in product_files() if not at_home(file) for place in _uses(file, *packages)]
    assert not wrong, "\n".join(wrong)


def test_no_pickle() -> None:
    wrong = [place for file in product_files() for place in _uses(file, "pickle", "cloudpickle", "dill", "joblib")]
    assert not wrong, "\n".join(wrong)


def test_checkpoints_load_as_weights_only() -> None:
    """Every ``torch.load`` and ``load_from_checkpoint`` says ``weights_only=True``."""
    wrong = []
    for file in product_files():
        for node in ast.walk(file.tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            called = ast.unparse(node.func)
            if called != "torch.load" and node.func.attr != "load_from_checkpoint":
                continue
            safe = {key.arg: ast.unparse(key.value) for key in node.keywords}.get("weights_only")
            if safe != "True":
                wrong.append(f"{_place(file, node.lineno)} {called} without weights_only=True")
    assert not wrong, "\n".join(wrong)


def test_folders_are_named_after_what_they_hold() -> None:
    vague = {"utils", "helpers", "core", "common", "services", "managers"}
    assert not [str(file.path) for file in product_files() if vague & {*file.path.parts[:-1], file.path.stem}]


def test_no_page_is_named_like_a_package() -> None:
    """Streamlit puts the script's folder first on ``sys.path``: such a page would hide the package."""
    elsewhere = [path for path in sys.path if path and Path(path).resolve() != ROOT / "pages"]
    pages = [path.stem for path in (ROOT / "pages").glob("*.py")] + ["parts"]
    hidden = [
        name
        for name in pages
        if name in FOLDERS
        or name in sys.stdlib_module_names
        or importlib.machinery.PathFinder.find_spec(name, elsewhere)
    ]
    assert pages
    assert not hidden


def test_modules_say_what_they_are() -> None:
    silent = [str(file.path) for file in product_files() if file.text.strip() and ast.get_docstring(file.tree) is None]
    assert not silent


def test_files_stay_short() -> None:
    long = {str(file.path): len(file.text.splitlines()) for file in product_files()}
    over = {path: lines for path, lines in long.items() if lines > LONG_FILES.get(path, FILE_LINES)}
    assert not over, f"longer than {FILE_LINES} lines (or than they were): {over}"
    slack = {path: long.get(path, 0) for path, lines in LONG_FILES.items() if long.get(path, 0) < lines}
    assert not slack, f"shorter now; lower or drop their numbers in LONG_FILES: {slack}"


def test_functions_fit_on_a_screen() -> None:
    lines = {f"{file.path}:{name}": count for file in product_files() for name, count in file.functions}
    over = {name: count for name, count in lines.items() if count > LONG_FUNCTIONS.get(name, FUNCTION_LINES)}
    assert not over, f"longer than {FUNCTION_LINES} lines (or than they were): {over}"
    slack = {name: lines.get(name, 0) for name, count in LONG_FUNCTIONS.items() if lines.get(name, 0) < count}
    assert not slack, f"shorter now; lower or drop their numbers in LONG_FUNCTIONS: {slack}"


_IMPORT_ALL = """
import importlib, json, sys, threading
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
heavy = [name for name in ("torch", "pytorch_lightning", "wandb", "pandas") if name in sys.modules]
print(json.dumps({"threads": threading.active_count(), "heavy": heavy}))
"""


def test_importing_does_no_work(tmp_path: Path) -> None:
    """All that the page process imports: no folder is made, no thread started, nothing heavy loaded."""
    lean = ("db", "features", "catalog", "jobs", "charts", "api", "tracking")
    modules = [
        ".".join(file.path.with_suffix("").parts).removesuffix(".__init__")
        for file in product_files()
        if file.owner in lean
        and file.path.stem not in ("__main__", "env")
        and "versions" not in file.path.parts[:-1]
        and str(file.path) not in (LIGHTNING_LOGGER, *MIRROR_FILES)
    ]
    home = tmp_path / "never-made"
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT_ALL, json.dumps(modules)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "BANCADA_HOME": str(home), "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"threads": 1, "heavy": []}
    assert not home.exists()


_OPEN_ALL = """
import json, sys
from pathlib import Path
from streamlit.testing.v1 import AppTest
from catalog.samples import load_sample
from db import runs
from db.engine import connect
from db.migrate import upgrade

upgrade(connect())
config = {
    "model": {"class_path": "lightning_modules.tabular.LinearModel", "init_args": {}},
    "data": {"class_path": "lightning_modules.tabular.TableData", "init_args": {"dataset": "wine"}},
}
with connect().writing() as session:
    load_sample(session, "wine", "tests", None)
    run_id = runs.create(session, name="opened", config=config)
links = {"run": {"id": str(run_id)}, "dataset": {"name": "wine"}}
troubles = {}
for page in sorted(Path("pages").glob("*.py")):
    opened = AppTest.from_file(str(Path("pages/frame.py").resolve()), default_timeout=60).run()
    if page.stem != "frame":
        opened.switch_page(page.name)
    for name, value in links.get(page.stem, {}).items():
        opened.query_params[name] = value
    opened.run()
    if opened.exception:
        troubles[page.stem] = [found.message for found in opened.exception]
heavy = [name for name in ("torch", "pytorch_lightning", "lightning", "torchmetrics", "wandb") if name in sys.modules]
print(json.dumps({"troubles": troubles, "heavy": heavy}))
"""


@pytest.mark.slow
def test_pages_never_load_torch(tmp_path: Path) -> None:
    """Every page opened in one process, with a run and a dataset to show: no exception, and no torch afterwards."""
    done = subprocess.run(
        [sys.executable, "-c", _OPEN_ALL],
        cwd=ROOT,
        env={**os.environ, "BANCADA_HOME": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"troubles": {}, "heavy": []}
