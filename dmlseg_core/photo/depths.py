"""Pixels of more than 8 bits in 16, and one true sentence for kinds of pixels that are not read.

Pillow has no 16-bit RGB: OpenCV reads PNG, AVIF, JPEG 2000, PPM and the usual TIFFs, libheif the
HEICs. TIFFs whose channels are stored as planes, are more than OpenCV takes, or are compressed in
other ways are read as what they are made of: 16-bit gray (tiff.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from dmlseg_core.errors import ImageError
from dmlseg_core.photo.decode import BAND, DIVIDED, no_bomb_check, turned
from dmlseg_core.photo.tiff import channels_of

Words: TypeAlias = NDArray[np.uint16]

_BITS, _PHOTOMETRIC, _PLANAR, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 258, 262, 284, 338, 339
_COMPRESSION, _ORIENTATION, _PREDICTOR, _ICC = 259, 274, 317, 34675
_OF_OPENCV = (1, 5, 8, 32773, 32946)
_COMPRESSIONS = (*_OF_OPENCV, 2, 3, 4, 6, 7, 32771, 34925, 50000)
"""Without, LZW, deflate, PackBits; fax, JPEG, LZMA, Zstandard."""
_MANY = 16
"""Channels that are looked at."""
_WHITE_IS_ZERO, _GRAY, _ASSOCIATED = 0, (0, 1), 1
_COLORS = {0: 1, 1: 1, 2: 3}  # photometric interpretation -> channels, of what is read in 16 bits
_KINDS = {1: "uint", 2: "int", 3: "float", 4: "undefined ", 5: "complex int", 6: "complex float"}
_NAMES = {3: "palette", 4: "mask", 5: "CMYK", 6: "YCbCr", 8: "LAB", 9: "LAB", 10: "LAB"}
_MODES = {"I": "int32", "F": "float32"}


class AnyTiff(TiffImagePlugin.TiffImageFile):
    """A TIFF with its tags, also where Pillow has no mode for its pixels: then `unknown`."""

    unknown = False

    def load_prepare(self) -> None:
        """As Pillow's, without its cap on pixels."""
        with no_bomb_check():
            super().load_prepare()

    def _setup(self) -> None:
        _refuse_layout(self.tag_v2)
        try:
            super()._setup()
        except SyntaxError:
            gray = self.tag_v2.get(_PHOTOMETRIC, 0) in _GRAY
            self._mode, self.tile, self.unknown = "I;16" if gray else "RGB", [], True
            if _ICC in self.tag_v2:
                self.info["icc_profile"] = self.tag_v2[_ICC]


def _refuse_layout(tags: Any) -> None:
    """ImageError where no decoder here knows how the pixels are packed."""
    method = tags.get(_COMPRESSION, 1)
    if method not in _COMPRESSIONS:
        raise ImageError(
            f"a TIFF compressed by method {method} is not read; save it with LZW or deflate"
        )
    if tags.get(_PHOTOMETRIC) == 6 and method == 1:  # Pillow takes it for RGB
        raise ImageError("a TIFF of YCbCr pixels without compression is not read; save it as RGB")


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
        return _white_of_ppm(data).bit_length()
    if file_format == "SGI":  # bytes of a channel
        return 8 * data[3]
    if file_format == "JPEG2000":  # ISO/IEC 15444-1, A.5.1: SIZ, right behind the start
        place = data.find(b"\xff\x4f\xff\x51", 0, 1 << 20)
        return (data[place + 42] & 127) + 1 if 0 <= place < len(data) - 42 else 8
    place = data.find(b"pixi", 0, 1 << 16) if data[4:8] == b"ftyp" else -1
    # ISO/IEC 23008-12, 6.5.6: version and flags (4 bytes), number of channels, bits of the first
    return data[place + 9] if place > 0 else 8


def _white_of_ppm(data: bytes) -> int:
    """The level of white that the header says."""
    found = re.match(rb"P\d%s\d+%s\d+%s(\d+)" % ((rb"\s++(?:#[^\r\n]*+\s++)*+",) * 3), data)
    return int(found[1][:6]) if found else 255


def deep_pixels(
    image: Image.Image, data: bytes, notes: list[str]
) -> tuple[Words | None, Words | None]:
    """(H, W, 3) and alpha (H, W) of a file with more than 8 bits per channel, full range.

    (None, None) where it has 8 or fewer, or is read with 8, which a note says.

    Raises:
        ImageError: a TIFF laid out in a way that is not read.
    """
    bits = bits_of(image, data)
    _say_channels(image, notes)
    read = _reader(image) if bits > 8 else None
    words = None if read is None else read(image, data)
    if words is not None:
        if bits < 16:
            notes.append(f"The photo had {bits} bits per channel and is kept in 16.")
        return _split(words if read is _low else _stretched(words, bits), image, notes)
    if isinstance(image, AnyTiff) and image.unknown:
        raise ImageError(_layout(image, bits))
    if bits > 8:
        notes.append(f"The photo had {bits} bits per channel and now has 8.")
    return None, None


def _say_channels(image: Image.Image, notes: list[str]) -> None:
    """A word where a TIFF holds more than colors and alpha."""
    tags: Any = getattr(image, "tag_v2", {}) if image.format == "TIFF" else {}
    extra = tags.get(_EXTRA_SAMPLES, ())
    more = len(extra) - bool(extra and extra[0])
    if more > 0:
        notes.append(f"The file holds {more} more channel{'s' * (more > 1)}, left out.")


