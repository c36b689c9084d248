"""Files out: they come back as they were, and nothing is ever written over an input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from dmlseg_core.errors import ExportError
from dmlseg_core.photo import coco as export_coco
from dmlseg_core.photo import masks as export_masks
from dmlseg_core.photo import save as export
from dmlseg_core.photo.load import load_photo
from tests.photo.test_load import coded, picture, wide_profile

SUFFIXES = [".png", ".jpg", ".webp", ".tif", ".avif"]
LOSSLESS = [".png", ".webp", ".tif"]


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_lossless_round_trip(tmp_path, suffix):
    path = export.save_photo(picture(), tmp_path / f"a{suffix}")
    assert (load_photo(path).rgb == picture()).all()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]  # no temporary file left


@pytest.mark.parametrize("suffix", [".jpg", ".avif"])
def test_lossy_stays_near(tmp_path, suffix):
    path = export.save_photo(picture(), tmp_path / f"a{suffix}")
    assert np.abs(load_photo(path).rgb.astype(int) - picture()).mean() < 4


def test_unknown_jpegs_get_full_chroma(tmp_path):
    photo = load_photo(export.save_photo(picture(), tmp_path / "a.jpg"))
    assert photo.jpeg_subsampling == "4:4:4"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_exif_dpi_and_alpha_come_back(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112], exif[271] = 6, "maker"
    exif.get_ifd(0x8769)[0x9003] = "2020:01:01 00:00:00"
    rgba = np.dstack([picture(), picture()[..., 0]])
    source = load_photo(coded(Image.fromarray(rgba), exif=exif, dpi=(300, 300)))
    again = load_photo(export.save_photo(source.rgb, tmp_path / f"a{suffix}", source))
    kept = Image.Exif()
    kept.load(again.exif)
    assert kept.get(0x0112, 1) == 1
    assert kept[271] == "maker"
    assert kept.get_ifd(0x8769)[0x9003].startswith("2020")
    assert again.size == source.size
    if suffix in LOSSLESS:
        assert (again.alpha == source.alpha).all()
        assert (again.rgb == source.rgb)[source.alpha > 0].all()
    if suffix in (".png", ".jpg", ".tif"):
        assert again.dpi == pytest.approx((300, 300), abs=0.1)


def test_jpeg_quality_is_the_sources(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    source = load_photo(coded(Image.fromarray(noise), "JPEG", quality=61, subsampling="4:2:0"))
    again = load_photo(export.save_photo(source.rgb, tmp_path / "a.jpg", source))
    assert again.jpeg_tables == source.jpeg_tables
    assert again.jpeg_subsampling == "4:2:0"
    grey = load_photo(coded(Image.fromarray(noise[..., 0]), "JPEG", quality=61))
    assert (
        load_photo(export.save_photo(grey.rgb, tmp_path / "b.jpg", grey)).jpeg_tables[0]
        == grey.jpeg_tables[0]
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_profile_comes_back_and_so_do_the_colors(tmp_path, suffix):
    source = load_photo(coded(Image.fromarray(picture()), icc_profile=wide_profile()))
    again = load_photo(export.save_photo(source.rgb, tmp_path / f"a{suffix}", source))
    assert again.icc_profile == source.icc_profile
    if suffix in LOSSLESS:
        assert (again.native == picture()).all()  # untouched pixels: the very values of the file
    changed = source.rgb.copy()
    changed[:8] = [90, 130, 60]
    done = load_photo(export.save_photo(changed, tmp_path / f"b{suffix}", source))
    assert np.abs(done.rgb[:4].astype(int) - [90, 130, 60]).max() <= (
        2 if suffix in LOSSLESS else 12
    )


def test_a_grey_profile_is_not_glued_to_rgb(tmp_path):
    from PIL import ImageCms

    grey = load_photo(
        coded(
            Image.fromarray(picture()[..., 0]),
            icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        )
    )
    out = load_photo(export.save_photo(grey.rgb, tmp_path / "a.png", grey))
    assert np.abs(out.rgb.astype(int) - grey.rgb).max() <= 1


def test_never_over_an_input(tmp_path):
    path = tmp_path / "in.png"
    path.write_bytes(coded(Image.fromarray(picture())))
    before, source = path.read_bytes(), load_photo(path)
    (tmp_path / "link.png").symlink_to(path)
    (tmp_path / "hard.png").hardlink_to(path)
    for name in ("in.png", "link.png", "hard.png", "../" + tmp_path.name + "/in.png"):
        with pytest.raises(ExportError, match="input itself"):
            export.save_photo(source.rgb, tmp_path / name, source)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["a.xyz", "a", "missing/a.png"])
def test_bad_places(tmp_path, name):
    with pytest.raises(ExportError) as caught:
        export.save_photo(picture(), tmp_path / name)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_bad_photos(tmp_path):
    for rgb in (picture().astype(float), picture()[..., 0]):
        with pytest.raises(ExportError):
            export.save_photo(rgb, tmp_path / "a.png")
    with pytest.raises(ExportError, match="sizes differ"):
        export.save_photo(picture(5, 5), tmp_path / "a.png", load_photo(picture()))
    with pytest.raises(ExportError, match="quality"):
        export.save_photo(picture(), tmp_path / "a.jpg", quality=0)
    with pytest.raises(ExportError, match="JPEG"):
        export.save_photo(np.zeros((1, 70000, 3), np.uint8), tmp_path / "a.jpg")
    assert list(tmp_path.iterdir()) == []


def test_masks(tmp_path):
    mask = picture()[..., 0] > 100
    assert (
        np.asarray(Image.open(export_masks.save_mask(mask, tmp_path / "m.png"))) == mask * 255
    ).all()
    soft = (picture()[..., 0] / 255).astype(np.float32)
    assert (
        np.asarray(Image.open(export_masks.save_mask(soft, tmp_path / "s.png")))
        == picture()[..., 0]
    ).all()
    for bad in (soft * 2, soft[0], np.full((2, 2), np.nan)):
        with pytest.raises(ExportError):
            export_masks.save_mask(bad, tmp_path / "b.png")
    with pytest.raises(ExportError, match=r"\.png"):
        export_masks.save_mask(mask, tmp_path / "m.jpg")


@pytest.mark.parametrize("high", [0, 1, 255, 256, 65535])
def test_labels(tmp_path, high):
    labels = np.linspace(0, high, 600).astype(np.int32).reshape(20, 30)
    image = Image.open(export_masks.save_labels(labels, tmp_path / "l.png"))
    assert image.mode == ("P" if high < 256 else "I;16")
    assert (np.asarray(image) == labels).all()


def test_labels_out_of_range(tmp_path):
    for bad in (np.full((2, 2), -1), np.full((2, 2), 65536), np.zeros((2, 2)), np.zeros(4, int)):
        with pytest.raises(ExportError):
            export_masks.save_labels(bad, tmp_path / "l.png")


def test_vocs_published_colors():
    colors = export_masks.voc_colormap()
    known = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 8: (64, 0, 0), 15: (192, 128, 128),
             20: (0, 64, 128), 255: (224, 224, 192)}  # fmt: skip
    assert {k: tuple(colors[k].tolist()) for k in known} == known


@settings(max_examples=150, deadline=None)
@given(hnp.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_rle_is_pycocotools_own(mask):
    coco = pytest.importorskip("pycocotools.mask")
    ours = export_coco.coco_rle(mask)
    theirs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert ours["counts"] == theirs["counts"].decode()
    assert ours["size"] == theirs["size"]


def test_rle_of_long_runs():
    coco = pytest.importorskip("pycocotools.mask")
    rng = np.random.default_rng(0)
    for share in (0, 0.001, 0.5, 1):
        mask = rng.random((300, 500)) < share
        assert (coco.decode(export_coco.coco_rle(mask)) == mask).all()


def test_coco_instances():
    mask = np.zeros((10, 20), bool)
    mask[2:5, 7:11] = True
    one, none = export_coco.coco_instances([mask, ~mask & mask], [3, 1], [0.5, 0.25], image_id=9)
    assert (one["id"], one["image_id"], one["category_id"], one["score"]) == (1, 9, 3, 0.5)
    assert none["id"] == 2
    assert (one["bbox"], one["area"]) == ([7, 2, 4, 3], 12)
    assert (none["bbox"], none["area"]) == ([0, 0, 0, 0], 0)
    with pytest.raises(ExportError):
        export_coco.coco_instances([mask], [], [1.0])


def test_cutout_has_no_background_in_it(tmp_path):
    alpha = np.tile(np.clip(np.linspace(2, -1, 48), 0, 1), (40, 1)).astype(np.float32)
    linear = alpha[..., None] * [0.5, 0.02, 0.02] + (1 - alpha[..., None]) * [0.02, 0.5, 0.02]
    from dmlseg_core.color import encode_srgb8

    rgb = encode_srgb8(linear)
    rgba = np.asarray(Image.open(export_masks.save_cutout(rgb, alpha, tmp_path / "c.png")))
    assert (rgba[..., 3] == np.rint(alpha * 255)).all()
    assert (rgba[rgba[..., 3] == 0] == 0).all()
    pure = encode_srgb8(np.array([0.5, 0.02, 0.02]))
    seen = rgba[alpha > 0.1][:, :3]
    assert np.abs(seen.astype(int) - pure).max() <= 12
