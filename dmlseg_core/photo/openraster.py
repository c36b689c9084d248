"""Layered files: OpenRaster (.ora) for GIMP, Krita and MyPaint; Photoshop's (.psd), by psd-tools.

Layout and stack.xml as https://www.openraster.org/baseline says: a zip whose first, uncompressed
entry names the type; layers as PNG, the topmost first in stack.xml; the merged picture; a
thumbnail. Everything is 8-bit sRGB.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from dmlseg_core.errors import ExportError
from dmlseg_core.photo.decode import to_8_bits
from dmlseg_core.photo.encode import image_bytes
from dmlseg_core.photo.load import Photo
from dmlseg_core.photo.masks import box_of
from dmlseg_core.photo.profiles import srgb_profile
from dmlseg_core.photo.save import refuse_input
from dmlseg_core.photo.whole import write_bytes

Bytes: TypeAlias = NDArray[np.uint8]
Pixels: TypeAlias = Bytes | NDArray[np.uint16]

_THUMBNAIL = 256
"""Long side of the thumbnail, as the specification asks for."""


_PSD_SIDE = 30_000
"""Pixels a side that the format holds."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One recolored instance.

    Attributes:
        name: shown in the editor's list of layers.
        rgb: (H, W, 3) uint8 or uint16 sRGB, the photo after this edit and all before it.
        alpha: (H, W) float in [0, 1] or bool, the instance's mask.
    """

    name: str
    rgb: Pixels = field(repr=False)
    alpha: NDArray[np.float32] | NDArray[np.bool_] = field(repr=False)


def save_openraster(path: str | Path, photo: Photo, layers: Iterable[Layer]) -> Path:
    """Write the photo as the bottom layer and one layer above it for each edit, in order.

    A layer's colors are such that the stack, composited in sRGB as Krita and MyPaint do it, shows
    what `recolor` made, to within one level. Its alpha is the mask; where no color could do that
    (the edge of a mask that lets little through), alpha is raised as far as needed.

    Raises:
        ExportError: no .ora suffix, another size than the photo's, the path is the input, or the
            folder cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".ora":
        raise ExportError(f"{path.name}: layered files are OpenRaster; end the name in .ora")
    refuse_input(path, photo)
    entries = {"data/original.png": _png(_with_alpha(photo.rgb, photo))}
    rows, before = [("original", "data/original.png", 0, 0)], photo.rgb
    for layer in layers:
        if layer.rgb.shape != photo.rgb.shape or layer.alpha.shape != photo.size:
            raise ExportError(f"layer {layer.name!r} has another size than the photo {photo.size}")
        after = to_8_bits(layer.rgb)
        name = f"data/layer{len(rows)}.png"
        left, top, pixels = layer_pixels(before, after, layer.alpha, photo)
        entries[name] = _png(pixels)
        rows.append((layer.name, name, left, top))
        before = after
    merged = Image.fromarray(_with_alpha(before, photo))
    small = merged.copy()
    small.thumbnail((_THUMBNAIL, _THUMBNAIL))
    entries["mergedimage.png"] = _png(np.asarray(merged))
    entries["Thumbnails/thumbnail.png"] = _png(np.asarray(small))
    return write_bytes(_zip(_stack(photo, rows), entries), path)


def layer_pixels(
    before: Bytes, after: Bytes, alpha: NDArray[np.float32] | NDArray[np.bool_], photo: Photo
) -> tuple[int, int, Bytes]:
    """(left, top) and RGBA of a layer, cropped to what it shows."""
    share = np.rint(np.asarray(alpha, np.float32) * 255).astype(np.uint8)
    left, top, width, height = box_of((share > 0) | (before != after).any(axis=2))
    window = slice(top, top + max(height, 1)), slice(left, left + max(width, 1))
    under, step = before[window].astype(np.float32), after[window].astype(np.float32)
    step -= under
    room = np.where(step > 0, 255 - under, np.maximum(under, 1))
    needed = np.ceil((np.abs(step) / np.maximum(room, 1)).max(axis=2) * 255)
    cover = np.maximum(share[window], needed)
    color = np.rint(under + step * (255 / np.maximum(cover, 1))[..., None])
    color[cover == 0] = 0
    if photo.alpha is not None:  # nothing may show where the photo itself does not
        cover = np.rint(cover * (photo.alpha[window] / np.float32(255)))
    rgba = np.dstack([np.clip(color, 0, 255), cover]).astype(np.uint8)
    return left, top, rgba


def _with_alpha(rgb: Bytes, photo: Photo) -> Bytes:
    alpha = np.full(photo.size, 255, np.uint8) if photo.alpha is None else photo.alpha
    return np.dstack([rgb, alpha])


def _png(pixels: Bytes) -> bytes:
    told = PngImagePlugin.PngInfo()
    told.add(b"sRGB", b"\x00")
    return image_bytes(Image.fromarray(pixels), "PNG", pnginfo=told, compress_level=3)


def _stack(photo: Photo, rows: list[tuple[str, str, int, int]]) -> bytes:
    """stack.xml; `rows` from the bottom up."""
    dots = round(photo.dpi[0]) if photo.dpi else 72
    image = ElementTree.Element(
        "image", version="0.0.3", w=str(photo.width), h=str(photo.height),
        xres=str(dots), yres=str(round(photo.dpi[1]) if photo.dpi else dots),
    )  # fmt: skip
    stack = ElementTree.SubElement(image, "stack")
    for name, source, x, y in reversed(rows):
        ElementTree.SubElement(
            stack, "layer", {"name": name, "src": source, "x": str(x), "y": str(y),
                             "opacity": "1.0", "visibility": "visible",
                             "composite-op": "svg:src-over"},
        )  # fmt: skip
    text: bytes = ElementTree.tostring(image, encoding="UTF-8", xml_declaration=True)
    return text


def _zip(stack: bytes, entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:  # PNG is deflated already
        archive.writestr("mimetype", "image/openraster")
        archive.writestr("stack.xml", stack, zipfile.ZIP_DEFLATED)
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


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
    if max(photo.size) > _PSD_SIDE:
        raise ExportError(
            f"{path.name}: PSD holds at most {_PSD_SIDE} pixels a side; write .ora instead"
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
