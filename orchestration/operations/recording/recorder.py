"""Records a camera: cuts its stream into clips, connects again, and accounts for every picture.

Belongs here: which packets make a clip, when to connect again, what to do where there is no room. Stays out: FFmpeg's
side of a stream (``stream``), files (``clip_file``), the ledger's form (``ledger``).

Times. A picture was taken when it arrived, less what it was under way for. Arrival minus the source's own stamp is
least for the picture that was under way for the shortest time; that least difference over a clip dates all of it, so
that neither a burst after a stall nor a clock that drifts shifts a clip.
"""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from threading import Event

from av.packet import Packet
from av.video.stream import VideoStream

from apexline.orchestration.operations.passing import Delays
from apexline.orchestration.operations.recording.clip_file import ClipFile, publish_left
from apexline.orchestration.operations.recording.ledger import Ledger
from apexline.orchestration.operations.recording.stream import (
    FormatWatch,
    StreamLost,
    name_without_secret,
    opened,
    packets_of,
)

# Stamps that go back by more are another stream's: the source began again.
_RESTART_S = 1.0
# So many times the usual step between two pictures: there were some between them.
_GAP = 1.5
_USUAL_OF = 25
# Holes of a clip that are shorter are counted with it, longer ones have a line of their own.
_NOTED_GAP_S = 1.0
_LOOK_FOR_ROOM_S = 5.0
# A clip ends where a key picture can begin the next; without one it ends all the same when it is so many times as long.
_LONGEST = 10


@dataclass(frozen=True)
class Recording:
    """What is recorded, and within which bounds.

    Attributes
    ----------
    url, camera : str
    purpose, legal_basis : str
        As the sidecar of each clip says.
    clip_s : float
        Length of a clip, s; the next key picture ends it.
    stall_s : float
        A stream that is silent for longer is connected to again, s.
    max_waiting_bytes : int
        What may wait in the landing folder, bytes; and no more than leaves `min_free_bytes` of the disk.
    min_free_bytes : int
    """

    url: str
    camera: str
    purpose: str
    legal_basis: str
    clip_s: float = 60.0
    stall_s: float = 10.0
    max_waiting_bytes: int = 4 << 30
    min_free_bytes: int = 2 << 30

    @property
    def manifest(self) -> dict[str, str]:
        """What all sidecars of the camera say."""
        return {"camera": self.camera, "purpose": self.purpose, "legal_basis": self.legal_basis}


@dataclass
class _Dropped:
    """Pictures that were received and are not written, one after another, and why."""

    reason: str
    first_s: float
    last_s: float
    frames: int = 0


@dataclass
class _Clip:
    """A clip that grows: its file, and when it began by the stream's clock and, at the least, by ours, s."""

    file: ClipFile
    first_s: float
    last_s: float
    lag: float
    steps: list[float] = field(default_factory=list[float])


