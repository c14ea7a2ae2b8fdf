"""`apexline doctor`: what is sound, what is wrong."""

import json


def test_doctor_finds_a_sound_installation(apexline, home, tmp_path, monkeypatch):
    # other tests leave a champion in the registry that they share
    monkeypatch.setenv("APEXLINE_MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'fresh.db'}")
    code, out, _ = apexline("doctor --json")
    findings = {finding["what"]: finding for finding in json.loads(out)}
    assert code == 0
    assert {"python", "packages", "home", "parameters", "detector", "gpu", "champion", "lake"} <= set(
        findings
    )
    assert findings["champion"]["state"] == "note"
    assert "ships with the package" in findings["champion"]["detail"]
    assert {finding["state"] for finding in findings.values()} <= {"good", "note"}


def test_doctor_names_what_is_wrong(apexline, home, tmp_path, monkeypatch):
    monkeypatch.setenv("APEXLINE_CONFIG", str(tmp_path / "missing.yaml"))
    code, out, _ = apexline("doctor")
    assert code == 1
    assert "wrong" in out
    assert "missing.yaml" in out.replace("\n", "")
