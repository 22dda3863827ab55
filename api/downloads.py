"""Files of a run as downloads: logs, curves and checkpoints, sent piece by piece: their size does not matter."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from fastapi import FastAPI
from fastapi.responses import FileResponse, StreamingResponse

from api.messages import Id
from db import checkpoints, curves, runs
from db.engine import connect
from db.errors import NotFound
from db.home import home, run_folder
from db.rows import CheckpointRow
from jobs.run_files import AttemptFiles

PIECE_BYTES = 2**20
ROWS_PER_PIECE = 10_000


def add_downloads(api: FastAPI) -> None:
    """Add the routes."""

    @api.get("/runs/{run_id}/logs/{attempt}/{rank}")
    def download_log(run_id: Id, attempt: Id, rank: Id) -> FileResponse:
        """Everything that a rank printed in an attempt."""
        with connect().reading() as session:
            runs.get(session, run_id)
        path = AttemptFiles(run_id, attempt).log(rank)
        if not path.is_file():
            raise NotFound(f"Run {run_id} has no log of attempt {attempt}, rank {rank}.")
        return FileResponse(path, media_type="text/plain; charset=utf-8", filename=f"run-{run_id}-{path.name}")

    @api.get("/runs/{run_id}/metrics.csv")
    def download_metrics(run_id: Id) -> StreamingResponse:
        """Every point of every metric: metric, step, time (ISO, UTC), value."""
        with connect().reading() as session:
            runs.get(session, run_id)
            names = [row.name for row in curves.summaries(session, run_id)]
        headers = {"Content-Disposition": f'attachment; filename="run-{run_id}-metrics.csv"'}
        return StreamingResponse(as_csv(run_id, names), media_type="text/csv; charset=utf-8", headers=headers)

    @api.get("/runs/{run_id}/checkpoints/{checkpoint_id}")
    def download_checkpoint(run_id: Id, checkpoint_id: Id) -> StreamingResponse:
        """A checkpoint with all that explains it, as a zip file."""
        row, folder = _checkpoint(run_id, checkpoint_id)
        name = f"run-{run_id}-step-{row.step}"
        headers = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
        return StreamingResponse(zipped(folder, name), media_type="application/zip", headers=headers)


def _checkpoint(run_id: int, checkpoint_id: int) -> tuple[CheckpointRow, Path]:
    with connect().reading() as session:
        row = checkpoints.get(session, checkpoint_id)
    folder = (home() / row.path).resolve()
    if row.run_id != run_id:
        raise NotFound(f"Checkpoint {checkpoint_id} is not one of run {run_id}.")
    if row.deleted_at is not None or not folder.is_dir() or not folder.is_relative_to(run_folder(run_id).resolve()):
        raise NotFound(f"The files of checkpoint {checkpoint_id} are gone.")
    return row, folder


def zipped(folder: Path, name: str) -> Iterator[bytes]:
    """A folder as the bytes of a zip file (stored: weights do not shrink), under a folder named ``name``."""
    pipe = _Pipe()
    with ZipFile(pipe, "w", ZIP_STORED) as archive:  # type: ignore[call-overload]
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
            with (
                path.open("rb") as source,
                archive.open(
                    ZipInfo.from_file(path, f"{name}/{path.relative_to(folder)}"), "w", force_zip64=True
                ) as entry,
            ):
                while piece := source.read(PIECE_BYTES):
                    entry.write(piece)
                    yield pipe.taken()
            yield pipe.taken()
    yield pipe.taken()


def as_csv(run_id: int, names: Sequence[str]) -> Iterator[str]:
    """The points of some metrics as lines of a CSV file, some thousands at a time."""
    yield "metric,step,time,value\r\n"
    for name in names:
        with connect().reading() as session:
            curve = curves.read(session, run_id, name)
        for start in range(0, len(curve.steps), ROWS_PER_PIECE):
            piece = slice(start, start + ROWS_PER_PIECE)
            times = (curve.times[piece] * 1000).round().astype("datetime64[ms]").astype(str)
            text = io.StringIO()
            rows = zip(curve.steps[piece].tolist(), times.tolist(), curve.values[piece].tolist(), strict=True)
            csv.writer(text).writerows((name, step, f"{time}Z", repr(value)) for step, time, value in rows)
            yield text.getvalue()


class _Pipe:
    """A file that cannot seek: what is written is taken away at once."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        """Hold bytes until they are taken."""
        self._held += data
        return len(data)

    def flush(self) -> None:
        """Nothing lies anywhere else."""

    def taken(self) -> bytes:
        """What was written since the last time."""
        held, self._held = bytes(self._held), bytearray()
        return held
