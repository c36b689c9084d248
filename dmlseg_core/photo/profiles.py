"""Color profiles: pixels to sRGB, and back into the profile of their file, in 8 and 16 bits.

8 bits go through littleCMS. Pillow gives it no 16-bit RGB, and its own 16-bit path interpolates a
coarse table that errs by up to ten 8-bit levels where colors leave the gamut. So 16 bits are
computed here from a profile's matrix and curves (ICC.1:2022, annex F.3: what cameras and editors
embed), in float32, up to the rounding to 16-bit sRGB.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from dmlseg_core.color import decode_table
from dmlseg_core.photo.decode import BAND, rgb_of, to_8_bits
from dmlseg_core.photo.metadata import HDR, curve_in

Bytes: TypeAlias = NDArray[np.uint8]
Words: TypeAlias = NDArray[np.uint16]
Floats: TypeAlias = NDArray[np.float32]

_STRIP = 1 << 18
"""Pixels converted at once: the float planes stay small beside the photo."""
_STEPS = 1 << 18
_SAME = 257
"""Of 65535: an 8-bit level, by which writers' sRGB curves differ from the standard's at most."""
_LEVELS = np.arange(65536) / 65535
# What littleCMS looks up instead of matrix and curves where a profile has it.
_TABLES = (b"A2B0", b"A2B1", b"D2B0", b"D2B1")


def to_srgb8(
    pixels: Image.Image, profile: bytes | None, notes: list[str]
) -> tuple[Bytes, Bytes | None]:
    """sRGB pixels, and the RGB pixels as stored where a profile changed them."""
    plain = rgb_of(pixels if pixels.mode == "RGB" else pixels.convert("RGB"))
    if profile is None:
        return plain, None
    try:
        stored = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        name = ImageCms.getProfileDescription(stored).strip()
        if pixels.mode == "RGB" and _is_srgb(profile, name):
            return plain, None  # already there: a conversion would only round
        hdr = _hdr_profile(profile)
        converted = (
            _converted(pixels, stored, srgb_profile())
            if hdr is None
            else to_8_bits(hdr.to_srgb16(plain.astype(np.uint16) * 257))
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        notes.append("The embedded color profile is damaged and was left out of account.")
        return plain, None
    notes.append(f"Colors were converted from the profile '{name}' to sRGB.")
    return converted, plain if pixels.mode == "RGB" else None


def to_srgb8_deep(
    deep: Words, profile: bytes | None, notes: list[str], *, fine: bool
) -> tuple[Bytes, Bytes | None]:
    """`to_srgb8` of (H, W, 3) in bands: as a whole its steps take twice the photo's memory.

    Args:
        deep: pixels as stored.
        profile: of them.
        notes: what was done is added.
        fine: in 16 bits where the profile has a matrix: linear light in 8 is coarse in the dark.
    """
    rgb = np.empty(deep.shape, np.uint8)
    made = matrix_profile(profile) if fine and profile is not None else None
    for top in range(0, len(deep), BAND):
        band, told = deep[top : top + BAND], list[str]()
        done, native = to_srgb8(Image.fromarray(to_8_bits(band)), profile, told)
        if made is not None and native is not None:
            done = to_8_bits(made.to_srgb16(band))
        rgb[top : top + BAND] = done
    notes += told
    return rgb, native


@lru_cache(maxsize=8)
def _is_srgb(profile: bytes, name: str) -> bool:
    """Does an RGB profile say sRGB: by curves and matrix, by its name where it has only tables?

    Editors call profiles of other curves "Linear sRGB" and the like.
    """
    found = matrix_profile(profile)
    if found is None:
        return "srgb" in name.lower()
    cube = np.stack(np.meshgrid(*3 * [np.arange(0, 65536, 3855)]), axis=-1).astype(np.uint16)
    flat = cube.reshape(len(cube), -1, 3)
    return int(np.abs(found.to_srgb16(flat) - flat.astype(np.int32)).max()) <= _SAME


def usable_profile(
    profile: bytes | None, notes: list[str], image: Image.Image, data: bytes
) -> bytes | None:
    """The profile of a file, None with a word where colors cannot be told by it: damaged, absurd,
    or of another kind of pixels (PNG forbids those, viewers look at none).
    """
    if profile is None:
        return None
    try:
        space = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space.strip()
        if space == (own := _space_of(image, data)) and (own != "RGB" or _is_sound(profile)):
            return profile
        word = "cannot be used: its colors cannot be told apart"
        word = word if space == own else f"is one for {space}, not for {own} pixels"
    except (ImageCms.PyCMSError, OSError, ValueError):
        word = "is damaged"
    notes.append(f"The embedded color profile {word}; colors were taken as sRGB.")
    return None


def _space_of(image: Image.Image, data: bytes) -> str:
    """ICC's name of the pixels that a file stores; Pillow's mode may be what they become."""
    gray = image.mode in ("1", "L", "LA", "I", "I;16")
    if image.format == "PNG":
        gray = data[25] in (0, 4)  # color type
    elif image.format == "TIFF":
        gray = image.tag_v2.get(262) in (0, 1)  # type: ignore[attr-defined]  # zero is white, black
    return "GRAY" if gray else "CMYK" if image.mode == "CMYK" else "RGB"


def _is_sound(profile: bytes) -> bool:
    """Do an RGB profile's curves rise, and do its primaries span a space with a white?"""
    if profile[128:132] == bytes(4) or any(name in _tags(profile) for name in _TABLES):
        return True
    try:
        colorants = _colorants(_tags(profile))
        curves = [curve_in(_tags(profile)[name]) for name in (b"rTRC", b"gTRC", b"bTRC")]
    except (struct.error, IndexError, KeyError, ValueError, ZeroDivisionError):
        return False
    rises = all(curve[-1] - curve[0] > 0.1 for curve in curves)
    return rises and 0.5 < colorants[1].sum() < 2 and bool(np.linalg.cond(colorants) < 1000)


