"""What lies in a folder of clips: by its name and by what it is, told without opening or following anything.

Belongs here: extensions, kinds of entries, which sidecar belongs to which clip, whether an entry has changed.
Stays out: what a sidecar says (``sidecar``), what becomes of an entry (``intake``), when (``landing``).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import product
from pathlib import Path, PurePath

from upath import UPath

# What cameras, recorders, telephones and editors write. Any other extension is no clip.
_CONTAINERS = (
    "mp4 m4v mp4v mov qt 3gp 3g2 f4v flv mkv webm avi divx wmv asf ogv ogm rm rmvb mxf gxf dv dav nut wtv ivf"
)
_MPEG_STREAMS = "mpg mpeg mpe m1v m2v mpv vob mod tod ts mts m2t m2ts trp"
_BARE_STREAMS = "h264 h265 264 265 avc hevc av1 obu mjpeg mjpg"
VIDEO_SUFFIXES = frozenset(f".{each}" for each in f"{_CONTAINERS} {_MPEG_STREAMS} {_BARE_STREAMS}".split())
# Names that programs give to what they have not finished.
_UNFINISHED_SUFFIXES = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".filepart", ".download", "~")
# The usual one first.
_SIDECAR_SUFFIXES = ["." + "".join(cased) for cased in product(*((c, c.upper()) for c in "json"))]
_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "symbolic link",
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


def is_clip(name: str) -> bool:
    """Tell whether a name has the extension of a video."""
    return PurePath(name).suffix.lower() in VIDEO_SUFFIXES and not is_unfinished(name)


def is_sidecar(name: str) -> bool:
    """Tell whether a name is that of a sidecar, ``.json`` in any case."""
    return name.lower().endswith(".json")


def is_unfinished(name: str) -> bool:
    """Tell whether a name is hidden or says that the file is still being written."""
    return name.startswith(".") or name.lower().endswith(_UNFINISHED_SUFFIXES)


def kind_of(entry: UPath) -> str:
    """Return ``file``, ``folder``, ``symbolic link``, ``named pipe``, ``socket`` or ``device``; links aren't followed.

    Raises
    ------
    FileNotFoundError
        Where there is nothing.
    """
    if isinstance(entry, Path):
        return _KINDS[stat.S_IFMT(entry.lstat().st_mode)]
    # An object store has nothing else.
    return "folder" if entry.is_dir() else "file"


def is_there(entry: UPath) -> bool:
    """Tell whether anything has this name, be it a link to nowhere; a name too long for the disk has nothing."""
    return os.path.lexists(entry) if isinstance(entry, Path) else entry.exists()


def sidecar_of(clip: UPath) -> UPath | None:
    """Return what lies beside a clip under its name with ``.json``, in any case of the extension; None: nothing."""
    named = (clip.with_suffix(suffix) for suffix in _SIDECAR_SUFFIXES)
    return next((each for each in named if each.name != clip.name and is_there(each)), None)


def sidecar_of_landed(entry: UPath) -> UPath | None:
    """Return the sidecar of an entry of a landing folder; what is no clip (a picture beside it) has none."""
    return sidecar_of(entry) if is_clip(entry.name) else None


def shares_sidecar(clip: UPath) -> bool:
    """Tell whether another clip of the folder has the same name but for its extension (``a.mp4`` and ``a.ts``)."""
    return any(
        path.stem == clip.stem and path.name != clip.name and is_clip(path.name)
        for path in clip.parent.iterdir()
    )


def signature_of(*entries: UPath | None) -> str:
    """Return what changes whenever one of `entries` is written, replaced or gone.

    On a local disk that is the time of the last change too (ctime), which no copying program can set back.
    """
    return " ".join(_signature(entry) if entry is not None else "-" for entry in entries)


def _signature(entry: UPath) -> str:
    if not is_there(entry):
        return "-"
    if not isinstance(entry, Path):
        found = entry.stat()
        return f"{found.st_size}:{found.st_mtime}"
    found = entry.lstat()
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"


def clips_in(folder: UPath) -> Iterator[UPath]:
    """Yield what a folder holds under the name of a video, sorted; hidden and unfinished ones are left out."""
    yield from (path for path in _sorted(folder) if is_clip(path.name))


def passed_over(folder: UPath) -> list[UPath]:
    """Return what a folder holds that is neither clip nor sidecar, hidden and unfinished ones left out."""
    return [
        path
        for path in _sorted(folder)
        if not (is_clip(path.name) or is_sidecar(path.name) or is_unfinished(path.name))
    ]


def _sorted(folder: UPath) -> list[UPath]:
    return sorted(folder.iterdir(), key=lambda each: each.name)


def printable(name: str) -> str:
    """Return a name that can be stored and shown anywhere: bytes that are no UTF-8 are written in hexadecimal."""
    return name.encode("utf-8", "backslashreplace").decode()
