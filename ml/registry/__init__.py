"""MLflow, and nothing else imports it: runs, versions, aliases, the served signature.

The public names stand in ``__init__.pyi`` and are imported when first asked for: MLflow takes seconds to import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub("apexline.ml.registry", __file__)
