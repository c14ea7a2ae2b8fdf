"""The model of a registry version at work: what the asset ``segment_scores`` and the command ``score`` share.

Belongs here: opening the champion, and a clip's segments through it. Stays out: Dagster, which clips are to be scored
and what is stored (``segment_scores``).
"""

from typing import Any

from apexline.assets.lake import Lake, LakeClip
from apexline.assets.parameters import Parameters
from apexline.assets.scoring.answers import by_time, score_segments
from apexline.assets.training import FEATURE_VERSION, ensure_champion
from apexline.ml import PAD_AXES
from apexline.ml.registry import PLACES, ModelRegistry


class Scorer:
    """The model of one registry version with what it needs to describe a segment."""

    def __init__(self, registry: ModelRegistry, number: int, parameters: Parameters):
        self.number = number
        self.parameters = parameters
        self.model = registry.load_model(number)
        # A network that sees the face alone fits any features.
        if self.model.reducer is not None and self.model.feature_version != FEATURE_VERSION:
            msg = (
                f"model v{number} was trained on features {self.model.feature_version}, this code makes "
                f"{FEATURE_VERSION}; run the job `retrain` and approve its challenger"
            )
            raise ValueError(msg)

    def score(self, clip: LakeClip) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Score the segments of a clip.

        Returns
        -------
        list of (dict, dict)
            Row of ``expression_segments`` and the model's columns of ``segment_scores``, in the order of the former.
        """
        return [
            (segment, {**answer, "model_version": self.number, "version": self.model.version})
            for segment, answer in score_segments(self.model, clip, features=self.parameters.features)
        ]


def champion_scorer(lake: Lake, registry: ModelRegistry, parameters: Parameters) -> Scorer:
    """Return the scorer of the champion; in a new installation the shipped model becomes it."""
    return Scorer(registry, ensure_champion(lake, registry, parameters), parameters)


def score_clip(clip: LakeClip, scorer: Scorer) -> list[dict[str, Any]]:
    """Score one clip for a person to read.

    Parameters
    ----------
    clip : LakeClip
        As `assets.lake.clip_stages.process_clip` gives it: nothing of it is stored.
    scorer : Scorer

    Returns
    -------
    list of dict
        Track, onset, apex and offset in seconds, emotion, confidence, PAD, adjectives, whether the model abstains and
        why, one per segment; `synthetic` tells that the champion learned from the project's own generator.
    """
    return [
        {
            "track": segment["track_id"],
            **{place: segment[place] for place in PLACES},
            **{key: score[key] for key in ("emotion", "confidence", *PAD_AXES)},
            "adjectives": ", ".join(score["adjectives"]),
            **{key: score[key] for key in ("abstained", "reasons")},
            "model_version": scorer.number,
            "synthetic": scorer.model.synthetic,
        }
        for segment, score in by_time(scorer.score(clip))
    ]
