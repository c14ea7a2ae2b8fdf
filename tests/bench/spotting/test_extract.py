"""What is read from a clip for all methods."""

import numpy as np

from apexline.bench.spotting.extract import TrackRows, extract_clip
from apexline.bench.spotting.faces import make_face
from apexline.bench.spotting.methods import FlowRule, Thresholds


def test_a_clip_is_extracted_for_all_methods(astronaut_clip):
    (rows,) = extract_clip(astronaut_clip.path)
    assert set(rows.tables) == {"texture", "flow", "paper_texture", "paper_flow", "moilanen", "mdmd"}
    face = make_face("a", "p", np.arange(rows.frames[-1] + 1) / 25, [], [rows])
    (stretch,) = face.stretches
    assert set(stretch.textures) == {"sl", "sr", "cod", "dcp", "hog", "lbp"}
    assert all(values.shape == stretch.curves.times.shape for values in stretch.textures.values())
    assert stretch.temporal.shape[0] == stretch.curves.times.size
    for curves in face.baselines.values():
        assert curves[0].values.shape == stretch.curves.times.shape
        assert (curves[0].values >= 0).all()
    (own,) = extract_clip(astronaut_clip.path, baselines=False)
    assert set(own.tables) == {"texture", "flow"}
    # an empty track, whose frames were all dropped, makes a face that shows nothing
    dropped = TrackRows("x", np.arange(3), np.zeros((3, 4)), {})
    scores, found = FlowRule().spot(make_face("a", "p", np.arange(3) / 25, [], [dropped]), Thresholds())
    assert found == []
    assert not scores.any()