def _reader(image: Image.Image) -> Callable[[Image.Image, bytes], Words | None] | None:
    """What decodes an image with more than 8 bits into (H, W, C) words; None: Pillow, in 8."""
    if image.format == "TIFF":
        tags: Any = image.tag_v2  # type: ignore[attr-defined]
        if tags.get(_PHOTOMETRIC, 0) in _COLORS:
            return _tiff
        if tags.get(_PLANAR, 1) == 2:  # Pillow mixes 16-bit planes up
            raise ImageError(_layout(image, 16))
        return None
    if image.mode.startswith("I") and image.format not in ("PNG", "HEIF"):
        return _gray
    low = _low if image.mode in ("L", "RGB", "RGBA") else None
    readers = {"PNG": _opencv, "HEIF": _heif, "AVIF": low, "JPEG2000": low, "PPM": low}
    return readers.get(image.format or "")


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
    if stack.shape[2] < 3 or (image.format == "PNG" and data[25] == 4):  # gray, repeated, and alpha
        return _keyed(stack[..., ::3], image)
    for row in stack:  # in place: a second array as large is saved
        row[:, [0, 2]] = row[:, [2, 0]]
    return stack


def _keyed(gray: Words, image: Image.Image) -> Words:
    """Gray with the alpha that a transparent level stands for (PNG's tRNS): OpenCV drops it."""
    key = image.info.get("transparency") if image.format == "PNG" else None
    if not isinstance(key, int):
        return gray
    return np.dstack([gray, np.where(gray == key, 0, 65535).astype(np.uint16)])


def _low(image: Image.Image, data: bytes) -> Words | None:
    """What OpenCV leaves in the lowest bits, full range; None where it was built without it."""
    white = _white_of_ppm(data) if image.format == "PPM" else (1 << bits_of(image, data)) - 1
    try:
        words = _opencv(image, data)
    except ValueError:
        return None
    black, full = _studio(words, white, image) if image.format == "AVIF" else (0.0, float(white))
    share = (np.arange(65536) - black) / (full - black)
    table: Words = np.rint(share.clip(0, 1) * 65535).astype(np.uint16)
    return np.asarray(table[words], np.uint16)


def _studio(words: Words, white: int, image: Image.Image) -> tuple[float, float]:
    """Levels of black and white in a gray AVIF: OpenCV leaves those of video as they are coded.

    Which they are is asked of Pillow's 8 bits, for not every file says it in its boxes.
    """
    full, video = (0.0, float(white)), (white * 16 / 255, white * 235 / 255)
    if words.shape[2] > 1:  # colors are converted by OpenCV
        return full
    plain = np.asarray(image.convert("L"), np.float32) / 255
    off = [np.abs((words[..., 0] - b) / (w - b) - plain).mean() for b, w in (full, video)]
    return video if off[1] < off[0] else full


def _tiff(image: Image.Image, data: bytes) -> Words:
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    channels, colors = tags.get(277, 1), _COLORS[tags.get(_PHOTOMETRIC, 0)]
    plain = tags.get(_PLANAR, 1) != 2 or channels == 1
    usual = plain and channels in (1, 3, 4) and channels <= colors + 1
    if usual and tags.get(_COMPRESSION, 1) in _OF_OPENCV:
        return _opencv(image, data)
    if bits_of(image, data) != 16 or channels > _MANY or tags.get(_PREDICTOR, 1) > 2:
        raise ImageError(_layout(image, bits_of(image, data)))
    turn = tags.get(_ORIENTATION, 1)  # the other decoders of TIFF turn the pixels themselves
    return turned(channels_of(data), turn)


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
    if color == _WHITE_IS_ZERO:
        stack = np.concatenate([65535 - stack[..., :1], stack[..., 1:]], axis=2)
    has_alpha = stack.shape[2] > (1 if gray else 3) and bool(extra[0])
    if not gray:
        rgb, alpha = _parted(stack, has_alpha)
    else:
        notes.append("The photo was grey and is now RGB.")
        rgb = np.ascontiguousarray(np.broadcast_to(stack[..., :1], (*stack.shape[:2], 3)))
        alpha = np.ascontiguousarray(stack[..., 1]) if has_alpha else None
    if alpha is not None and (extra[0] == _ASSOCIATED or image.mode == "RGBa"):
        for top in range(0, len(rgb), BAND):
            band, share = rgb[top:][:BAND], np.maximum(alpha[top:][:BAND], 1)[..., None] / 65535
            band[:] = np.rint(np.minimum(band / share, 65535))
        notes.append(DIVIDED)
    return rgb, alpha


def _parted(stack: Words, has_alpha: bool) -> tuple[Words, Words | None]:
    """Colors and alpha of (H, W, C) in its own memory: of large photos a copy is a gigabyte."""
    height, width, channels = stack.shape
    if channels == 3:
        return stack, None
    kept = stack[..., 3].copy() if has_alpha else None
    flat, row = stack.reshape(-1), 3 * width
    for y in range(height):  # never beyond what has been read
        flat[y * row :][:row] = stack[y, :, :3].ravel()
    colors, rest = flat[: height * row], flat[height * row :][: height * width]
    if kept is not None:
        rest[:] = kept.ravel()
    shape = height, width
    return colors.reshape(*shape, 3), None if kept is None else rest.reshape(shape)
