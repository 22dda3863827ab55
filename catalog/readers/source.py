"""What every reader offers: a description, a look at the first rows, and the rows as a stream."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import pyarrow as pa

from catalog.schema import Schema


class Source(ABC):
    """Raw data that can be read from the start any number of times."""

    description: str  # for a person: "CSV, semicolons, Windows-1252, decimal comma"
    decimal_comma: bool = False
    schema: Schema | None = None  # when the format itself says what the columns are
    split_column: str | None = None  # when the format itself says which row is for training

    @abstractmethod
    def batches(self) -> Iterator[tuple[pa.RecordBatch, float]]:
        """The rows in order, each batch with the share of the source read so far (0 to 1). Raises CatalogError."""

    @abstractmethod
    def row_count(self) -> int:
        """How many rows there are; may read the whole source."""

    def head(self, rows: int) -> pa.Table:
        """The first rows (image readers: a sample over all classes)."""
        taken: list[pa.RecordBatch] = []
        wanted = rows
        for batch, _ in self.batches():
            taken.append(batch.slice(0, wanted))
            wanted -= taken[-1].num_rows
            if wanted <= 0:
                break
        return pa.Table.from_batches(taken) if taken else pa.table({})
