"""What a worker of Celery loads, by ``celery --app``; the whole command stands in ``deploy/compose.yaml``."""

from apexline.orchestration.engines.executor import build_worker_app
from apexline.orchestration.settings import Settings, keep_private

keep_private()
app = build_worker_app(Settings())
