"""What is a survey and what is not."""

import numpy as np
import pandas as pd
import pytest

from apexline.ml.emotions import EMOTIONS
from apexline.ml.norms import pair_ids
from apexline.ml.surveys import sufficiency
from apexline.ml.surveys.panel import simulate_panel


@pytest.fixture
def panel():
    names = [f"s{k:02d}" for k in range(12)]
    return simulate_panel(
        pd.DataFrame({"segment": names, "emotion": [EMOTIONS[k % 4] for k in range(12)]}), raters=3
    )


def patterned(levels, *, raters=2, stimuli=12):
    rows = [
        (f"r{rater}", f"s{stimulus:02d}", pair)
        for rater in range(raters)
        for stimulus in range(stimuli)
        for pair in pair_ids()[:8]
    ]
    table = pd.DataFrame(rows, columns=["rater", "segment", "pair"])
    return table.assign(level=np.resize(levels, len(table)))


def test_a_panel_will_do(panel):
    assert sufficiency.survey_problems(panel) == []


def test_one_rater_and_few_segments_are_too_few(panel):
    [problem] = sufficiency.survey_problems(panel[panel["rater"] == panel["rater"][0]])
    assert problem == "saw 1 rater, expected at least 2; ask more people"
    [problem] = sufficiency.survey_problems(panel[panel["segment"] < "s09"])
    assert problem == "saw 9 rated segments, expected at least 10; have more of them rated"


@pytest.mark.parametrize("levels", [[3], [1, 5], [1, 2, 3, 4, 5, 4, 3, 2]])
def test_answers_in_a_pattern_agree_on_nothing(levels):
    [problem] = sufficiency.survey_problems(patterned(levels))
    assert "answer in a pattern" in problem


def test_groups_that_share_no_segment_do_not_hang_together(panel):
    other = panel.assign(rater="x" + panel["rater"], segment="x" + panel["segment"])
    both = pd.concat([panel, other])
    assert sufficiency.connected_share(panel) == 1
    assert sufficiency.connected_share(both) == 0.5
    [problem] = sufficiency.survey_problems(both)
    assert problem.startswith("50% of the answers")
    assert sufficiency.survey_problems(pd.concat([panel, other[:20]])) == []


def test_raters_who_meet_at_no_segment_cannot_agree(panel):
    alone = panel[panel["rater"] == panel["rater"][0]]
    apart = alone.assign(rater=alone["rater"].where(alone["segment"] < "s11", "other"))
    assert "no segment was rated twice" in sufficiency.survey_problems(apart)[-1]
