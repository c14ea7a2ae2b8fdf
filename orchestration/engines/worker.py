"""What a worker of Celery loads: ``celery --app apexline.orchestration.engines.worker worker``."""

from apexline.orchestration.engines.executor import build_worker_app
from apexline.orchestration.settings import Settings, keep_private

keep_private()
app = build_worker_app(Settings())
