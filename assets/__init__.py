"""Dagster assets, one folder for each asset group; checks, UI metadata and parameters beside."""

import warnings

from dagster import BetaWarning

# Backfill policies and pools are marked beta in Dagster; the constraints file pins the version that was tried.
warnings.filterwarnings("ignore", category=BetaWarning)
