"""What a served model may be asked for: how much of it, and of which files.

Belongs here: bounds that are checked before any work is done. Stays out: the work (``serving``), what a request's
columns mean (``ml.registry.request``).

One lock serialises requests, so it is the work of one that is bounded: rows, pixels of pictures, pixels of clips.
The whole request has been read and parsed by then; how many bytes that may be is for the proxy in front to say.
"""

from __future__ import annotations

import atexit
import math
import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path, PurePath
from time import monotonic
from typing import Any

from pydantic import DirectoryPath, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict

from apexline.features.video import probe_video
from apexline.governance import OWN_RECORDINGS, Refused, home_of_environment, permit, record
from apexline.ml.registry import picture_size

_PREFIX = "APEXLINE_SERVING_"
_TALLY_S = 60.0


class ServingLimits(BaseSettings):
    """Read from ``APEXLINE_SERVING_*`` environment variables, once when a model is loaded.

    Attributes
    ----------
    camera : str
        Entry of the purpose register for which the server answers; the register is that of ``APEXLINE_HOME``.
    clips : Path, optional
        Folder below which `clip` may name files; without one no clip is read.
    max_rows : int
        Rows of a request.
    max_searches : int
        Pictures of a request in which a face is looked for, `onset` among them: all that are not aligned.
    max_image_bytes : int
        Bytes of one encoded picture.
    max_pixels : int
        Pixels of all pictures of a request together, `onset` among them.
    max_clip_bytes : int
        Bytes of all clips of a request together.
    max_clip_pixels : int
        Pixels of all frames of all clips of a request together: half a minute of 1080p at 25 frames a second.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True)

    camera: str = OWN_RECORDINGS
    clips: DirectoryPath | None = None
    max_rows: PositiveInt = 512
    max_searches: PositiveInt = 64
    max_image_bytes: PositiveInt = 8 * 2**20
    max_pixels: PositiveInt = 16_000_000
    max_clip_bytes: PositiveInt = 256 * 2**20
    max_clip_pixels: PositiveInt = 1_500_000_000

    def check_purpose(self) -> None:
        """Refuse a request where the purpose register does not allow it now; raises ``governance.Refused``."""
        try:
            permit(home_of_environment(), self.camera, door="serving", now=datetime.now(UTC))
        except Refused as error:
            hint = f"this server answers for {self.camera!r}, as {_PREFIX}CAMERA says; APEXLINE_HOME has the register"
            raise Refused(error.reason, f"{error.detail} ({hint})") from error

    def check_number(self, rows: int) -> None:
        """Refuse a request of too many rows; raises ``ValueError``."""
        _refuse_more("the request has {} rows", rows, self.max_rows, "MAX_ROWS")

    def check_pictures(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Refuse rows whose pictures are too many or too large; raises ``ValueError``."""
        pictures = [
            (f"row {number}, {column}", row[column], bool(row.get("aligned", False)))
            for number, row in enumerate(rows)
            for column in ("image", "onset")
            if column in row
        ]
        searches = sum(not aligned for _, _, aligned in pictures)
        _refuse_more("a face is to be found in {} pictures", searches, self.max_searches, "MAX_SEARCHES")
        pixels = 0
        for place, picture, _ in pictures:
            try:
                height, width = picture_size(picture, max_bytes=self.max_image_bytes)
            except ValueError as error:
                msg = f"{place}: {error}"
                raise ValueError(msg) from error
            pixels += height * width
            said = f"{place} has {height} x {width} px, which makes {{}} px in all"
            _refuse_more(said, pixels, self.max_pixels, "MAX_PIXELS")

    def allowed_clips(self, named: Sequence[Any]) -> list[Path]:
        """Return the files that clips name.

        Parameters
        ----------
        named : sequence of str
            Paths below the folder `clips`: from there, or absolute.

        Raises
        ------
        ValueError
            Where there is no folder, a name leads elsewhere or to no file, or the clips are too large together. What
            lies outside of the folder is not looked at, and the message is the same whether it is there.
        features.video.UnreadableVideo
            If a file is no video that can be read.
        """
        files = [self._below_folder(name) for name in named]
        size = sum(file.stat().st_size for file in files)
        _refuse_more("the clips have {} bytes", size, self.max_clip_bytes, "MAX_CLIP_BYTES")
        pixels = 0
        for file in files:
            seen = probe_video(file)
            pixels += seen.num_frames * seen.width * seen.height
            _refuse_more("the clips' frames have {} px", pixels, self.max_clip_pixels, "MAX_CLIP_PIXELS")
        return files

    def _below_folder(self, name: Any) -> Path:
        if self.clips is None:
            msg = f"this server reads no clips; {_PREFIX}CLIPS names the folder below which it may"
            raise ValueError(msg)
        folder = self.clips.resolve()
        # By its words first: what lies elsewhere is not even looked at. Then by where links lead.
        if isinstance(name, str) and ".." not in PurePath(name).parts:
            given = self.clips.absolute() / name
            if given.is_relative_to(self.clips.absolute()) or given.is_relative_to(folder):
                with suppress(OSError, ValueError):  # no such file, or a name that no file can have
                    real = Path(os.path.realpath(given))
                    if real.is_relative_to(folder) and stat.S_ISREG(real.stat().st_mode):
                        return real
        msg = f"clip {name!r:.200} is no file below the folder that {_PREFIX}CLIPS names; give its path from there"
        raise ValueError(msg)


class Tally:
    """What a server answered, put into the audit a minute at a time: a line for each request would outgrow the lake.

    Parameters
    ----------
    camera : str
        Entry of the purpose register for which it answers.
    """

    def __init__(self, camera: str) -> None:
        self._camera = camera
        self._home = home_of_environment()
        self._rows = 0
        self._recorded_at = -math.inf

    def add(self, rows: int) -> None:
        """Count the rows of a request; the first is recorded at once, what is left when the server ends."""
        if self._recorded_at == -math.inf:
            self._home = home_of_environment()
            atexit.register(self.settle)
        self._rows += rows
        if monotonic() - self._recorded_at >= _TALLY_S:
            self.settle()

    def settle(self) -> None:
        """Record what was answered since the last time."""
        if self._rows:
            now = datetime.now(UTC)
            record(self._home, "score", who="serving", now=now, camera=self._camera, rows=self._rows)
            self._rows, self._recorded_at = 0, monotonic()


def _refuse_more(seen: str, number: int, limit: int, setting: str) -> None:
    if number > limit:
        msg = f"{seen.format(number)}, expected at most {limit}; ask for less at once, or set {_PREFIX}{setting}"
        raise ValueError(msg)
