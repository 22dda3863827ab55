"""The Environment tab: the code, the packages, the machine and the processes that a run was made of."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from db.home import run_folder
from db.rows import RunDetail
from pages.parts.formats import count, escape, size
from pages.parts.run_mirror import draw_mirror

DIFF_BYTES = 5 * 2**20
SHOWN_CHARACTERS = 200_000
DIFF_HEIGHT_PIXELS = 420
_MACHINE = {
    "host": "Machine", "os": "System", "cpu": "Processor", "cores": "Cores", "memory_bytes": "Memory",
    "devices": "Devices", "python": "Python", "torch": "PyTorch", "cuda": "CUDA", "threads": "Threads of PyTorch",
}  # fmt: skip


def draw_environment(run: RunDetail) -> None:
    """Code first: it is what changes between two runs."""
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Code**")
        _draw_code(run)
    with right:
        st.markdown("**Machine**")
        _draw_machine(run)
    draw_mirror(run)
    _draw_packages(run.packages)


def _draw_code(run: RunDetail) -> None:
    code = run.code
    if code is None:
        st.caption(_not_yet(run))
        return
    if not code.get("commit"):
        st.caption("The project's folder was no git repository, so the version of its code is not known.")
        return
    st.table(
        {
            "Commit": f"`{escape(str(code['commit']))}`",
            "Branch": escape(str(code.get("branch") or "–")),
            "Uncommitted changes": "yes" if code.get("dirty") else "none",
        },
        border="horizontal",
        alt="Version of the code",
    )
    if code.get("diff_path"):
        with st.expander(
            "Uncommitted changes", icon=":material/difference:", key=f"diff.{run.id}", on_change="rerun"
        ) as fold:
            if fold.open:
                _draw_diff(run_folder(run.id) / str(code["diff_path"]))


def _draw_diff(path: Path) -> None:
    files = read_diff(path)
    if not files:
        st.caption("The file with the changes is gone.")
        return
    names = list(files)
    name = names[0]
    if len(names) > 1:
        name = st.selectbox(
            "File", names, key="run.diff.file", format_func=lambda one: f"{one} ({changed_lines(files[one])})"
        )
    text = files[name]
    st.code(text[:SHOWN_CHARACTERS], language="diff", height=DIFF_HEIGHT_PIXELS if text.count("\n") > 16 else "content")
    if len(text) > SHOWN_CHARACTERS:
        st.caption("The rest is in code.diff in the run's folder.")


def read_diff(path: Path) -> dict[str, str]:
    """File name to its part of a git diff; empty when it is not there."""
    try:
        with path.open("rb") as file:
            text = file.read(DIFF_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return {}
    parts: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if line.startswith("diff --git "):
            current = parts.setdefault(line.rpartition(" b/")[2], [])
        current.append(line)
    return {name: "\n".join(lines) for name, lines in parts.items()}


def changed_lines(diff: str) -> str:
    """ "+12 −3"."""
    lines = diff.splitlines()
    added = sum(line.startswith("+") and not line.startswith("+++") for line in lines)
    removed = sum(line.startswith("-") and not line.startswith("---") for line in lines)
    return f"+{added} −{removed}"


def _draw_machine(run: RunDetail) -> None:
    facts = machine_facts(run.machine or {})
    if run.devices:
        facts["Used"] = escape(", ".join(str(device) for device in run.devices))
    if run.host and "Machine" not in facts:
        facts["Machine"] = escape(run.host)
    if run.processes:
        facts["Processes"] = escape(", ".join(f"rank {one.get('rank')}: {one.get('pid')}" for one in run.processes))
    if run.seed is not None:
        facts["Seed"] = str(run.seed)
    if run.folder_bytes:
        facts["Size of its folder"] = size(run.folder_bytes)
    facts["Folder"] = f"`{run_folder(run.id)}`"
    st.table(facts, border="horizontal", alt="Machine and processes")
    if run.machine is None:
        st.caption(_not_yet(run))


def machine_facts(machine: Mapping[str, Any]) -> dict[str, str]:
    """What a training process noted of its machine, in words; unknown facts keep their name."""
    facts = {}
    for name, value in machine.items():
        if value in (None, "", [], {}):
            continue
        if name.endswith("_bytes") and isinstance(value, int | float):
            text = size(value)
        elif isinstance(value, list):
            text = ", ".join(str(one) for one in value)
        else:
            text = count(value) if isinstance(value, int) else str(value)
        facts[_MACHINE.get(name, name.replace("_", " ").capitalize())] = escape(text)
    return facts


def _draw_packages(packages: Mapping[str, Any] | None) -> None:
    if not packages:
        return
    with st.expander(
        f"{len(packages)} packages", icon=":material/package_2:", key="run.packages", on_change="rerun"
    ) as fold:
        if not fold.open:
            return
        words = st.text_input(
            "Package", type="search", placeholder="Part of a name", key="run.packages.find", width=320
        )
        rows = [
            {"Package": name, "Version": str(version)}
            for name, version in packages.items()
            if (words or "").strip().lower() in name.lower()
        ]
        st.dataframe(rows, hide_index=True, height=320, width=520, alt="Packages and their versions")


def _not_yet(run: RunDetail) -> str:
    if run.state.ended:
        return "The run ended before this was written down."
    return "Written down when the first steps are done."
