"""From pixels to segments: the public line (`pipeline`), its configuration, where arrays live.

The public names stand in ``__init__.pyi`` and are imported when first asked for: SciPy and Numba take a second to
import, which the process that decodes videos has no use for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub("apexline.features", __file__)