class Recorder:
    """Records one camera until it is told to stop.

    Parameters
    ----------
    recording : Recording
    landing : Path
        Folder that clips are given to; they grow in it under a hidden name.
    ledger : Ledger
    clock : callable
        Returns the time, s since the epoch.
    """

    def __init__(
        self, recording: Recording, landing: Path, ledger: Ledger, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.recording = recording
        self.landing = landing
        self.ledger = ledger
        self.counts = ledger.counts
        self._clock = clock
        self._clip: _Clip | None = None
        self._dropped: _Dropped | None = None
        self._waits_for = "before_key_frame"
        self._looked = -_LOOK_FOR_ROOM_S
        self._has_room = True
        self._last: tuple[float, float] | None = None  # of the latest picture: our time, the stream's
        self._forget_clock()

    def run(self, stop: Event) -> None:
        """Record until `stop` is set; what is recorded by then is published."""
        for _, count in publish_left(self.landing, self.recording.manifest):
            self.ledger.note("recovered", self._clock(), frames=count)
        delays = Delays()
        while not stop.is_set():
            before = self.counts.received
            try:
                self._record_connection(stop)
                reason = "stopped" if stop.is_set() else "the stream ended"
            except StreamLost as error:
                reason = str(error)
            finally:
                self._end_clip()
                self._note_dropped()
            if self.counts.received > before:
                delays = Delays()  # it was sound: the first attempt comes soon
            delay = delays.next()
            self.ledger.note("disconnected", self._clock(), reason=reason, next_attempt_s=round(delay, 1))
            stop.wait(delay)
        self.ledger.note("stopped", self._clock(), **self.counts.as_dict())

    def _record_connection(self, stop: Event) -> None:
        recording = self.recording
        with opened(recording.url, stall_s=recording.stall_s) as (container, stream):
            self.counts.connections += 1
            self.ledger.note("connected", self._clock(), source=name_without_secret(recording.url))
            self._forget_clock()
            watch = FormatWatch(stream)
            self._waits_for = "before_key_frame"
            for packet in packets_of(container, stream):
                self._take(packet, stream, watch)
                if stop.is_set():
                    return

    def _forget_clock(self) -> None:
        self._last_s: float | None = None
        self._steps: deque[float] = deque(maxlen=_USUAL_OF)

    def _take(self, packet: Packet, stream: VideoStream, watch: FormatWatch) -> None:
        arrived = self._clock()
        self.counts.received += 1
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None or packet.time_base is None:
            self._drop("no_stamp", self._last_s or 0.0)
            return
        moment = float(stamp * packet.time_base)
        self._note_gap(moment, arrived)
        if packet.is_keyframe:
            self._cut(moment, arrived, changed=watch.changed(packet, moment))
            self._begin(stream, moment, arrived)
        else:
            watch.passed()
        if self._clip is None:
            self._drop(self._waits_for, moment)
        else:
            self._note_dropped()
            self._write(self._clip, packet, moment, arrived)

    def _note_gap(self, moment: float, arrived: float) -> None:
        """See whether pictures are missing before this one: by the stream's clock, over a connection by ours."""
        if self._last_s is None or moment < self._last_s - _RESTART_S:
            if self._last_s is not None:
                self._end_clip()
                self._waits_for = "before_key_frame"
                self._forget_clock()
            if self._last is not None:
                wall, stamp = self._last
                self._gap(arrived - wall, arrived, by="arrival", last_s=stamp, next_s=moment)
        else:
            step = moment - self._last_s
            usual = median(self._steps) if self._steps else step
            if step > _GAP * usual > 0:
                self.counts.missing += round(step / usual) - 1
                self._gap(step, arrived, by="stamps", last_s=self._last_s, next_s=moment)
            else:
                self._steps.append(step)
        self._last_s = moment
        self._last = arrived, moment

    def _gap(self, length: float, arrived: float, *, by: str, **stamps: float) -> None:
        self.counts.gaps += 1
        if length >= _NOTED_GAP_S:
            self.ledger.note("gap", arrived, seconds=round(length, 3), by=by, **stamps)

    def _cut(self, moment: float, arrived: float, *, changed: bool) -> None:
        """End a clip before a key picture: it is long enough, the pictures have changed, or there is no more room."""
        self._look_for_room(arrived)
        if self._clip is None:
            return
        is_long = moment - self._clip.first_s >= self.recording.clip_s
        if is_long or changed or not self._has_room:
            self._end_clip()
        if changed:
            self.ledger.note("format_changed", arrived)

    def _begin(self, stream: VideoStream, moment: float, arrived: float) -> None:
        if self._clip is not None:
            return
        if not self._has_room:
            self._waits_for = "no_room"
            return
        try:
            file = ClipFile(self.landing, self.recording.camera, stream, began=arrived)
        except OSError as error:
            self._fail(error, arrived)
            return
        self._clip = _Clip(file, first_s=moment, last_s=moment, lag=arrived - moment)

    def _write(self, clip: _Clip, packet: Packet, moment: float, arrived: float) -> None:
        try:
            clip.file.add(packet)
        except OSError as error:
            self._fail(error, arrived)
            self._drop("not_written", moment)
            return
        clip.last_s = max(clip.last_s, moment)
        clip.lag = min(clip.lag, arrived - moment)
        if moment - clip.first_s > _LONGEST * self.recording.clip_s:
            self._end_clip()
            self._waits_for = "too_long_without_key_frame"

    def _fail(self, error: OSError, arrived: float) -> None:
        """Give up the clip that can't be written; the next key picture after a look at the disk begins another."""
        clip, self._clip = self._clip, None
        if clip is not None:
            clip.file.discard()
            self._drop("not_written", clip.first_s, frames=0)
            self._drop("not_written", clip.last_s, frames=clip.file.num_frames)
        self._waits_for, self._has_room, self._looked = "not_written", False, arrived
        self.ledger.note("not_written", arrived, reason=f"{type(error).__name__}: {error.strerror}")

    def _end_clip(self) -> None:
        clip, self._clip = self._clip, None
        if clip is None:
            return
        now = self._clock()
        began = clip.first_s + clip.lag
        try:
            clip.file.close()
            clip.file.publish(self.recording.manifest, began)
        except OSError as error:
            self._clip = clip
            self._fail(error, now)
            return
        self.counts.written += clip.file.num_frames
        self.counts.clips += 1
        self.ledger.note(
            "clip",
            began,
            seconds=round(clip.last_s - clip.first_s, 3),
            frames=clip.file.num_frames,
            first_s=clip.first_s,
            **self.counts.as_dict(),
        )

    def _drop(self, reason: str, moment: float, *, frames: int = 1) -> None:
        if self._dropped is None or self._dropped.reason != reason:
            self._note_dropped()
            self._dropped = _Dropped(reason, moment, moment)
        self._dropped.frames += frames
        self._dropped.last_s = moment
        self.counts.dropped[reason] += frames

    def _note_dropped(self) -> None:
        dropped, self._dropped = self._dropped, None
        if dropped is not None:
            self.ledger.note("dropped", self._clock(), **vars(dropped))

    def _look_for_room(self, now: float) -> None:
        if now - self._looked < _LOOK_FOR_ROOM_S:
            return
        self._looked = now
        has_room = room_in(self.landing, self.recording)
        if has_room != self._has_room:
            self.ledger.note("room" if has_room else "no_room", now, **self.counts.as_dict())
        self._has_room = has_room


def room_in(landing: Path, recording: Recording) -> bool:
    """Tell whether the landing folder may take more: what waits in it is bounded, and what it leaves of the disk."""
    free = shutil.disk_usage(landing).free
    waiting = sum(map(_size, landing.iterdir()))
    return free > recording.min_free_bytes and waiting < recording.max_waiting_bytes


def _size(entry: Path) -> int:
    try:
        return entry.lstat().st_size
    except FileNotFoundError:  # taken in since the folder was listed
        return 0
