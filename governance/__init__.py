"""What may be done with people's pictures, who said so, and what was done: register, notices, roles, holds, audit.

Belongs here: records and rules, which need neither video nor models. Stays out: deleting, scoring, Dagster, MLflow,
DuckDB (``orchestration.governing``).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub("apexline.governance", __file__)
