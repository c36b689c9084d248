"""dmlseg: click anything in a photo and give it another color.

The public API, resolved lazily: importing `recolor` does not import torch.

>>> from dmlseg_core import Segmenter, load_photo, recolor
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dmlseg_core.batch import segment_folder as segment_folder
    from dmlseg_core.config import NetworkConfig as NetworkConfig
    from dmlseg_core.config import SceneConfig as SceneConfig
    from dmlseg_core.errors import DmlsegError as DmlsegError
    from dmlseg_core.export import save_photo as save_photo
    from dmlseg_core.export_masks import save_cutout as save_cutout
    from dmlseg_core.export_masks import save_labels as save_labels
    from dmlseg_core.export_masks import save_mask as save_mask
    from dmlseg_core.images import Photo as Photo
    from dmlseg_core.images import load_photo as load_photo
    from dmlseg_core.recolor import Recolored as Recolored
    from dmlseg_core.recolor import recolor as recolor
    from dmlseg_core.recolor import recolor_many as recolor_many
    from dmlseg_core.refine import refine_alpha as refine_alpha
    from dmlseg_core.scene import Mask as Mask
    from dmlseg_core.scene import Override as Override
    from dmlseg_core.scene import Proposals as Proposals
    from dmlseg_core.scene import Scene as Scene
    from dmlseg_core.segmenter import Segmenter as Segmenter
    from dmlseg_core.session import EditSession as EditSession

_HOME = {
    "DmlsegError": "errors",
    "EditSession": "session",
    "Mask": "scene",
    "NetworkConfig": "config",
    "Override": "scene",
    "Photo": "images",
    "Proposals": "scene",
    "Recolored": "recolor",
    "Scene": "scene",
    "SceneConfig": "config",
    "Segmenter": "segmenter",
    "load_photo": "images",
    "recolor_many": "recolor",
    "refine_alpha": "refine",
    "save_cutout": "export_masks",
    "save_labels": "export_masks",
    "save_mask": "export_masks",
    "save_photo": "export",
    "segment_folder": "batch",
}
__all__ = [*_HOME, "recolor"]  # noqa: PLE0604 (all of them strings)


def __getattr__(name: str) -> Any:
    if name == "recolor":  # the function; a module of this name lies beside it
        return import_module("dmlseg_core.recolor").recolor
    if name not in _HOME:
        raise AttributeError(f"module 'dmlseg_core' has no attribute {name!r}")
    return getattr(import_module(f"dmlseg_core.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
