"""Why a track has the segments that it has: words, from the lake, from a clip.

The public names stand in ``__init__.pyi`` and are imported when first asked for: Matplotlib takes a second to import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub("apexline.assets.explain", __file__)
