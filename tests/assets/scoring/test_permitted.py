"""What is put on record of scores and refused clips; which are refused, tests/orchestration/test_doors.py tries."""

import pytest

from apexline.assets.scoring.permitted import permitted_clips, record_scores
from apexline.governance import audit_lines, governance_folder, opaque
from tests.assets.small_lake import DAY_1, A, B, at, clip, put

JOBS = [(DAY_1, A, "stamp"), (DAY_1, B, "stamp")]


@pytest.mark.usefixtures("strict_register")
def test_each_refused_clip_is_counted_under_its_reason(lake):
    for clip_id, camera in ((A, "gate-01"), (B, "gate-02")):
        put(lake.home / "lake", "clip_manifest", clip_id, [clip(clip_id, camera, at("08:15", 2))], DAY_1)
    assert permitted_clips(lake, JOBS) == ([], {"unregistered": 2})


def test_scores_and_refusals_are_on_record_and_no_clip_can_be_read_off_them(lake):
    record_scores(lake, 7, JOBS, refused={"lapsed": 2, "no_notice": 1}, run_id="run")
    refused, scored = audit_lines(lake.home)
    assert (refused["action"], refused["door"]) == ("refuse", "rescoring")
    assert refused["why"] == "lapsed 2, no_notice 1"
    assert (scored["action"], scored["model_version"], scored["run"]) == ("score", 7, "run")
    assert scored["clips"] == [opaque(governance_folder(lake.home), each) for each in (A, B)]
    assert A not in str(audit_lines(lake.home))


def test_where_there_is_nothing_to_score_nothing_is_on_record(lake):
    record_scores(lake, 7, [], refused={}, run_id="run")
    assert audit_lines(lake.home) == []
