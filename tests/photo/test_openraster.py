"""Layered files: the layout that editors ask for, and a stack that shows what was made."""

import io
import zipfile
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from PIL import Image

from dmlseg_core.errors import ExportError
from dmlseg_core.paint.apply import recolor
from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.openraster import Layer, save_openraster
from tests.photo.test_load import coded, picture


def soft(height, width, y, x, radius):
    hard = np.zeros((height, width), np.float32)
    cv2.circle(hard, (x, y), radius, 1.0, -1)
    return np.clip(cv2.GaussianBlur(hard, (0, 0), 2.0), 0, 1)


def scene(**options):
    """A photo, two overlapping soft masks, and the layers of two edits."""
    photo = load_photo(coded(Image.fromarray(picture(80, 120)), **options))
    masks = soft(80, 120, 40, 40, 20), soft(80, 120, 40, 70, 22)
    first = recolor(photo.rgb, masks[0], "#c8102e").rgb
    second = recolor(first, masks[1], "black").rgb
    layers = [Layer("cup <&> #c8102e", first, masks[0]), Layer("瓶 black", second, masks[1])]
    return photo, layers


def opened(path):
    archive = zipfile.ZipFile(path)
    return archive, ElementTree.fromstring(archive.read("stack.xml"))


def image_of(archive, name):
    return np.asarray(Image.open(io.BytesIO(archive.read(name))))


def composite(archive, root):
    """The stack over nothing, bottom up, in sRGB: what Krita shows (W3C compositing, src-over)."""
    height, width = int(root.get("h")), int(root.get("w"))
    canvas = np.zeros((height, width, 4))
    for layer in reversed(root.find("stack").findall("layer")):
        assert layer.get("composite-op") == "svg:src-over"
        pixels = image_of(archive, layer.get("src")) / 255.0
        x, y = int(layer.get("x")), int(layer.get("y"))
        under = canvas[y : y + pixels.shape[0], x : x + pixels.shape[1]]
        alpha = pixels[..., 3:]
        color = alpha * pixels[..., :3] + (1 - alpha) * under[..., :3] * under[..., 3:]
        under[..., 3:] = alpha + (1 - alpha) * under[..., 3:]
        under[..., :3] = color / np.maximum(under[..., 3:], 1e-9)
    return np.rint(canvas * 255).astype(np.uint8)


def test_the_layout_is_openrasters(tmp_path):
    photo, layers = scene(dpi=(300, 300))
    path = save_openraster(tmp_path / "a.ora", photo, layers)
    raw = path.read_bytes()
    # first entry: stored, named mimetype, no extra field; readers look at these very bytes
    assert raw[30:38] == b"mimetype"
    assert raw[8:10] == b"\0\0"
    assert raw[38 : 38 + 16] == b"image/openraster"
    archive, root = opened(path)
    assert archive.testzip() is None
    names = archive.namelist()
    assert names[0] == "mimetype"
    assert {"stack.xml", "mergedimage.png", "Thumbnails/thumbnail.png"} <= set(names)
    assert (root.tag, root.get("w"), root.get("h"), root.get("xres")) == (
        "image",
        "120",
        "80",
        "300",
    )
    rows = root.find("stack").findall("layer")
    assert [row.get("name") for row in rows] == ["瓶 black", "cup <&> #c8102e", "original"]
    assert {row.get("src") for row in rows} == {n for n in names if n.startswith("data/")}
    assert max(image_of(archive, "Thumbnails/thumbnail.png").shape[:2]) <= 256
    assert [p.name for p in tmp_path.iterdir()] == ["a.ora"]


def test_the_stack_shows_what_was_made(tmp_path):
    photo, layers = scene()
    archive, root = opened(save_openraster(tmp_path / "a.ora", photo, layers))
    shown = composite(archive, root)
    assert (shown[..., 3] == 255).all()
    off = np.abs(shown[..., :3].astype(int) - layers[-1].rgb)
    assert off.max() <= 1
    merged = image_of(archive, "mergedimage.png")
    assert (merged[..., :3] == layers[-1].rgb).all()
    assert (image_of(archive, "data/original.png")[..., :3] == photo.rgb).all()


def test_a_layers_alpha_is_the_mask(tmp_path):
    photo, layers = scene()
    archive, root = opened(save_openraster(tmp_path / "a.ora", photo, layers))
    row = root.find("stack").findall("layer")[1]
    pixels = image_of(archive, row.get("src"))
    x, y = int(row.get("x")), int(row.get("y"))
    whole = np.zeros(photo.size, np.uint8)
    whole[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels[..., 3]
    mask = np.rint(layers[0].alpha * 255).astype(int)
    assert (whole >= mask).all()
    raised = (whole - mask)[(mask > 0) & (mask < 255)] / 255
    assert raised.mean() < 0.2  # only where no color could do it: black on a bright ground
    assert (pixels[pixels[..., 3] == 0] == 0).all()  # nothing hides under full transparency


def test_hidden_pixels_of_the_photo_stay_hidden(tmp_path):
    alpha = np.where(picture(80, 120)[..., 0] > 128, 255, 0).astype(np.uint8)
    photo = load_photo(np.dstack([picture(80, 120), alpha]))
    mask = soft(80, 120, 40, 60, 30)
    made = recolor(photo.rgb, mask, "navy").rgb
    archive, root = opened(save_openraster(tmp_path / "a.ora", photo, [Layer("a", made, mask)]))
    shown = composite(archive, root)
    assert (shown[..., 3] == alpha).all()
    assert np.abs(shown[..., :3].astype(int) - made)[alpha > 0].max() <= 1


def test_16_bit_results_and_no_layers(tmp_path):
    deep = picture(80, 120).astype(np.uint16) * 257
    photo = load_photo(deep)
    mask = soft(80, 120, 40, 60, 30)
    made = recolor(photo.working_pixels(), mask, "navy").rgb
    assert made.dtype == np.uint16
    archive, root = opened(save_openraster(tmp_path / "a.ora", photo, [Layer("a", made, mask)]))
    assert np.abs(composite(archive, root)[..., :3] - made / 257).max() <= 1.51
    archive, root = opened(save_openraster(tmp_path / "b.ora", photo, []))
    assert len(root.find("stack").findall("layer")) == 1


def test_bad_layers_write_nothing(tmp_path):
    photo, layers = scene()
    small = Layer("small", layers[0].rgb[:10], layers[0].alpha[:10])
    for path, given in ((tmp_path / "a.png", layers), (tmp_path / "a.ora", [small]),
                        (tmp_path / "none" / "a.ora", layers)):  # fmt: skip
        with pytest.raises(ExportError):
            save_openraster(path, photo, given)
    assert list(tmp_path.iterdir()) == []
