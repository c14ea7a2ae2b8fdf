"""What the benchmark of the platform adds up, without starting one."""

import pytest

from apexline.bench.speed.platform import runs
from apexline.orchestration import requests
from apexline.orchestration.sensors import build_sensors
from apexline.orchestration.settings import Settings


def test_a_city_is_reckoned_from_what_a_run_costs():
    costs = {"run_s": 2.0, "clip_s": 3.0, "drawing_s": 1.0, "build_s": (1.5, 2.0)}
    rows = {row["cameras"]: row for row in runs.reckon(0.1, **costs)}
    assert rows[10]["clips/h"] == rows[10]["runs/h"] == 60
    assert rows[10]["cores, a run for each clip"] == pytest.approx(0.1 + (60 * (3 + 1.5) + 10) / 3600)
    assert rows[10]["cores, a run for each tick"] == pytest.approx(0.1 + 60 * (3 + 1.5) / 3600)
    assert (rows[500]["clips/h"], rows[500]["runs/h"]) == (3000, 720)
    # A build takes 2 s and rests for 4: no more than 600 an hour.
    assert rows[500]["cores, a run for each tick"] == pytest.approx(0.1 + (720 * 2 + 3000 + 600 * 1.5) / 3600)


def test_ticks_are_as_far_apart_as_the_sensor_has_them(tmp_path):
    sensors = {each.name: each for each in build_sensors(Settings(home=str(tmp_path)))}
    assert sensors["landing_sensor"].minimum_interval_seconds == runs._TICK_S
    assert requests._RESTS == runs._RESTS


def test_clips_come_twice_from_each_camera(tmp_path):
    clips = runs._draw_clips(tmp_path)
    assert len({clip.read_bytes() for clip in clips}) == len(clips) == 2 * (runs._ROUNDS + 1)
