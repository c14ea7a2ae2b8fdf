"""From people who consented to the evidence of the model that ships, by the commands."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import pytest
import skimage.data

from apexline.orchestration.line import open_line

pytestmark = pytest.mark.slow


def test_how_evenly_the_shipped_model_does_stands_in_its_evidence(home, apexline, tmp_path):
    folder = tmp_path / "people"
    folder.mkdir()
    portrait = skimage.data.astronaut()[..., ::-1]
    lines = ["image,emotion,subject,age"]
    for number in range(40):
        cv2.imwrite(str(folder / f"{number}.jpg"), portrait[number % 20 : 300, 100:350])
        lines.append(f"{number}.jpg,happy,p{number % 4},{'young' if number < 20 else 'old'}")
    (folder / "faces.csv").write_text("\n".join(lines))
    until = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"
    code, out, err = apexline(f"consented {folder} --consent signed --until {until} --by Ada --json")
    assert (code, json.loads(out)["faces"]) == (0, 40), err
    with open_line(home) as line:
        line.run("process_camera_day", camera_day="2026-03-02_gate-01")
    code, out, err = apexline("fairness 1 --json")
    assert code == 0, err
    found = json.loads(out)
    assert [row["count"] for row in found["groups"]] == [20, 20]
    code, out, err = apexline("evidence 1 --json")
    assert code == 0, err
    pack = json.loads(out)
    assert "fairness.json" not in pack["missing"]
    assert "accuracy on faces with age old" in Path(pack["folder"], "index.md").read_text()
    figures = json.loads(Path(pack["folder"], "figures.json").read_text())
    [old] = [each for each in figures if each["figure"].endswith("age old")]
    assert (old["value"], old["artifact"]) == (found["groups"][0]["accuracy"], "fairness.json")
