"""Write batches as one Parquet file in row groups of a fixed size, counting on the way.

The same rows in the same order give the same bytes, however they were cut into batches.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalog.cast import stored_schema
from catalog.errors import CatalogError
from catalog.schema import Schema

GROUP_ROWS = 16_384
GROUP_ROWS_OF_IMAGES = 256
MOST_CATEGORIES = 100_000  # different values that are counted in one column


@dataclass
class Facts:
    """What was counted while writing."""

    rows: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    values: dict[str, Counter[str]] = field(default_factory=dict)  # category column -> value -> rows

    def add(self, table: pa.Table, schema: Schema, target: str | None) -> None:
        """Count a group of rows. Raises CatalogError when a row has no target."""
        for column in schema.columns:
            values = table.column(column.name)
            if values.null_count and column.name == target:
                row = self.rows + pc.index(pc.is_null(values), True).as_py() + 1
                raise CatalogError(
                    f"The target “{target}” has no value in row {row} ({values.null_count} such rows near it). "
                    "Fill it or remove the rows.",
                    "target",
                )
            self.missing[column.name] += values.null_count
            seen = self.values.setdefault(column.name, Counter()) if column.type == "category" else None
            if seen is not None and len(seen) < MOST_CATEGORIES:
                for item in pc.value_counts(values).to_pylist():
                    if item["values"] is not None:
                        seen[item["values"]] += item["counts"]
        self.rows += table.num_rows


def write_parquet(batches: Iterable[pa.RecordBatch], schema: Schema, path: Path) -> Facts:
    """Write batches in the stored types to ``path`` and return what was counted."""
    arrow = stored_schema(schema)
    facts = Facts()
    group_rows = GROUP_ROWS_OF_IMAGES if schema.kind == "images" else GROUP_ROWS
    images = [column.name for column in schema.columns if column.type == "image"]
    with pq.ParquetWriter(
        path,
        arrow,
        compression={name: "none" if name in images else "zstd" for name in arrow.names},
        use_dictionary=[column.name for column in schema.columns if column.type == "category"],
        write_statistics=[name for name in arrow.names if name not in images],
    ) as writer:
        for table in _regrouped(batches, arrow, group_rows):
            facts.add(table, schema, schema.target)
            writer.write_table(table, row_group_size=group_rows)
    return facts


def _regrouped(batches: Iterable[pa.RecordBatch], arrow: pa.Schema, rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of exactly ``rows`` rows; the last may be shorter."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        while count + batch.num_rows >= rows:
            wanted = rows - count
            yield pa.Table.from_batches([*held, batch.slice(0, wanted)], arrow).combine_chunks()
            batch, held, count = batch.slice(wanted), [], 0
        if batch.num_rows:
            held.append(batch)
            count += batch.num_rows
    if held:
        yield pa.Table.from_batches(held, arrow).combine_chunks()
