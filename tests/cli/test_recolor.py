"""`dmlseg recolor`: gates, patterns, all outputs; a failure writes nothing."""

import zipfile

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.cli.recoloring import AT, RED, none_written, read, recolor, saved, told
from tests.edit.test_session import picture


def test_16_bit_photos_stay_16_bit(folder, capsys):
    (folder / "out").mkdir()
    words = ["deep.tif", "--mask", "mask.png", "--color", RED, "--json"]
    assert recolor(folder, *words, "-o", "out/a.tif") == 0
    after = cv2.imread(str(folder / "out/a.tif"), cv2.IMREAD_UNCHANGED)
    before = cv2.imread(str(folder / "deep.tif"), cv2.IMREAD_UNCHANGED)
    outside = read(folder / "mask.png") == 0
    assert after.dtype == np.uint16
    assert (after[outside] == before[outside]).all()
    assert (after[~outside] != before[~outside]).any()
    assert told(capsys)[0]["delta_e"] < 3
    assert recolor(folder, *words, "-o", "out/a.jpg") == 0
    assert any("8 bits" in note for note in told(capsys)[0]["notes"])


def test_all_outputs_of_one_object(folder, capsys):
    (folder / "out").mkdir()
    words = ["photo.png", "--mask", "mask.png", "--color", RED, "--color", "navy", "--json",
             "-o", "out/a.png", "--cutout", "out/c.png", "--ora", "out/l.ora",
             "--cube", "out/t.cube"]  # fmt: skip
    assert recolor(folder, *words) == 0
    rows = told(capsys)
    assert [row["color"] for row in rows] == [RED, "navy"]
    assert all(row["cube_error_mean"] < 1 for row in rows)
    names = sorted(p.name for p in (folder / "out").iterdir())
    assert names == sorted(f"{stem}-{color}.{ending}" for color in ("c8102e", "navy")
                           for stem, ending in (("a", "png"), ("c", "png"), ("l", "ora"),
                                                ("t", "cube")))  # fmt: skip
    made, cut = read(folder / "out/a-navy.png"), read(folder / "out/c-navy.png")
    mask = read(folder / "mask.png")
    assert (cut[..., 3] == mask).all()
    assert np.abs(cut[..., :3].astype(int) - made)[mask == 255].max() <= 1
    assert "LUT_3D_SIZE 65" in (folder / "out/t-navy.cube").read_text()
    with zipfile.ZipFile(folder / "out/l-navy.ora") as archive:
        assert archive.read("mimetype") == b"image/openraster"


def test_matting_leaves_a_crisp_edge_as_it_is(folder):
    """It looks for hair, and a box has none: a mask's own fit is `--refine`'s matter."""
    photo = np.full((96, 128, 3), 40, np.uint8)
    photo[30:60, 40:90] = (200, 120, 60)
    mask = np.zeros((96, 128), np.uint8)
    mask[30:60, 40:90] = 255
    Image.fromarray(photo).save(folder / "box.png")
    Image.fromarray(mask).save(folder / "exact.png")
    words = ["box.png", "--mask", "exact.png", "--color", "#2040c0"]
    (folder / "out").mkdir()
    assert recolor(folder, *words, "-o", "out/plain.png") == 0
    assert recolor(folder, *words, "--matting", "-o", "out/matted.png") == 0
    assert (read(folder / "out/plain.png") == read(folder / "out/matted.png")).all()


def test_gates_restrict_and_exclude(folder):
    """The mask is the whole photo; its things are gray, its ground is green."""
    (folder / "out").mkdir()
    Image.new("L", picture().shape[1::-1], 255).save(folder / "mask.png")
    things = np.ptp(picture(), axis=2) == 0
    words = ["photo.png", "--mask", "mask.png", "--color", RED]
    for flags, painted in ((["--gate", "#3c8c3c"], ~things), (["--exclude", "#3c8c3c"], things)):
        assert recolor(folder, *words, *flags, "-o", "out/a.png") == 0
        changed = (read(folder / "out/a.png") != picture()).any(axis=2)
        edge = cv2.dilate(things.astype(np.uint8), np.ones((5, 5))) > cv2.erode(
            things.astype(np.uint8), np.ones((5, 5))
        )
        assert (changed == painted)[~edge].mean() > 0.98


