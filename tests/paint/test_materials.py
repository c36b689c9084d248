"""Materials inside one mask: known answers by material, and what is kept."""

import cv2
import numpy as np
import pytest

from dmlseg_core.color import delta_e_2000, parse_color, srgb_to_linear, srgb_to_oklab
from dmlseg_core.errors import ParameterError
from dmlseg_core.paint import ColorGate, Look, Subject, recolor
from dmlseg_core.paint.materials.same import difference
from dmlseg_core.paint.materials.small import features_of
from dmlseg_core.paint.materials.targets import turned_along
from tests.material_renders import THINGS
from tests.renders import SCENES

BY_NAME = {thing.name: thing for thing in THINGS}
PRINTED = BY_NAME["white shirt, black print"]


def parts(thing, mask):
    """Masks of the body's pixels, of the other paints' and of the mixed ones."""
    cover = thing.cover
    pure = cover.max(axis=0) > 0.99
    return mask & pure & (cover[0] > 0.5), mask & pure & (cover[0] < 0.5), mask & ~pure


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.name)
def test_the_body_alone_takes_the_paint(thing):
    photo, mask = thing.photo()
    color = "#2e7d4f" if thing.paints[0] != "#8ab52a" else "#1f2a5a"
    answer, _ = thing.answer(color)
    body, others, borders = parts(thing, mask)
    target = recolor(answer, body, "navy", materials="all").anchor
    made = [recolor(photo, mask, target, materials=m).rgb for m in ("body", "all")]
    off, one_anchor = (delta_e_2000(rgb, answer) for rgb in made)
    assert off[body].mean() <= 4
    assert off[others].mean() <= 2.5  # noise and JPEG lie on the photo
    assert off[borders].mean() <= 6.5
    assert off[others].mean() < one_anchor[others].mean() / 2
    assert off[mask].mean() < one_anchor[mask].mean()


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_light_is_no_material(scene):
    """Shade, highlights, two lamps, bounce, folds, knit, noise, JPEG."""
    for paint in ("white", "black", "red", "denim"):
        assert len(Subject.of(*scene.photo(paint)).palette.materials) == 1, paint


@pytest.mark.parametrize("ends", [("#f0c8a0", "#c06030"), ("#ffffff", "#707070")])
def test_a_gradient_is_one_material(ends):
    first, last = (np.array(parse_color(c)) for c in ends)
    way = np.linspace(0, 1, 160)[:, None, None]
    rgb = np.repeat(255 * (first + way * (last - first)), 120, axis=1).astype(np.uint8)
    assert len(Subject.of(rgb, np.ones(rgb.shape[:2])).palette.materials) == 1


def test_small_flowers_of_two_shades_are_a_print():
    """Neither shade is more than a ring or a dot: together they are as solid as a print is."""
    rgb = (
        np.array([205, 202, 195]) * np.linspace(0.8, 1.1, 260)[None, :, None] * np.ones((200, 1, 1))
    )
    for y in range(20, 190, 26):
        for x in range(20, 250, 30):
            cv2.circle(rgb, (x, y), 7, (172, 68, 46), -1, cv2.LINE_AA)
            cv2.circle(rgb, (x, y), 3, (122, 40, 28), -1, cv2.LINE_AA)
    rgb = np.clip(rgb + np.random.default_rng(0).normal(0, 2, rgb.shape), 0, 255).astype(np.uint8)
    cloth, print_ = Subject.of(rgb, np.ones(rgb.shape[:2])).palette.materials
    assert cloth.share > 0.8 and print_.share > 0.1


def test_a_print_of_unlike_shades_is_kept_and_leaves_its_ground_whole():
    """Thin red and orange on white whose shaded side is warmer: the print went with the shade."""
    side = np.clip((np.arange(260) - 150) / 60, 0, 1)[None, :, None]
    rgb = (
        np.array([232, 226, 224]) * (1 - side * np.array([0.28, 0.33, 0.36])) * np.ones((200, 1, 1))
    )
    body = np.ones(rgb.shape[:2], np.bool_)
    for y in range(60, 140, 18):
        for x in range(20, 250, 18):
            for radius, color in ((6, (214, 60, 28)), (3, (238, 150, 40))):
                cv2.circle(rgb, (x, y), radius, color, -1, cv2.LINE_AA)
            cv2.circle(body.view(np.uint8), (x, y), 8, 0, -1)
    rgb = np.clip(rgb + np.random.default_rng(0).normal(0, 2, rgb.shape), 0, 255).astype(np.uint8)
    share = Subject.of(rgb, np.ones(rgb.shape[:2])).part((0,)).share
    assert share[body].mean() > 0.97
    assert share[60:140:18, 20:250:18].mean() < 0.05


