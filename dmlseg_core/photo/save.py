"""Files out: a recolored photo is given back as its source came. Inputs are never written over."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.errors import ExportError
from dmlseg_core.photo.decode import BAND, to_8_bits
from dmlseg_core.photo.encode import DEEP_FORMATS, HDR_FORMATS, bits_in, encode
from dmlseg_core.photo.jpeg import color_off, differs
from dmlseg_core.photo.load import Photo, load_photo
from dmlseg_core.photo.metadata import kept_in, resolution_of
from dmlseg_core.photo.profiles import from_srgb8, matrix_profile, srgb_profile
from dmlseg_core.photo.whole import write_bytes

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

_SUFFIXES = {
    "JPEG": ".jpg .jpeg .jpe .jfif .jif .mpo",
    "PNG": ".png .apng",
    "WEBP": ".webp",
    "TIFF": ".tif .tiff",
    "AVIF": ".avif .avifs",
    "HEIF": ".heic .heif .hif .heics .heifs",
}
FORMATS = {suffix: kind for kind, names in _SUFFIXES.items() for suffix in names.split()}
"""Suffixes of photos that can be written, each format's usual one first."""
OFFERED = {"png": ".png", "jpeg": ".jpg", "webp": ".webp", "tiff": ".tif", "avif": ".avif",
           "heic": ".heic"}  # fmt: skip
"""Formats as people choose them, and the suffix of each."""
ROUNDING_SAID = 1.0
"""CIEDE2000 from which on a word is said about what a file's rounding does to colors."""


def format_of(path: str | Path) -> str:
    """Name of the photo format that a suffix stands for; ExportError for any other."""
    path = Path(path)
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        raise ExportError(f"{path.name}: unknown photo suffix; use one of {', '.join(FORMATS)}")
    return found


def suffix_of(photo: Photo) -> str:
    """Suffix for a file of the photo's own format: its file's where that is true, else the usual.

    ".png" where that format is not written.
    """
    kind = "JPEG" if photo.format == "MPO" else photo.format
    own = "" if photo.path is None else photo.path.suffix.lower()
    if FORMATS.get(own) == kind:
        return own
    return next((suffix for suffix, found in FORMATS.items() if found == kind), ".png")


def save_photo(
    rgb: Pixels,
    path: str | Path,
    like: Photo | None = None,
    quality: int | None = None,
) -> Path:
    """Write a photo in the format of the suffix.

    Args:
        rgb: (H, W, 3) sRGB, uint8 or uint16.
        path: where to; the suffix is one of FORMATS.
        like: the photo it was made from: its depth, profile (pixels are converted back to it),
            EXIF, dpi, alpha and JPEG tables are kept as far as the format holds them (what it
            does not: `losses`). Pixels that equal `like.rgb`, or `like.working_pixels()` for
            uint16, get the stored values of the source back, without rounding.
        quality: 1..100 for lossy formats; None is the source's own JPEG tables, else 95.

    Raises:
        ExportError: unknown suffix, a size other than `like`'s, the path is the input itself,
            or the folder cannot be written.
    """
    path = Path(path)
    file_format = format_of(path)
    if quality is not None and not 1 <= quality <= 100:
        raise ExportError(f"quality must lie in 1..100; got {quality}")
    _check_photo(rgb, path, like)
    source_deep = rgb.dtype == np.uint16 if like is None else like.deep is not None
    deep = source_deep and file_format in DEEP_FORMATS
    pixels: Pixels = _deep_pixels(rgb, like) if deep else _plain_pixels(rgb, like)
    if like is not None and like.alpha is not None and file_format != "JPEG":
        pixels = np.concatenate([pixels, _alpha_of(like, deep)[..., None]], axis=2)
    profile = _profile_for(like, file_format)
    data = encode(pixels, file_format, like, profile=profile, quality=quality, name=path.name)
    return write_bytes(data, path)


def reread(path: str | Path, like: Photo) -> Pixels | None:
    """A written photo as its readers get it: (H, W, 3) sRGB at the depth of `like`'s work.

    None where the format keeps every pixel as it was given.
    """
    if format_of(path) not in ("JPEG", "AVIF", "HEIF"):
        return None
    most = like.height * like.width / 1e6 + 1
    found = load_photo(path, max_megapixels=most, plain=True).working_pixels()
    if found.dtype == like.working_dtype:
        return found
    return to_8_bits(found) if found.dtype == np.uint16 else found.astype(np.uint16) * 257


