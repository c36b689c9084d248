"""Photos in: any file or array becomes a `Photo`, or one clear ImageError.

What the file was (mode, profile, EXIF, depth, JPEG tables) is kept, so that `export` can give it
back as it came. Nothing here executes what it reads: no pickle, no numpy archives.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dmlseg_core.config import MAX_MEGAPIXELS
from dmlseg_core.errors import ImageError
from dmlseg_core.photo.decode import (
    cut_short,
    dpi_of,
    jpeg_of,
    more_pictures,
    orientation_of,
    over,
    plain_pixels,
    to_8_bits,
    turned,
    whole_webp,
    with_turned_map,
)
from dmlseg_core.photo.depths import bits_of, deep_pixels
from dmlseg_core.photo.metadata import (
    Metadata,
    Signal,
    clean_aperture,
    color_space_of,
    pixels_alone,
    profile_beside,
    profile_of,
    read_metadata,
    read_signal,
)
from dmlseg_core.photo.profiles import (
    has_inverse,
    matrix_profile,
    srgb_profile,
    to_srgb8,
    to_srgb8_deep,
    usable_profile,
)
from dmlseg_core.photo.source import LARGE, check_size, opened, read_source, refuse_crowd

Bytes: TypeAlias = NDArray[np.uint8]
Words: TypeAlias = NDArray[np.uint16]
Source: TypeAlias = "str | Path | bytes | BinaryIO | NDArray[Any]"


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo as displayed: orientation applied, colors in sRGB.

    Attributes:
        rgb: (H, W, 3) uint8 sRGB, read-only.
        path: the file it came from; None for bytes, streams and arrays.
        digest: sha256 of size and decoded pixels; names the photo.
        notes: one sentence for each thing changed on the way in.
        format: Pillow's name of the file format ("JPEG"), None for arrays.
        mode: Pillow's mode of the stored pixels ("RGB", "CMYK", "P", ...), None for arrays.
        icc_profile: the embedded profile as it was; None where it cannot be used.
        about: EXIF, XMP, IPTC, comments and texts: as in the file but for the orientation, which
            has been applied, sizes and thumbnails.
        dpi: (horizontal, vertical) of the photo as displayed.
        alpha: (H, W) uint8 where the file had transparency, read-only.
        deep: (H, W, 3) uint16 where the file had more than 8 bits per channel, read-only, in the
            colors of `rgb_profile`.
        deep_alpha: (H, W) uint16, the transparency of such a file.
        bits: per channel of the file, 9..16 where `deep` holds them; 8 else.
        native: (H, W, 3) uint8 in the colors of `rgb_profile`, where that is not None and the
            file had 8 bits.
        rgb_profile: the profile of `native` and `deep`: `icc_profile`, or one that says what
            `signal` does; None = colors are sRGB.
        signal: what the file says of its colors beside a profile: PNG's chunks, code points.
        jpeg_tables: quantization tables of a JPEG source, for the photo as displayed.
        jpeg_progressive: was it progressive.
        jpeg_subsampling: "4:4:4", "4:2:2" or "4:2:0" of a JPEG source, where known.
        jpeg_rgb: was it coded as RGB instead of YCbCr.
    """

    rgb: Bytes = field(repr=False)
    path: Path | None
    digest: str
    notes: tuple[str, ...] = ()
    format: str | None = None
    mode: str | None = None
    icc_profile: bytes | None = field(default=None, repr=False)
    about: Metadata = field(default_factory=Metadata, repr=False)
    dpi: tuple[float, float] | None = None
    alpha: Bytes | None = field(default=None, repr=False)
    deep: Words | None = field(default=None, repr=False)
    deep_alpha: Words | None = field(default=None, repr=False)
    bits: int = 8
    native: Bytes | None = field(default=None, repr=False)
    rgb_profile: bytes | None = field(default=None, repr=False)
    signal: Signal = field(default_factory=Signal, repr=False)
    jpeg_tables: dict[int, list[int]] | None = field(default=None, repr=False)
    jpeg_subsampling: str | None = None
    jpeg_progressive: bool = False
    jpeg_rgb: bool = False

    @property
    def exif(self) -> bytes | None:
        """The EXIF block of `about`: a TIFF structure."""
        return self.about.exif

    @property
    def height(self) -> int:
        """H."""
        return int(self.rgb.shape[0])

    @property
    def width(self) -> int:
        """W."""
        return int(self.rgb.shape[1])

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return self.height, self.width

    @cached_property
    def visible(self) -> NDArray[np.bool_] | None:
        """(H, W) bool: not wholly transparent; None where no pixel is."""
        if self.alpha is None or self.alpha.all():
            return None
        seen = self.alpha > 0
        seen.flags.writeable = False
        return seen

    @property
    def nbytes(self) -> int:
        """Bytes held by the pixel arrays."""
        arrays = (self.rgb, self.alpha, self.deep, self.deep_alpha, self.native)
        return sum(a.nbytes for a in arrays if a is not None)

    def working_pixels(self) -> Bytes | Words:
        """The photo in sRGB at the depth it can be recolored in: (H, W, 3).

        uint16 where the file had 16 bits and no profile, or one of curves and a matrix (as those of
        sRGB, Display P3, Adobe RGB, ProPhoto); else `rgb`. Computed on each call.
        """
        if self.deep is None or self.rgb_profile is None:
            return self.rgb if self.deep is None else self.deep
        found = matrix_profile(self.rgb_profile)
        return self.rgb if found is None else found.to_srgb16(self.deep)

    @property
    def working_dtype(self) -> np.dtype[Any]:
        """uint8 or uint16: the type of `working_pixels`, without computing them."""
        tables = self.rgb_profile is not None and matrix_profile(self.rgb_profile) is None
        return np.dtype(np.uint8 if self.deep is None or tables else np.uint16)


