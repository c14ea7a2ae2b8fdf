"""Ways in which a file goes bad, by name: each takes the path of a file that is there."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def _in_its_place(make):
    def replace(path: Path) -> None:
        path.unlink()
        make(path)

    return replace


def _overwrite_inside(path: Path) -> None:
    """Damage the data and leave the footer, which alone is read for a fingerprint."""
    content = bytearray(path.read_bytes())
    footer = int.from_bytes(content[-8:-4], "little")
    content[4 : len(content) - 8 - footer] = b"\xa5" * (len(content) - 12 - footer)
    path.write_bytes(content)


# The footer can't be read, or is that of something else.
FOOTER = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "garbage": lambda path: path.write_bytes(b"dear diary" * 50),
    "folder": _in_its_place(Path.mkdir),
    "pipe": _in_its_place(os.mkfifo),
}
INSIDE = {
    "overwritten inside": _overwrite_inside,
    "other columns": lambda path: pq.write_table(pa.table({"level": ["high"], "shoe_size": [44]}), path),
}
