"""A day with three segments, kept in memory."""

from datetime import UTC, datetime, timedelta

DAY = "2026-03-02_gate-01"
START = datetime(2026, 3, 2, 8, tzinfo=UTC)


def said(answer, **more):
    """Return a segment's row that says `answer`."""
    scored = answer != "unscored"
    fields = {
        name: 0.5 if scored else None for name in ("p_happy", "p_angry", "p_calm", "p_scared", "p_other")
    }
    fields |= {name: 0.25 if scored else None for name in ("pleasure", "arousal", "dominance", "confidence")}
    return {
        **fields,
        "answer": answer,
        "answers": {3: answer} if scored else {},
        "emotion": "happy" if answer == "abstained" else answer if scored else None,
        "adjectives": ["glad"] if scored else None,
        "abstained": answer == "abstained" if scored else None,
        "reasons": ["low confidence"] if answer == "abstained" else [],
        "model_version": 3 if scored else None,
        "version": "baseline" if scored else None,
        "scored_at": START if scored else None,
        "dagster_run_id": "run-1" if scored else None,
        **more,
    }


def segment(at_s, answer, *, track="aa", length_s=1.0, **more):
    """Return a segment `at_s` seconds after the start of the clip, at 10 frames per second."""
    moments = {"onset": at_s, "apex": at_s + length_s / 2, "offset": at_s + length_s}
    return {
        "camera_day": DAY,
        "camera": "gate-01",
        "clip_id": "c1",
        "track_id": track,
        "segment_id": f"{track}-{round(10 * at_s)}",
        **{name: round(10 * value) for name, value in moments.items()},
        **{f"{name}_s": value for name, value in moments.items()},
        **{f"{name}_at": START + timedelta(seconds=value) for name, value in moments.items()},
        "length": "macro",
        "source": "flow",
        "roi": "left_mouth",
        "strength": 2.0,
        "disagree": False,
        "drawn": False,
        "reviewed": "",
        "reviewed_as": {},
        "synthetic": False,
        **said(answer),
        **more,
    }


class MemoryArchive:
    """Segments that a test gives, of one clip."""

    def __init__(self, rows, video=None):
        self.rows = sorted(rows, key=lambda row: row["onset_at"])
        self.path = video
        self.asked = []
        self.kept = []
        self.looks = []

    def camera_days(self):
        return ["2026-03-01_gate-02", DAY]

    def read_ahead(self):
        self.asked.append("ahead")

    def segments(self, camera_day, *, model_version=None):
        self.asked.append((camera_day, model_version))
        return self.rows if camera_day == DAY else []

    def seen(self, clip_id, *, by):
        self.looks.append((clip_id, by))

    def taken(self, camera_day, *, by, kind, rows):
        self.looks.append((camera_day, by, kind, rows))

    def clip(self, camera_day, clip_id):
        basis = {
            "clip_id": clip_id,
            "captured_at": START,
            "camera": "gate-01",
            "sha256": "f" * 64,
            "purpose": "test",
        }
        return {**basis, "legal_basis": "consent", "duration_s": 60.0, "fps": 10.0, "codec": "h264"} | {
            "width": 320,
            "height": 240,
        }

    def video(self, camera_day, clip_id):
        if self.path is None:
            msg = "The video of clip c1 is not stored any more."
            raise LookupError(msg)
        return self.path

    def stretch(self, camera_day, clip_id, from_s, to_s):
        return f"{from_s} {to_s}".encode()

    def face(self, camera_day, clip_id, track_id, frame):
        return b"\x89PNG face"

    def curves(self, camera_day, clip_id, track_id):
        return b"\x89PNG curves"

    def time_axis(self, camera_day, clip_id, track_id):
        return {"left": 0.1, "right": 0.9, "top": 0.1, "bottom": 0.9, "from_s": 0.0, "to_s": 60.0}

    def grounds(self, camera_day, clip_id, segment_id):
        return "It moved <far> enough."

    def lineage(self, camera_day, clip_id):
        return [("Fingerprint of face_tracks", "0a1b")]

    def trace(self, score_id):
        return {
            "score": {"segment_id": score_id, "confidence": 0.123456, "reasons": ["small", "blurred"]},
            "decision": {"approved_by": "<ada>", "decided_at": START, "reason": None},
        }

    def times(self, camera_day, clip_id, track_id):
        return 0, [k / 10 for k in range(600)]

    def tracks(self, camera_day, clip_id):
        return [{"track_id": "aa", "first": 0, "last": 599, "first_s": 0.0, "last_s": 59.9}]

    def survey(self):
        summary = {"raters who agreed": 2, "minutes": 6.5, "agreement (ICC of a mean, median pair)": None}
        raters = [
            {
                "rater": "otter",
                "pages": 3,
                "answers": 149,
                "minutes": 6.5,
                "checks": "1 of 1",
                "last": "2026-03-02",
            },
            {"rater": "<heron>", "pages": 0, "answers": 0, "minutes": 0.0, "checks": "0 of 0", "last": None},
        ]
        pairs = [{"pair": "angry_calm", "raters": 2, "segments": 3, "agreement": 0.71}]
        return {"summary": summary, "raters": raters, "pairs": pairs}

    def reviews(self, camera_day, segment_id):
        return [each for each in self.kept if each["segment_id"] == segment_id]

    def keep(self, camera_day, review):
        if review["reason"] == "erasing":
            raise BlockingIOError
        number = len(self.kept)
        name = review["segment_id"] or f"{review['track_id']}-drawn-{review['onset']}"
        row = {**review, "segment_id": name, "review_id": f"r{number}", "reviewed_at": START}
        self.kept.append(row)
        for each in self.rows:
            if each["segment_id"] == name:
                each["reviewed_as"] = {**each["reviewed_as"], review["reviewer"]: review["label"]}

    def undo(self, camera_day, review_id, reviewer):
        own = [each for each in self.kept if (each["review_id"], each["reviewer"]) == (review_id, reviewer)]
        if not own:
            msg = "no such review stands"
            raise LookupError(msg)
        self.kept.remove(own[0])