def shown(photo: Photo, *, checkered: bool = False) -> Bytes:
    """The photo as it is looked at: (H, W, 3) uint8 over a ground where it has transparency.

    What hides under transparent pixels is seen by nobody: not by the network, in no overlay, on no
    page.

    Args:
        photo: any; without alpha its own `rgb` is given back.
        checkered: over squares, as editors show transparency; else over a neutral gray.
    """
    return photo.rgb if photo.alpha is None else over(photo.rgb, photo.alpha, checkered=checkered)


def load_photo(
    source: Source, *, max_megapixels: float = 100, managed: bool = True, plain: bool = False
) -> Photo:
    """Read a photo.

    Args:
        source: a path, the bytes of a file, a binary stream, or an array: (H, W), (H, W, 1),
            (H, W, 3) or (H, W, 4), uint8 or uint16, RGB order.
        max_megapixels: refuse larger photos; checked in the header, before anything is decoded.
        managed: colors are converted to sRGB; False: levels as they are stored, for masks.
        plain: it may be large and have few bytes, as masks and files of ours.

    Raises:
        ImageError: the source is missing, empty, no image, damaged, or over the cap.
    """
    cap = MAX_MEGAPIXELS.check(max_megapixels)
    if isinstance(source, np.ndarray):
        return _from_array(source, cap)
    path, name, data = read_source(source, cap)
    refuse_crowd(data, name)
    alone = pixels_alone(data)
    with opened(alone, name, cap, sparse=plain or not managed) as image:
        about = read_metadata(data, image.format, image.info)
        if image.format == "PNG":  # Pillow takes no profile of more than a megabyte
            image.info["icc_profile"] = profile_beside(data, "PNG")
        signal = replace(read_signal(data), exif=color_space_of(about.exif))
        if not managed:
            image.info["icc_profile"], signal = b"", Signal()
        del data  # of large photos hundreds of megabytes
        return _decode(image, alone, (about, signal), path, name)


def _decode(
    image: Image.Image, data: bytes, told: tuple[Metadata, Signal], path: Path | None, name: str
) -> Photo:
    (about, signal), notes = told, more_pictures(image, data, name)
    file_format, mode = image.format, image.mode
    turn, told_turn = orientation_of(image, data, about)
    fields: dict[str, Any] = {"dpi": dpi_of(image, data, about, told_turn), "signal": signal}
    fields |= jpeg_of(image, turn) if file_format in ("JPEG", "MPO") else {}
    arrays = _pixels(image, data, fields, notes)
    if "jpeg_tables" in fields and (cut := cut_short(image, data)):
        notes.append(cut)
    seen = clean_aperture(data) if file_format == "AVIF" else None  # libheif applies it itself
    for which in tuple(arrays):  # one after the other: what has been turned is let go
        if (a := arrays.pop(which)) is not None:
            fields[which] = turned(a if seen is None else a[seen], turn)
    about = with_turned_map(about, turn, size := fields["rgb"].shape[:2])
    fields["about"] = about.upright(size, told_turn, notes)
    return _photo(path=path, notes=tuple(notes), format=file_format, mode=mode, **fields)


