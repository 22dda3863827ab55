"""Parquet files, also those with images as bytes (a binary column, or a struct of bytes and path)."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.errors import CatalogError
from catalog.readers.source import Source

BATCH_ROWS = 32_768
BATCH_ROWS_WITH_BYTES = 256


class ParquetSource(Source):
    """A Parquet file; columns come in their own Arrow types."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with pq.ParquetFile(path) as file:
                self.rows = file.metadata.num_rows
                schema = file.schema_arrow
        except (pa.ArrowException, OSError) as error:
            raise CatalogError(f"{path.name} is no Parquet file, or it is broken: {error}.", "source") from error
        twice = sorted(name for name, count in Counter(schema.names).items() if count > 1)
        if twice:
            raise CatalogError(f"{path.name} has two columns of the same name: {', '.join(twice)}.", "source")
        if self.rows == 0:
            raise CatalogError(f"{path.name} has no rows.", "source")
        heavy = any(pa.types.is_nested(kind) or pa.types.is_binary(kind) for kind in schema.types)
        self.batch_rows = BATCH_ROWS_WITH_BYTES if heavy else BATCH_ROWS
        self.description = "Parquet"

    def batches(self) -> Iterator[tuple[pa.RecordBatch, float]]:
        read = 0
        try:
            with pq.ParquetFile(self.path, memory_map=True) as file:
                for batch in file.iter_batches(self.batch_rows):
                    read += batch.num_rows
                    yield batch, read / self.rows
        except (pa.ArrowException, OSError) as error:
            raise CatalogError(f"{self.path.name} is broken after row {read}: {error}.", "source") from error

    def row_count(self) -> int:
        return self.rows
