"""From a score back to the frames, the model and the people."""

import pytest
from upath import UPath

from apexline.assets.explain import lineage
from apexline.assets.explain.lineage import trace_score
from apexline.assets.lake.storage import Lake
from tests.assets.small_lake import DAY_1, T1, A, put, write_lake


class StubRegistry:
    client = None

    def tags(self, number):
        return {"version": "semantic", "split_hash": "s", "dagster_run_id": f"trained-{number}"}

    def run_id(self, number):
        return f"mlflow-{number}"


@pytest.fixture
def lake(tmp_path, monkeypatch):
    write_lake(tmp_path)
    rated = {"segment": f"{T1}-10", "pair": "p", "level": 1.0, "source": "page"}
    put(tmp_path / "lake", "ratings", "one", [{"rater": rater, **rated} for rater in ("r1", "r2", "r1")])
    for table in ("texture_features", "flow_features"):
        put(tmp_path / "lake", table, A, [], DAY_1)
    monkeypatch.setattr(
        lineage, "learned_examples", lambda client, run_id: {"a": "train", "b": "test", "c": "train"}
    )
    return Lake(UPath(tmp_path))


def test_a_score_leads_back_to_frames_model_people_and_runs(lake):
    found = trace_score(lake, StubRegistry(), f"{T1}-10@1")
    assert (found["score"]["model_version"], found["score"]["emotion"]) == (1, "happy")
    assert (found["segment"]["track"], found["segment"]["onset"], found["segment"]["apex"]) == (T1, 10, 15)
    assert (found["clip"]["clip_id"], found["clip"]["camera"], found["clip"]["camera_day"]) == (
        A,
        "gate-01",
        DAY_1,
    )
    assert set(found["files"].values()) == {"f"}
    assert found["model"]["version"] == "semantic"
    assert found["decision"]["approved_by"] == "ada"
    assert found["learned from"] == {"train": 2, "test": 1, "raters on record now": 2}
    assert found["runs"] == {
        "scored by (Dagster)": "r1",
        "trained by (Dagster)": "trained-1",
        "trained by (MLflow)": "mlflow-1",
    }


def test_without_a_version_the_latest_score_counts(lake):
    assert trace_score(lake, StubRegistry(), f"{T1}-10")["score"]["model_version"] == 2
    assert trace_score(lake, StubRegistry(), f"{T1}-10@v1")["score"]["model_version"] == 1


@pytest.mark.parametrize("score_id", ["nobody-1", f"{T1}-10@7"])
def test_a_score_that_is_not_there_is_named_with_the_form_of_an_id(lake, score_id):
    with pytest.raises(LookupError, match=rf"no score '{score_id}' is stored; give a segment_id"):
        trace_score(lake, StubRegistry(), score_id)
