"""Files out: photos given back as they came, masks, labels, COCO instances, cut-outs.

Every file is written beside its place under another name and then renamed: a reader never sees
half a file, and an interrupted run leaves the old one. Inputs are never written over.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from dmlseg_core.errors import ExportError
from dmlseg_core.images import Photo
from dmlseg_core.refine import estimate_foreground

FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".avif": "AVIF",
}
"""Suffixes of photos that can be written."""


def write_bytes(data: bytes, path: str | Path) -> Path:
    """Write a whole file or nothing: temporary file in the same folder, then a rename.

    Raises:
        ExportError: the folder is missing or cannot be written.
    """
    path = Path(path)
    spare = ""
    try:
        handle, spare = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(spare).chmod(0o666 & ~_umask())  # mkstemp's 0600 would lock other readers out
        Path(spare).replace(path)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        if spare:
            Path(spare).unlink(missing_ok=True)
    return path


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def save_photo(
    rgb: NDArray[np.uint8],
    path: str | Path,
    like: Photo | None = None,
    quality: int | None = None,
) -> Path:
    """Write a photo in the format of the suffix.

    Args:
        rgb: (H, W, 3) uint8 sRGB.
        path: where to; the suffix is one of FORMATS.
        like: the photo it was made from: its profile (pixels are converted back to it), EXIF,
            dpi, alpha and JPEG tables are kept as far as the format holds them. Pixels that
            equal `like.rgb` get the stored values of the source back, without rounding.
        quality: 1..100 for lossy formats; None is the source's own JPEG tables, else 95.

    Raises:
        ExportError: unknown suffix, a size other than `like`'s, the path is the input itself,
            or the folder cannot be written.
    """
    path = Path(path)
    file_format = FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise ExportError(f"{path.name}: unknown photo suffix; use one of {', '.join(FORMATS)}")
    if quality is not None and not 1 <= quality <= 100:
        raise ExportError(f"quality must lie in 1..100; got {quality}")
    _check_photo(rgb, path, like)
    pixels, profile = (rgb, None) if like is None else _in_profile_of(like, rgb)
    options: dict[str, Any] = {} if profile is None else {"icc_profile": profile}
    if like is not None:
        options |= {k: v for k, v in (("exif", like.exif), ("dpi", like.dpi)) if v}
        if like.alpha is not None and file_format != "JPEG":
            pixels = np.dstack([pixels, like.alpha])
    options |= _format_options(file_format, like, quality)
    return _save(Image.fromarray(pixels), path, file_format, options)


def _check_photo(rgb: NDArray[np.uint8], path: Path, like: Photo | None) -> None:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ExportError(f"a photo to write is (H, W, 3) uint8; got {rgb.shape} {rgb.dtype}")
    if like is None:
        return
    if rgb.shape[:2] != like.size:
        raise ExportError(f"the result is {rgb.shape[:2]} but its source {like.size}; sizes differ")
    refuse_input(path, like)


def refuse_input(path: str | Path, like: Photo | None) -> None:
    """Raise ExportError where `path` is the file that `like` was read from (links followed)."""
    path = Path(path)
    if like is None or like.path is None:
        return
    same = path.resolve() == like.path.resolve()
    if not same and path.exists() and like.path.exists():
        same = path.samefile(like.path)  # hard links, and names that differ in case only
    if same:
        raise ExportError(f"{path} is the input itself; choose another name")


def _in_profile_of(like: Photo, rgb: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], bytes | None]:
    """Pixels in the source's own RGB profile, and that profile; sRGB where it had none for RGB."""
    if like.icc_profile is None:
        return rgb, None
    if like.native is None:
        # Either the profile is sRGB already, or it described grey or CMYK and cannot hold RGB.
        kept = like.mode in ("RGB", "RGBA", "P", "PA")
        return rgb, like.icc_profile if kept else _srgb_profile().tobytes()
    converted = ImageCms.profileToProfile(
        Image.fromarray(rgb),
        _srgb_profile(),
        ImageCms.ImageCmsProfile(io.BytesIO(like.icc_profile)),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    unchanged = (rgb == like.rgb).all(axis=2, keepdims=True)
    return np.where(unchanged, like.native, np.asarray(converted)), like.icc_profile


def _srgb_profile() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _format_options(file_format: str, like: Photo | None, quality: int | None) -> dict[str, Any]:
    """Encoder settings: near the source's where it was of the same kind, else without loss."""
    if file_format == "JPEG":
        # A hard color edge bleeds under subsampled chroma: full resolution unless the source's.
        sampling = (like.jpeg_subsampling if like is not None else None) or "4:4:4"
        if quality is None and like is not None and like.jpeg_tables:
            return {"qtables": like.jpeg_tables, "subsampling": sampling}
        return {"quality": quality or 95, "subsampling": sampling, "optimize": True}
    if file_format == "WEBP":
        return {"lossless": True} if quality is None else {"quality": quality}
    if file_format == "AVIF":
        return {"quality": quality or 95, "subsampling": "4:4:4"}
    # libtiff, which compresses, cannot write EXIF's sub-directories; Pillow's raw writer can.
    plain = file_format != "TIFF" or (like is not None and like.exif)
    return {} if plain else {"compression": "tiff_adobe_deflate"}


def _save(image: Image.Image, path: Path, file_format: str, options: dict[str, Any]) -> Path:
    buffer = io.BytesIO()
    try:
        image.save(buffer, file_format, **options)
    except (OSError, ValueError, KeyError, RuntimeError) as error:  # RuntimeError: libtiff
        raise ExportError(f"{path.name} cannot be written as {file_format}: {error}") from None
    return write_bytes(buffer.getvalue(), path)


def _png_path(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ExportError(f"{path.name}: masks, labels and cut-outs are PNG files; end it in .png")
    return path


def save_mask(mask: NDArray[Any], path: str | Path) -> Path:
    """Write an 8-bit grey PNG of (H, W) bool, or of float alpha in [0, 1] (NaN is refused)."""
    path = _png_path(path)
    share = np.asarray(mask, np.float32)
    if share.ndim != 2 or not ((share >= 0) & (share <= 1)).all():
        raise ExportError(f"a mask is (H, W), bool or float in [0, 1]; got {mask.shape}")
    return _save(Image.fromarray(np.rint(share * 255).astype(np.uint8)), path, "PNG", {})


def save_labels(labels: NDArray[np.integer[Any]], path: str | Path) -> Path:
    """Write (H, W) instance labels, 0 = background: palette PNG in VOC's colors, 16-bit past 255.

    Raises:
        ExportError: not 2-D integers, negative, or more than 65535 labels.
    """
    path = _png_path(path)
    if labels.ndim != 2 or not np.issubdtype(labels.dtype, np.integer):
        raise ExportError(f"labels are (H, W) integers; got {labels.shape} {labels.dtype}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high > 65535:
        raise ExportError(f"labels must lie in 0..65535; got {low}..{high}")
    if high > 255:
        return _save(Image.fromarray(labels.astype(np.uint16)), path, "PNG", {})
    image = Image.fromarray(labels.astype(np.uint8))
    image.putpalette(voc_colormap().tobytes())
    return _save(image, path, "PNG", {})


def voc_colormap() -> NDArray[np.uint8]:
    """(256, 3) uint8: VOC's label colors (bit-reversed indices; VOCdevkit's VOClabelcolormap.m)."""
    index = np.arange(256)
    colors = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            colors[:, channel] |= (((index >> (3 * bit + channel)) & 1) << (7 - bit)).astype(
                np.uint8
            )
    return colors


def coco_rle(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """COCO's compressed run-length encoding of (H, W) bool: {"size": [H, W], "counts": text}.

    Runs go down the columns and begin with background. The text is pycocotools' (rleToString):
    base 32, each count after the third as the difference to the count two before.
    """
    flat = np.concatenate([[False], np.asarray(mask, bool).ravel(order="F"), [True]])
    # A leading True means a background run of length 0; the sentinel at the end closes the last.
    flat[-1] = not flat[-2]
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    counts = np.diff(edges, prepend=0).tolist() if mask.size else []
    text = []
    for place, count in enumerate(counts):
        value = count - counts[place - 2] if place > 2 else count
        more = True
        while more:
            digit = value & 31
            value >>= 5
            more = value != (-1 if digit & 16 else 0)
            text.append(chr(48 + digit + 32 * more))
    return {"size": [int(mask.shape[0]), int(mask.shape[1])], "counts": "".join(text)}


def coco_instances(
    masks: Sequence[NDArray[np.bool_]],
    category_ids: Sequence[int],
    scores: Sequence[float],
    *,
    image_id: int = 1,
    first_id: int = 1,
) -> list[dict[str, Any]]:
    """COCO annotation records of one photo's (H, W) masks; bbox is [x, y, width, height]."""
    if not len(masks) == len(category_ids) == len(scores):
        raise ExportError(
            "each mask needs one category and one score; "
            f"got {len(masks)} masks, {len(category_ids)} categories, {len(scores)} scores"
        )
    return [
        {
            "id": first_id + place,
            "image_id": image_id,
            "category_id": int(category),
            "segmentation": coco_rle(mask),
            "area": int(mask.sum()),
            "bbox": _bbox(mask),
            "iscrowd": 0,
            "score": float(score),
        }
        for place, (mask, category, score) in enumerate(
            zip(masks, category_ids, scores, strict=True)
        )
    ]


def _bbox(mask: NDArray[np.bool_]) -> list[int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return [0, 0, 0, 0]
    y, x = int(rows[0]), int(columns[0])
    return [x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y]


def cutout(rgb: NDArray[np.uint8], alpha: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(H, W, 4) uint8 RGBA of an object, edge pixels freed of the background's color."""
    color = estimate_foreground(rgb, alpha)
    coverage = np.rint(alpha * 255).astype(np.uint8)
    color[coverage == 0] = 0  # nothing of the rest of the photo hides under full transparency
    return np.dstack([color, coverage])


def save_cutout(rgb: NDArray[np.uint8], alpha: NDArray[np.float32], path: str | Path) -> Path:
    """Write `cutout` as a PNG."""
    return _save(Image.fromarray(cutout(rgb, alpha)), _png_path(path), "PNG", {})
