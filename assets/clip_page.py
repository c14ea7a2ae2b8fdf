"""One clip explained: a page or a picture to look at beside the clip.

Belongs here: from a video file to what `apexline score CLIP --plot` writes. Stays out: scoring (``segment_scores``)
and the lake: nothing is stored but the file asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from upath import UPath

from assets.explanations import (
    Crops,
    TrackExplanation,
    explain_track,
    explain_unusable,
    frames_shown,
)
from assets.figures import TrackView, stacked_png, text_block
from assets.intake import hash_file
from assets.pages import environment
from assets.parameters import Parameters
from assets.scoring import crops_of_clip
from features.config import FeatureConfig
from features.pipeline import ClipRows, describe_clip, explain_segments
from features.segments import Segment

SUFFIXES = (".html", ".png")
_STATEMENT = "This is about apparent expression, never what a person feels; never identity. It shows faces."
_NO_TRUTH = pd.DataFrame({"onset": [], "offset": []})


@dataclass(frozen=True)
class ClipExplanation:
    """All that is shown of a clip: tracks with segments first, then in order of time.

    Attributes
    ----------
    name, clip_id, config_name : str
    tracks : list of TrackExplanation
    needed : str
        What a face needs in order to be followed.
    """

    name: str
    clip_id: str
    config_name: str
    tracks: list[TrackExplanation]
    needed: str

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


def explain_clip(clip: Path, parameters: Parameters) -> ClipExplanation:
    """Decide on a clip's faces as `features.pipeline.spot_clip` does, and say why.

    Raises
    ------
    features.video.UnreadableVideo
        If the file cannot be read.
    """
    config = parameters.features
    rows = describe_clip(clip, config=config)
    views = {track_id: view for track_id in rows.flow if (view := _view(rows, track_id, config))}
    crops = _crops(clip, views, config)
    explained = [explain_track(track_id, view, crops) for track_id, view in views.items()]
    unusable = [
        explain_unusable(track_id, frames)
        for track_id, frames in rows.frames.items()
        if track_id not in views
    ]
    # sorting is stable: within either kind the order of time stays
    explained.sort(key=lambda track: not any(each.segment_id for each in track.explanations))
    needed = (
        f"A face is followed once it was seen {config.tracks.min_detections} times, at least "
        f"{config.faces.min_face_px:g} px large, with a detector score of {config.tracks.start_score:g} or more."
    )
    return ClipExplanation(
        clip.name, hash_file(UPath(clip))[:16], parameters.name, [*explained, *unusable], needed
    )


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
        Rows of `assets.segment_scores.score_clip` of the same clip; may be empty.

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


def _view(rows: ClipRows, track_id: str, config: FeatureConfig) -> TrackView | None:
    texture = rows.texture[track_id]
    decisions = explain_segments(texture, rows.flow[track_id], track_id=track_id, config=config)
    if not decisions:
        return None
    drawn = pd.DataFrame({name: texture[name] for name in ("time_s", "kind", "difference")})
    return TrackView(
        decisions=decisions,
        texture=pd.DataFrame(drawn[drawn["kind"].isin(config.texture.kinds)]),
        truth=_NO_TRUTH,
        config=config.segments,
        synthetic=False,
    )


def _crops(clip: Path, views: Mapping[str, TrackView], config: FeatureConfig) -> Crops:
    shown = {
        (track_id, frame)
        for track_id, view in views.items()
        for decision in view.decisions
        for reason in decision.reasons or (None,)
        for _, frame in frames_shown(decision, reason)
    }
    moments = [Segment(track_id, frame, frame, frame, score=0.0) for track_id, frame in sorted(shown)]
    return crops_of_clip(clip, moments, features=config)[0]


def _figures(explanation: ClipExplanation, answers: Mapping[str, str]) -> list[Figure]:
    needed = [] if explanation.tracks else [explanation.needed]
    figures = [text_block(explanation.name, [explanation.headline, *needed, _STATEMENT], size=13)]
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
        said = f"no answer is given ({score['abstained']})"
    return f"{said}, synthetic model" if score["synthetic"] else said
