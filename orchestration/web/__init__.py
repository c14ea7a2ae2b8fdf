"""Who may reach Dagster's UI, MLflow's and our pages: one guard in front, and the applications behind it."""

from apexline.orchestration.web.guard import LOOPBACK, serve

__all__ = ["LOOPBACK", "serve"]
