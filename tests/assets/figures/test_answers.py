"""Drawings of answers over time."""

from apexline.assets.figures.answers import answers_plot

ROW = {"clip": "a.mp4", "onset_s": 1.0, "offset_s": 2.5, "answer": "happy"}


def test_each_clip_has_a_panel_and_each_run_a_lane():
    runs = {"old": [ROW, {**ROW, "clip": "b.mp4", "answer": "abstained"}], "new": [ROW]}
    figure = answers_plot(runs, synthetic=True)
    first, second = figure.axes
    assert [each.get_text() for each in first.get_yticklabels()] == ["old", "new"]
    assert [bar.get_y() + bar.get_height() / 2 for bar in first.patches] == [0, 1]
    assert [bar.get_hatch() for bar in second.patches] == ["///"]
    assert figure.get_suptitle() == "synthetic"


def test_clips_beyond_twelve_are_counted():
    rows = [{**ROW, "clip": f"{number:02}.mp4"} for number in range(15)]
    figure = answers_plot({"one": rows}, synthetic=False)
    assert len(figure.axes) == 12
    assert figure.axes[-1].get_title(loc="left") == "11.mp4, and 3 more clips"


def test_nothing_found_is_an_empty_panel():
    assert len(answers_plot({"one": [], "two": []}, synthetic=False).axes) == 1
