"""Horn-Schunck motion, eq. (11)-(20): solver, pyramid, regions, the stream of one track."""

from apexline.features.flow.polar import AngleMode, flow_angle, wrap_angle
from apexline.features.flow.solver import horn_schunck, horn_schunck_pyramid
from apexline.features.flow.stream import FlowConfig, FlowRow, FlowStream

__all__ = [
    "AngleMode",
    "FlowConfig",
    "FlowRow",
    "FlowStream",
    "flow_angle",
    "horn_schunck",
    "horn_schunck_pyramid",
    "wrap_angle",
]
