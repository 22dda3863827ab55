"""What a run is made of: code version, packages, machine. Slow parts are remembered, so that ranks inherit them."""

import os
import platform
import subprocess
import sys
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import torch

from db.home import PROJECT_ROOT
from db.machine import cpu_name, host_name, usable_cores

GIT_SECONDS = 10.0
LARGEST_DIFF_BYTES = 5 * 2**20
LARGEST_NEW_FILE_BYTES = 256 * 1024
DIFF_FILE = "code.diff"
PACKAGES_FILE = "packages.txt"


def packages() -> dict[str, str]:
    """Name to version of every installed package, by name."""
    return dict(_packages(_site_stamps()))


def machine(accelerator: str) -> dict[str, Any]:
    """Host, system, processors, memory, devices and the versions of Python and torch."""
    return {
        "host": host_name(),
        "os": platform.platform(),
        "cpu": cpu_name(),
        "cores": usable_cores(),
        "memory_bytes": psutil.virtual_memory().total,
        "devices": _gpus() if accelerator == "gpu" else ["cpu"],
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda if accelerator == "gpu" else None,
        "threads": torch.get_num_threads(),
    }


def code(folder: Path, project: Path = PROJECT_ROOT) -> dict[str, Any]:
    """Commit, branch and uncommitted changes of the project; what changed is written to ``folder/code.diff``.

    Without git, or outside a repository, the commit is None.
    """
    commit = _git(project, "rev-parse", "HEAD")
    if commit is None:
        return {"commit": None, "branch": None, "dirty": None, "diff_path": None}
    diff = _changes(project)
    if diff:
        (folder / DIFF_FILE).write_bytes(diff[:LARGEST_DIFF_BYTES])
    return {
        "commit": commit.decode().strip(),
        "branch": (_git(project, "rev-parse", "--abbrev-ref", "HEAD") or b"").decode().strip() or None,
        "dirty": bool(diff),
        "diff_path": DIFF_FILE if diff else None,
    }


def write_packages(folder: Path) -> dict[str, str]:
    """Write ``packages.txt`` as pip would read it; returns the packages."""
    found = packages()
    lines = "".join(f"{name}=={version}\n" for name, version in found.items())
    (folder / PACKAGES_FILE).write_text(lines, encoding="utf-8")
    return found


def _changes(project: Path) -> bytes:
    """The diff of what git knows, then every small new text file as a diff of its own."""
    parts = [_git(project, "diff", "--no-color", "--no-ext-diff", "HEAD") or b""]
    names = (_git(project, "ls-files", "--others", "--exclude-standard", "-z") or b"").split(b"\0")
    for name in (os.fsdecode(raw) for raw in names if raw):
        path = project / name
        if sum(map(len, parts)) > LARGEST_DIFF_BYTES:
            break
        if path.is_file() and path.stat().st_size <= LARGEST_NEW_FILE_BYTES:
            text = path.read_bytes()
            if b"\0" not in text:
                parts.append(_as_new(name, text))
    return b"".join(parts)


def _as_new(name: str, text: bytes) -> bytes:
    lines = text.splitlines(keepends=True)
    head = (
        f"diff --git a/{name} b/{name}\nnew file mode 100644\n--- /dev/null\n+++ b/{name}\n@@ -0,0 +1,{len(lines)} @@\n"
    )
    body = b"".join(b"+" + line for line in lines)
    ending = b"" if not body or body.endswith(b"\n") else b"\n\\ No newline at end of file\n"
    return head.encode() + body + ending


def _git(project: Path, *arguments: str) -> bytes | None:
    """What git prints, or None when it cannot answer."""
    command = ["git", "-C", str(project), "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=GIT_SECONDS, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _site_stamps() -> tuple[tuple[str, int], ...]:
    """Folders with packages and when something was last installed there."""
    found = []
    for entry in sys.path:
        path = Path(entry)
        if path.name in ("site-packages", "dist-packages") and path.is_dir():
            found.append((entry, path.stat().st_mtime_ns))
    return tuple(found)


@lru_cache(maxsize=2)
def _packages(_stamps: tuple[tuple[str, int], ...]) -> tuple[tuple[str, str], ...]:
    found = {str(one.metadata["Name"]): one.version for one in metadata.distributions() if one.metadata["Name"]}
    return tuple(sorted(found.items(), key=lambda item: item[0].lower()))


def _gpus() -> list[str]:
    return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
