"""The product's own source as syntax trees; tests of the architecture and of the README ask it."""

import ast
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))
FOLDERS = (*(name for name in _PACKAGES if name != "tests"), "pages")  # pages are scripts, not a package


def copy_project(to: Path) -> Path:
    """Only what git would carry of the product itself: its folders and app.py."""
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, to / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", to / "app.py")
    shutil.copytree(ROOT / ".streamlit", to / ".streamlit")
    return to


@dataclass(frozen=True)
class SourceFile:
    """One Python file of the product."""

    path: Path  # relative to the project

    @property
    def owner(self) -> str:
        """The top-level folder, or the file's own name for app.py."""
        return self.path.parts[0]

    @cached_property
    def text(self) -> str:
        return (ROOT / self.path).read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=str(self.path))

    @cached_property
    def imports(self) -> list[tuple[int, str]]:
        """(line, dotted name) of every import anywhere in the file; relative ones are made absolute."""
        return list(_imports(self.tree, self.path))

    @cached_property
    def functions(self) -> list[tuple[str, int]]:
        """(qualified name, number of lines from ``def`` to the end) of every function and method."""
        return list(_functions(self.tree, ""))


@lru_cache(maxsize=1)
def product_files() -> tuple[SourceFile, ...]:
    """Every Python file of the product; tests are left out."""
    found = [ROOT / "app.py"]
    for folder in dict.fromkeys(FOLDERS):
        found += sorted((ROOT / folder).rglob("*.py"))
    return tuple(SourceFile(path.relative_to(ROOT)) for path in found)


def _imports(tree: ast.Module, path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = [] if node.level == 0 else list(path.parts[: len(path.parts) - node.level])
            module = ".".join([*package, *([node.module] if node.module else [])])
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{name.name}") for name in node.names)


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, int]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            assert child.end_lineno is not None
            yield prefix + child.name, child.end_lineno - child.lineno + 1
            yield from _functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        else:
            yield from _functions(child, prefix)
