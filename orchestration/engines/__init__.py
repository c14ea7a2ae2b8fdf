"""Where the steps of runs are computed: in the run's own process, or by workers of Celery."""

from apexline.orchestration.engines.executor import build_executor

__all__ = ["build_executor"]
