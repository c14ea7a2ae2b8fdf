"""Group `ingest`: intake with quarantine, `clip_manifest`.

The public names stand in ``__init__.pyi`` and are imported when first asked for: who reads a sidecar decodes nothing.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub("apexline.assets.ingest", __file__)
