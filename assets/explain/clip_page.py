"""One clip explained: a page or a picture to look at beside the clip.

Belongs here: what `apexline score CLIP --plot` writes. Stays out: tracking and spotting the clip
(``assets.lake.clip_stages``), scoring (``assets.scoring``), words and drawings (``stored_track``, ``wording``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apexline.assets.explain.obstacles import clip_obstacles, what_a_face_needs
from apexline.assets.explain.stored_track import ShownTrack, explain_shown
from apexline.assets.explain.wording import TrackExplanation
from apexline.assets.figures import stacked_png, text_block
from apexline.assets.lake import LakeClip
from apexline.assets.pages import environment
from apexline.assets.parameters import Parameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".html", ".png")
_STATEMENT = "This is about apparent expression, never what a person feels; never identity. It shows faces."


@dataclass(frozen=True)
class ClipExplanation:
    """All that is shown of a clip: tracks with segments first, then in order of time.

    Attributes
    ----------
    name, clip_id, config_name : str
    tracks : list of TrackExplanation
    needed : str
        What a face needs in order to be followed.
    obstacles : list of str
        What in the pictures stands in the way of that, or of segments.
    """

    name: str
    clip_id: str
    config_name: str
    tracks: list[TrackExplanation]
    needed: str
    obstacles: list[str] = field(default_factory=list[str])

    @property
    def headline(self) -> str:
        """How many faces were followed, and what was found."""
        segments = sum(bool(each.segment_id) for track in self.tracks for each in track.explanations)
        faces = {0: "no face was followed", 1: "1 face was followed"}.get(
            len(self.tracks), f"{len(self.tracks)} faces were followed"
        )
        found = {0: "no expression segment", 1: "1 expression segment"}.get(
            segments, f"{segments} expression segments"
        )
        return f"{faces}, {found} found"


def explain_clip(clip: LakeClip, name: str, parameters: Parameters) -> ClipExplanation:
    """Say of every face of a clip why it has the segments that it has, or none.

    Parameters
    ----------
    clip : LakeClip
        As `assets.lake.clip_stages.process_clip` gives it, with the same parameters.
    name : str
        What the clip is called on the page.
    parameters : Parameters
    """
    rows = clip.lake.read("face_tracks", clip.clip_id, camera_day=clip.camera_day, columns=["track_id"])
    tracks = [
        explain_shown(
            clip.lake, ShownTrack(clip.camera_day, clip.clip_id, track_id, synthetic=False), parameters
        )
        for track_id in rows["track_id"].unique().to_pylist()
    ]
    # tracks with segments, then those without one, then the unusable; within each the order of time stays
    tracks.sort(key=lambda each: (each.curves is None, not any(e.segment_id for e in each.explanations)))
    found, needed = clip_obstacles(clip, parameters), what_a_face_needs(parameters)
    return ClipExplanation(name, clip.clip_id, parameters.name, tracks, needed, found)


def write_explanation(
    target: Path, explanation: ClipExplanation, scores: Sequence[Mapping[str, Any]]
) -> None:
    """Write the page (.html) or picture (.png).

    Parameters
    ----------
    target : Path
        Its suffix says which of `SUFFIXES` is meant.
    explanation : ClipExplanation
    scores : sequence of mapping
        Rows of `assets.scoring.scorer.score_clip` of the same clip; may be empty.

    Raises
    ------
    ValueError
        For another suffix.
    """
    check_suffix(target)
    begins = {
        (track.track_id, each.onset_s): each.segment_id
        for track in explanation.tracks
        for each in track.explanations
    }
    answers = {begins[score["track"], score["onset_s"]]: _answer(score) for score in scores}
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".png":
        target.write_bytes(stacked_png(_figures(explanation, answers)))
        return
    versions = {f"champion, version {score['model_version']}" for score in scores}
    page = environment().get_template("clip.html.j2")
    text = page.render(
        clip=explanation,
        answers=answers,
        scored_by=", ".join(sorted(versions)) or "nothing to score",
        synthetic=any(score["synthetic"] for score in scores),
    )
    target.write_text(text, encoding="utf-8")


def check_suffix(target: Path) -> None:
    """Refuse a file that is neither a page nor a picture, such as a second clip; raises ``ValueError``."""
    if target.suffix not in SUFFIXES:
        msg = f"saw {str(target)!r} as the file to draw into, expected a name that ends with .html or .png"
        raise ValueError(msg)


def _figures(explanation: ClipExplanation, answers: Mapping[str, str]) -> list[Figure]:
    needed = [] if explanation.tracks else [explanation.needed]
    said = [explanation.headline, *explanation.obstacles, *needed, _STATEMENT]
    figures = [text_block(explanation.name, said, size=13)]
    for track in explanation.tracks:
        figures.append(text_block(f"Track {track.track_id}: {track.headline}", [], size=11))
        if track.curves is not None:
            figures.append(track.curves)
        for each in track.explanations:
            answer = [answers[each.segment_id]] if each.segment_id in answers else []
            figures += [
                text_block(each.headline, [f"- {line}" for line in [*answer, *each.grounds]]),
                each.figure,
            ]
    return figures


def _answer(score: Mapping[str, Any]) -> str:
    said = f"resembles {score['emotion']} ({score['confidence']:.2f})"
    if score["abstained"]:
        said = f"no answer is given ({', '.join(score['reasons'])})"
    return f"{said}, synthetic model" if score["synthetic"] else said
