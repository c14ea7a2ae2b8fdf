"""The command that writes life-like clips."""

import json

import pytest

from apexline.sample import __main__ as command
from apexline.sample.plan import SampleConfig, plan_sample


def test_clips_are_counted():
    plans = plan_sample(seed=3, config=SampleConfig(variants=8, group_clips=0, lifelike=True))
    counted = command.summarise(plans)
    assert counted["clips"] == 8
    assert 24 <= counted["expressions"] <= 64
    assert 0.1 <= counted["median gap, s"] <= 0.5
    assert counted["minutes"] == pytest.approx(sum(plan.num_frames for plan in plans) / 25 / 60, abs=0.05)


def test_stills_are_morphed_and_without_them_the_portrait_is_drawn(monkeypatch, tmp_path, capsys):
    plans = plan_sample(config=SampleConfig(variants=2, group_clips=0, lifelike=True))
    calls = []
    monkeypatch.setattr(command, "make_sample", lambda *given, **options: calls.append((given, options)))

    def morphs(*given, **options):
        calls.append((given, options))
        return plans

    monkeypatch.setattr(command, "make_morphs", morphs)
    out = ["--out", str(tmp_path), "--clips", "2", "--seed", "9"]
    command.main(out)
    assert json.loads(capsys.readouterr().out)["clips"] == 2
    command.main([*out, "--stills", str(tmp_path / "stills")])
    assert json.loads(capsys.readouterr().out)["clips"] == 2
    config = SampleConfig(variants=2, group_clips=0, lifelike=True)
    assert calls == [
        ((tmp_path,), {"seed": 9, "config": config}),
        ((tmp_path / "stills", tmp_path), {"num_clips": 2, "seed": 9}),
    ]
