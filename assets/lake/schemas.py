"""Columns of every lake table, with units: the one place where a column is added or renamed.

Belongs here: names, types, units and descriptions, and which columns stay in the lake. Stays out: reading,
writing and computing.

A table lies at ``lake/<table>/camera_day=<key>/<clip_id>.parquet``; the tables that no camera-day owns
(``WITHOUT_CAMERA_DAY``) lie at ``lake/<table>/<name>.parquet``.
"""

from __future__ import annotations

import pyarrow as pa


def _column(name: str, kind: pa.DataType, description: str, unit: str = "") -> pa.Field:
    return pa.field(name, kind, metadata={"description": description, "unit": unit})


_UTC = pa.timestamp("us", tz="UTC")
_FLOATS = pa.list_(pa.float32())
_FRAMES = pa.list_(pa.int32())

CLIP_ID = _column("clip_id", pa.string(), "first 16 hex digits of the clip's SHA-256")
TRACK_ID = _column("track_id", pa.string(), "track within this clip; links to nothing outside it")
SEGMENT_ID = _column("segment_id", pa.string(), "expression segment: {track_id}-{onset}")
FRAME = _column("frame", pa.int32(), "frame index in the clip", "0-based")
TIME = _column("time_s", pa.float64(), "presentation time from the clip's start", "s")

CLIP_MANIFEST = pa.schema(
    [
        CLIP_ID,
        _column("sha256", pa.string(), "content hash of the file"),
        _column("camera", pa.string(), "camera that recorded the clip"),
        _column("captured_at", _UTC, "start of the recording", "UTC"),
        _column("purpose", pa.string(), "why the clip may be processed"),
        _column("legal_basis", pa.string(), "legal basis of the processing"),
        _column("path", pa.string(), "where the stored clip lies, relative to the home"),
        _column("codec", pa.string(), "video codec"),
        _column("width", pa.int32(), "frame width as displayed", "px"),
        _column("height", pa.int32(), "frame height as displayed", "px"),
        _column("num_frames", pa.int32(), "frames that are displayed, lost ones included", "frames"),
        _column("fps", pa.float64(), "mean rate from the timestamps", "1/s"),
        _column("duration_s", pa.float64(), "last minus first timestamp plus one frame", "s"),
        _column("synthetic", pa.bool_(), "made by the project's own generator"),
    ]
)

ANNOTATIONS = pa.schema(
    [
        CLIP_ID,
        _column("annotation_id", pa.string(), "{clip_id}-a{index}; a stimulus that raters may rate"),
        _column("subject", pa.string(), "pseudonymous code from the manifest, used only to split data"),
        _column("emotion", pa.string(), "labelled apparent expression: happy, angry, calm or scared"),
        _column("onset", pa.int32(), "first frame", "0-based"),
        _column("apex", pa.int32(), "frame of the strongest expression", "0-based"),
        _column("offset", pa.int32(), "last frame", "0-based"),
        _column("x", pa.float32(), "face box at the apex, left", "px"),
        _column("y", pa.float32(), "face box at the apex, top", "px"),
        _column("w", pa.float32(), "face box at the apex, width", "px"),
        _column("h", pa.float32(), "face box at the apex, height", "px"),
        _column("synthetic", pa.bool_(), "truth of the project's own generator"),
    ]
)

FACE_TRACKS = pa.schema(
    [
        CLIP_ID,
        TRACK_ID,
        FRAME,
        TIME,
        _column("x", pa.float32(), "face box, left", "px"),
        _column("y", pa.float32(), "face box, top", "px"),
        _column("w", pa.float32(), "face box, width", "px"),
        _column("h", pa.float32(), "face box, height", "px"),
        _column(
            "landmarks", _FLOATS, "(row, col) of left eye, right eye, nose, left and right mouth corner", "px"
        ),
        _column("detector_score", pa.float32(), "score of the last detection", "0..1"),
        _column("detected", pa.bool_(), "true: detected in this frame; false: followed in between"),
        _column("size_px", pa.float32(), "geometric mean of the box sides", "px"),
        _column(
            "blur", pa.float32(), "variance of the Laplacian of the aligned crop; low is blurred", "grey^2"
        ),
        _column(
            "yaw", pa.float32(), "pose proxy: nose offset from the eyes' midpoint over eye distance", "-1..1"
        ),
        _column("roll_deg", pa.float32(), "angle of the line between the eyes", "deg"),
        _column("kept", pa.bool_(), "the frame goes on to the features"),
        _column("drop_reason", pa.string(), "why the frame was dropped; empty when kept"),
    ]
)