def test_heather_and_grain_are_one_material():
    rng = np.random.default_rng(2)
    threads = rng.random((150, 150, 1)) < 0.5
    heather = np.where(threads, [70, 72, 80], [190, 192, 200]).astype(np.uint8)
    rows = np.sin(np.cumsum(rng.random(150)) * 2)[:, None, None]
    wood = np.clip([150, 100, 60] + 25 * rows + np.zeros((1, 150, 1)), 0, 255).astype(np.uint8)
    for rgb in (heather, wood):
        assert len(Subject.of(rgb, np.ones((150, 150))).palette.materials) == 1


@pytest.mark.parametrize(
    ("color", "dark", "is_one"),
    [("#292936", "#0a0a0b", True), ("#535257", "#0b0c0b", True),  # bears, lit and in shade
     ("#637577", "#060a0f", False), ("#886a64", "#1c1c22", False), ("#1f2a5a", "#19191b", False)],
)  # fmt: skip
def test_hue_tells_little_in_the_dark(color, dark, is_one):
    first, second = (
        features_of(srgb_to_linear(np.array(parse_color(text)))[:, None].astype(np.float32))[:, 0]
        for text in (color, dark)
    )
    assert (difference(first, second) < 1) == is_one


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.name)
def test_memberships_sum_to_the_object(thing):
    photo, mask = thing.photo()
    subject = Subject.of(photo, cv2.blur(mask.astype(np.float32), (5, 5)))
    count = len(subject.palette.materials)
    shares = [subject.part((k,)).share for k in range(count)]
    assert count > 1 and all(share.min() >= 0 for share in shares)
    np.testing.assert_allclose(np.sum(shares, axis=0), subject.alpha, atol=1e-6)


def test_memberships_are_those_of_the_render():
    for name in ("white shirt, black print", "lime half of a bowl", "check cloth"):
        thing = BY_NAME[name]
        photo, mask = thing.photo()
        off = np.abs(Subject.of(photo, mask).part((0,)).share - thing.cover[0])[mask]
        assert off.mean() < 0.01
        assert (off > 0.5).mean() < 0.005


def test_what_is_kept_is_kept_bit_for_bit():
    photo, mask = PRINTED.photo()
    made = recolor(photo, mask, "navy").rgb
    deep = np.zeros_like(mask)
    deep[107:125, 60:165] = True  # between ring and bar: cloth; the bar and the ring are not
    others = parts(PRINTED, mask)[1]
    changed = (made != photo).any(axis=2)
    assert changed[deep & parts(PRINTED, mask)[0]].all()
    assert changed[others].mean() < 0.02
    assert not changed[~mask].any()


def test_what_a_hand_brushed_is_painted_whatever_it_is_and_the_rest_stays_kept():
    photo, mask = PRINTED.photo()
    others = parts(PRINTED, mask)[1]
    rows = np.flatnonzero(others.any(axis=1))
    brushed = np.stack([np.zeros(mask.shape, np.float32), np.ones(mask.shape, np.float32)])
    brushed[0, : rows[len(rows) // 2]] = 1  # over half of the print, and the cloth about it
    plain, made = (
        Subject.of(photo, mask, brushed=b).recolor(Look("#2e7d4f")) for b in (None, brushed)
    )
    changed = (made.rgb != photo).any(axis=2)
    hand = (brushed[0] > 0) & others
    assert changed[hand].mean() > 0.95 and (plain.rgb != photo).any(axis=2)[hand].mean() < 0.1
    assert changed[others & ~hand].mean() < 0.05
    assert made.palette == plain.palette


def test_it_says_what_it_kept():
    photo, mask = PRINTED.photo()
    made = recolor(photo, mask, "navy")
    (note,) = [n for n in made.notes if "kept" in n]
    assert note.startswith("the body (88% of the object) is recolored; 1 other material is kept: #")
    assert [round(m.share, 2) for m in made.palette] == [0.88, 0.12]
    assert not [n for n in recolor(photo, mask, "navy", materials="all").notes if "kept" in n]


def test_each_material_may_have_a_color_of_its_own():
    photo, mask = PRINTED.photo()
    body, others, _ = parts(PRINTED, mask)
    black = recolor(photo, mask, "navy").palette[1].color
    made = recolor(photo, mask, "navy", targets=[(black, "#ffd400")]).rgb
    usual = [np.median(made[part], axis=0) / 255 for part in (body, others)]
    assert usual[0][2] > usual[0][0] + 0.1
    assert min(usual[1][:2]) > usual[1][2] + 0.3
    kept = recolor(photo, mask, "navy", targets=[("#d0d0d0", None)])
    assert (kept.rgb[body] == photo[body]).mean() > 0.98  # then the print is the body
    assert (kept.rgb[others] != photo[others]).mean() > 0.3
    assert kept.delta_e < 2


def test_nothing_left_and_nothing_meant():
    photo, mask = PRINTED.photo()
    with pytest.raises(ParameterError, match="every material of the object is kept"):
        recolor(photo, mask, "navy", targets=[("#d0d0d0", None), ("#151517", None)])
    made = recolor(photo, mask, "navy", targets=[("#00ff00", "red")])
    assert "the object has no material of the color #00ff00" in made.notes
    with pytest.raises(ParameterError, match="go with no targets"):
        recolor(photo, mask, "navy", gate=ColorGate("#d0d0d0"), targets=[("#151517", None)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"materials": "most"}, "materials must be one of"),
        ({"targets": [("red", "reddish")]}, "reddish"),
        ({"targets": [(None, "red")]}, "a color must be text"),
        ({"targets": ["#fff"]}, "targets are pairs"),
    ],
)
def test_bad_values(options, message):
    photo, mask = PRINTED.photo()
    with pytest.raises(ParameterError, match=message):
        recolor(photo, mask, "navy", **options)


