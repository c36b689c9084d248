"""Swatch files in every format, and files that are none."""

import struct

import numpy as np
import pytest

from dmlseg_core.color.swatches import Swatch, read_swatches, write_ase, write_gpl
from dmlseg_core.errors import ParameterError

SOME = (Swatch("Rot", "#c8102e"), Swatch("藏青", "#1b2a55"), Swatch("a b", "#000000"))


@pytest.mark.parametrize(("write", "name"), [(write_ase, "x.ase"), (write_gpl, "x.gpl")])
def test_what_is_written_is_read_again(write, name):
    assert read_swatches(write(SOME), name) == SOME


def aco(version, colors):
    data = struct.pack(">HH", version, len(colors))
    for space, words, name in colors:
        data += struct.pack(">5H", space, *words)
        if version == 2:
            text = (name + "\0").encode("utf-16-be")
            data += struct.pack(">I", len(text) // 2) + text
    return data


COLORS = [
    (0, (65535, 0, 0, 0), "red"), (1, (21845, 65535, 65535, 0), "green"),
    (2, (65535, 0, 65535, 65535), "cmyk magenta"), (8, (0, 0, 0, 0), "white"),
    (7, (5323, 8011, 6720, 0), "lab"), (3, (1, 2, 3, 4), "a book's"),
]  # fmt: skip


def test_photoshops_colors():
    named = read_swatches(aco(1, COLORS) + aco(2, COLORS), "x.aco")
    assert [s.name for s in named] == ["red", "green", "cmyk magenta", "white", "lab"]
    assert [s.hex for s in named[:4]] == ["#ff0000", "#00ff00", "#ff00ff", "#ffffff"]
    plain = read_swatches(aco(1, COLORS), "x.aco")
    assert [s.hex for s in plain] == [s.hex for s in named]
    assert plain[0].name == "#ff0000"


def test_lab_refers_to_d50():
    """SRGB red is L 54.29, a 80.81, b 69.89 in D50 (Lindbloom)."""
    words = (5429, 8081, 6989, 0)
    (red,) = read_swatches(aco(1, [(7, words, "")]), "x.aco")
    rgb = np.frombuffer(bytes.fromhex(red.hex[1:]), np.uint8)
    assert np.abs(rgb.astype(int) - (255, 0, 0)).max() <= 2


@pytest.mark.parametrize(("text", "wanted"), [
    ("name,hex\nRot,#C8102E\nBlau,1b2a55\n", [("Rot", "#c8102e"), ("Blau", "#1b2a55")]),
    ("Rot;200;16;46\n", [("Rot", "#c8102e")]),
    ("#fff\nnavy\n", [("#ffffff", "#ffffff"), ("navy", "#000080")]),
    ('"oklch(0.6 0.2 30)",Koralle\n', None),
    ("\ufeffPantone 186 C\t#C8102E\n", [("Pantone 186 C", "#c8102e")]),
])  # fmt: skip
def test_tables(text, wanted):
    found = read_swatches(text.encode(), "x.csv")
    assert found
    if wanted:
        assert [(s.name, s.hex) for s in found] == wanted


@pytest.mark.parametrize(("data", "name"), [
    (b"", "x.ase"), (b"words", "x.doc"), (b"ASEF\0\1\0\0\0\0\0\5", "x.ase"), (b"\0", "x.aco"),
    (b"GIMP Palette\nnothing\n", "x.gpl"), (b"name,hex\n", "x.csv"),
    (write_ase(SOME)[:-3], "x.ase"), (aco(2, COLORS)[:-9], "x.aco"),
])  # fmt: skip
def test_what_is_no_swatch_file_is_told(data, name):
    with pytest.raises(ParameterError, match=r"x\."):
        read_swatches(data, name)
