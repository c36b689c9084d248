"""Pixels of more than 8 bits in 16, and one true sentence for kinds of pixels that are not read.

Pillow has no 16-bit RGB: OpenCV reads PNG and the usual TIFFs, tifffile the TIFFs whose channels
are stored as planes or are more than OpenCV takes, libheif the HEICs.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from dmlseg_core.errors import ImageError
from dmlseg_core.photo.decode import turned

Words: TypeAlias = NDArray[np.uint16]

_BITS, _PHOTOMETRIC, _PLANAR, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 258, 262, 284, 338, 339
_ORIENTATION, _ICC = 274, 34675
_WHITE_IS_ZERO, _GRAY, _ASSOCIATED = 0, (0, 1), 1
_COLORS = {0: 1, 1: 1, 2: 3}  # photometric interpretation -> channels, of what is read in 16 bits
_KINDS = {1: "uint", 2: "int", 3: "float", 4: "undefined ", 5: "complex int", 6: "complex float"}
_NAMES = {3: "palette", 4: "mask", 5: "CMYK", 6: "YCbCr", 8: "LAB", 9: "LAB", 10: "LAB"}
_MODES = {"I": "int32", "F": "float32"}


class AnyTiff(TiffImagePlugin.TiffImageFile):
    """A TIFF with its tags, also where Pillow has no mode for its pixels: then `unknown`."""

    unknown = False

    def _setup(self) -> None:
        try:
            super()._setup()
        except SyntaxError:
            gray = self.tag_v2.get(_PHOTOMETRIC, 0) in _GRAY
            self._mode, self.tile, self.unknown = "I;16" if gray else "RGB", [], True
            if _ICC in self.tag_v2:
                self.info["icc_profile"] = self.tag_v2[_ICC]


def refuse_kind(image: Image.Image, name: str) -> None:
    """ImageError where the pixels are numbers without a fixed black and white."""
    kind = _MODES.get(image.mode) if image.format not in ("TIFF", "PPM") else None
    if image.format == "TIFF":
        tags: Any = image.tag_v2  # type: ignore[attr-defined]
        bits, sample = max(tags.get(_BITS, (1,))), max(tags.get(_SAMPLE_FORMAT, (1,)))
        kind = f"{_KINDS.get(sample, 'unknown ')}{bits}" if sample != 1 or bits > 16 else None
    if kind is not None:
        raise ImageError(
            f"{name}: pixels of type {kind} are not read; save it with 8 or 16 bits per channel "
            "(unsigned integers)"
        )


def bits_of(image: Image.Image, data: bytes) -> int:
    """Bits per channel of the file, as its header says; 8 where it does not."""
    if image.format == "PNG":
        return data[24]
    if image.format == "TIFF":
        return int(max(image.tag_v2.get(_BITS, (1,))))  # type: ignore[attr-defined]
    if image.format == "HEIF":
        return int(image.info.get("bit_depth", 8))
    if image.mode in ("I", "I;16", "I;16L", "I;16B"):  # PGM and JPEG 2000: Pillow scales them
        return 16
    return _bits_in_header(image.format, data)


def _bits_in_header(file_format: str | None, data: bytes) -> int:
    if file_format == "PPM":
        found = re.match(rb"P\d\s+(?:#.*\s+)*\d+\s+(?:#.*\s+)*\d+\s+(?:#.*\s+)*(\d+)", data)
        return int(found[1][:6]).bit_length() if found else 8
    if file_format == "JPEG2000":  # ISO/IEC 15444-1, I.5.3.1: behind height, width and channels
        place = data.find(b"ihdr", 0, 1 << 12)
        return (data[place + 14] & 127) + 1 if place > 0 else 8
    place = data.find(b"pixi", 0, 1 << 16) if data[4:8] == b"ftyp" else -1
    # ISO/IEC 23008-12, 6.5.6: version and flags (4 bytes), number of channels, bits of the first
    return data[place + 9] if place > 0 else 8


def deep_pixels(
    image: Image.Image, data: bytes, notes: list[str]
) -> tuple[Words | None, Words | None]:
    """(H, W, 3) and alpha (H, W) of a file with more than 8 bits per channel, full range.

    (None, None) where it has 8 or fewer, or is read with 8, which a note says.

    Raises:
        ImageError: a TIFF laid out in a way that is not read.
    """
    bits = bits_of(image, data)
    read = _reader(image) if bits > 8 else None
    if read is not None:
        if bits < 16:
            notes.append(f"The photo had {bits} bits per channel and is kept in 16.")
        return _split(_stretched(read(image, data), bits), image, notes)
    if isinstance(image, AnyTiff) and image.unknown:
        raise ImageError(_layout(image, bits))
    if bits > 8:
        notes.append(f"The photo had {bits} bits per channel and now has 8.")
    return None, None


def _reader(image: Image.Image) -> Callable[[Image.Image, bytes], Words] | None:
    """What decodes an image with more than 8 bits into (H, W, C) words; None: Pillow, in 8."""
    if image.format == "TIFF":
        tags: Any = image.tag_v2  # type: ignore[attr-defined]
        if tags.get(_PHOTOMETRIC, 0) in _COLORS:
            return _tiff
        if tags.get(_PLANAR, 1) == 2:  # Pillow mixes 16-bit planes up
            raise ImageError(_layout(image, 16))
        return None
    usual = _gray if image.mode.startswith("I") else None
    return {"PNG": _opencv, "HEIF": _heif}.get(image.format or "", usual)


def _layout(image: Image.Image, bits: int) -> str:
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    color = tags.get(_PHOTOMETRIC, 0)
    name = "gray" if color in _GRAY else _NAMES.get(color, "RGB" if color == 2 else "unknown")
    planes = " in separate planes" if tags.get(_PLANAR, 1) == 2 else ""
    return (
        f"a TIFF of {bits}-bit {name} pixels{planes}, {tags.get(277, 1)} channels, is not read; "
        "save it as RGB with 8 or 16 bits per channel"
    )


def _gray(image: Image.Image, data: bytes) -> Words:
    return np.asarray(image).clip(0, 65535).astype(np.uint16)[..., None]


def _opencv(image: Image.Image, data: bytes) -> Words:
    """RGB order, whatever the file's; 10 to 14 bits are OpenCV's highest ones of 16."""
    quiet = cv2.utils.logging  # what is wrong with a file is said in one sentence, by us
    level = quiet.setLogLevel(quiet.LOG_LEVEL_SILENT)
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    finally:
        quiet.setLogLevel(level)
    if decoded is None or decoded.dtype != np.uint16:
        raise ValueError("its 16-bit pixels cannot be decoded")
    stack: Words = decoded.reshape(*decoded.shape[:2], -1).astype(np.uint16, copy=False)
    if stack.shape[2] < 3:
        return _keyed(stack, image)
    return stack[..., [2, 1, 0, 3][: stack.shape[2]]]


def _keyed(gray: Words, image: Image.Image) -> Words:
    """Gray with the alpha that a transparent level stands for (PNG's tRNS): OpenCV drops it."""
    key = image.info.get("transparency") if image.format == "PNG" else None
    if not isinstance(key, int):
        return gray
    return np.dstack([gray, np.where(gray == key, 0, 65535).astype(np.uint16)])


def _tiff(image: Image.Image, data: bytes) -> Words:
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    channels, colors = tags.get(277, 1), _COLORS[tags.get(_PHOTOMETRIC, 0)]
    plain = tags.get(_PLANAR, 1) != 2 or channels == 1
    if plain and channels in (1, 3, 4) and channels <= colors + 1:
        return _opencv(image, data)
    return _planes(image, data, channels)


def _planes(image: Image.Image, data: bytes, channels: int) -> Words:
    import tifffile  # noqa: PLC0415 (slow to load, and few files need it)

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page: Any = file.pages[0]
            found = np.asarray(page.asarray())
    except (NotImplementedError, ImportError, ValueError) as error:
        if "imagecodecs" not in str(error):
            raise
        # a compression that tifffile leaves to an optional package
        raise ImageError(_layout(image, 16)) from None
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    found = np.moveaxis(found, 0, -1) if tags.get(_PLANAR, 1) == 2 else found
    if found.dtype != np.uint16 or found.ndim != 3 or found.shape[-1] != channels:
        raise ImageError(_layout(image, 16))
    turn = tags.get(_ORIENTATION, 1)  # the other decoders of TIFF turn the pixels themselves
    return turned(found.astype(np.uint16, copy=False), turn)


def _heif(image: Image.Image, data: bytes) -> Words:
    from pillow_heif import open_heif  # noqa: PLC0415 (optional, and slow to load)

    found = np.asarray(open_heif(data, convert_hdr_to_8bit=False))
    if found.dtype != np.uint16:
        raise ValueError("its pixels have another depth than the header says")
    return found.reshape(*found.shape[:2], -1)


def _stretched(words: Words, bits: int) -> Words:
    """Full range of what lies in the highest `bits` of 16: the brightest level becomes 65535."""
    if bits >= 16:
        return words
    full: Words = words | (words >> np.uint16(bits))  # repeats the first bits: all ones stay so
    return full


def _split(stack: Words, image: Image.Image, notes: list[str]) -> tuple[Words, Words | None]:
    """RGB and alpha; what a TIFF multiplied by alpha is divided again."""
    tags: Any = getattr(image, "tag_v2", {}) if image.format == "TIFF" else {}
    extra = tags.get(_EXTRA_SAMPLES, (2,))
    color = tags.get(_PHOTOMETRIC, 2)
    gray = color in _GRAY or stack.shape[2] < 3
    colors = 1 if gray else 3
    if gray:
        notes.append("The photo was grey and is now RGB.")
    if color == _WHITE_IS_ZERO:
        stack = np.concatenate([65535 - stack[..., :1], stack[..., 1:]], axis=2)
    rgb: Words = np.ascontiguousarray(np.broadcast_to(stack[..., :colors], (*stack.shape[:2], 3)))
    if stack.shape[2] <= colors or not extra[0]:
        return rgb, None
    alpha: Words = np.ascontiguousarray(stack[..., colors])
    if extra[0] == _ASSOCIATED:
        share = np.maximum(alpha, 1)[..., None] / 65535
        rgb = np.rint(np.minimum(rgb / share, 65535)).astype(np.uint16)
        notes.append("The photo's colors were stored multiplied by alpha; they no longer are.")
    return rgb, alpha
