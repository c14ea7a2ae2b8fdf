"""What is rated, and by whom."""

from apexline.assets.parameters import Parameters, SurveyConfig
from apexline.features.config import FeatureConfig

DAY = "2026-03-02_gate-03"
HEADER = "rater,segment,pair,level\n"
PANEL_OF_TWO = Parameters(features=FeatureConfig(), survey=SurveyConfig(simulated_raters=2))


def annotate(lake, clip, *emotions, synthetic=True):
    span = {"subject": "v00", "onset": 1, "apex": 2, "offset": 3, "x": 0, "y": 0, "w": 9, "h": 9}
    rows = [
        {"clip_id": clip, "annotation_id": f"{clip}-a{k}", "emotion": emotion, "synthetic": synthetic, **span}
        for k, emotion in enumerate(emotions)
    ]
    lake.write("annotations", clip, rows, stamp="s", camera_day=DAY)
