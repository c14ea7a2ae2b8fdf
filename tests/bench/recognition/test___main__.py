"""The benchmark of recognition as a command of its own."""

import json

from apexline.bench.recognition import __main__ as recognition_main
from apexline.bench.recognition.run import Results


def test_fewer_seeds_than_the_plan_has_are_measured_and_shown(monkeypatch, tmp_path, capsys):
    figures = [
        {"on": "stills", "method": "m", "accuracy": 0.5, "balanced": 0.5, "95 %, performers": "0.4..0.6"}
    ]
    difference = {"difference on apexes": "a - b", "mean": 0.1, "95 %": "+0.0..+0.2", "real": "yes"}
    monkeypatch.setattr(
        recognition_main,
        "measure",
        lambda data, plan, cache: Results(plan, figures, figures, figures, [difference], figures, figures),
    )
    monkeypatch.setattr("sys.argv", ["recognition", "--seeds", "2", "--out", str(tmp_path)])
    recognition_main.main()
    assert json.loads(capsys.readouterr().out)["figures"] == figures
    page = (tmp_path / "recognition.md").read_text()
    assert "python -m apexline.bench.recognition --seeds 2 --out docs" in page
    assert "Beyond chance of performers: a - b.\n\n" in page