CLIP_FRAMES = pa.schema(
    [
        CLIP_ID,
        _column("frames_read", pa.int32(), "frames that decoded and were looked at for faces", "frames"),
        _column("frames_lost", pa.int32(), "frames that did not decode, or not without damage", "frames"),
        _column("reasons", pa.list_(pa.string()), "why they were lost, as '{count} x {reason}'"),
    ]
)

FACE_CROPS = pa.schema(
    [
        CLIP_ID,
        TRACK_ID,
        FRAME,
        TIME,
        _column("crop", pa.binary(128 * 128), "aligned grey face, 128 x 128 row-major bytes", "grey 0..255"),
    ]
)

TEXTURE_FEATURES = pa.schema(
    [
        CLIP_ID,
        TRACK_ID,
        FRAME,
        TIME,
        _column("kind", pa.string(), "texture descriptor: sl, sr, cod, ..."),
        _column("difference", pa.float32(), "feature difference Q: mean chi-square distance over blocks"),
        _column("block_differences", _FLOATS, "chi-square distance of each block, row-major"),
    ]
)

FLOW_FEATURES = pa.schema(
    [
        CLIP_ID,
        TRACK_ID,
        FRAME,
        TIME,
        _column("roi", pa.string(), "region: left_brow, right_brow, left_mouth, right_mouth, ..."),
        _column("drow", pa.float32(), "mean displacement against the reference, down", "px of the crop"),
        _column("dcol", pa.float32(), "mean displacement against the reference, right", "px of the crop"),
        _column("magnitude", pa.float32(), "module OV of eq. 19", "px of the crop"),
        _column("angle", pa.float32(), "polar angle of (dcol, drow)", "rad, 0..2pi"),
        _column(
            "speed", pa.float32(), "change of the displacement since the previous frame, by real time", "px/s"
        ),
        _column("hoof", _FLOATS, "magnitude-weighted histogram of 8 orientations", "px"),
    ]
)

EXPRESSION_FEATURES = pa.schema(
    [
        CLIP_ID,
        TRACK_ID,
        FRAME,
        TIME,
        _column(
            "words", _FLOATS, "logits of the words of features.expression: FER+'s raters', then FER2013's"
        ),
    ]
)

EXPRESSION_SEGMENTS = pa.schema(
    [
        CLIP_ID,
        TRACK_ID,
        SEGMENT_ID,
        _column("onset", pa.int32(), "first frame", "0-based"),
        _column("apex", pa.int32(), "frame of the strongest expression", "0-based"),
        _column("offset", pa.int32(), "last frame", "0-based"),
        _column("onset_s", pa.float64(), "time of the onset", "s"),
        _column("apex_s", pa.float64(), "time of the apex", "s"),
        _column("offset_s", pa.float64(), "time of the offset", "s"),
        _column("length", pa.string(), "micro (up to 0.5 s) or macro"),
        _column("score", pa.float32(), "strength of the apex against the detection threshold"),
        _column("source", pa.string(), "what found it: the learned rule, or flow, texture or both"),
        _column("roi", pa.string(), "region with the strongest motion at the apex"),
        _column("held", _FRAMES, "some frames that hold the expression", "0-based"),
        _column("rest", _FRAMES, "some frames of the track in which the face is at rest", "0-based"),
        _column(
            "words", _FLOATS, "rise of the logits of FER+'s words from rest; empty by a rule without words"
        ),
    ]
)

RATINGS = pa.schema(
    [
        _column("rater", pa.string(), "pseudonymous rater code"),
        _column("segment", pa.string(), "segment_id or annotation_id that was rated"),
        _column("pair", pa.string(), "adjective pair of ml/data/adjective_pairs.csv or an imported form"),
        _column("level", pa.float32(), "1 strongly first pole .. 5 strongly second pole", "1..5"),
        _column("synthetic", pa.bool_(), "made by the simulated panel"),
        _column("source", pa.string(), "file or panel the rating came from"),
    ]
)

