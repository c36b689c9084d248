"""What a recoloring says of itself, and what it takes."""

import numpy as np
import pytest

from dmlseg_core.color import parse_color, srgb_to_oklab
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint.apply import MODES, Look, Subject, recolor, recolor_many
from tests.paint.test_apply import SIZE, disk, shaded, sphere


def test_wide_colors_are_mapped_and_said():
    rgb = shaded("#c8102e")
    done = recolor(rgb, disk(), "color(display-p3 0 1 0)")
    assert len(done.notes) == 1
    assert "outside sRGB" in done.notes[0]
    assert done.delta_e <= 1.5
    assert recolor(rgb, disk(), "oklch(0.6 0.1 30)").notes == ()
    assert recolor(rgb, disk(), mode="saturation", amount=0.1).notes == ()


def test_the_result_is_measured_on_the_pixels_that_were_written():
    rgb = shaded("#c8102e")
    subject = Subject.of(rgb, disk())
    done = subject.recolor(Look("teal"))
    core = subject.core.places
    lab = srgb_to_oklab(done.rgb.reshape(-1, 3)[core])
    hit = np.array(parse_color(done.result_anchor))
    assert abs(float(np.median(lab[:, 0])) - srgb_to_oklab(hit)[0]) < 0.004
    assert (subject.share.reshape(-1)[core] == 1).all()


def test_rounding_is_no_shine_on_a_gray_object():
    """Saturation tells nothing there: its core is all of it but the outer tenths of lightness."""
    rgb, mask = sphere("#181818", shine=1.0)
    level = rgb[..., 0]
    low, high = np.percentile(level[mask], (10, 90))
    core = np.zeros(mask.size, bool)
    core[Subject.of(rgb, mask).core.places] = True
    assert core.reshape(mask.shape)[mask & (level >= low) & (level <= high)].all()


def test_noise_gain_is_what_the_curve_does_to_noise():
    rng = np.random.default_rng(0)
    level = np.clip(120 + 2 * rng.standard_normal((64, 64)), 0, 255).astype(np.uint8)
    rgb = np.repeat(level[..., None], 3, axis=2)
    done = recolor(rgb, np.ones((64, 64), bool), "#c0c0c0")
    before, after = (srgb_to_oklab(p)[..., 0].std() for p in (rgb, done.rgb))
    assert after / before <= done.noise_gain * 1.1
    assert 1 < done.noise_gain <= 4


def test_a_white_lamp_on_black_paint_is_white_on_yellow():
    before, mask = sphere("#181818", shine=1.0)
    done = recolor(before, mask, "#ffd400").rgb
    lamp = mask & (before.min(axis=2) >= 250)
    assert lamp.any()
    assert done[lamp].min() >= 180
    assert done[mask & (before.max(axis=2) <= 18)][:, 2].max() < 90


def test_views_and_reversed_arrays_are_taken():
    rgb, alpha = shaded("#c8102e"), disk().astype(np.float32)
    turned = recolor(rgb[::-1, ::-1], alpha[::-1, ::-1], "navy").rgb
    assert np.abs(turned[::-1, ::-1].astype(int) - recolor(rgb, alpha, "navy").rgb).max() <= 1


def test_a_full_mask_is_fine():
    rgb = shaded("#c8102e")
    done = recolor(rgb, np.ones((SIZE, SIZE)), "navy")
    assert np.isfinite(done.delta_e)


def test_many_targets_equal_one_by_one():
    rgb, mask = shaded("#c8102e"), disk()
    together = recolor_many(rgb, mask, ["navy", "white"])
    for target, one in zip(["navy", "white"], together, strict=True):
        assert (one.rgb == recolor(rgb, mask, target).rgb).all()


def test_a_one_pixel_object():
    rgb = shaded("#c8102e")
    mask = np.zeros((SIZE, SIZE), bool)
    mask[30, 30] = True
    done = recolor(rgb, mask, "navy")
    assert ((done.rgb != rgb).any(axis=2) == mask).all()
    assert done.delta_e < 1


RGB, MASK = shaded("#c8102e"), disk()


@pytest.mark.parametrize(
    ("rgb", "alpha", "options"),
    [
        (RGB, np.zeros((SIZE, SIZE), bool), {}),
        (RGB, MASK[:-1], {}),
        (RGB, np.where(MASK, np.nan, 0), {}),
        (RGB, MASK * 2.0, {}),
        (RGB, MASK - 0.5, {}),
        (RGB, MASK.astype(np.uint8), {}),
        (RGB.astype(float), MASK, {}),
        (RGB[..., 0], MASK, {}),
        (RGB.astype(np.uint32), MASK, {}),
        (RGB[:0], MASK[:0], {}),
        (RGB, MASK, {"mode": "paint"}),
        (RGB, MASK, {"mode": "pattern"}),
        (RGB, MASK, {"target": "color(display-p3 2 0 0)"}),
        (RGB, MASK, {"strength": "much"}),
        (RGB, MASK, {"target": "nocolor"}),
        (RGB, MASK, {"target": None}),
        (RGB, MASK, {"strength": 1.5}),
        (RGB, MASK, {"strength": float("nan")}),
        (RGB, MASK, {"protect_highlights": -1}),
        (RGB, MASK, {"mode": "saturation", "amount": 3}),
    ],
)
def test_bad_input_is_one_clear_sentence(rgb, alpha, options):
    with pytest.raises(ParameterError) as caught:
        recolor(rgb, alpha, **{"target": "navy", **options})
    assert "\n" not in str(caught.value)


def test_modes_are_what_the_docs_say():
    assert MODES == ("match", "tint", "hue_shift", "saturation", "lightness", "pattern")
