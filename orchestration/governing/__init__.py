"""What the officer of an installation has done: purging what is due, exporting what a person asks for, evidence."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub("apexline.orchestration.governing", __file__)
