"""The Log tab: what each rank printed, followed live, searched, downloaded."""

import streamlit as st

from db.rows import RunDetail
from pages.parts.formats import escape, size
from pages.parts.run_log_reading import LogFile, log_files, search, tail

LIVE_SECONDS = 1.0
HEIGHT_PIXELS = 520
MOST_LINES = 1000


def draw_log(run: RunDetail) -> None:
    """The log of one rank; it follows what is printed while the run works."""
    st.fragment(_draw, run_every=LIVE_SECONDS if run.state.active else None, key="run.log")(run.id, run.state.active)


def _draw(run_id: int, live: bool) -> None:
    files = log_files(run_id)
    if not files:
        st.info(
            "Nothing was printed yet."
            if live
            else "This run has left no log: it never started, or its files are gone.",
            icon=":material/terminal:",
        )
        return
    chosen, words, follow = _draw_bar(run_id, files, live)
    if words:
        _draw_found(chosen, words)
        return
    end = tail(chosen.path, MOST_LINES)
    with st.container(height=HEIGHT_PIXELS, border=False, autoscroll=follow or not live):
        st.code("\n".join(end.lines) or "Nothing was printed yet.", language=None, wrap_lines=True)
    shown = f"{len(end.lines):,} lines" if end.whole else f"the last {len(end.lines):,} lines"
    st.caption(f"{escape(chosen.path.name)} · {size(end.size_bytes)} · {shown}")


def _draw_bar(run_id: int, files: list[LogFile], live: bool) -> tuple[LogFile, str, bool]:
    attempts = sorted({file.attempt for file in files}, reverse=True)
    with st.container(horizontal=True, vertical_alignment="center"):
        attempt = attempts[0]
        if len(attempts) > 1:
            attempt = st.selectbox(
                "Attempt", attempts, format_func=lambda number: f"attempt {number}", key="attempt",
                bind="query-params", label_visibility="collapsed", width=140,
            )  # fmt: skip
        of_attempt = [file for file in files if file.attempt == attempt] or files[:1]
        ranks = [file.rank for file in of_attempt]
        rank = ranks[0]
        if len(ranks) > 1:
            rank = st.segmented_control(
                "Rank", ranks, default=ranks[0], required=True, format_func=lambda number: f"rank {number}",
                key="rank", bind="query-params", label_visibility="collapsed",
            )  # fmt: skip
        words = st.text_input(
            "Search", key="find", bind="query-params", type="search", placeholder="Search the log",
            label_visibility="collapsed", icon=":material/search:", width=280, max_chars=200,
        )  # fmt: skip
        follow = st.toggle("Follow", value=True, key="run.follow") if live else False
        chosen = next((file for file in of_attempt if file.rank == rank), of_attempt[0])
        address = f"api/runs/{run_id}/logs/{chosen.attempt}/{chosen.rank}"
        st.link_button("Download", address, icon=":material/download:", type="tertiary")
    return chosen, (words or "").strip(), bool(follow)


def _draw_found(file: LogFile, words: str) -> None:
    found = search(file.path, words)
    many = "1 line" if len(found.lines) == 1 else f"{len(found.lines):,} lines"
    if not found.lines:
        st.info(f"No line of {file.title} contains “{escape(words)}”.", icon=":material/search_off:")
        return
    with st.container(height=HEIGHT_PIXELS, border=False):
        st.code("\n".join(found.lines), language=None, wrap_lines=True)
    st.caption(f"{many} with “{escape(words)}”" + ("." if found.complete else ", the newest; there may be older ones."))
