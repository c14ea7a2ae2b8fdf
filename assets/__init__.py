"""Dagster assets, one folder for each asset group; checks, UI metadata and parameters beside."""

import warnings

# Backfill policies and pools are marked beta in Dagster; the constraints file pins the version that was tried. By its
# words: naming the class would import Dagster, which takes longer than scoring a short clip.
warnings.filterwarnings("ignore", message=r".* is currently in beta, and may have breaking changes")
