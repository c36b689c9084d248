"""Look-up tables against the exact path."""

import numpy as np
import pytest

from dmlseg_core.color import delta_e_2000, encode_srgb8, parse_color, srgb_to_linear
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint.apply import Look, Subject
from dmlseg_core.paint.calm import NO_GAIN
from dmlseg_core.paint.lut import CUBE_SIZE, cube_of, lut_of, table_error

HARD = [("#ececea", "#1f2a5a"), ("#141414", "#ffd400"), ("#808080", "#c8102e"),
        ("#b01020", "#f4f4f2"), ("#1d46c8", "#a8dcc8")]  # fmt: skip


def glossy(color, size=128):
    """A noisy glossy ball on gray, and its mask."""
    y, x = np.mgrid[:size, :size] / (size - 1) * 2.2 - 1.1
    z = np.sqrt(np.maximum(1 - x**2 - y**2, 0))
    cosine = np.maximum((-0.5 * y - 0.4 * x + 0.77 * z), 0)
    lobe = np.maximum(-0.27 * y - 0.21 * x + 0.94 * z, 0) ** 50
    body = (0.15 + 0.85 * cosine)[..., None] * srgb_to_linear(np.array(parse_color(color)))
    noise = 1 + 0.02 * np.random.default_rng(0).standard_normal((size, size, 3))
    linear = np.where((z > 0)[..., None], body + 0.6 * lobe[..., None], 0.2) * noise
    return encode_srgb8(linear), z > 0


@pytest.mark.parametrize(("source", "target"), HARD)
def test_the_preview_table_is_near_the_exact_path(source, target):
    rgb, mask = glossy(source)
    subject, look = Subject.of(rgb, mask), Look(target)
    table = lut_of(subject, look)
    mean, worst = table_error(subject, look, table)
    assert mean <= 0.3
    assert worst <= 2  # where a channel reaches white, or a tint its bound, between two nodes
    # A table knows no neighbors: what is calmed before it is blown up differs by its noise.
    off = delta_e_2000(table(rgb)[mask], subject.recolor(look).rgb[mask])
    assert off.mean() <= (0.3 if subject.plan(look).gain == NO_GAIN else 1.5)
    if subject.plan(look).gain == NO_GAIN:
        assert mean == pytest.approx(off.mean(), abs=0.05)


def dragged():
    """Looks in the order in which a hand may come by them."""
    colors = ["#c8102e", "#102040", "#f4f4f2", "#c8102e"]
    yield from (Look(color, protect_highlights=p) for p in (1, 0.3, 1) for color in colors)
    yield from (Look(color, gloss="matte", strength=0.5) for color in colors)
    yield from (Look(color, mode="tint") for color in colors)


def test_what_a_drag_keeps_changes_no_bit():
    rgb, mask = glossy("#b01020")
    kept, sizes = Subject.of(rgb, mask), []
    for look in dragged():
        fresh = Subject.of(rgb, mask)
        seen, new = lut_of(kept, look), lut_of(fresh, look)
        for name in ("shaper", "table", "low", "high"):
            np.testing.assert_array_equal(getattr(seen, name), getattr(new, name))
        pixels = kept.core.linear, kept.core.places
        assert (kept.plan(look).brush(*pixels) == fresh.plan(look).brush(*pixels)).all()
        sizes.append(kept.nbytes)
    assert len(set(sizes)) == 1  # however long it is dragged
    assert sizes[0] >= kept.share.nbytes + kept.core.linear.nbytes + kept.own.nbytes


def test_the_shaper_rises_and_the_table_is_srgb():
    table = lut_of(Subject.of(*glossy("#141414")), Look("#ffd400"))
    assert table.table.shape == (33, 33, 33, 3)
    assert (np.diff(table.shaper) >= 0).all()
    assert (table.shaper[0], table.shaper[-1]) == (0, 1)
    assert 0 <= table.table.min() <= table.table.max() <= 1
    assert (table.high > table.low).all()


@pytest.mark.parametrize(
    "look",
    [Look("navy", mode="tint"), Look(mode="hue_shift", amount=120), Look("gold", strength=0.4),
     Look(mode="lightness", amount=0.2), Look(mode="saturation", amount=-0.5)],
    ids=lambda look: look.mode,
)  # fmt: skip
def test_other_looks_have_tables_too(look):
    subject = Subject.of(*glossy("#b01020"))
    mean, worst = table_error(subject, look, lut_of(subject, look))
    assert mean <= 0.3
    assert worst <= 1.5


def read_cube(text):
    """A .cube as its specification says, knowing nothing of ours: header, then red fastest."""
    head, body = text.split("DOMAIN_MAX 1 1 1\n")
    size = int(next(r for r in head.splitlines() if r.startswith("LUT_3D_SIZE")).split()[1])
    values = np.array(body.split(), float)
    return values.reshape(size, size, size, 3).transpose(2, 1, 0, 3)  # [red, green, blue]


def test_the_cube_holds_the_look():
    rgb, mask = glossy("#1d46c8")  # colored: a swap of two axes would show
    subject, look = Subject.of(rgb, mask), Look("#d89060")
    cube = cube_of(subject, look)
    table = read_cube(cube.text)
    assert table.shape == (CUBE_SIZE,) * 3 + (3,)
    nearest = np.rint(rgb[mask] / 255 * (CUBE_SIZE - 1)).astype(int)
    shown = np.rint(255 * table[tuple(nearest.T)]).astype(np.uint8)
    # The nearest node is off by up to half a step of the lattice: 2 of 255 levels.
    assert delta_e_2000(shown, subject.recolor(look).rgb[mask]).mean() < 1.5
    assert cube.error_mean < 0.3
    assert f"{cube.error_mean:.2f}" in cube.text.split("LUT_3D_SIZE")[0]
    assert cube.text.isascii()


def test_a_pattern_is_no_table():
    subject = Subject.of(*glossy("#808080"))
    look = Look(mode="pattern", pattern=np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(ParameterError):
        lut_of(subject, look)
    with pytest.raises(ParameterError):
        cube_of(subject, look)
