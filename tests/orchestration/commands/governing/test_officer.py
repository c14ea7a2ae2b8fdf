"""The officer's path of the documentation, line by line, as it stands there."""

import json
import re
from pathlib import Path

import pytest

from apexline.assets.lake.storage import Lake

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("strict_register")]
PAGE = Path(__file__).parents[4] / "docs" / "governance.md"
PATH = re.findall(r"^apexline .+$", PAGE.read_text().partition("## Purpose register")[0], re.MULTILINE)


def test_the_path_leads_where_it_says(home, apexline, astronaut_clip, tmp_path):
    # The bare file: its sidecar would speak for it.
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(astronaut_clip.path.read_bytes())
    words = {"CLIP": str(clip), "EXPORT": str(tmp_path / "export"), "DPIA.md": str(tmp_path / "dpia.md")}
    said = {}
    assert len(PATH) == 12
    for line in PATH:
        command = line
        for word, value in words.items():
            command = re.sub(rf"(?<![\w.]){re.escape(word)}(?=\s|$)", value, command)
        name = command.split()[1]
        wants_json = "" if name == "dpia" else " --json"
        code, out, err = apexline(command.removeprefix("apexline ") + wants_json)
        assert code == 0, f"{command}: {err}"
        said[name] = json.loads(out) if wants_json else out
        if name == "ingest":
            assert said[name]["accepted"] == 1
            lake = Lake(home.home_path)
            rows = lake.read_all("face_tracks", columns=["clip_id", "track_id"]).to_pylist()
            words |= {"CLIP_ID": rows[0]["clip_id"], "TRACK": rows[0]["track_id"]}
        if name == "hold":
            words["HOLD"] = said[name]["hold"]
        if name == "purge":
            assert said[name]["held"] == 1
            assert list((home.home_path / "clips").rglob(f"{words['CLIP_ID']}.mp4"))
    assert said["audit"]["state"] == "sound"
    assert Path(said["notice"]["page"]).exists()
    assert Path(said["notice"]["pdf"]).read_bytes().startswith(b"%PDF-")
    assert said["export"]["video"] is True
    assert (tmp_path / "export" / "video.mp4").exists()
    assert said["erase"]["clips"] == 1
    assert not list(home.home_path.rglob(f"*{words['CLIP_ID']}*"))
    kept = (home.home_path / "governance").rglob("*")
    assert not [
        path for path in kept if path.is_file() and words["CLIP_ID"][:12].encode() in path.read_bytes()
    ]
