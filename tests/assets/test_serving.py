"""A served model: raw faces in any form, clips, answers with reasons."""

import base64
import json
import math

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from skimage import data as pictures

from apexline.assets.lake.clip_stages import process_clip
from apexline.assets.lake.crops import crops_at
from apexline.assets.lake.face_quality import measures_at
from apexline.assets.scoring.answers import ChangeInput, FaceInput, score_changes, score_faces
from apexline.assets.serving import ExpressionServer, _load_pyfunc
from apexline.assets.serving_limits import ServingLimits
from apexline.features.config import FeatureConfig
from apexline.features.faces.alignment import align_face
from apexline.features.faces.config import FaceConfig
from apexline.features.faces.detectors import make_detector
from apexline.features.pipeline import segment_features, spot_clip
from apexline.ml.config import AbstentionConfig
from apexline.ml.datasets.examples import face_image
from apexline.ml.deepid.abstention import Limits
from apexline.ml.deepid.model import ExpressionModel
from apexline.ml.deepid.network import DeepID
from apexline.ml.deepid.reducer import FeatureReducer
from apexline.ml.registry.request import COLUMNS, FEATURES_FILE

CONFIG = FeatureConfig()


def make_model(*, texture_size=16352, limits=None) -> ExpressionModel:
    """An untrained network that sees texture and flow."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    return ExpressionModel(
        network=DeepID(version="features", texture_size=3, flow_size=70).frozen(),
        reducer=FeatureReducer(
            texture_mean=np.full(texture_size, 0.02, np.float32),
            texture_components=rng.normal(0, 1, (3, texture_size)).astype(np.float32),
            flow_mean=np.zeros(70, np.float32),
            flow_scale=np.ones(70, np.float32),
        ),
        temperature=0.5,
        pad_anchors=rng.uniform(-1, 1, (4, 3)).astype(np.float32),
        config={},
        seed=0,
        feature_version="2",
        split_hash="s",
        pad_space_hash="p",
        code_version="0",
        synthetic=True,
        limits=limits or Limits(),
    )


@pytest.fixture(scope="module")
def server(astronaut_clip) -> ExpressionServer:
    return ExpressionServer(make_model(), CONFIG, ServingLimits(clips=astronaut_clip.path.parent))


@pytest.fixture(scope="module")
def raw() -> np.ndarray:
    """A colour face cut out by hand, with some rim."""
    return np.ascontiguousarray(pictures.astronaut()[60:190, 165:285, ::-1])


@pytest.fixture(scope="module")
def aligned(raw) -> np.ndarray:
    [face] = make_detector(FaceConfig()).detect(raw)
    return align_face(cv2.cvtColor(raw, cv2.COLOR_BGR2GRAY), face.landmarks)


def ask(server, *rows):
    return server.predict(pd.DataFrame(list(rows))).to_dict("records")


def probabilities(answer):
    return [answer[f"p_{name}"] for name in ("happy", "angry", "calm", "scared")]


def test_an_aligned_crop_is_answered_as_the_line_does(server, aligned):
    [answer] = ask(server, {"image": aligned, "aligned": True})
    texture, _ = segment_features(None, aligned, config=CONFIG)
    direct = server.model.predict(face_image(aligned)[None], texture[None])
    np.testing.assert_array_equal(probabilities(answer), direct.probabilities[0])
    assert (answer["row"], answer["track"], answer["abstained"], answer["reasons"]) == (0, None, False, [])
    assert math.isnan(answer["apex_s"])
    assert list(answer) == list(COLUMNS)


def test_motion_comes_from_the_onset(server, aligned):
    onset = np.roll(aligned, 1, axis=0)
    [answer] = ask(server, {"image": aligned, "onset": onset, "aligned": True})
    texture, flow = segment_features(onset, aligned, config=CONFIG)
    direct = server.model.predict(
        face_image(aligned)[None], texture[None], flow[None], face_image(onset)[None]
    )
    np.testing.assert_array_equal(probabilities(answer), direct.probabilities[0])
    small = cv2.resize(onset, (48, 48))
    assert probabilities(
        ask(server, {"image": aligned, "onset": small, "aligned": True})[0]
    ) != probabilities(answer)


def test_the_networks_own_input_is_taken_as_it_is(server, aligned):
    image = face_image(aligned)
    [answer] = ask(server, {"image": image, "aligned": True})
    np.testing.assert_array_equal(probabilities(answer), server.model.predict(image[None]).probabilities[0])


def test_all_forms_of_a_raw_face_are_answered_alike(server, raw):
    encoded = cv2.imencode(".png", raw)[1].tobytes()
    forms = (raw, raw.tolist(), encoded, base64.b64encode(encoded).decode())
    found = ask(server, *({"image": form} for form in forms))
    assert [answer["row"] for answer in found] == [0, 1, 2, 3]
    assert len({tuple(probabilities(answer)) for answer in found}) == 1
    json.dumps(found)  # plain types: the scoring server writes JSON


def test_a_raw_face_is_found_and_aligned(server, raw, aligned):
    [answer] = ask(server, {"image": raw})
    expected = score_faces(server.model, [FaceInput(aligned)], features=CONFIG)[0]
    np.testing.assert_allclose(probabilities(answer), probabilities(expected), atol=0.05)


def test_size_and_pose_of_a_raw_face_are_judged(raw):
    strict = Limits(config=AbstentionConfig(min_face_px=500.0, max_roll_deg=0.0))
    [answer] = ask(ExpressionServer(make_model(limits=strict), CONFIG), {"image": raw})
    assert answer["reasons"] == ["small", "off-pose"]


@pytest.mark.parametrize(
    ("contrast", "grey", "reasons"),
    [
        (0.08, 30, ["too dark"]),
        (0.04, 16, ["no face found", "too dark"]),
        (0.04, 235, ["no face found", "too bright"]),
        (0.04, 128, ["no face found", "low contrast"]),
    ],
)
def test_what_the_light_takes_from_a_raw_face_is_not_called_blurred(raw, contrast, grey, reasons):
    dull = np.round((raw - raw.mean()) * contrast + grey).astype(np.uint8)
    [answer, sound] = ask(ExpressionServer(make_model(), CONFIG), {"image": dull}, {"image": raw})
    assert answer["reasons"] == reasons
    assert sound["reasons"] == []


def test_a_raw_face_without_detail_in_good_light_is_blurred(raw):
    [answer] = ask(ExpressionServer(make_model(), CONFIG), {"image": cv2.GaussianBlur(raw, (0, 0), 3)})
    assert answer["reasons"] == ["blurred"]


def test_a_picture_without_a_face_is_abstained_from(server):
    noise = np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8)
    [colour, grey, aligned] = ask(
        server,
        {"image": noise},
        {"image": noise[..., 0].tolist()},
        {"image": noise[:48, :48, 0], "aligned": False},
    )
    assert colour["reasons"] == grey["reasons"] == ["no face found"]
    assert aligned["reasons"] == ["no face found"]
    assert sum(probabilities(colour)) == pytest.approx(1, abs=1e-5)


def test_a_clip_gives_an_answer_for_each_segment(server, astronaut_clip, aligned):
    found = ask(server, {"image": aligned, "aligned": True}, {"clip": str(astronaut_clip.path)})
    segments = spot_clip(astronaut_clip.path, config=CONFIG)
    assert segments
    answers = found[1:]
    assert [(each["row"], each["track"], each["apex_s"]) for each in answers] == [
        (1, segment.track_id, segment.apex_s) for segment in segments
    ]
    [segment] = segments
    apex, *shown = ((segment.track_id, frame) for frame in (segment.apex, *segment.held, *segment.rest))
    with process_clip(astronaut_clip.path, features=CONFIG) as clip:
        at = (clip.lake, clip.camera_day, clip.clip_id, [apex, *shown])
        crops, measures = crops_at(*at), measures_at(*at)
    assert measures[apex]["track_s"] == pytest.approx(2.7, abs=0.3)
    assert measures[apex]["size_px"] > 60
    faces = [crops[place] for place in shown]
    held, rest = faces[: len(segment.held)], faces[len(segment.held) :]
    change = ChangeInput([crops[apex], *held], rest, segment.words, measures[apex])
    [direct] = score_changes(server.model, [change], features=CONFIG)
    np.testing.assert_array_equal(probabilities(answers[0]), probabilities(direct))


def test_a_clip_is_tracked_once(server, astronaut_clip, tracker_calls):
    assert ask(server, {"clip": str(astronaut_clip.path)})
    assert tracker_calls == {"read_frames": 1, "track_faces": 1}


def test_no_faces_no_answers(server):
    assert score_faces(server.model, [], features=CONFIG) == []
    empty = server.predict(pd.DataFrame({"image": []}))
    assert empty.empty
    assert empty.columns.tolist() == list(COLUMNS)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"image": None, "clip": None}, r"row 0 holds \[\], expected image or clip"),
        ({"image": [[1]], "clip": "x.mp4"}, r"row 0 holds \['clip', 'image'\]"),
        ({"face": [[1]]}, r"row 0 holds \['face'\]"),
    ],
)
def test_a_row_is_a_face_or_a_clip(server, row, message):
    with pytest.raises(ValueError, match=message):
        ask(server, row)


def test_what_is_called_aligned_has_its_size(server, raw):
    with pytest.raises(ValueError, match=r"an aligned face has shape \(130, 120, 3\), expected one of"):
        ask(server, {"image": raw, "aligned": True})


def test_a_clip_that_is_not_there_is_named(server):
    with pytest.raises(
        ValueError, match="clip 'nowhere.mp4' is no file below the folder that APEXLINE_SERVING_CLIPS"
    ):
        ask(server, {"clip": "nowhere.mp4"})


@pytest.mark.parametrize(
    ("limits", "rows", "message"),
    [
        ({"max_rows": 2}, 3 * [{"image": [[1]]}], "3 rows, expected at most 2"),
        ({"max_searches": 1}, 2 * [{"image": [[1]]}], "found in 2 pictures, expected at most 1"),
        ({"max_pixels": 9}, [{"image": [[1]]}, {"image": [[1] * 3] * 3}], "row 1, image has 3 x 3 px"),
        ({}, [{"image": [[1]]}, {"clip": "/etc/passwd"}], "reads no clips; APEXLINE_SERVING_CLIPS"),
    ],
)
def test_a_request_that_asks_for_too_much_is_refused_before_any_work(monkeypatch, limits, rows, message):
    monkeypatch.setattr(ExpressionServer, "face", lambda *_: pytest.fail("worked"))
    with pytest.raises(ValueError, match=message):
        ask(ExpressionServer(make_model(), CONFIG, ServingLimits(**limits)), *rows)


@pytest.mark.parametrize("onset", [True, False])
def test_other_features_than_those_of_training_are_refused(server, aligned, onset):
    if onset:
        model = make_model()
        reducer = FeatureReducer(**(vars(model.reducer) | {"flow_mean": np.zeros(60, np.float32)}))
        other, message = ExpressionModel(**(vars(model) | {"reducer": reducer})), "flow has 70 values"
    else:
        other, message = make_model(texture_size=99), "texture has 16352 values, the model was trained on 99"
    row = {"image": aligned, "aligned": True} | ({"onset": aligned} if onset else {})
    with pytest.raises(ValueError, match=message):
        ask(ExpressionServer(other, CONFIG), row)


def test_the_loader_hook_reads_checkpoint_and_parameters(server, aligned, tmp_path):
    server.model.save(tmp_path)
    (tmp_path / FEATURES_FILE).write_text('{"texture": {"kinds": ["sr"]}}')
    loaded = _load_pyfunc(str(tmp_path))
    assert loaded.features.texture.kinds == ("sr",)
    assert probabilities(ask(loaded, {"image": face_image(aligned), "aligned": True})[0]) == probabilities(
        ask(server, {"image": face_image(aligned), "aligned": True})[0]
    )
