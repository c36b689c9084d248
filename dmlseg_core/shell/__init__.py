"""Between a shell and the program: how its words are read, completions, the manual page.

The door of the room, resolved lazily: `__init__.pyi` lists what others may use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
