"""Every metric of a run in numbers: last, lowest and highest value, and all points as a file."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from charts.metrics import SYSTEM
from charts.words import heading
from db.rows import SeriesRow


def draw_numbers(run_id: int, series: Mapping[str, SeriesRow]) -> None:
    """A fold with a table; made only when it is open."""
    fold = st.expander("In numbers", icon=":material/table_rows:", key="run.numbers", on_change="rerun")
    if not fold.open:
        return
    with fold:
        st.dataframe(
            number_rows(series),
            hide_index=True,
            column_config={
                name: st.column_config.NumberColumn(format="%.6g") for name in ("Last", "Lowest", "Highest")
            },
            alt="Last, lowest and highest value of each metric",
        )
        address = f"api/runs/{run_id}/metrics.csv"
        st.link_button("All points as CSV", address, icon=":material/download:", type="tertiary")


def number_rows(series: Mapping[str, SeriesRow]) -> list[dict[str, Any]]:
    """One row a metric, without those of the machine."""
    return [
        {
            "Metric": heading(name),
            "Last": row.last,
            "Lowest": row.min,
            "at step": row.min_step,
            "Highest": row.max,
            "at step ": row.max_step,  # a column's name is its key, so the second one ends with a space
            "Points": row.count,
            "Not finite": row.not_finite,
            "In filters": f"metric.{name}",
        }
        for name, row in sorted(series.items())
        if not name.startswith(SYSTEM)
    ]
