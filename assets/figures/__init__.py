"""Drawings: numbers in, Matplotlib figures out.

Belongs here: everything that draws for the Dagster metadata and for the report, and how a figure becomes bytes or
Markdown. Stays out: computing the numbers (``features``, ``ml``) and reading them (assets).

Figures are built through the object interface, never ``pyplot``: no global state, so threads may draw at once.

The public names stand in ``__init__.pyi`` and are imported when first asked for: Matplotlib takes a second to import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub("apexline.assets.figures", __file__)