def test_a_gate_paints_all_that_it_passes():
    photo, mask = PRINTED.photo()
    made = recolor(photo, mask, "red", gate=ColorGate("#151517"))
    assert made.palette == ()
    assert not any("kept" in note for note in made.notes)


def test_the_whole_pattern_turns_together():
    thing = BY_NAME["stripes, two lamps"]
    photo, mask = thing.photo()
    body, others, _ = parts(thing, mask)
    made = recolor(photo, mask, "#3050c0", materials="together").rgb
    lab = [srgb_to_oklab(np.median(made[part], axis=0) / 255) for part in (body, others)]
    old = [srgb_to_oklab(np.median(photo[part], axis=0) / 255) for part in (body, others)]
    turns = [np.angle(complex(*n[1:]) / complex(*o[1:])) for n, o in zip(lab, old, strict=True)]
    assert abs(np.angle(np.exp(1j * (turns[0] - turns[1])))) < 0.35  # the same way round
    assert (lab[0][0] > lab[1][0]) == (old[0][0] > old[1][0])


def test_relations_of_a_turned_color():
    assert turned_along("#b01828", "#1f2a5a", "#ffffff") == "#ffffff"
    assert turned_along("#b01828", "#1f2a5a", "#000000") == "#000000"
    assert turned_along("#b01828", "#b01828", "#ffd400") == "#ffd400"
    assert turned_along("#e0e0e0", "#b01828", "#1f2a5a") != "#1f2a5a"  # darker, of its own hue
    blue = srgb_to_oklab(np.array(parse_color(turned_along("#e0e0e0", "#b01828", "#1f2a5a"))))
    assert blue[2] < 0 < abs(blue[2]) > abs(blue[1])


@pytest.mark.parametrize("turn", [lambda v: v[:, ::-1], lambda v: np.swapaxes(v, 0, 1)])
def test_which_way_up_does_not_matter(turn):
    photo, mask = BY_NAME["red car"].photo()
    first = Subject.of(photo, mask).palette.materials
    again = Subject.of(np.ascontiguousarray(turn(photo)), turn(mask)).palette.materials
    assert len(first) == len(again)
    assert abs(first[0].share - again[0].share) < 0.02


def test_sixteen_bits_have_the_same_materials():
    photo, mask = BY_NAME["navy shirt, white print"].photo()
    fine = Subject.of(photo.astype(np.uint16) * 257, mask).palette.materials
    assert fine == Subject.of(photo, mask).palette.materials


def test_several_looks_are_as_one_after_the_other():
    photo, mask = PRINTED.photo()
    subject = Subject.of(photo, mask)
    looks = [Look("red"), Look("navy", materials="all"), Look("pink", materials="together")]
    for look, made in zip(looks, subject.recolor_all(looks), strict=True):
        np.testing.assert_array_equal(made.rgb, Subject.of(photo, mask).recolor(look).rgb)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 40), (9, 9)])
def test_small_objects(size):
    rgb = np.full((*size, 3), 200, np.uint8)
    rgb[..., : size[1] // 2, :] = 20
    assert recolor(rgb, np.ones(size), "red").rgb.shape == rgb.shape
