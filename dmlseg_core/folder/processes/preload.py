"""What every process of a pool needs, imported once by the server that they are forked from.

Only that server imports this file: what it imports is there to stay.
"""

from __future__ import annotations

import gc
import signal
from importlib import import_module

from dmlseg_core.model import without_tracing

_NEEDED = ("one", "develop.painting", "develop.likeness")


def _import_all() -> None:
    # Ctrl-C is the parent's affair; a terminal sends it to the server as well
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    without_tracing()
    gc.disable()  # nothing of it is garbage: looking for some takes a tenth of the time
    for name in _NEEDED:
        import_module(f"dmlseg_core.folder.{name}")
    gc.freeze()  # a process that looked through it would get pages of its own
    gc.enable()


_import_all()
