"""What Dagster runs on: where steps are computed, in a run's own process or by Celery; how SQLite is reached."""

from apexline.orchestration.engines.executor import build_executor

__all__ = ["build_executor"]