def has_inverse(profile: bytes) -> bool:
    """Can sRGB be put into an RGB profile's colors? A scanner's tables may lead one way only."""
    try:
        target = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        ImageCms.buildTransform(srgb_profile(), target, "RGB", "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return False
    return True


def from_srgb8(rgb: Bytes, profile: bytes) -> Bytes:
    """(H, W, 3) uint8 sRGB in the colors of an RGB profile."""
    if (hdr := _hdr_profile(profile)) is not None:
        return to_8_bits(hdr.from_srgb16(rgb.astype(np.uint16) * 257))
    target = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return _converted(Image.fromarray(rgb), srgb_profile(), target)


def _hdr_profile(profile: bytes) -> MatrixProfile | None:
    """Curves and matrix of a profile of HDR, which end in a plateau: littleCMS inverts it badly."""
    found = _tags(profile).get(b"cicp", b"") if len(profile) > 132 else b""
    return matrix_profile(profile) if len(found) >= 12 and found[9] in HDR else None


def srgb_profile() -> ImageCms.ImageCmsProfile:
    """littleCMS's own sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _converted(
    image: Image.Image, source: ImageCms.ImageCmsProfile, target: ImageCms.ImageCmsProfile
) -> Bytes:
    transform = ImageCms.buildTransform(
        source,
        target,
        image.mode,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    return rgb_of(image, lambda band: cast("Image.Image", ImageCms.applyTransform(band, transform)))


@dataclass(frozen=True, eq=False)
class MatrixProfile:
    """An RGB or gray profile of curves and a matrix.

    Attributes:
        curves: (3, 65536) float32, linear light 0..1 of each stored level; they do not fall.
        matrix: (3, 3) float64, linear light of the profile to that of sRGB.
    """

    curves: Floats = field(repr=False)
    matrix: NDArray[np.float64]

    def to_srgb16(self, words: Words) -> Words:
        """(H, W, 3) uint16 as stored -> uint16 sRGB; what sRGB cannot hold is clipped."""
        return _by_strips(words, self._decoded)

    def from_srgb16(self, words: Words) -> Words:
        """(H, W, 3) uint16 sRGB -> the profile's own levels, the inverse of `to_srgb16`."""
        return _by_strips(words, self._encoded)

    def _decoded(self, words: Words) -> Words:
        return _moved(words, self.curves, self.matrix, _srgb_inverse())

    def _encoded(self, words: Words) -> Words:
        source = np.stack([decode_table(np.uint16)] * 3)
        return _moved(words, source, np.linalg.inv(self.matrix), self._inverse)

    @cached_property
    def _inverse(self) -> tuple[Words, ...]:
        return tuple(_inverted(curve) for curve in self.curves)


@cache
def _srgb_inverse() -> tuple[Words, ...]:
    return (_inverted(decode_table(np.uint16)),) * 3


def _inverted(curve: Floats) -> Words:
    """Stored level of each step of the square root of linear light, (_STEPS + 1,).

    In the square root all usual curves are nearly straight: a step is 1/4 of a level there, at most
    1/2 for a linear curve.
    """
    light = (np.arange(_STEPS + 1) / _STEPS) ** 2
    end = int(np.searchsorted(curve, curve[-1])) + 1  # of a plateau the first level is white
    return np.rint(np.interp(light, curve[:end], _LEVELS[:end]) * 65535).astype(np.uint16)


def _moved(words: Words, source: Floats, matrix: NDArray[Any], target: tuple[Words, ...]) -> Words:
    """Levels of one space in another, through linear light.

    Exactly rounded arithmetic alone, so that a pixel's result never depends on where it lies
    (vector units round matrix products and powers otherwise at the end of a row): `save_photo`
    tells unchanged pixels by comparing with it.
    """
    linear = [source[c][words[..., c]] for c in range(3)]
    result = np.empty_like(words)
    for c, row in enumerate(matrix.astype(np.float32)):
        mixed = linear[0] * row[0] + linear[1] * row[1] + linear[2] * row[2]
        np.clip(mixed, 0, 1, out=mixed)
        np.sqrt(mixed, out=mixed)
        mixed *= _STEPS
        mixed += 0.5
        result[..., c] = target[c][mixed.astype(np.int32)]
    return result


def _by_strips(words: Words, change: Callable[[Words], Words]) -> Words:
    """`change` of (H, W, 3) uint16 in strips of rows: memory stays bounded."""
    result = np.empty_like(words)
    rows = max(1, _STRIP // max(1, words.shape[1]))
    for top in range(0, len(words), rows):
        result[top : top + rows] = change(np.ascontiguousarray(words[top : top + rows]))
    return result


@lru_cache(maxsize=8)
def matrix_profile(profile: bytes) -> MatrixProfile | None:
    """The curves and matrix of an ICC profile; None where it has none, or tables beside them."""
    try:
        return _parsed(profile)
    except (struct.error, IndexError, KeyError, ValueError, ZeroDivisionError):
        return None  # damaged: littleCMS says so with a word


def _parsed(profile: bytes) -> MatrixProfile | None:
    tags = _tags(profile)
    space, middle = profile[16:20], profile[20:24]
    if middle != b"XYZ " or any(name in tags for name in _TABLES):
        return None
    if space == b"GRAY":
        curve = curve_in(tags[b"kTRC"])
        return MatrixProfile(np.stack([curve] * 3), np.eye(3))
    if space != b"RGB ":
        return None
    curves = np.stack([curve_in(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")])
    srgb = _colorants(_tags(srgb_profile().tobytes()))
    return MatrixProfile(curves, np.linalg.inv(srgb) @ _colorants(tags))


def _tags(profile: bytes) -> dict[bytes, bytes]:
    """Tag table (ICC.1:2022, 7.3): signature -> the element's bytes."""
    (count,) = struct.unpack_from(">I", profile, 128)
    rows = (struct.unpack_from(">4sII", profile, 132 + 12 * k) for k in range(min(count, 200)))
    return {name: profile[start : start + size] for name, start, size in rows}


def _colorants(tags: dict[bytes, bytes]) -> NDArray[np.float64]:
    """(3, 3): columns are the D50 XYZ of red, green and blue (XYZType, 10.31)."""
    columns = [struct.unpack_from(">3i", tags[name], 8) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    return np.array(columns, np.float64).T / 65536
