"""The two tables of curves; `db.tables` has all others, and these two under their names."""

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from db.table_base import Base


class Series(Base):
    """One metric of one run; its summary, so that a table of runs never opens a curve."""

    __tablename__ = "series"
    __table_args__ = (Index(None, "run_id", "name", unique=True), Index(None, "name", "last", "run_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))  # "val_accuracy", "system/cpu_percent"
    count: Mapped[int] = mapped_column(BigInteger, default=0)
    first_step: Mapped[int | None] = mapped_column(BigInteger)
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    last: Mapped[float | None]  # None when the last value is not a number; see `last_text`
    last_text: Mapped[str | None] = mapped_column(String(8))  # "nan", "inf", "-inf"
    min: Mapped[float | None]  # over finite values
    max: Mapped[float | None]
    min_step: Mapped[int | None] = mapped_column(BigInteger)
    max_step: Mapped[int | None] = mapped_column(BigInteger)
    not_finite: Mapped[int] = mapped_column(BigInteger, default=0)  # how many values were NaN or infinite
    stored: Mapped[int] = mapped_column(BigInteger, default=0)  # points in its chunks; `count` has no superseded ones
    loose_chunks: Mapped[int] = mapped_column(default=0)  # chunks since the last packing
    attempt: Mapped[int] = mapped_column(default=1)  # the newest attempt that the summary knows of


class Chunk(Base):
    """Points of a series as packed little-endian arrays: ``count`` int64 steps, float64 times, float64 values.

    ``number`` is the number of points of the series before the chunk. A chunk holds points of one attempt.
    """

    __tablename__ = "chunks"

    series_id: Mapped[int] = mapped_column(ForeignKey("series.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)  # a packed chunk keeps its first number
    attempt: Mapped[int]
    count: Mapped[int]
    first_step: Mapped[int] = mapped_column(BigInteger)  # the lowest
    last_step: Mapped[int] = mapped_column(BigInteger)  # the highest
    points: Mapped[bytes] = mapped_column(LargeBinary)
