"""Krita: the selected object in another color as a layer, or its mask, from a running dmlseg.

Untested inside Krita: see docs/plugins.md.
"""

from .dmlseg import Dmlseg  # noqa: F401