def _pixels(
    image: Image.Image, data: bytes, fields: dict[str, Any], notes: list[str]
) -> dict[str, NDArray[Any] | None]:
    """The arrays of a Photo, not turned yet; the profiles go to `fields`."""
    found = image.info.get("icc_profile")
    if found is None:
        found = profile_beside(data, image.format)
    profile = fields["icc_profile"] = usable_profile(found or None, notes, image, data)
    signal = fields["signal"]
    if signal.points is not None and signal.chunks and profile is not None:
        fields["icc_profile"] = profile = None  # PNG's code points overrule it
    if profile is None:
        profile = profile_of(signal, notes)
    elif signal.points is not None:  # in HEIF and AVIF it is the profile that counts
        fields["signal"] = Signal()
    deep, deep_alpha = deep_pixels(image, data, notes)
    if deep is None:
        large = image.format == "WEBP" and image.height * image.width > LARGE
        pixels, alpha = plain_pixels(whole_webp(image, data) if large else image, notes)
        if fields["icc_profile"] is None and profile is not None:
            pixels = pixels.convert("RGB")  # gray with a signal: its profile is one of RGB
        rgb, native = to_srgb8(pixels, profile, notes)
    else:
        if profile is not None and profile[16:20] == b"GRAY" and (gray := matrix_profile(profile)):
            deep, profile = gray.to_srgb16(deep), None
            notes.append("Grays were converted from the embedded profile to sRGB.")
        rgb, native = to_srgb8_deep(deep, profile, notes, fine=fields["icc_profile"] is None)
        alpha = None if deep_alpha is None else to_8_bits(deep_alpha)
    fields["rgb_profile"] = None if native is None else profile
    if native is not None and profile is not None and not has_inverse(profile):
        notes.append("The embedded color profile leads one way only: results are in 8-bit sRGB.")
        native = deep = deep_alpha = fields["rgb_profile"] = None
        fields["icc_profile"] = srgb_profile().tobytes()
    if deep is not None:
        native, fields["bits"] = None, bits_of(image, data)  # `deep` holds it
    return {"rgb": rgb, "alpha": alpha, "deep": deep, "deep_alpha": deep_alpha, "native": native}


def _photo(rgb: Bytes, **fields: Any) -> Photo:
    """A Photo with its digest, every array frozen."""
    rgb = np.ascontiguousarray(rgb)
    name = hashlib.sha256(f"{rgb.shape[0]}x{rgb.shape[1]}:".encode())
    name.update(rgb.data)
    photo = Photo(rgb=rgb, digest=name.hexdigest(), **fields)
    for array in (photo.rgb, photo.alpha, photo.deep, photo.deep_alpha, photo.native):
        if array is not None:
            array.flags.writeable = False
    return photo


def _from_array(array: NDArray[Any], cap: float) -> Photo:
    """A Photo of an array in memory; copied, so that later edits of the array do no harm."""
    grey = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 1)
    if not grey and not (array.ndim == 3 and array.shape[2] in (3, 4)):
        raise ImageError(f"a photo array must be (H, W), (H, W, 3) or (H, W, 4); got {array.shape}")
    if array.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"a photo array must be uint8 or uint16; got {array.dtype}")
    check_size(array.shape[0], array.shape[1], "the given array", cap)
    stack = np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2) if grey else array
    coded = to_8_bits(stack)
    has_alpha = stack.shape[2] == 4
    return _photo(
        rgb=coded[..., :3].copy(),
        path=None,
        notes=("The photo was grey and is now RGB.",) if grey else (),
        alpha=coded[..., 3].copy() if has_alpha else None,
        bits=8 * stack.itemsize,
        deep=stack[..., :3].copy() if stack.dtype == np.uint16 else None,
        deep_alpha=stack[..., 3].copy() if stack.dtype == np.uint16 and has_alpha else None,
    )
