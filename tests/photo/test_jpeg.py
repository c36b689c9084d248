"""JPEG comes back coded as it came, unless that would swallow what was changed."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.color import delta_e_2000
from dmlseg_core.paint import Look, Subject
from dmlseg_core.photo.jpeg import jpeg_settings
from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.save import reread, rounded, save_photo
from tests.photo.test_load import coded


def smooth(height=64, width=96):
    y, x = np.mgrid[:height, :width]
    rgb = np.dstack([120 + 60 * np.sin(x / 17), 110 + 50 * np.cos(y / 11), 90 + x / 4 + y / 5])
    return rgb.astype(np.uint8)


def jpeg(quality, orientation=1, **options):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options |= {} if quality is None else {"quality": quality}
    return coded(Image.fromarray(smooth()), "JPEG", exif=exif, **options)


def loss(photo, path):
    again = load_photo(save_photo(photo.rgb, path, photo))
    return np.square(again.rgb.astype(float) - photo.rgb).mean()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_tables_turn_with_the_photo(tmp_path, orientation):
    """Frequencies along rows and columns change places: pixels that were not touched stay."""
    table = np.ones((8, 8), int) + 14 * np.arange(8)  # far coarser along rows than along columns
    options = {"qtables": {0: table.ravel().tolist(), 1: table.ravel().tolist()}}
    photo = load_photo(jpeg(None, orientation, subsampling="4:4:4", **options))
    wanted = table.T if orientation >= 5 else table
    assert photo.jpeg_tables[0] == wanted.ravel().tolist()
    kept = loss(photo, tmp_path / "b.jpg")
    lying = wanted.T.ravel().tolist()
    other = replace(photo, jpeg_tables={0: lying, 1: lying})
    assert kept < 0.5
    assert loss(other, tmp_path / "a.jpg") > 4 * kept


@pytest.mark.parametrize("progressive", [False, True])
def test_the_order_of_scans_stays(tmp_path, progressive):
    photo = load_photo(jpeg(80, progressive=progressive))
    with Image.open(save_photo(photo.rgb, tmp_path / "a.jpg", photo)) as image:
        assert bool(image.info.get("progressive")) == progressive
    assert bool(jpeg_settings(photo, 90).get("progressive")) == progressive


@pytest.mark.parametrize("quality", [2, 5, 10, 20, 50, 90])
def test_the_file_shows_the_color_that_was_asked_for(tmp_path, quality):
    photo = load_photo(jpeg(quality))
    mask = np.zeros(photo.size, np.float32)
    mask[16:48, 16:80] = 1
    look = Look("#c8102e")
    subject = Subject.of(photo.rgb, mask)
    made = subject.recolor(look)
    path = save_photo(made.rgb, tmp_path / "a.jpg", photo)
    assert subject.measure(look, reread(path, photo)).delta_e < 1.6
    kept = load_photo(path).jpeg_tables
    assert (kept == photo.jpeg_tables) or quality < 90
    assert all((np.array(kept[k]) <= photo.jpeg_tables[k]).all() for k in kept)


def test_coarse_tables_stay_where_nothing_was_changed(tmp_path):
    photo = load_photo(jpeg(3))
    again = load_photo(save_photo(photo.rgb, tmp_path / "a.jpg", photo))
    assert again.jpeg_tables == photo.jpeg_tables
    assert (again.rgb == photo.rgb).mean() > 0.9


def test_a_faint_change_is_not_swallowed(tmp_path):
    photo = load_photo(jpeg(3))
    changed = photo.rgb.copy()
    changed[16:48, 16:80] = np.clip(changed[16:48, 16:80] + np.array([6, -4, 6]), 0, 255)
    again = load_photo(save_photo(changed, tmp_path / "a.jpg", photo))
    inside = (slice(16, 48), slice(16, 80))
    means = [rgb[inside].mean((0, 1)) / 255 for rgb in (photo.rgb, changed, again.rgb)]
    assert delta_e_2000(means[0], means[2]) > 0.7 * delta_e_2000(means[0], means[1])


def test_a_jpeg_of_one_table(tmp_path):
    tables = {0: [60] * 64}
    data = coded(Image.fromarray(smooth()[..., 0]), "JPEG", qtables=tables)
    photo = load_photo(data)
    changed = photo.rgb.copy()
    changed[8:40, 8:40] = (200, 16, 46)
    again = load_photo(save_photo(changed, tmp_path / "a.jpg", photo))
    assert np.abs(again.rgb[16:32, 16:32].mean((0, 1)) - [200, 16, 46]).max() < 8


def test_steps_of_16_bits_become_a_baseline_jpeg(tmp_path, capfd):
    data = coded(Image.fromarray(smooth()), "JPEG", qtables=[[17] * 32 + [6000] * 32] * 2)
    photo = load_photo(data)
    capfd.readouterr()
    assert loss(photo, tmp_path / "a.jpg") < 1
    with Image.open(tmp_path / "a.jpg") as image:
        assert max(map(max, image.quantization.values())) == 255
    assert capfd.readouterr().err == ""  # libjpeg prints a word about tables that are too coarse


@pytest.mark.parametrize("like", [None, "progressive"])
def test_noise_has_more_bytes_than_pillow_makes_room_for(tmp_path, like):
    noise = np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    if like is not None:
        data = coded(Image.fromarray(smooth(512, 512)), "JPEG", quality=98, subsampling=0)
        like = replace(load_photo(data), jpeg_progressive=True)
    path = save_photo(noise, tmp_path / "a.jpg", like)
    assert path.stat().st_size > 2 * noise[..., 0].size
    assert np.abs(load_photo(path).rgb.astype(int) - noise).mean() < 4


def test_lossless_formats_need_no_second_look(tmp_path):
    photo = load_photo(smooth())
    for suffix in (".png", ".tif", ".webp"):
        assert reread(save_photo(photo.rgb, tmp_path / f"a{suffix}", photo), photo) is None
    deep = load_photo(smooth().astype(np.uint16) * 257)
    assert reread(save_photo(deep.deep, tmp_path / "a.jpg", deep), deep).dtype == np.uint16


def test_no_strength_moves_nothing():
    deep = (smooth().astype(np.uint16) * 251) + np.arange(96, dtype=np.uint16)[None, :, None]
    mask = np.linspace(0, 1, 96, dtype=np.float32)[None, :].repeat(64, axis=0)
    for rgb in (deep, smooth()):
        looks = [Look("#c8102e", strength=0.0), Look("#c8102e"), Look("navy", strength=0.0)]
        none, much, also = Subject.of(rgb, mask).recolor_all(looks)
        assert (none.rgb == rgb).all()
        assert (also.rgb == rgb).all()
        assert (much.rgb != rgb).any()


def test_what_a_file_rounds_is_said(tmp_path):
    photo = load_photo(smooth())
    stripes = photo.rgb.copy()
    stripes[:, ::2] = (255, 0, 0)  # colors that no coarse JPEG holds
    path = tmp_path / "a.jpg"
    save_photo(stripes, path, photo, quality=5)
    (word,) = rounded(stripes, path, photo)
    assert "Delta-E" in word
    save_photo(stripes, path, photo, quality=95)
    assert rounded(stripes, path, photo) == ()
    assert rounded(photo.rgb, path, photo) == ()
    assert rounded(stripes, save_photo(stripes, tmp_path / "a.png", photo), photo) == ()
