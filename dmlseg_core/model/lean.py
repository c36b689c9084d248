"""torch without what only tracing needs: a third of its import."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_TRACING = "torch._meta_registrations"
"""Shapes of results without the results, for torch.compile, torch.export and fake tensors; it pulls
in Python versions of all operators. `import torch` imports it for its effects alone.
"""


class _Later(ModuleType):
    """Stands for a module, which is loaded as soon as something is asked of it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system looks for these
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def without_tracing() -> None:
    """Let a later `import torch` of this process leave out what it needs to trace models.

    For processes of our own that end when their photos are done. Where torch is there already, or
    has no such module, nothing changes.
    """
    if "torch" not in sys.modules:
        sys.modules.setdefault(_TRACING, _Later(_TRACING))
