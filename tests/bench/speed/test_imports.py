"""What importing a stage costs, measured on one stage and once."""

import pytest

from apexline.bench.speed import imports


@pytest.mark.slow
def test_a_stage_is_compared_with_what_it_needs_anyway(monkeypatch):
    monkeypatch.setattr(imports, "_STAGES", ("spotting.face_tracks",))
    monkeypatch.setattr(imports, "_ROUNDS", 1)
    features, dagster, stage = imports.bench_imports()
    assert features["cpu_s"] > 0.1
    assert dagster["cpu_s"] > 0.1
    shares = [each["/ (features + dagster)"] for each in (features, dagster)]
    assert sum(shares) == pytest.approx(1)
    assert stage["import"] == "apexline.assets.spotting.face_tracks"
    assert stage["/ (features + dagster)"] > max(shares)


def test_an_import_that_fails_is_an_error():
    with pytest.raises(imports.subprocess.CalledProcessError):
        imports._cpu_s("import no_such_module")
