"""Asset ``training_set``: labelled faces with their features, split by subject."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
from numpy.typing import NDArray

from apexline.assets import checks
from apexline.assets.figures import face_strip
from apexline.assets.lake import (
    Lake,
    crops_at,
    each_readable,
    fingerprint,
    listed_camera_days,
    track_of,
    without_faces,
)
from apexline.assets.metadata import asset_attributes, column_schema, figures
from apexline.assets.parameters import Parameters, TrainingSetConfig
from apexline.assets.reviews import Settled, by_segment, settle
from apexline.assets.semantics import load_space, rated_pad
from apexline.assets.training.training_table import FEATURE_VERSION, NAME, load_training_set
from apexline.features import segment_features
from apexline.ml import EMOTIONS, PAD_AXES
from apexline.ml.datasets import face_image, split_by_subject
from apexline.ml.semantic_space import SemanticSpace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CODE_VERSION = "3"


@dataclass(frozen=True)
class Labelled:
    """A labelled segment of one track: where it lies, its label and who gave it, its rated PAD (None: not rated)."""

    key: str
    clip_id: str
    camera_day: str
    track_id: str
    subject: str
    emotion: str
    onset: int
    apex: int
    offset: int
    pad: tuple[float, float, float] | None
    synthetic: bool
    source: str = "annotation"
    review_ids: tuple[str, ...] = ()

    def shares_a_frame(self, onset: int, offset: int) -> bool:
        """Tell whether it meets other frames of its track."""
        return self.onset <= offset and onset <= self.offset


@dg.asset(
    deps=["clip_manifest", "face_tracks", "expression_segments", "pad_space"],
    code_version=CODE_VERSION,
    check_specs=[
        checks.check_spec(checks.no_subject_in_two_folds, asset="training_set", blocking=True),
        checks.check_spec(checks.every_class_in_every_fold, asset="training_set", blocking=True),
    ],
    **asset_attributes("training", "numpy", "parquet"),
)
def training_set(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    parameters: dg.ResourceParam[Parameters],
) -> dg.MaterializeResult:
    """Faces about the apex of labelled segments, their texture and flow, rated PAD, and the subject split.

    Labels come from clip manifests, from people's reviews, which outrank them, and from rated segments. Subjects are
    kept apart: no subject is in two folds.
    """
    space = load_space(lake)
    labelled = list(labelled_segments(lake, space))
    stamp = fingerprint(
        CODE_VERSION,
        FEATURE_VERSION,
        parameters.hash_of("features", "training_set"),
        space.hash,
        [asdict(each) for each in labelled],
        [lake.fingerprint_of("face_tracks", e.clip_id, camera_day=e.camera_day) for e in labelled],
    )
    computed = int(lake.fingerprint_of("training_set", NAME) != stamp)
    if computed:
        rows = _examples(lake, parameters, labelled)
        folds = _folds(rows, parameters.training_set, previous=_earlier_folds(lake))
        rows = [{**row, "fold": fold} for row, fold in zip(rows, folds, strict=True)]
        lake.write("training_set", NAME, rows, stamp=stamp)
    table = lake.read(
        "training_set", NAME, columns=["subject", "emotion", "fold", "synthetic", "label_source"]
    )
    counts = table.group_by(["fold", "emotion"]).aggregate([([], "count_all")]).sort_by("fold")
    return dg.MaterializeResult(
        metadata={
            **figures(context, changed=bool(computed), draw=lambda: _faces(lake)),
            "computed": computed,
            "unchanged": 1 - computed,
            "examples": table.num_rows,
            "subjects": len(set(table["subject"].to_pylist())),
            "synthetic": bool(table.num_rows) and all(table["synthetic"].to_pylist()),
            "counts": dg.MetadataValue.json(counts.to_pylist()),
            "label_sources": dg.MetadataValue.json(dict(Counter(table["label_source"].to_pylist()))),
            "dagster/row_count": table.num_rows,
            **column_schema("training_set"),
        },
        data_version=dg.DataVersion(stamp),
        check_results=[
            checks.no_subject_in_two_folds(table),
            checks.every_class_in_every_fold(table, EMOTIONS),
        ],
    )


def _faces(lake: Lake) -> list[tuple[str, "Figure"]]:
    """Draw two preprocessed training faces of every emotion."""
    data, split = load_training_set(lake)
    chosen = [
        (emotion, data.images[index])
        for number, emotion in enumerate(EMOTIONS)
        for index in split.train[data.targets[split.train] == number][[0, -1]]
    ]
    return [("Training faces", face_strip(chosen, synthetic=data.synthetic))]


def labelled_segments(lake: Lake, space: SemanticSpace) -> Iterator[Labelled]:
    """Yield the annotated segments whose face was tracked, those that people reviewed, and then those that were rated.

    A review takes the place of annotations that it meets, and of ratings; where reviewers disagree, nothing is learned
    from them.
    """
    pad = rated_pad(lake, space)
    days = {
        clip: day
        for day in listed_camera_days(lake)
        for clip in set(lake.names("clip_manifest", camera_day=day)) - without_faces(lake, day)
    }
    for found in each_readable(
        lambda clip: list(_labelled_of_clip(lake, *clip, space, pad)), sorted(days.items())
    ):
        yield from found


def _labelled_of_clip(
    lake: Lake,
    clip_id: str,
    camera_day: str,
    space: SemanticSpace,
    pad: dict[str, tuple[float, float, float]],
) -> Iterator[Labelled]:
    labels = lake.read("annotations", clip_id, camera_day=camera_day).to_pylist()
    tracks = lake.read("face_tracks", clip_id, camera_day=camera_day)
    annotated = [
        Labelled(
            key=label["annotation_id"],
            clip_id=clip_id,
            camera_day=camera_day,
            track_id=track_id,
            pad=pad.get(label["annotation_id"]),
            **{k: label[k] for k in ("subject", "emotion", "onset", "apex", "offset", "synthetic")},
        )
        for label in labels
        if (track_id := track_of(tracks, label)) is not None
    ]
    reviews = _reviews_of_clip(lake, clip_id, camera_day)
    settled = [
        (track_id, each)
        for each in filter(None, map(settle, reviews.values()))
        if (track_id := track_of(tracks, {"apex": each.apex, **each.box})) is not None
    ]
    for label in annotated:
        if not any(t == label.track_id and label.shares_a_frame(e.onset, e.offset) for t, e in settled):
            yield label
    subjects = {label.track_id: label.subject for label in annotated}
    for track_id, each in settled:
        if each.label in EMOTIONS:
            yield _reviewed(clip_id, camera_day, track_id, each, subjects, pad)
    for label in _rated_segments(lake, clip_id, camera_day, space, pad):
        if label.key not in reviews:  # a person who looked at it outranks ratings of its pleasure
            yield label


def _reviews_of_clip(lake: Lake, clip_id: str, camera_day: str) -> dict[str, list[dict[str, Any]]]:
    names = [name for name in lake.names("reviews", camera_day=camera_day) if name.startswith(f"{clip_id}-")]
    rows = [lake.read("reviews", name, camera_day=camera_day).to_pylist() for name in names]
    return by_segment(row for of_file in rows for row in of_file)


def _reviewed(
    clip_id: str,
    camera_day: str,
    track_id: str,
    review: Settled,
    subjects: dict[str, str],
    pad: dict[str, tuple[float, float, float]],
) -> Labelled:
    return Labelled(
        key=review.segment_id,
        clip_id=clip_id,
        camera_day=camera_day,
        track_id=track_id,
        subject=subjects.get(track_id, _unknown_subject(clip_id)),
        emotion=review.label,
        onset=review.onset,
        apex=review.apex,
        offset=review.offset,
        pad=pad.get(review.segment_id),
        synthetic=review.synthetic,
        source="review",
        review_ids=review.review_ids,
    )


def _unknown_subject(clip_id: str) -> str:
    """Who is in an unlabelled clip is not known and not asked: the whole clip stays in one fold."""
    return f"clip-{clip_id}"


def _rated_segments(
    lake: Lake,
    clip_id: str,
    camera_day: str,
    space: SemanticSpace,
    pad: dict[str, tuple[float, float, float]],
) -> Iterator[Labelled]:
    for segment in lake.read("expression_segments", clip_id, camera_day=camera_day).to_pylist():
        rated = pad.get(segment["segment_id"])
        if rated is not None:
            yield Labelled(
                key=segment["segment_id"],
                clip_id=clip_id,
                camera_day=camera_day,
                track_id=segment["track_id"],
                subject=_unknown_subject(clip_id),
                emotion=space.nearest_emotion(np.asarray(rated)),
                onset=segment["onset"],
                apex=segment["apex"],
                offset=segment["offset"],
                pad=rated,
                synthetic=False,
                source="ratings",
            )


def frames_to_learn(label: Labelled, count: int) -> list[int]:
    """Return frames about the apex (over the whole segment of a calm face), evenly spaced and distinct."""
    if label.emotion == "calm":
        first, last = label.onset, label.offset
    else:  # the half of each flank that is nearer to the apex shows the expression clearly
        first, last = (label.onset + label.apex) // 2, (label.apex + label.offset) // 2
    return sorted({int(frame) for frame in np.linspace(first, last, count).round()})


def _examples(lake: Lake, parameters: Parameters, labelled: list[Labelled]) -> list[dict[str, Any]]:
    by_clip: dict[tuple[str, str], list[Labelled]] = defaultdict(list)
    for each in labelled:
        by_clip[each.camera_day, each.clip_id].append(each)
    found = each_readable(lambda labels: _examples_of_clip(lake, parameters, labels), by_clip.values())
    return [row for of_clip in found for row in of_clip]


def _examples_of_clip(lake: Lake, parameters: Parameters, labels: list[Labelled]) -> list[dict[str, Any]]:
    frames = {each.key: frames_to_learn(each, parameters.training_set.frames_per_segment) for each in labels}
    return examples_of_clip(lake, parameters, labels, frames)


def examples_of_clip(
    lake: Lake, parameters: Parameters, labels: list[Labelled], frames: dict[str, list[int]]
) -> list[dict[str, Any]]:
    """Return rows of ``training_set``, without a fold, for segments of one clip at the frames given by their keys."""
    if not labels:
        return []
    wanted = [(e.track_id, frame) for e in labels for frame in (e.onset, *frames[e.key])]
    crops = crops_at(lake, labels[0].camera_day, labels[0].clip_id, wanted)
    return [
        _example(parameters, each, frame, crops)
        for each in labels
        for frame in frames[each.key]
        if (each.track_id, frame) in crops
    ]


def _example(
    parameters: Parameters, label: Labelled, frame: int, crops: dict[tuple[str, int], NDArray[np.uint8]]
) -> dict[str, Any]:
    crop = crops[label.track_id, frame]
    texture, flow = segment_features(crops[label.track_id, label.onset], crop, config=parameters.features)
    pad = label.pad or (None, None, None)
    return {
        "example_id": f"{label.key}-{frame}",
        "clip_id": label.clip_id,
        "track_id": label.track_id,
        "frame": frame,
        "subject": label.subject,
        "emotion": label.emotion,
        **dict(zip(PAD_AXES, pad, strict=True)),
        "image": face_image(crop).tobytes(),
        "onset": face_image(crops[label.track_id, label.onset]).tobytes(),
        "texture": texture,
        "flow": flow,
        "synthetic": label.synthetic,
        "label_source": label.source,
        "review_ids": list(label.review_ids),
    }


def _earlier_folds(lake: Lake) -> dict[str, str]:
    """Return the fold of every subject that was split before: who once tested a model never trains one."""
    if NAME not in lake.names("training_set"):
        return {}
    table = lake.read("training_set", NAME, columns=["subject", "fold"])
    return dict(zip(table["subject"].to_pylist(), table["fold"].to_pylist(), strict=True))


def _folds(rows: list[dict[str, Any]], config: TrainingSetConfig, *, previous: dict[str, str]) -> list[str]:
    learned = 1 - config.valid_fraction - config.test_fraction
    split = split_by_subject(
        [row["subject"] for row in rows],
        [EMOTIONS.index(row["emotion"]) for row in rows],
        fractions=(learned, config.valid_fraction, config.test_fraction),
        seed=config.seed,
        ids=[row["example_id"] for row in rows],
        previous=previous,
    )
    return split.folds.tolist()
