"""Which assets a job makes."""

import pytest

from tests.orchestration.installation import BY_CAMERA_DAY, LINE, names

JOBS = {
    "process_camera_day": BY_CAMERA_DAY,
    "retrain": {
        "rating_surveys",
        "pad_space",
        "training_set",
        "deepid_baseline",
        "deepid_features",
        "deepid_semantic",
        "model_comparison",
        "score_shift",
    },
    "promote": {"champion"},
    "rescore": {"segment_scores"},
    "publish": {"warehouse", "drift", "report"},
}


@pytest.mark.parametrize("job", JOBS)
def test_job_selects_its_assets(definitions, job):
    found = definitions.resolve_job_def(job)
    assert names(found.asset_layer.selected_asset_keys) == JOBS[job]
    assert (found.partitions_def is not None) is (JOBS[job] <= BY_CAMERA_DAY)


def test_every_asset_is_in_a_job():
    assert set.union(*JOBS.values()) == set(LINE)