def test_materials_are_kept_or_get_their_own_color(folder, capsys):
    """The mask is the whole photo; its ground is green, its things are gray."""
    (folder / "out").mkdir()
    Image.new("L", picture().shape[1::-1], 255).save(folder / "mask.png")
    things = cv2.erode((np.ptp(picture(), axis=2) == 0).astype(np.uint8), np.ones((9, 9))) > 0
    words = ["photo.png", "--mask", "mask.png", "--color", RED, "--json", "-o", "out/a.png"]

    def result(*flags):
        assert recolor(folder, *words, *flags) == 0
        (row,) = told(capsys)
        shown = read(folder / "out/a.png")
        return row, (shown != picture()).any(axis=2), shown

    row, changed, _ = result()
    assert len(row["materials"]) > 1 and "kept" in row["notes"][0]
    assert not changed[things].any() and changed.mean() > 0.5
    assert result("--materials", "all")[1][things].mean() > 0.9
    gray = row["materials"][1]["color"]
    ground = row["materials"][0]["color"]
    assert result("--keep", ground)[1][things].any()
    shown = result("--target", f"{gray}=blue")[2]
    assert (shown[things][:, 2] > shown[things][:, 0].astype(int) + 20).any()


def test_a_pattern_is_laid_under_the_shading(folder, capsys):
    (folder / "out").mkdir()
    words = ["photo.png", "--mask", "mask.png", "--pattern", "tile.png", "--pattern-scale", "3"]
    assert recolor(folder, *words, "-o", "out/a.png", "--json") == 0
    inside = read(folder / "mask.png") == 255
    colors = read(folder / "out/a.png")[inside]
    assert len(np.unique(colors, axis=0)) > 30
    assert told(capsys)[0]["color"] is None


@pytest.mark.parametrize(("code", "words", "why"), [
    (2, ["--recipe", "r.json", "--color", "red"], "--color does not go with --recipe"),
    (2, ["--recipe", "r.json", "--cube", "out/t.cube"], "--cube does not go"),
    (2, ["--recipe", "r.json", "--recipe-by", "class"], "--recipe-by does not go"),
    (2, ["--mask", "mask.png", "--color", "red", "--tau", "0.5"], "--tau goes with --at"),
    (2, ["--mask", "mask.png", "--color", "red", "--quality", "best"], "goes with --at"),
    (2, ["--recipe", "none.json"], "cannot be read"),
    (2, ["--mask", "mask.png", "--color", "red", "--save-recipe", "out/x.json"], "--at"),
    (2, ["--at", AT, "--color", "red", "--color", "navy", "--save-recipe", "out/x.json"], "one c"),
    (2, ["--at", AT, "--color", "red", "--recipe-by", "class"], "--save-recipe"),
    (2, ["--mask", "mask.png", "--color", "red", "--pattern-scale", "2"], "goes with --pattern"),
    (2, ["--mask", "mask.png", "--color", "red", "--gate-tolerance", "0"], "--gate or --exclude"),
    (2, ["--mask", "mask.png", "--color", "red", "--color", "RED"], "once"),
    (2, ["--mask", "mask.png", "--color", "red", "--cutout", "out/b.png"], "same name"),
    (2, ["--mask", "mask.png", "--color", "red", "--gate", "nocolor"], "nocolor"),
    (2, ["--mask", "mask.png", "--color", "red", "--gate", "#0ff", "--gate-tolerance", "0"], "g"),
    (2, ["--mask", "mask.png", "--color", "red", "--target", "black=nocolor"], "nocolor"),
    (2, ["--recipe", "r.json", "--keep", "red"], "--keep does not go with --recipe"),
    (2, ["--mask", "mask.png", "--color", "red", "--gate", "red", "--keep", "red"], "no targets"),
    (2, ["--mask", "mask.png", "--mode", "pattern", "--color", "red"], "--pattern"),
    (2, ["--mask", "mask.png", "--pattern", "tile.png", "--cube", "out/t.cube"], "pattern"),
    (1, ["--mask", "mask.png", "--pattern", "none.png"], "does not exist"),
    (1, ["--mask", "mask.png", "--color", "red", "--ora", "out/a.psd"], ".ora"),
    (1, ["--mask", "mask.png", "--color", "red", "--cutout", "out/a.jpg"], ".png"),
    (1, ["--mask", "mask.png", "--color", "red", "--cube", "out/a.txt"], ".cube"),
    (1, ["--mask", "mask.png", "--color", "red", "--cutout", "mask.png"], "never overwritten"),
    (1, ["--mask", "mask.png", "--color", "red", "--ora", "no/a.ora"], "does not exist"),
    (1, ["--mask", "none.png", "--color", "red"], "does not exist"),
    (2, ["--mask", "empty.png", "--color", "red"], "empty"),
])  # fmt: skip
def test_what_cannot_be_done_writes_nothing(folder, capsys, code, words, why):
    saved(folder)
    Image.new("L", picture().shape[1::-1], 0).save(folder / "empty.png")
    capsys.readouterr()
    assert recolor(folder, "photo.png", "-o", "out/b.png", *words) == code
    none_written(folder, capsys, why)