TRAINING_SET = pa.schema(
    [
        _column("example_id", pa.string(), "{annotation_id or segment_id}-{frame}"),
        CLIP_ID,
        TRACK_ID,
        FRAME,
        _column("subject", pa.string(), "code that the split keeps apart"),
        _column("emotion", pa.string(), "label: happy, angry, calm or scared"),
        _column("pleasure", pa.float32(), "rated pleasure; null when not rated", "-1..1"),
        _column("arousal", pa.float32(), "rated arousal; null when not rated", "-1..1"),
        _column("dominance", pa.float32(), "rated dominance; null when not rated", "-1..1"),
        _column(
            "image", pa.binary(48 * 48), "preprocessed grey face, 48 x 48 row-major bytes", "grey 0..255"
        ),
        _column("texture", pa.list_(pa.float32()), "MODC block histograms at the frame, L1-normalised"),
        _column(
            "flow", _FLOATS, "ROI displacement and HOOF from the segment's onset; null for a still", "px"
        ),
        _column(
            "onset",
            pa.binary(48 * 48),
            "the same face at the segment's onset; null for a still",
            "grey 0..255",
        ),
        _column("fold", pa.string(), "train, valid or test; no subject is in two"),
        _column("label_source", pa.string(), "who said the emotion: annotation, ratings or review"),
        _column("review_ids", pa.list_(pa.string()), "reviews that the label rests on"),
        _column("synthetic", pa.bool_(), "from the project's own generator"),
    ]
)

MODEL_COMPARISON = pa.schema(
    [
        _column("version", pa.string(), "baseline, features or semantic"),
        _column("model_version", pa.int32(), "version number in the MLflow registry"),
        _column("run_id", pa.string(), "MLflow run"),
        _column("split_hash", pa.string(), "hash of the subject split"),
        _column("seed", pa.int32(), "training seed"),
        _column("loss", pa.float64(), "test cross-entropy", "nat"),
        _column("recognition", pa.float64(), "test accuracy of the expression class", "0..1"),
        _column("recognition_low", pa.float64(), "95 % bootstrap interval by subject, lower", "0..1"),
        _column("recognition_high", pa.float64(), "95 % bootstrap interval by subject, upper", "0..1"),
        _column(
            "classification", pa.float64(), "test accuracy of the emotion after the semantic mapping", "0..1"
        ),
        _column("classification_low", pa.float64(), "95 % bootstrap interval by subject, lower", "0..1"),
        _column("classification_high", pa.float64(), "95 % bootstrap interval by subject, upper", "0..1"),
        _column(
            "calibration_error", pa.float64(), "expected calibration error, 10 bins of equal width", "0..1"
        ),
        _column("error_at_80", pa.float64(), "test error of the most confident four fifths", "0..1"),
        _column("coverage", pa.float64(), "share of the test faces that the model answers", "0..1"),
        _column("answered_error", pa.float64(), "test error of those answered", "0..1"),
        _column(
            "worst_slice", pa.string(), "group of least accuracy, of 20 faces or more; null: none is as large"
        ),
        _column("worst_accuracy", pa.float64(), "its accuracy", "0..1"),
        _column("synthetic", pa.bool_(), "tested on the project's own generator"),
    ]
)

LEARNING_CURVES = pa.schema(
    [
        _column("version", pa.string(), "baseline, features or semantic"),
        _column("epoch", pa.int32(), "training epoch", "0-based"),
        _column("fold", pa.string(), "train or valid"),
        _column("loss", pa.float64(), "mean loss", "nat"),
        _column("recognition", pa.float64(), "accuracy of the expression class", "0..1"),
        _column("classification", pa.float64(), "accuracy after the semantic mapping", "0..1"),
    ]
)

PROMOTIONS = pa.schema(
    [
        _column("decided_at", _UTC, "when the decision was taken", "UTC"),
        _column("model_version", pa.int32(), "challenger's version in the registry"),
        _column("incumbent_version", pa.int32(), "champion before; null for the first"),
        _column("promoted", pa.bool_(), "the alias champion was moved"),
        _column("approved_by", pa.string(), "person who approved"),
        _column("difference", pa.float64(), "test accuracy, challenger minus incumbent", "-1..1"),
        _column("difference_low", pa.float64(), "95 % paired bootstrap interval, lower"),
        _column("difference_high", pa.float64(), "95 % paired bootstrap interval, upper"),
        _column("reason", pa.string(), "why it was promoted or not"),
    ]
)

SEGMENT_SCORES = pa.schema(
    [
        CLIP_ID,
        TRACK_ID,
        SEGMENT_ID,
        _column("model_version", pa.int32(), "registry version that scored"),
        _column("version", pa.string(), "baseline, features or semantic"),
        _column("scored_at", _UTC, "when it was scored", "UTC"),
        _column("dagster_run_id", pa.string(), "run that scored"),
        _column(
            "emotion", pa.string(), "most probable apparent expression: happy, angry, calm, scared or other"
        ),
        _column("confidence", pa.float32(), "its probability", "0..1"),
        _column("p_happy", pa.float32(), "probability", "0..1"),
        _column("p_angry", pa.float32(), "probability", "0..1"),
        _column("p_calm", pa.float32(), "probability", "0..1"),
        _column("p_scared", pa.float32(), "probability", "0..1"),
        _column(
            "p_other", pa.float32(), "probability that it is none of them; null: scored before it was", "0..1"
        ),
        _column("pleasure", pa.float32(), "PAD coordinate", "-1..1"),
        _column("arousal", pa.float32(), "PAD coordinate", "-1..1"),
        _column("dominance", pa.float32(), "PAD coordinate", "-1..1"),
        _column("adjectives", pa.list_(pa.string()), "nearest adjectives in the semantic space"),
        _column("abstained", pa.bool_(), "not to be relied on; null: scored before models abstained"),
        _column("reasons", pa.list_(pa.string()), "why the model abstains; empty where it answers"),
        _column("synthetic", pa.bool_(), "model or clip comes from the project's own generator"),
    ]
)

