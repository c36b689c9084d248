"""dmlseg: click anything in a photo and give it another color.

The public API, listed in `__init__.pyi` and resolved lazily: importing `recolor` loads no torch.

>>> from dmlseg_core import Segmenter, load_photo, recolor
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
