"""The paints of one object: how many, which, and how much of each lies at a pixel.

The door of the room, resolved lazily: `__init__.pyi` lists what others may use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