def test_full_and_one_pixel_masks(folder, capsys):
    (folder / "out").mkdir()
    for points in (slice(None), slice(50, 51)):
        mask = np.zeros(picture().shape[:2], np.uint8)
        mask[points, points] = 255
        Image.fromarray(mask).save(folder / "mask.png")
        words = ["photo.png", "--mask", "mask.png", "--color", RED, "-o", "out/a.png", "--json"]
        assert recolor(folder, *words) == 0
        assert told(capsys)[0]["delta_e"] < 6
        changed = (read(folder / "out/a.png") != picture()).any(axis=2)
        assert (changed <= (mask > 0)).all()


def test_a_turned_photo_takes_the_mask_as_displayed(folder, capsys):
    (folder / "out").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(picture())).save(folder / "turned.png", exif=exif)
    words = ["turned.png", "--mask", "mask.png", "--color", RED, "-o", "out/a.png"]
    assert recolor(folder, *words) == 0
    outside = read(folder / "mask.png") == 0
    assert (read(folder / "out/a.png")[outside] == picture()[outside]).all()


def test_refine_fits_a_given_mask_to_the_photo(folder, capsys):
    (folder / "out").mkdir()
    y, x = np.indices((360, 480))
    true = np.hypot(y - 180, x - 240) < 105
    Image.fromarray(np.where(true[..., None], np.uint8([60, 90, 200]), np.uint8(180))).save(
        folder / "disc.png"
    )
    Image.fromarray(np.roll(true, 4, 1)).save(folder / "off.png")
    words = ["disc.png", "--mask", "off.png", "--color", RED]
    wrong = []
    for name, more in (("as-is.png", []), ("refined.png", ["--refine"])):
        assert recolor(folder, *words, *more, "-o", f"out/{name}") == 0
        changed = np.abs(read(folder / "out" / name) - read(folder / "disc.png").astype(int))
        wrong.append(((changed.max(axis=2) > 60) != true).sum())
    assert wrong[1] < 0.2 * wrong[0]
    capsys.readouterr()
    assert (
        recolor(folder, *words[:1], "--at", "240,180", *words[3:], "--refine", "-o", "b.png") == 2
    )
    assert "--refine goes with --mask" in capsys.readouterr().err
