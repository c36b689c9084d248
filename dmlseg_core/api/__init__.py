"""What a program asks of a photo: plain arguments in, figures and files out; its routes.

The door of the room, resolved lazily: `__init__.pyi` lists what others may use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
