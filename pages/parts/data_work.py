"""Long work on data in a thread of its own: the page shows how far it is, and can be left meanwhile.

The thread knows no Streamlit; what it does is done even when the browser is closed.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import streamlit as st

from catalog.progress import Progress
from pages.parts.formats import duration, escape

LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 0.4  # most files are small: then the page goes on at once


class Work:
    """One act under way.

    Attributes:
        title: what is being done, for a person.
        share: how much is done, 0 to 1; None while that is not known.
        words: what is being done right now.
    """

    def __init__(self, title: str, act: Callable[[Progress], Any]) -> None:
        self.title = title
        self.share: float | None = None
        self.words = ""
        self.since = time.monotonic()
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="data")
        self._future: Future[Any] = executor.submit(act, self._tell)
        executor.shutdown(wait=False)

    @property
    def is_done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._future.done()

    def wait(self, seconds: float = PATIENCE_SECONDS) -> bool:
        """Wait a moment for the end; whether it came."""
        end = time.monotonic() + seconds
        while not self.is_done and time.monotonic() < end:
            time.sleep(0.01)
        return self.is_done

    def result(self) -> Any:
        """What it returned; raises what it raised."""
        return self._future.result()

    def _tell(self, share: float, words: str) -> None:
        self.share, self.words = min(1.0, max(0.0, share)), words


def draw_work(work: Work) -> None:
    """How far it is, by itself; when it has ended the whole page is drawn again."""
    st.fragment(_draw, run_every=LOOK_SECONDS, key="data.work_state")(work)


def _draw(work: Work) -> None:
    if work.is_done:
        st.rerun()
    since = time.monotonic() - work.since
    words = " · ".join(word for word in (work.title, work.words, duration(since) if since > 2 else "") if word)
    if work.share is None:
        st.status(escape(words), state="running")
    else:
        st.progress(work.share, text=escape(words))
