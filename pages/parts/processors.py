"""Processors, their load, and the run supervisor that gives them to runs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st
from db.rows import SupervisorRow

from pages.parts.formats import ago, escape

SILENT_SECONDS = 15.0  # a supervisor writes itself down every few seconds


def supervisor_state(machines: Sequence[SupervisorRow], now: datetime | None = None) -> tuple[str, str]:
    """("fine" | "warming" | "trouble" | "gone", a sentence for a person)."""
    living = [row for row in machines if row.phase != "ended" and _silence(row, now) < SILENT_SECONDS]
    if not living:
        newest = max(machines, key=lambda row: row.seen_at, default=None)
        last = f" It was last seen {ago(newest.seen_at, now)} on {newest.host}." if newest else ""
        return "gone", f"The run supervisor does not run, so queued runs wait.{last}"
    troubled = next((row for row in living if row.trouble), None)
    if troubled is not None:
        return "trouble", f"The supervisor on {troubled.host} has trouble: {troubled.trouble}"
    if all(row.phase == "warming up" for row in living):
        return "warming", "The run supervisor is getting ready: PyTorch is being imported, about ten seconds."
    return "fine", "The run supervisor is ready."


def _silence(row: SupervisorRow, now: datetime | None) -> float:
    return ((now or datetime.now(UTC)) - row.seen_at).total_seconds()


def is_settled(machines: Sequence[SupervisorRow]) -> bool:
    """Whether the supervisor is ready, or gone for good; a page need not look again soon."""
    return supervisor_state(machines)[0] in ("fine", "trouble")


def draw_supervisor(machines: Sequence[SupervisorRow]) -> None:
    """Says plainly when the supervisor is away or in trouble; nothing while all is well."""
    level, message = supervisor_state(machines)
    if level == "gone":
        st.warning(
            f"{escape(message)} It starts by itself with the dashboard; `python -m jobs status` says more.",
            title="No supervisor",
            icon=":material/power_off:",
        )
    elif level == "trouble":
        st.error(escape(message), icon=":material/report:")
    elif level == "warming":
        st.info(message, icon=":material/hourglass_top:")


def devices(machines: Sequence[SupervisorRow]) -> list[dict[str, Any]]:
    """What the living supervisors measured, each device with its host."""
    return [
        dict(device, host=row.host)
        for row in machines
        if row.phase != "ended" and _silence(row, None) < SILENT_SECONDS
        for device in row.devices or ()
    ]


def gpus(machines: Sequence[SupervisorRow]) -> list[dict[str, Any]]:
    """The GPUs that were measured."""
    return [device for device in devices(machines) if device.get("kind") in ("gpu", "cuda")]


def free_now(machines: Sequence[SupervisorRow], max_cpu_runs: int) -> str:
    """Which processors a run could take this moment, in one line."""
    found = devices(machines)
    if not found:
        return "What is free is not known until the supervisor has looked."
    words = [_free_words(device, max_cpu_runs) for device in found]
    return "Free now: " + " · ".join(words)


def _free_words(device: dict[str, Any], max_cpu_runs: int) -> str:
    return str(device) + str(max_cpu_runs)


def draw_processors(machines: Sequence[SupervisorRow]) -> None:
    """Each processor with its load."""
    found = devices(machines)
    if not found:
        return
    st.subheader("Processors", icon=":material/memory:", anchor=False)
