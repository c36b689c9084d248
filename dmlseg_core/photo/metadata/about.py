"""What a file says about its photo, apart from pixels and colors."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from dmlseg_core.photo.metadata.exif import has_thumbnail, unitless_in, upright
from dmlseg_core.photo.metadata.photoshop import without_thumbnails
from dmlseg_core.photo.metadata.xmp import has_film, has_gain_map, upright_xmp

_LONGEST = 100
"""A pixel that is longer than so many times its width is a mistake."""
_PARTS = 255
"""Of a shape that is no whole numbers."""


@dataclass(frozen=True)
class Metadata:
    """Blocks as they were in the file, without the container's heads.

    Attributes:
        exif: a TIFF structure.
        xmp: a packet.
        photoshop: image resource blocks, IPTC among them.
        comments: of a JPEG file.
        texts: text chunks of a PNG file, and others that are safe to copy, whole.
        segments: (marker, content) of other application segments of a JPEG file.
        gain_map: of a JPEG file, a JPEG file itself, turned as the photo.
        thumbnail: did the EXIF block hold one; it is taken out, for it shows the old colors.
        stale: names of pieces that describe the file as it was; they are never written.
        shape: (horizontal, vertical) resolution without a unit, of a file that says no other: of
            pixels that are no squares.
        left: what is never written, by the names of write.py: "gain map", "credentials", ...
    """

    exif: bytes | None = field(default=None, repr=False)
    xmp: bytes | None = field(default=None, repr=False)
    photoshop: bytes | None = field(default=None, repr=False)
    comments: tuple[bytes, ...] = ()
    texts: tuple[bytes, ...] = field(default=(), repr=False)
    segments: tuple[tuple[int, bytes], ...] = field(default=(), repr=False)
    gain_map: bytes | None = field(default=None, repr=False)
    thumbnail: bool = False
    stale: tuple[str, ...] = ()
    shape: tuple[float, float] | None = None
    left: frozenset[str] = frozenset()

    def upright(self, size: tuple[int, int], turn: int, notes: list[str]) -> Metadata:
        """Of the photo as displayed, (H, W) `size`; a damaged EXIF block goes, with a word."""
        exif, left, thumbnail = self.exif, set(self.left), self.thumbnail
        if exif is not None:
            try:
                thumbnail = thumbnail or has_thumbnail(exif)
                exif = upright(exif, size, turn)
            except ValueError:
                exif = None
                notes.append("The EXIF block is damaged and was left out.")
        left |= {"gain map"} if has_gain_map(self.xmp) and not self.gain_map else set()
        left |= {"film"} if has_film(self.xmp) else set()
        shape = self.shape and (self.shape[::-1] if turn >= 5 else self.shape)
        packet = self.xmp and upright_xmp(self.xmp, size)
        blocks = self.photoshop and without_thumbnails(self.photoshop)
        blocks_of = {"exif": exif, "xmp": packet, "photoshop": blocks, "thumbnail": thumbnail}
        return replace(self, **blocks_of, shape=shape, left=frozenset(left))  # type: ignore[arg-type]

    def whole_shape(self, most: int) -> tuple[int, int] | None:
        """The shape in whole numbers up to `most`, as JPEG and PNG have it."""
        if self.shape is None:
            return None
        if all(side == int(side) <= most for side in self.shape):
            return int(self.shape[0]), int(self.shape[1])
        share = Fraction(self.shape[0] / self.shape[1]).limit_denominator(_PARTS)
        return share.numerator, share.denominator


def shape_of(info: dict[Any, Any], exif: bytes | None) -> tuple[float, float] | None:
    """What `Metadata.shape` is, of what Pillow tells of the container, else of EXIF."""
    found = info.get("jfif_density") if info.get("jfif_unit") == 0 else info.get("aspect")
    across, down = found or unitless_in(exif) or (1, 1)
    odd = across > 0 < down and across != down and 1 / _LONGEST <= across / down <= _LONGEST
    return (float(across), float(down)) if odd else None
