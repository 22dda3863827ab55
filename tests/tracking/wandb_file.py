"""Reads a ``.wandb`` file back, without wandb's own reader (there is none any more).

Seven bytes of header, then LevelDB's record log: blocks of 32 KiB with pieces of (checksum, length, kind) and data; a
record that does not fit is spread over several pieces.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK_BYTES = 32 * 1024
HEADER = struct.Struct("<IHB")
FULL, LAST = 1, 4


def records(file: Path) -> Iterator[Any]:
    """The messages of a file, up to a torn one."""
    from wandb.proto.wandb_internal_pb2 import Record

    data = file.read_bytes()
    assert data[:4] == b":W&B"
    position, pieces = 7, b""
    while position < len(data):
        room = BLOCK_BYTES - position % BLOCK_BYTES
        if room < HEADER.size:
            position += room
            continue
        if position + HEADER.size > len(data):
            return
        _checksum, length, kind = HEADER.unpack_from(data, position)
        position += HEADER.size
        if position + length > len(data) or kind == 0:
            return
        pieces += data[position : position + length]
        position += length
        if kind in (FULL, LAST):
            yield Record.FromString(pieces)
            pieces = b""


def history(file: Path) -> list[dict[str, Any]]:
    """The rows that were logged; NaN and the infinities are floats again."""
    return [
        {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
        for record in records(file)
        if record.WhichOneof("record_type") == "history"
    ]
