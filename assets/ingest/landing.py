"""The landing folder's queue: which entries are complete, which wait, which are tried again.

Belongs here: how long an entry waits, counted from when it was first seen or last changed. Stays out: what becomes of
it (``intake``), and where the queue is kept between two looks: it is read from a text and written to one.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from upath import UPath

from apexline.assets.ingest.entries import (
    is_clip,
    is_sidecar,
    is_unfinished,
    kind_of,
    sidecar_of_landed,
    signature_of,
)

# A clip without its sidecar may still be on its way.
GRACE_S = 30.0
# A clip that was written to after its sidecar may not be whole yet.
SETTLE_S = 10.0
_MAX_DOUBLINGS = 10


@dataclass(frozen=True)
class _Waiting:
    """An entry: its signature, since when it has it (s since the epoch), how often it was tried in vain."""

    signature: str
    since: float
    tries: int = 0


class LandingQueue:
    """What was seen in the landing folder, and since when it has not changed.

    Times of change come from comparing two looks, never from a clock of a file: copying programs keep old ones.

    Parameters
    ----------
    text : str or None
        What `to_text` gave; None for a folder that was never looked at.
    """

    def __init__(self, text: str | None = None):
        known: dict[str, list[str | float | int]] = json.loads(text) if text else {}
        self._waiting = {
            name: _Waiting(str(signature), float(since), int(tries))
            for name, (signature, since, tries) in known.items()
        }
        self.folders: list[str] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def to_text(self) -> str:
        """Return the queue as JSON: ``{digest of the name: [signature, since, tries]}``.

        What keeps the text keeps it for long: the name of a clip that is erased must not stand in it.
        """
        return json.dumps({name: [w.signature, w.since, w.tries] for name, w in self._waiting.items()})

    def look(self, folder: UPath, now: float) -> list[UPath]:
        """Look at the folder; return what may be handled now, tried ones last.

        Left out are sidecars (they go with their clip), hidden and unfinished names, and folders that have not the
        name of a clip: those are listed in `folders`.

        Parameters
        ----------
        now : float
            Seconds since the epoch.
        """
        seen: dict[str, _Waiting] = {}
        ready: list[UPath] = []
        self.folders = []
        for entry in sorted(folder.iterdir(), key=lambda each: each.name):
            if is_unfinished(entry.name) or is_sidecar(entry.name):
                continue
            try:
                kind, sidecar = kind_of(entry), sidecar_of_landed(entry)
                if kind == "folder" and not is_clip(entry.name):
                    self.folders.append(entry.name)
                    continue
                signature = signature_of(entry, sidecar)
                patience = _patience_s(entry, kind, sidecar)
            except OSError:  # gone since the folder was listed, or the disk can't say: the next look will
                continue
            known = self._waiting.get(_key(entry))
            if known is None or known.signature != signature:
                known = _Waiting(signature, now)
            elif known.since > now:  # the clock was set back
                known = replace(known, since=now)
            seen[_key(entry)] = known
            if known.tries:
                patience = GRACE_S * 2 ** min(known.tries, _MAX_DOUBLINGS)
            if now - known.since >= patience:
                ready.append(entry)
        self._waiting = seen
        return sorted(ready, key=lambda each: (seen[_key(each)].tries, seen[_key(each)].since, each.name))

    def handled(self, entry: UPath, now: float) -> None:
        """Note that an entry was handled: it is forgotten if it is gone, and waits twice as long if it isn't."""
        signature = signature_of(entry, sidecar_of_landed(entry))
        if signature.startswith("-"):
            del self._waiting[_key(entry)]
            return
        known = self._waiting[_key(entry)]
        self._waiting[_key(entry)] = replace(known, signature=signature, since=now, tries=known.tries + 1)


def _key(entry: UPath) -> str:
    return hashlib.sha256(entry.name.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def _patience_s(entry: UPath, kind: str, sidecar: UPath | None) -> float:
    """Return for how long an entry must not have changed before it is handled, s."""
    if kind not in ("file", "folder"):
        return 0.0  # a link, pipe, socket or device is what it is
    if sidecar is None:
        return GRACE_S
    if not (isinstance(entry, Path) and isinstance(sidecar, Path)):
        return 0.0  # an object store shows objects when they are whole
    # The sidecar that was written last says that its clip is whole. No program sets ctime back.
    return 0.0 if entry.lstat().st_ctime_ns <= sidecar.lstat().st_ctime_ns else SETTLE_S
