"""The assets of the line, one file per stage."""

import warnings

from dagster import BetaWarning

# Backfill policies and pools are marked beta in Dagster; the constraints file pins the version that was tried.
warnings.filterwarnings("ignore", category=BetaWarning)
