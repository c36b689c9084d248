"""Layered Photoshop files (.psd): the photo at the bottom, above it a layer with a mask for each
edit. 8-bit sRGB, written by psd-tools.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dmlseg_core.errors import ExportError
from dmlseg_core.photo.decode import to_8_bits
from dmlseg_core.photo.layers.openraster import Bytes, Layer, layer_pixels
from dmlseg_core.photo.load import Photo
from dmlseg_core.photo.profiles import srgb_profile
from dmlseg_core.photo.save import refuse_input
from dmlseg_core.photo.whole import write_bytes

_MOST = 30_000
"""Pixels a side that the format holds."""


def save_psd(path: str | Path, photo: Photo, layers: Iterable[Layer]) -> Path:
    """Write the photo as the bottom layer and one layer with a layer mask above it for each edit.

    The stack, composited in sRGB as Photoshop does it, shows what `recolor` made, to within one
    level; a layer's pixels beyond its mask are the recolored photo's.

    Raises:
        ExportError: no .psd suffix, a side over 30,000 pixels, another size than the photo's, the
            path is the input, or the folder cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".psd":
        raise ExportError(f"{path.name}: Photoshop files end in .psd")
    if max(photo.size) > _MOST:
        raise ExportError(
            f"{path.name}: PSD holds at most {_MOST} pixels a side; write .ora instead"
        )
    refuse_input(path, photo)
    made, before = [], photo.rgb
    for layer in layers:
        if layer.rgb.shape != photo.rgb.shape or layer.alpha.shape != photo.size:
            raise ExportError(f"layer {layer.name!r} has another size than the photo {photo.size}")
        after = to_8_bits(layer.rgb)
        made.append((layer.name, after, layer_pixels(before, after, layer.alpha, photo)))
        before = after
    document = _document(photo, before)
    document.create_pixel_layer(_image(photo.rgb, photo), name="original")
    for name, after, (left, top, rgba) in made:
        shown = _filled(rgba, after[top : top + rgba.shape[0], left : left + rgba.shape[1]])
        layer_ = document.create_pixel_layer(Image.fromarray(shown), name, top, left)
        layer_.create_mask(Image.fromarray(np.ascontiguousarray(rgba[..., 3])))
    buffer = io.BytesIO()
    document.save(buffer)
    return write_bytes(buffer.getvalue(), path)


def _document(photo: Photo, merged: Bytes) -> Any:
    """A file that shows `merged` to programs that read no layers."""
    from psd_tools import PSDImage  # noqa: PLC0415 - only who writes such a file needs it
    from psd_tools.constants import Resource  # noqa: PLC0415
    from psd_tools.psd.image_resources import ImageResource  # noqa: PLC0415

    document = PSDImage.frompil(_image(merged, photo))
    profile = ImageResource(key=Resource.ICC_PROFILE.value, data=srgb_profile().tobytes())
    document.image_resources[Resource.ICC_PROFILE.value] = profile
    return document


def _image(rgb: Bytes, photo: Photo) -> Image.Image:
    return Image.fromarray(rgb if photo.alpha is None else np.dstack([rgb, photo.alpha]))


def _filled(rgba: Bytes, after: Bytes) -> Bytes:
    """The layer's colors; where its mask hides them, the recolored photo's."""
    return np.where(rgba[..., 3:] > 0, rgba[..., :3], after)
