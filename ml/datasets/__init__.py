"""Labelled faces as arrays, public data sets, subject-disjoint splits."""

from apexline.ml.datasets.examples import (
    CROP_SIZE,
    INPUT_SIZE,
    ExpressionDataset,
    face_image,
    one_hot,
    strings,
)
from apexline.ml.datasets.ferplus import (
    RATERS_WORDS,
    READINGS,
    VOCABULARY_SIZES,
    FerPlus,
    drop_near_copies,
    ferplus_examples,
    read_ferplus,
)
from apexline.ml.datasets.image_pad import (
    class_pad,
    emotion_anchors,
    intensities_to_pad,
    random_anchors,
    vote_variance,
    votes_to_pad,
)
from apexline.ml.datasets.posed import OBSERVED, performer_folds, read_segments, read_stills, stills_pad
from apexline.ml.datasets.rehearsal import Lesson, with_rehearsal
from apexline.ml.datasets.splits import FOLDS, Split, assert_disjoint, split_by_subject, split_from_folds

__all__ = [
    "CROP_SIZE",
    "ExpressionDataset",
    "FOLDS",
    "FerPlus",
    "INPUT_SIZE",
    "Lesson",
    "OBSERVED",
    "RATERS_WORDS",
    "READINGS",
    "Split",
    "VOCABULARY_SIZES",
    "assert_disjoint",
    "class_pad",
    "drop_near_copies",
    "emotion_anchors",
    "face_image",
    "ferplus_examples",
    "intensities_to_pad",
    "one_hot",
    "performer_folds",
    "random_anchors",
    "read_ferplus",
    "read_segments",
    "read_stills",
    "split_by_subject",
    "split_from_folds",
    "stills_pad",
    "strings",
    "vote_variance",
    "votes_to_pad",
    "with_rehearsal",
]
