"""Which models and data modules are known, and the import paths of those that lie elsewhere."""

import getpass
import re

import streamlit as st

from db import modules
from db import settings as db_settings
from db.engine import connect
from db.rows import ModuleRow
from db.settings import Settings
from jobs.wake import DESCRIBE, wake
from pages.parts import cached
from pages.parts.formats import ago, escape

WAIT_SECONDS = 1
PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def read_modules() -> list[ModuleRow]:
    """Every described class and every file that could not be read."""
    with connect().reading() as session:
        return modules.every(session)


def path_fault(path: str, known: tuple[str, ...]) -> str:
    """What is wrong with a typed import path; "" when it can be tried."""
    if not path:
        return "Type the import path of a module or a class, such as our_team.vision.Segmenter."
    if not PATH.fullmatch(path) or len(path) > 300:
        return f"{path[:80]} is not an import path; write names with dots, such as our_team.vision.Segmenter."
    return f"{path} is listed already." if path in known else ""


def found_under(path: str, rows: list[ModuleRow]) -> list[ModuleRow]:
    """What was described because of an import path."""
    return [row for row in rows if row.class_path == path or row.class_path.startswith(f"{path}.")]


def draw_paths(settings: Settings) -> None:
    """The listed import paths, each with what was found there, and a field to add one."""
    st.subheader("Import paths", anchor=False)
    st.caption(
        "Every class in the folder lightning_modules is found by itself. A class that lies elsewhere on the Python "
        "path is listed here; its constructor becomes a form."
    )
    with (
        st.form("add_path", clear_on_submit=True, border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        path = st.text_input("Import path", placeholder="our_team.vision.Segmenter", max_chars=300, key="new_path")
        pressed = st.form_submit_button("Add", icon=":material/add:")
    if pressed:
        fault = path_fault(path.strip(), settings.module_paths)
        if fault:
            st.error(escape(fault))
        else:
            _save_paths((*settings.module_paths, path.strip()))
            st.rerun()
    if settings.module_paths:
        waiting = any(not found_under(path, read_modules()) for path in settings.module_paths)
        st.fragment(_draw_listed, run_every=WAIT_SECONDS if waiting else None, key="paths")(
            settings.module_paths, waiting
        )


def _draw_listed(paths: tuple[str, ...], waiting: bool) -> None:
    rows = read_modules()
    if waiting and all(found_under(path, rows) for path in paths):
        cached.forget()
        st.rerun()
    for path in paths:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            with st.container(width="stretch", gap=None):
                st.markdown(f"`{path}`")
                _draw_result(found_under(path, rows))
            st.button("Remove", key=f"remove.{path}", icon=":material/close:", on_click=_remove, args=(path, paths))


def _draw_result(rows: list[ModuleRow]) -> None:
    if not rows:
        st.caption(":material/hourglass_top: Being read by a training process …")
    for row in rows:
        if row.error:
            st.caption(f":red[:material/error: {escape(_first_lines(row.error))}]")
        else:
            st.caption(f":green[:material/check:] {escape(row.class_path.rpartition('.')[2])} · {row.kind}")


def draw_modules() -> None:
    """Everything that can be trained, and the files that could not be read, with their errors."""
    rows = read_modules()
    st.subheader("Known classes", anchor=False)
    if not rows:
        st.caption("Nothing was read yet. A training process reads the modules when the supervisor starts.")
        return
    broken = [row for row in rows if row.error]
    for row in broken:
        with st.expander(f":red[{escape(row.class_path)} could not be read]", icon=":material/error:"):
            st.code(row.error, language=None, wrap_lines=True)
    fine = [row for row in rows if not row.error]
    for kind, title in (("model", "Models"), ("data", "Data modules")):
        members = [row for row in fine if row.kind == kind]
        if members:
            st.markdown(f"**{title}**")
            st.table(
                {
                    "Class": [f"`{row.class_path}`" for row in members],
                    "What it is": [escape(str(row.description.get("summary") or "")) for row in members],
                    "Settings": [str(len(row.description.get("fields") or ())) for row in members],
                    "Read": [ago(row.described_at) for row in members],
                },
                border="horizontal",
                alt=f"{title} that can be trained",
            )


def _first_lines(error: str) -> str:
    last = [line for line in error.strip().splitlines() if line.strip()]
    return last[-1][:300] if last else "It could not be read."


def _remove(path: str, paths: tuple[str, ...]) -> None:
    _save_paths(tuple(one for one in paths if one != path))


def _save_paths(paths: tuple[str, ...]) -> None:
    with connect().writing() as session:
        db_settings.write(session, getpass.getuser(), module_paths=paths)
    wake(DESCRIBE)
    cached.forget()