REVIEWS = pa.schema(
    [
        _column("review_id", pa.string(), "{clip_id}-r{12 hex digits}, drawn at random"),
        CLIP_ID,
        TRACK_ID,
        _column(
            "segment_id", pa.string(), "what was looked at; {track_id}-drawn-{onset} where a person drew it"
        ),
        _column("verdict", pa.string(), "expression, no_expression, not_a_face, or undo"),
        _column(
            "emotion", pa.string(), "happy, angry, calm, scared or other; null where no expression is seen"
        ),
        _column("onset", pa.int32(), "first frame, as the reviewer sees it", "0-based"),
        _column("apex", pa.int32(), "frame of the strongest expression", "0-based"),
        _column("offset", pa.int32(), "last frame", "0-based"),
        _column("onset_s", pa.float64(), "time of the onset", "s"),
        _column("apex_s", pa.float64(), "time of the apex", "s"),
        _column("offset_s", pa.float64(), "time of the offset", "s"),
        _column("x", pa.float32(), "face box at the apex, left", "px"),
        _column("y", pa.float32(), "face box at the apex, top", "px"),
        _column("w", pa.float32(), "face box at the apex, width", "px"),
        _column("h", pa.float32(), "face box at the apex, height", "px"),
        _column("reviewer", pa.string(), "pseudonymous code of the person"),
        _column("reviewed_at", _UTC, "when", "UTC"),
        _column("reason", pa.string(), "why, in the reviewer's words"),
        _column("undoes", pa.string(), "review that an undo takes back; null otherwise"),
        _column("shown_as", pa.string(), "how it came up: opened, uncertain, disagreement, audit or drawn"),
        _column("model_version", pa.int32(), "whose answer the reviewer saw; null: none"),
        _column("answer", pa.string(), "what that version said: an emotion, abstained or unscored"),
        _column("synthetic", pa.bool_(), "the clip comes from the project's own generator"),
    ]
)

TABLES: dict[str, pa.Schema] = {
    "clip_manifest": CLIP_MANIFEST,  # clips that were taken in, one row each
    "annotations": ANNOTATIONS,  # labelled expressions from the clips' manifests
    "clip_frames": CLIP_FRAMES,  # how many frames of a clip were read and lost, one row each
    "face_tracks": FACE_TRACKS,  # faces frame by frame
    "face_crops": FACE_CROPS,  # pixels of the frames that were kept
    "texture_features": TEXTURE_FEATURES,  # texture difference frame by frame
    "flow_features": FLOW_FEATURES,  # motion by region and frame
    "expression_features": EXPRESSION_FEATURES,  # how a face looks in words, frame by frame
    "expression_segments": EXPRESSION_SEGMENTS,  # as found by the present code
    "ratings": RATINGS,  # one row for each rater, stimulus and adjective pair
    "training_set": TRAINING_SET,  # what the models learned from
    "model_comparison": MODEL_COMPARISON,  # test results of every compared model version
    "learning_curves": LEARNING_CURVES,  # loss and accuracy by epoch
    "promotions": PROMOTIONS,  # decisions about the champion, refusals included
    "segment_scores": SEGMENT_SCORES,  # every score ever given; files are appended, never overwritten
    "reviews": REVIEWS,  # what people said of segments, undone reviews included; files are appended
}

# No camera-day owns a file of these; each file of the others belongs to the camera-day of its folder.
WITHOUT_CAMERA_DAY = frozenset(
    {"ratings", "training_set", "model_comparison", "learning_curves", "promotions"}
)

# Pixels and vectors that the warehouse does not mirror.
LAKE_ONLY: dict[str, frozenset[str]] = {
    "face_tracks": frozenset({"landmarks"}),
    "face_crops": frozenset({"crop"}),
    "texture_features": frozenset({"block_differences"}),
    "flow_features": frozenset({"hoof"}),
    "expression_features": frozenset({"words"}),
    "training_set": frozenset({"image", "texture", "flow"}),
}
