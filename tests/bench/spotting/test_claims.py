"""What the benchmark of spotting claims, and the bars it is held to."""

import pytest

from apexline.bench.spotting import claims as spotting_claims
from apexline.bench.spotting.claims import BootstrappedSummary, acceptance, claims
from apexline.bench.spotting.learners import temporal_logistic
from apexline.bench.spotting.methods import FlowRule, FusedRule, TextureRule
from apexline.ml.spotting_metrics.nested import NestedCrossValidation
from tests.bench.spotting.made_faces import draw_faces

CONTROL = [{"control": "x; truth shuffled", "AUC": 0.5}, {"control": "place", "AUC": 0.9}]


@pytest.fixture(scope="module")
def judged() -> dict[str, BootstrappedSummary]:
    validation = NestedCrossValidation(draw_faces(), num_outer=3, num_inner=2)
    spotters = [FlowRule(), FusedRule("sl", "mean"), TextureRule("dcp"), temporal_logistic()]
    found = {spotter.name: BootstrappedSummary.of(validation.run(spotter).results) for spotter in spotters}
    return found | {"best_learned": found["temporal, logistic"]}


def test_claims_are_computed_from_the_intervals(judged):
    rows = {(row["one"], row["other"]): row for row in claims(judged)}
    claim = rows["sl + flow, mean", "dcp"]
    assert claim["AUC difference"] == pytest.approx(
        judged["sl + flow, mean"].measures["auc"] - judged["dcp"].measures["auc"]
    )
    assert claim["intervals apart"] == "yes"
    assert claim["paired difference"] == "above 0"
    itself = spotting_claims._difference(judged, "flow", "flow")
    assert (itself["intervals apart"], itself["paired difference"]) == ("no", "holds 0")


def test_bars_are_met_or_missed_by_the_numbers(judged):
    tables = {"claims": claims(judged), "control": CONTROL}
    met = acceptance(judged["best_learned"].measures, None, tables)
    assert {row["what"]: row["verdict"] for row in met}["overall F1"] == "met"
    missed = acceptance({**judged["best_learned"].measures, "f1": 0.79, "alarms_per_min": 0.51}, None, tables)
    verdicts = {row["what"]: row["verdict"] for row in missed}
    assert verdicts["overall F1"] == "missed"
    assert verdicts["frame AUC with the truth shuffled, mean"] == "met"
    assert verdicts["false alarms a minute on clips without an expression"] == "missed"
    # one peer of three is there to be beaten
    assert verdicts["sl + flow, mean: how many of DCP, HOG, LBP are behind with intervals apart"] == "missed"


def test_bars_of_scenes(judged):
    tables = {
        "claims": claims(judged),
        "control": CONTROL,
        "scenes, tracking": [
            {"face-frames": 900, "tracked": 1.0, "switches": 0},
            {"face-frames": 100, "tracked": 0.4, "switches": 1},
        ],
    }
    rows = acceptance(judged["best_learned"].measures, {"f1": 0.8}, tables)
    found = {row["what"]: (row["reached"], row["verdict"]) for row in rows}
    assert found["scenes: share of face-frames tracked"] == (pytest.approx(0.94), "missed")
    assert found["scenes: identity switches"] == (1.0, "missed")
    assert found["scenes: overall F1"] == (0.8, "met")
