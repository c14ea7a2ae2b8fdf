"""Segments for Label Studio and ELAN: what the model says, and beside it what each reviewer says."""

import io
import json
import zipfile
from xml.etree import ElementTree as ET

from apexline.review.annotation_tools import as_elan, as_label_studio
from tests.review.archive import segment

ROWS = [
    segment(1, "happy", reviewed_as={"otter": "scared"}),
    segment(4, "abstained", track="bb"),
    segment(9, "unscored", drawn=True, clip_id="c2"),
]
SAID = {"onset": 12, "offset": 18, "onset_s": 1.2, "offset_s": 1.8}
REVIEWS = {
    "aa-10": [{**SAID, "reviewer": "otter", "label": "scared"}],
    "aa-90": [{**SAID, "reviewer": "heron", "label": "angry"}],
}


def test_label_studio_gets_a_task_for_each_clip():
    first, drawn = json.loads(as_label_studio(ROWS, REVIEWS, origin="http://here"))
    assert first["data"]["video"] == "http://here/clips/2026-03-02_gate-01/c1/video"
    [predicted] = first["predictions"]
    assert [each["value"] for each in predicted["result"]] == [
        {"ranges": [{"start": 11, "end": 21}], "timelinelabels": ["happy"]},  # frames from 1
        {"ranges": [{"start": 41, "end": 51}], "timelinelabels": ["abstained"]},
    ]
    assert predicted["result"][0]["score"] == 0.25
    [annotated] = first["annotations"]
    assert annotated["completed_by"] == {"email": "otter"}
    assert annotated["result"][0]["value"]["ranges"] == [{"start": 13, "end": 19}]
    assert drawn["predictions"][0]["result"] == []
    assert drawn["annotations"][0]["result"][0]["value"]["timelinelabels"] == ["angry"]


def test_elan_gets_a_file_for_each_clip_with_a_tier_for_each_who_says():
    packed = zipfile.ZipFile(io.BytesIO(as_elan(ROWS, REVIEWS)))
    assert packed.namelist() == ["c1.eaf", "c2.eaf"]
    root = ET.fromstring(packed.read("c1.eaf"))
    times = {each.get("TIME_SLOT_ID"): int(each.get("TIME_VALUE")) for each in root.iter("TIME_SLOT")}
    tiers = {
        tier.get("TIER_ID"): [
            (times[each.get("TIME_SLOT_REF1")], times[each.get("TIME_SLOT_REF2")], each[0].text)
            for each in tier.iter("ALIGNABLE_ANNOTATION")
        ]
        for tier in root.iter("TIER")
    }
    assert tiers == {
        "aa model": [(1000, 2000, "happy")],
        "aa otter": [(1200, 1800, "scared")],
        "bb model": [(4000, 5000, "abstained")],
    }
    assert {tier.get("LINGUISTIC_TYPE_REF") for tier in root.iter("TIER")} == {"expression"}


def test_nothing_gives_nothing():
    assert json.loads(as_label_studio([], {}, origin="http://here")) == []
    assert zipfile.ZipFile(io.BytesIO(as_elan([], {}))).namelist() == []
