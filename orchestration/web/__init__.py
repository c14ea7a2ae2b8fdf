"""Who may reach Dagster's UI, MLflow's and our pages: one guard in front, keys of people, the applications behind."""

from apexline.orchestration.web.guard import LOOPBACK, serve
from apexline.orchestration.web.keys import Keys

__all__ = ["LOOPBACK", "Keys", "serve"]
