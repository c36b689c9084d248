"""What of a photo's metadata a format holds, and what has to be said."""

from __future__ import annotations

from dataclasses import replace

from dmlseg_core.photo.metadata.about import Metadata
from dmlseg_core.photo.metadata.directories import EXIF, Structure, Tree, packed, tree_of
from dmlseg_core.photo.metadata.exif import MAKER_NOTE, RAW, says_raw, unitless_in
from dmlseg_core.photo.metadata.gainmap import ISO_HEAD, announced
from dmlseg_core.photo.metadata.jpeg import EXIF_HEAD, ROOM
from dmlseg_core.photo.metadata.png import text_name

_HOLDS = {
    "photoshop": ("JPEG", "PNG", "TIFF"),
    "comments": ("JPEG", "PNG"),
    "texts": ("PNG",),
    "segments": ("JPEG",),
}
_SHAPED = ("JPEG", "PNG", "TIFF")
"""Formats with a resolution of their own."""
_NEVER = {
    "gain map": "The gain map (HDR) was left out: the result shows the standard range.",
    "credentials": "Content Credentials were left out: they vouch for the photo as it was.",
    "film": "The film of the motion photo was left out.",
    "long XMP": "XMP of more than 16 MB was left out.",
    "layers": "Photoshop's layers beside the photo were left out.",
    "previews": "Smaller copies of the photo in the file were left out.",
    "damaged chunk": "A damaged chunk that tells of colors or resolution was left out.",
    "damaged text": "A damaged text chunk was left out.",
    "depth": "Depth maps and mattes beside the photo were left out.",
    "multiplied": "The photo's colors were stored multiplied by alpha; they no longer are.",
    "maker note moved": "The maker note was moved within EXIF: offsets in it may no longer hold.",
}
_FIELD = 4
"""Bytes of a value that fit into its entry."""
_DATE = "tIME"
"""PNG's chunk of the last change: its name tells people nothing."""
_NAMED = 8
"""Entries that a sentence names."""


def kept_in(file_format: str, about: Metadata) -> tuple[Metadata, tuple[str, ...]]:
    """The part of a photo's metadata that a format holds, and a sentence for each that goes."""
    about = _with_comments(about) if file_format == "JPEG" else about
    about = _with_map(file_format, about)
    words = [_NEVER[name] for name in sorted(about.left)]
    stale = about.stale + ((RAW,) if file_format == "TIFF" and says_raw(about.exif) else ())
    other = tuple(name for name in stale if name != _DATE)
    if other != stale:
        words.append("The time of the file's last change was left out: this is another file.")
    words += [f"Left out, for it describes the file as it was: {', '.join(other)}."] * bool(other)
    gone = {
        name: () if name != "photoshop" else None
        for name, formats in _HOLDS.items()
        if file_format not in formats and getattr(about, name)
    }
    words += [_sentence(file_format, name, about) for name in gone]
    kept = replace(about, **gone)  # type: ignore[arg-type]
    if about.shape and file_format not in _SHAPED and unitless_in(about.exif) != about.shape:
        across, down = about.shape
        words.append(
            f"{file_format} holds no resolution: {across:g} x {down:g} without a unit "
            "went, and its pixels count as squares."
        )
    if file_format == "JPEG" and kept.exif is not None:
        block, left = fitted(kept.exif, ROOM - len(EXIF_HEAD))
        kept = replace(kept, exif=block)
        words += [f"EXIF is longer than JPEG holds: {', '.join(left)} went."] if left else []
    return kept, tuple(words)


def _with_map(file_format: str, about: Metadata) -> Metadata:
    """The gain map where it can be written, announced; else nothing that announces it."""
    if file_format == "JPEG" and about.gain_map is not None:
        return replace(about, xmp=announced(about.xmp, about.gain_map))
    left = about.left | ({"gain map"} if about.gain_map is not None else set())
    segments = tuple(s for s in about.segments if not s[1].startswith(ISO_HEAD))
    return replace(about, gain_map=None, segments=segments, left=left)


def _sentence(file_format: str, name: str, about: Metadata) -> str:
    if name == "photoshop":
        return f"{file_format} holds no IPTC block: it was left out."
    if name == "comments":
        return f"{file_format} holds no comment: it was left out."
    if name == "texts":
        names = ", ".join(text_name(text) for text in about.texts)
        return f"{file_format} holds no PNG texts and chunks: {names} went."
    names = ", ".join(dict.fromkeys(_named(content) for _, content in about.segments))
    return f"{file_format} holds no segments of other programs: {names} went."


def _named(content: bytes) -> str:
    """What a segment calls itself."""
    name = content.split(b"\0")[0][:40].decode("latin-1")
    return "".join(c for c in name if c.isprintable()) or "one without a name"


def _with_comments(about: Metadata) -> Metadata:
    """A PNG's text of that name is a comment for JPEG."""
    plain = {text: text[8:-4].partition(b"\0")[2] for text in about.texts}
    told = [text for text in about.texts if text[4:8] == b"tEXt" and text_name(text) == "Comment"]
    texts = tuple(text for text in about.texts if text not in told)
    comments = (*about.comments, *(plain[text] for text in told))
    return replace(about, texts=texts, comments=comments)


def fitted(block: bytes, limit: int) -> tuple[bytes | None, tuple[str, ...]]:
    """The block in at most `limit` bytes, and what was left out for that: largest first.

    The maker note goes first; (None, ("all of it",)) where the block is damaged.
    """
    if len(block) <= limit:
        return block, ()
    try:
        structure = Structure.of(block)
        tree = tree_of(structure, structure.first)
    except ValueError:
        return None, ("all of it",)
    left = []
    exif = tree.get(EXIF)
    if isinstance(exif, dict) and MAKER_NOTE in exif:
        del exif[MAKER_NOTE]
        left.append("its maker note")
    over = len(packed(tree, structure.order)) - limit
    for length, tag, parent in sorted(_leaves(tree), key=lambda leaf: -leaf[0]):
        if over <= 0:
            break
        over -= 12 + (length + length % 2 if length > _FIELD else 0)
        del parent[tag]
        left.append(f"its entry {tag}")
    return packed(tree, structure.order), _few(left)


def _few(left: list[str]) -> tuple[str, ...]:
    """Names for a sentence: the first ones, and how many more."""
    more = len(left) - _NAMED
    return (*left[:_NAMED], f"{more} more entries") if more > 0 else tuple(left)


def _leaves(tree: Tree) -> list[tuple[int, int, Tree]]:
    """(length, tag, the directory that holds it) of each value."""
    found = []
    for tag, value in tree.items():
        found += _leaves(value) if isinstance(value, dict) else [(len(value[2]), tag, tree)]
    return found