def rounded(
    rgb: Pixels, path: str | Path, like: Photo, got: Pixels | None = None
) -> tuple[str, ...]:
    """A sentence where the written file shows what was changed in other colors than `rgb` does.

    Args:
        rgb: what was written.
        path: where to.
        like: the photo it was made from.
        got: what `reread` gave, where it was asked already.
    """
    got, before = reread(path, like) if got is None else got, like.working_pixels()
    changed = differs(rgb, before if rgb.dtype == before.dtype else like.rgb)
    if got is None or not changed.any():
        return ()
    off = color_off(to_8_bits(rgb), to_8_bits(got), changed)
    return (f"The file rounds colors: what was changed is off by Delta-E {off:.1f} in it.",) * (
        off > ROUNDING_SAID
    )


def losses(photo: Photo, path: str | Path) -> tuple[str, ...]:
    """One sentence for each thing of a photo that the file format of `path` does not hold."""
    kind = format_of(path)
    found = {
        f"{kind} holds no transparency: alpha was left out.": (
            kind == "JPEG" and photo.alpha is not None
        ),
        f"{kind} is written with {bits_in(kind, photo.bits)} bits per channel: {photo.bits} were "
        "rounded.": photo.deep is not None and bits_in(kind, photo.bits) < photo.bits,
        f"{kind} holds no resolution: dpi was left out.": (
            kind in ("WEBP", "AVIF", "HEIF")
            and photo.dpi is not None
            and not _says(photo.exif, photo.dpi)
        ),
        f"{kind} holds no HDR: the photo is shown without what is brighter than white.": (
            kind not in HDR_FORMATS and photo.signal.hdr
        ),
        "The profile is made of tables: 16-bit pixels were recolored in 8 bits.": (
            photo.deep is not None and photo.working_dtype == np.uint8
        ),
    }
    told = tuple(sentence for sentence, true in found.items() if true)
    return told + kept_in(kind, photo.about)[1]


def _says(exif: bytes | None, dpi: tuple[float, float]) -> bool:
    """Whether EXIF holds that resolution: a PNG's or JFIF's own may be another."""
    found = resolution_of(exif)
    return found is not None and bool(np.allclose(found, dpi, rtol=0.005))


def _check_photo(rgb: Pixels, path: Path, like: Photo | None) -> None:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype not in (np.uint8, np.uint16):
        raise ExportError(
            f"a photo to write is (H, W, 3) uint8 or uint16; got {rgb.shape} {rgb.dtype}"
        )
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


def _alpha_of(like: Photo, deep: bool) -> NDArray[np.uint8] | NDArray[np.uint16]:
    assert like.alpha is not None
    if not deep:
        return like.alpha
    return like.alpha.astype(np.uint16) * 257 if like.deep_alpha is None else like.deep_alpha


def _profile_for(like: Photo | None, file_format: str) -> bytes | None:
    """The source's RGB profile; sRGB where it had one that cannot hold RGB (gray, CMYK)."""
    if like is None:
        return None
    if like.rgb_profile is not None:
        # a PNG's own chunks say the same as the one made of them; beside code points none may be
        told = like.signal.chunks if file_format == "PNG" else like.signal.hdr
        return like.icc_profile if told and file_format in HDR_FORMATS else like.rgb_profile
    if like.icc_profile is None:
        return None
    kept = like.mode in ("RGB", "RGBA", "P", "PA")  # then the profile is sRGB already
    return like.icc_profile if kept else srgb_profile().tobytes()


def _plain_pixels(rgb: Pixels, like: Photo | None) -> NDArray[np.uint8]:
    """8 bits in the colors of the source's profile, unchanged pixels as they were stored."""
    coded = to_8_bits(rgb)
    if like is None or like.rgb_profile is None:
        return coded
    native = to_8_bits(like.deep) if like.deep is not None else like.native
    assert native is not None  # a photo with `rgb_profile` has one of them
    made = from_srgb8(coded, like.rgb_profile)
    np.copyto(made, native, where=~differs(coded, like.rgb)[..., None])
    return made


def _deep_pixels(rgb: Pixels, like: Photo | None) -> NDArray[np.uint16]:
    """16 bits in the colors of the source's profile, unchanged pixels as they were stored."""
    if like is None or like.deep is None:
        return rgb.astype(np.uint16, copy=False)
    if np.uint8 in (rgb.dtype, like.working_dtype):  # that is the changed pixels' precision
        coded8 = to_8_bits(rgb)
        made = _plain_pixels(coded8, like).astype(np.uint16)
        made *= 257
        np.copyto(made, like.deep, where=~differs(coded8, like.rgb)[..., None])
        return made
    coded = rgb.astype(np.uint16, copy=False)
    if like.rgb_profile is None or (found := matrix_profile(like.rgb_profile)) is None:
        return coded  # the work was done on the stored values
    made = found.from_srgb16(coded)
    for top in range(0, len(made), BAND):  # `working_pixels` would be another photo in memory
        rows = slice(top, top + BAND)
        same = (coded[rows] == found.to_srgb16(like.deep[rows])).all(axis=2, keepdims=True)
        np.copyto(made[rows], like.deep[rows], where=same)
    return made
