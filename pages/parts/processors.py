"""Processors, their load, and the run supervisor that gives them to runs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from db.rows import SupervisorRow
from jobs.place import is_taken
from pages.parts import cached
from pages.parts.formats import ago, escape, size

PROCESSOR_SECONDS = 3
SILENT_SECONDS = 15.0  # a supervisor writes itself down every few seconds


def supervisor_state(machines: Sequence[SupervisorRow], now: datetime | None = None) -> tuple[str, str]:
    """("fine" | "warming" | "trouble" | "gone", a sentence for a person)."""
    living = [row for row in machines if row.phase != "ended" and _silence(row, now) < SILENT_SECONDS]
    if not living and is_taken():
        return "warming", "The run supervisor is starting."
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


def gpu_numbers(machines: Sequence[SupervisorRow]) -> list[int]:
    """The numbers of the GPUs that were measured."""
    names = [str(device["name"]) for device in devices(machines) if device.get("kind") == "gpu"]
    return [int(name.partition(":")[2]) for name in names]


def free_now(machines: Sequence[SupervisorRow]) -> str:
    """Which processors a run could take this moment, in one line."""
    found = devices(machines)
    if not found:
        return "What is free is not known until the run supervisor has looked."
    return "Free now: " + " · ".join(_free_words(device) for device in found)


def _free_words(device: dict[str, Any]) -> str:
    held = len(device.get("held_by") or ())
    if device.get("kind") != "gpu":
        places = int(device.get("places") or 1)
        return f"{max(0, places - held)} of {places} CPU {'place' if places == 1 else 'places'}"
    title = f"GPU {str(device['name']).partition(':')[2]}"
    if not device.get("free", True):
        return f"{title} is taken"
    return f"{title}, {size(device.get('free_bytes'))} of {size(device.get('total_bytes'))}"


def draw_processors() -> None:
    """Each processor of the living supervisors with its load and the runs on it."""
    found = devices(cached.machines())
    if not found:
        return
    st.subheader("Processors", icon=":material/memory:", anchor=False)
    with st.grid(2, min_column_width=320):
        for device in found:
            with st.container(border=True, height="stretch", gap="small"):
                _draw_device(device)


def _draw_device(device: dict[str, Any]) -> None:
    is_gpu = device.get("kind") == "gpu"
    name = f"GPU {str(device['name']).partition(':')[2]}" if is_gpu else "CPU"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{name}** · {escape(str(device.get('title') or device['host']))}", width="stretch")
        st.badge("free" if device.get("free", True) else "taken", color="green" if device.get("free", True) else "gray")
    percent, total, free = device.get("percent"), device.get("total_bytes"), device.get("free_bytes")
    if percent is not None:
        st.progress(min(1.0, max(0.0, percent / 100)), text=f"{percent:.0f} % busy")
    if total and free is not None:
        used = total - free
        st.progress(min(1.0, max(0.0, used / total)), text=f"{size(used)} of {size(total)} memory in use")
    held = device.get("held_by") or ()
    if held or device.get("foreign"):
        with st.container(horizontal=True, vertical_alignment="center"):
            for run_id in held:
                st.page_link("run.py", label=f"run #{run_id}", query_params={"id": str(run_id)})
            if device.get("foreign"):
                st.caption(escape(str(device["foreign"])))
    if not is_gpu:
        places = int(device.get("places") or 1)
        st.caption(f"Takes {places} {'run' if places == 1 else 'runs'} at once (Settings)")
