"""What a report shows: of a platform on its first day, and after a demonstration."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from apexline.assets.publishing.report_page import (
    ChampionSummary,
    ReportContext,
    ReportFigure,
    SemanticSpaceSummary,
)
from tests.assets.results import AREAS, result_of

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)


def empty(columns: str) -> pd.DataFrame:
    return pd.DataFrame(columns=columns.split())


def figure(number: str, title: str = "title") -> ReportFigure:
    return ReportFigure(number, title, "caption", Figure(figsize=(1, 1)), synthetic=True)


@pytest.fixture
def bare() -> ReportContext:
    """A platform on its first day: nothing has come in."""
    return ReportContext(
        generated_at=NOW,
        run_id="run-1",
        config_name="configs/default.yaml",
        config_hash="cafe",
        synthetic=False,
        champion=None,
        lineage=empty("asset data_version run_id"),
        areas=empty("method auc low high synthetic"),
        comparison=pd.DataFrame([result_of("baseline", 1, 0.5)]).head(0),
        figures=[],
        explained=[],
        semantic_space=None,
        spotting=empty(
            "length hits false_alarms misses precision recall f1 false_alarms_per_minute synthetic"
        ),
        against_truth=empty("truth said segments synthetic"),
        camera_days=empty(
            "day camera clips tracks kept_frames face_frames segments scored_segments synthetic"
        ),
        segments=empty("segment_id emotion synthetic"),
        quarantine=empty("name reason detail seen_at sha256"),
        promotions=empty("decided_at model_version promoted approved_by reason"),
        reasons={},
        checks={},
    )


@pytest.fixture
def full(bare: ReportContext) -> ReportContext:
    """A platform after a demo run."""
    segment = {
        "day": pd.Timestamp("2026-03-02"),
        "abstained": False,
        "reasons": None,
        "onset_at": pd.Timestamp("2026-03-02 08:15:00.400Z"),
        "camera": "gate-01",
        "segment_id": "111111111111-10",
        "duration_s": 0.4,
        "length": "micro",
        "emotion": "happy",
        "confidence": np.float32(0.75),
        "pleasure": 0.5,
        "arousal": 0.61,
        "dominance": float("nan"),
        "adjectives": np.array(["glad", "<excited>"]),
        "synthetic": True,
    }
    waiting = {
        **segment,
        "segment_id": "222222222222-12",
        "emotion": None,
        "adjectives": None,
        "confidence": None,
    }
    return replace(
        bare,
        synthetic=True,
        champion=ChampionSummary(3, "semantic", "demo & co", NOW),
        lineage=pd.DataFrame([("warehouse", "v9", "run-1")], columns=["asset", "data_version", "run_id"]),
        areas=AREAS,
        comparison=pd.DataFrame([result_of("baseline", 1, 0.6), result_of("baseline", 4, 0.81)]),
        figures=[figure("10"), figure("5"), figure("", "PAD space")],
        semantic_space=SemanticSpaceSummary(
            num_stimuli=40,
            num_raters=12,
            num_pairs=50,
            kmo=0.9123,
            bartlett_p=1e-9,
            icc=float("nan"),
            n_factors=3,
            n_parallel=2,
            congruence={"pleasure": 0.97, "arousal": 0.9, "dominance": 0.4},
            unsupported=["dominance"],
            source="the simulated panel",
            synthetic=True,
            chance_congruence={"pleasure": 0.5, "arousal": 0.55, "dominance": 0.6},
            own_congruence={"pleasure": 0.9, "arousal": 0.8, "dominance": 0.2},
            variance_inflation={"pleasure": 1.5, "arousal": 1.1, "dominance": 1.6},
        ),
        spotting=pd.DataFrame(
            [("overall", 1, 3, 1, 0.25, 0.5, 1 / 3, 22.5, True), ("micro", 0, 0, 1, np.nan, 0, 0, 0, True)],
            columns=bare.spotting.columns,
        ),
        camera_days=pd.DataFrame(
            [(pd.Timestamp("2026-03-02"), "gate-01", 2, 2, 1097, 1100, 2, 1, True, 0.9, 140.2)],
            columns=[*bare.camera_days.columns, "mean_detector_score", "mean_size_px"],
        ),
        segments=pd.DataFrame([segment, waiting]),
        quarantine=pd.DataFrame(
            [("<script>alert(1)</script>.mp4", "truncated", "a & b", pd.Timestamp(NOW), "ab")],
            columns=bare.quarantine.columns,
        ),
        promotions=pd.DataFrame(
            [
                {
                    "decided_at": pd.Timestamp(NOW),
                    "model_version": 3,
                    "incumbent_version": None,
                    "promoted": True,
                    "approved_by": "demo & co",
                    "difference": None,
                    "difference_low": None,
                    "difference_high": None,
                    "reason": "first",
                }
            ]
        ),
        reasons={"111111111111-10": "found by <motion>. Moved far enough."},
        checks={"orphans": pd.DataFrame({"clip_id": ["x"]}), "misplaced_clips": pd.DataFrame()},
    )
