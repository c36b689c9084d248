"""JPEG as the photo's own: tables, subsampling, order of the scans; no coarser than the change."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from dmlseg_core.color import delta_e_2000
from dmlseg_core.edge import sampled
from dmlseg_core.photo.decode import BAND, bands, no_bomb_check
from dmlseg_core.photo.load import Photo

Bytes: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.floating[Any]]
Places: TypeAlias = NDArray[np.intp]
Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
Tables: TypeAlias = "dict[int, list[int]]"

_CAPS = (75, 85, 92, 97)
"""Qualities whose tables cap the source's, one after the other, where those swallow the change."""
_TILE = 16
"""Pixels on a side of what is compared: one block of subsampled chroma."""
_SEEN = 1.0
"""CIEDE2000 by which the changed pixels may be off."""
_GAIN = 0.5
"""CIEDE2000 that finer tables must be worth."""
_MOST = 8
"""Bytes of a pixel: three coefficients of at most 11 bits and as long codes."""
_MAKING_ROOM = threading.Lock()
_SAMPLE = 1 << 17
"""Pixels that a median is taken of, or twice as many."""


def jpeg_bytes(
    pixels: Bytes, like: Photo | None, quality: int | None, dpi: tuple[float, float] | None
) -> bytes:
    """A JPEG of (H, W, 3) uint8 in the colors of the source.

    Coded as the source was where that was a JPEG and no quality is given. Tables of a low quality
    round colors to steps that can be wider than what was changed: where the changed pixels would
    come back off by more than _SEEN, their entries are capped by those of better qualities.
    """
    settings = jpeg_settings(like, quality) | ({"dpi": dpi} if dpi else {})
    data = _coded(pixels, settings)
    changed = _changed(pixels, like)
    if "qtables" not in settings or changed is None:
        return data
    off = _off(data, pixels, changed)
    if off <= _SEEN:
        return data
    tables = [_capped(settings["qtables"], cap) for cap in _CAPS]
    least = _off(_coded(pixels, settings | {"qtables": tables[-1]}), pixels, changed)
    if least > off - _GAIN:  # subsampled chroma, say: tables are not to blame
        return data
    tries = (_coded(pixels, settings | {"qtables": capped}) for capped in tables)
    return next(d for d in tries if _off(d, pixels, changed) <= max(_SEEN, least + _GAIN))


def jpeg_settings(like: Photo | None, quality: int | None) -> dict[str, Any]:
    """Pillow's options: those of the source where it was a JPEG and no quality is given."""
    # A hard color edge bleeds under subsampled chroma: full resolution unless the source's.
    sampling = (like.jpeg_subsampling if like is not None else None) or "4:4:4"
    settings: dict[str, Any] = {"subsampling": sampling}
    if like is not None and like.jpeg_progressive:
        settings["progressive"] = True
    if quality is None and like is not None and like.jpeg_tables:
        settings |= {"keep_rgb": True} if like.jpeg_rgb else {}
        return settings | {"qtables": like.jpeg_tables}
    return settings | {"quality": quality or 95, "optimize": True}


def _coded(pixels: Bytes, settings: dict[str, Any]) -> bytes:
    image, buffer = Image.fromarray(pixels), io.BytesIO()
    try:
        image.save(buffer, "JPEG", **settings)
    except OSError:
        # Pillow gives scans that are written twice 1 or 2 bytes a pixel: noise has more
        buffer = io.BytesIO()
        with _room_for(image):
            image.save(buffer, "JPEG", **settings)
    return buffer.getvalue()


@contextmanager
def _room_for(image: Image.Image) -> Iterator[None]:
    """Pillow's buffer large enough for any JPEG of an image."""
    with _MAKING_ROOM:
        before = ImageFile.MAXBLOCK
        ImageFile.MAXBLOCK = max(before, _MOST * image.width * image.height)
        try:
            yield
        finally:
            ImageFile.MAXBLOCK = before


def _changed(pixels: Bytes, like: Photo | None) -> NDArray[np.bool_] | None:
    """(H, W) of the pixels that are not the source's; None where there are none."""
    if like is None:
        return None
    changed = differs(pixels, like.rgb if like.native is None else like.native)
    return changed if changed.any() else None


def differs(pixels: Pixels, before: Pixels) -> NDArray[np.bool_]:
    """(H, W): which pixels of two (H, W, 3) are not the same.

    In bands: channel by channel it takes as much memory as a photo of 8 bits.
    """
    found = np.empty(pixels.shape[:2], np.bool_)
    for top in range(0, len(found), BAND):
        rows = slice(top, top + BAND)
        found[rows] = (pixels[rows] != before[rows]).any(axis=2)
    return found


def _off(data: bytes, pixels: Bytes, changed: NDArray[np.bool_]) -> float:
    with no_bomb_check():  # our own file
        image = Image.open(io.BytesIO(data))
    with image:
        return color_off(pixels, bands(image), changed)


def color_off(pixels: Bytes, got: Bytes | Iterable[Bytes], changed: NDArray[np.bool_]) -> float:
    """CIEDE2000 between two (H, W, 3) uint8 over the changed pixels, (H, W), not none.

    The larger of two: the mean over tiles, and that of the median colors.

    Args:
        pixels, changed: as above.
        got: all of it, or one band of BAND rows after another.
    """
    at = sampled(changed, True, _SAMPLE)
    share = np.concatenate([_tile_means(band) for band in _rows(changed)])
    tiles = share >= min(1.0, float(share.max()))
    wanted, found = (
        _seen(_rows(rgb) if isinstance(rgb, np.ndarray) else rgb, at, tiles)
        for rgb in (pixels, got)
    )
    return max(float(delta_e_2000(wanted[0], found[0]).mean()),
               float(delta_e_2000(wanted[1], found[1])))  # fmt: skip


def _seen(bands: Iterable[Bytes], at: Places, tiles: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Of a photo in bands: the means of tiles (n, 3), and the median of the pixels at flat places,
    (3,); both in [0, 1].
    """
    means, picked, first = [], [], 0
    for band in bands:
        means.append(_tile_means(band))
        flat = band.reshape(-1, 3)
        low, high = np.searchsorted(at, (first, first + len(flat)))
        picked.append(flat[at[low:high] - first])
        first += len(flat)
    middle = np.median(np.concatenate(picked), axis=0) / 255
    return np.concatenate(means)[tiles] / 255, middle


def _rows(plane: NDArray[Any]) -> Iterator[NDArray[Any]]:
    return (plane[top : top + BAND] for top in range(0, len(plane), BAND))


def _tile_means(band: NDArray[Any]) -> NDArray[Any]:
    """Of (H, W) or (H, W, 3) the means over tiles, float32; floats of a whole photo are large."""
    size = -(-band.shape[1] // _TILE), -(-len(band) // _TILE)
    made = cv2.resize(band.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(made).reshape(-1, size[0], *band.shape[2:])


def _capped(tables: Tables, quality: int) -> Tables:
    buffer = io.BytesIO(_coded(np.zeros((8, 8, 3), np.uint8), {"quality": quality}))
    with Image.open(buffer) as image:
        finer: Tables = image.quantization  # type: ignore[attr-defined]
    both = np.minimum(finer[0], finer[1]).tolist()
    caps = {0: both} if len(tables) == 1 else {0: finer[0]}
    return {k: np.minimum(t, caps.get(k, finer[1])).tolist() for k, t in tables.items()}
