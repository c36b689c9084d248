"""The command line: flags, exit codes, one sentence per error; end to end with shipped weights."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from dmlseg_core.cli import chosen as cli_recolor_object
from dmlseg_core.cli import recolor as cli_recolor
from dmlseg_core.cli import segment as cli_photo
from dmlseg_core.cli.entry import main
from dmlseg_core.config import SceneConfig
from dmlseg_core.model import DataSheet
from dmlseg_core.scene.frame import Frame
from tests.folder.test_run import FakeSegmenter, write_photo

ROOT = Path(__file__).parents[2]


@pytest.fixture
def fake(monkeypatch):
    segmenter = FakeSegmenter()
    monkeypatch.setattr(cli_photo, "load_segmenter", lambda args, config=None: segmenter)
    monkeypatch.setattr(cli_photo, "weights_digest", lambda path: "fake")
    return segmenter


def segment(*words):
    return main(["segment", "--quiet", *map(str, words)])


def one_line(capsys):
    err = capsys.readouterr().err.strip()
    assert len(err.splitlines()) == 1, err
    assert "Traceback" not in err
    return err


def test_help_is_fast_and_loads_no_torch():
    code = (
        "import sys; from dmlseg_core.cli.entry import build_parser; build_parser().format_help();"
    )
    code += "sys.exit('torch' in sys.modules or 'cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["segment", "--help"],
                                   ["app", "--help"],
                                   ["recolor", "--help"], ["eval", "--help"]])  # fmt: skip
def test_help_and_version_exit_with_0(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("words", [
    [], ["nonsense"], ["segment"], ["segment", "a.jpg"],
    ["segment", "a.jpg", "-o", "out", "--tau", "0"],
    ["segment", "a.jpg", "-o", "out", "--tau", "x"],
    ["segment", "a.jpg", "-o", "out", "--tau", "nan"],
    ["segment", "a.jpg", "-o", "out", "--max-megapixels", "0"],
    ["segment", "a.jpg", "-o", "out", "--quality", "superb"],
    ["segment", "a.jpg", "-o", "out", "--long-side", "63"],
    ["segment", "a.jpg", "-o", "out", "--long-side", "300.5"],
    ["recolor", "a.jpg", "--color", "red", "-o", "b.png"],
    ["recolor", "a.jpg", "--at", "1", "--color", "red", "-o", "b.png"],
    ["recolor", "a.jpg", "--at", "1,2", "--mask", "m.png", "--color", "red", "-o", "b.png"],
    ["recolor", "a.jpg", "--at", "1,2", "--color", "red", "-o", "b.png", "--strength", "2"],
    ["recolor", "a.jpg", "--at", "1,2", "--color", "red", "-o", "b.png", "--mode", "paint"],
    ["recolor", "a.jpg", "--at", "1,2", "--color", "red", "-o", "b.png",
     "--protect-highlights", "2"],
])  # fmt: skip
def test_wrong_usage_is_one_sentence_and_2(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    assert "--help" in one_line(capsys)


def test_legal_ranges_are_told(capsys):
    with pytest.raises(SystemExit):
        main(["segment", "a.jpg", "-o", "out", "--tau", "1"])
    assert "tau must lie in (0, 1); got 1.0" in one_line(capsys)


def test_exit_codes_of_segment(fake, tmp_path, capsys):
    good, bad = write_photo(tmp_path / "in/a.png"), tmp_path / "in/b.png"
    bad.write_bytes(b"")
    assert segment(good, "-o", tmp_path / "o1") == 0
    assert segment(bad, "-o", tmp_path / "o2") == 1
    assert "b.png" in one_line(capsys)
    assert segment(good, bad, "-o", tmp_path / "o3") == 3
    assert segment(tmp_path / "in", "-o", tmp_path / "in" / "o") == 2
    fake.stop_at = len(fake.seen) + 1
    assert segment(good, "-o", tmp_path / "o4") == 130
    fake.stop_at = None
    assert segment(good, "-o", tmp_path / "o4") == 0


def test_another_quality_does_the_photos_again(fake, tmp_path, capsys):
    words = [write_photo(tmp_path / "in/a.png"), "-o", tmp_path / "out"]
    for more, told in (
        ([], "1 segmented, 0 done before"), (["--quality", "balanced"], "0 segmented, 1 done"),
        (["--quality", "best"], "1 segmented"), (["--long-side", "300"], "1 segmented"),
        (["--long-side", "300"], "0 segmented"),
    ):  # fmt: skip
        assert segment(*words, *more) == 0
        assert capsys.readouterr().out.startswith(told)


def test_a_missing_photo_is_the_one_that_failed(fake, tmp_path, capsys):
    assert segment(tmp_path / "none.jpg", "-o", tmp_path / "out") == 1
    assert "does not exist" in one_line(capsys)


def recolor(*words):
    return main(["recolor", *map(str, words)])


@pytest.fixture
def shaded(tmp_path):
    """A gray photo with a shaded blue square, and the square's mask."""
    rgb = np.full((40, 50, 3), 128, np.uint8)
    rgb[10:30, 10:30] = np.linspace(60, 180, 20).astype(np.uint8)[:, None, None] * [0.3, 0.4, 1]
    mask = np.zeros((40, 50), np.uint8)
    mask[10:30, 10:30] = 255
    Image.fromarray(rgb).save(tmp_path / "photo.png")
    Image.fromarray(mask).save(tmp_path / "mask.png")
    return tmp_path


def test_recolor_by_mask_changes_the_object_only(shaded, capsys):
    out = shaded / "red.png"
    words = [shaded / "photo.png", "--mask", shaded / "mask.png", "--color", "#c8102e"]
    assert recolor(*words, "-o", out, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["delta_e"] < 3
    assert told["anchor"] != told["result_anchor"]
    assert all(len(told[k]) == 7 and told[k][0] == "#" for k in ("anchor", "result_anchor"))
    before, after = (np.array(Image.open(p)) for p in (shaded / "photo.png", out))
    outside = np.array(Image.open(shaded / "mask.png")) == 0
    assert (before[outside] == after[outside]).all()
    assert (after[~outside][:, 0] > after[~outside][:, 2]).all()


def test_recolor_writes_a_file_per_color(shaded, capsys):
    words = [shaded / "photo.png", "--mask", shaded / "mask.png", "--color", "#c8102e"]
    assert recolor(*words, "--color", "#00ff00", "-o", shaded / "x.png", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["color"] for line in lines] == ["#c8102e", "#00ff00"]
    assert (shaded / "x-c8102e.png").exists()
    assert (shaded / "x-00ff00.png").exists()


def test_a_16_bit_mask_keeps_its_steps(shaded, monkeypatch):
    seen = []
    spied = cli_recolor_object.read_mask

    def read(*given):
        seen.append(spied(*given))
        return seen[0]

    monkeypatch.setattr(cli_recolor_object, "read_mask", read)
    ramp = np.linspace(0, 65535, 2000).astype(np.uint16).reshape(40, 50)
    Image.fromarray(ramp).save(shaded / "deep.png")
    words = [shaded / "photo.png", "--mask", shaded / "deep.png", "--color", "#c8102e"]
    assert recolor(*words, "-o", shaded / "x.png") == 0
    assert np.abs(seen[0] - ramp / 65535).max() < 1e-6


def test_recolor_at_a_point(shaded, monkeypatch, capsys):
    clicks = []
    alpha = np.array(Image.open(shaded / "mask.png")).astype(np.float32) / 255
    mask = SimpleNamespace(to_alpha=lambda rgb, matting: alpha, class_name="cup", score=0.5,
                           seed=SimpleNamespace(tau=0.75))  # fmt: skip
    frame = Frame.fit(alpha.shape, 64)
    scene = SimpleNamespace(mask_at=lambda *click: clicks.append(click) or mask, frame=frame,
                            embedding=torch.zeros(4, *frame.grid_size), classes=(),
                            config=SceneConfig(), sheet=DataSheet())  # fmt: skip
    segmenter = SimpleNamespace(analyze=lambda photo, **_: scene)
    monkeypatch.setattr(cli_recolor, "load_segmenter", lambda args, config=None: segmenter)
    words = [shaded / "photo.png", "--at", "20,15", "--tau", "0.75", "--color", "#c8102e"]
    assert recolor(*words, "-o", shaded / "x.png", "--json") == 0
    assert clicks == [(15, 20, 0.75)]
    told = json.loads(capsys.readouterr().out)
    assert (told["class"], told["score"], told["tau"]) == ("cup", 0.5, 0.75)
    red = np.array(Image.open(shaded / "x.png"))
    assert red[20, 20, 0] > red[20, 20, 2]


@pytest.mark.parametrize(("mode", "amount"), [("hue_shift", 120), ("saturation", -1),
                                              ("lightness", 0.1)])  # fmt: skip
def test_recolor_by_an_amount(shaded, capsys, mode, amount):
    words = [shaded / "photo.png", "--mask", shaded / "mask.png", "-o", shaded / "x.png"]
    assert recolor(*words, "--mode", mode, "--amount", amount, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["color"] is None
    assert told["anchor"] != told["result_anchor"]


@pytest.mark.parametrize("words", [
    [], ["--mode", "hue_shift"], ["--color", "red", "--amount", "1"],
    ["--mode", "hue_shift", "--amount", "10", "--color", "red"],
    ["--mode", "saturation", "--amount", "2"], ["--mode", "lightness", "--amount", "nan"],
])  # fmt: skip
def test_colors_and_amounts_do_not_mix(shaded, capsys, words):
    photo, mask = shaded / "photo.png", shaded / "mask.png"
    assert recolor(photo, "--mask", mask, "-o", shaded / "x.png", *words) == 2
    one_line(capsys)
    assert not (shaded / "x.png").exists()


def test_highlights_can_be_painted(shaded):
    rgb = np.array(Image.open(shaded / "photo.png"))
    rgb[12:15, 12:15] = [120, 140, 230]  # gloss: half lamp, half paint
    Image.fromarray(rgb).save(shaded / "photo.png")
    words = [shaded / "photo.png", "--mask", shaded / "mask.png", "--color", "#600818"]
    for share in ("0", "1"):
        assert recolor(*words, "--protect-highlights", share, "-o", shaded / f"{share}.png") == 0
    painted, kept = (np.array(Image.open(shaded / f"{k}.png"))[13, 13].astype(int) for k in "01")
    assert np.ptp(kept) < np.ptp(painted)


def test_gloss_dims_what_leaves_the_paint(shaded):
    rgb = np.array(Image.open(shaded / "photo.png"))
    rgb[12:15, 12:15] = [120, 140, 230]
    Image.fromarray(rgb).save(shaded / "photo.png")
    words = [shaded / "photo.png", "--mask", shaded / "mask.png", "--color", "#600818"]
    light = {}
    for gloss in ("wet", "satin", "matte"):
        assert recolor(*words, "--gloss", gloss, "-o", shaded / f"{gloss}.png") == 0
        light[gloss] = int(np.array(Image.open(shaded / f"{gloss}.png"))[13, 13, 1])
    assert light["wet"] > light["satin"] > light["matte"]
    assert main(["recolor", *map(str, words), "-o", str(shaded / "plain.png")]) == 0
    assert (shaded / "plain.png").read_bytes() == (shaded / "wet.png").read_bytes()


def test_a_tolerance_passes_or_fails_the_written_file(shaded, capsys):
    words = [shaded / "photo.png", "--mask", shaded / "mask.png", "--json"]
    assert recolor(*words, "--color", "#a03050", "--max-delta-e", 3, "-o", shaded / "a.png") == 0
    assert json.loads(capsys.readouterr().out)["passed"] is True
    # One file passes, the other does not: both are written, the exit code tells.
    colors = ["--color", "#a03050", "--color", "#ffffff"]
    assert recolor(*words, *colors, "--max-delta-e", 0.4, "-o", shaded / "b.png") == 3
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for row in rows:
        assert row["delta_e"] == row["pixels_median"]  # what the page tells
        off = max(row["delta_e"], row["color_delta_e"])
        assert row["passed"] is (off <= 0.4)
    assert (shaded / "b-ffffff.png").exists()


def test_recolor_refuses_what_it_cannot_do(shaded, capsys):
    photo, mask = shaded / "photo.png", shaded / "mask.png"
    before = photo.read_bytes()
    assert recolor(photo, "--mask", mask, "--color", "red", "-o", photo) == 1
    assert photo.read_bytes() == before
    assert "never overwritten" in one_line(capsys)
    assert recolor(photo, "--mask", mask, "--color", "nocolor", "-o", shaded / "x.png") == 2
    one_line(capsys)
    assert recolor(photo, "--at", "50,0", "--color", "#fff", "-o", shaded / "x.png") == 2
    assert "50,0" in one_line(capsys)
    Image.new("L", (3, 3), 255).save(mask)
    assert recolor(photo, "--mask", mask, "--color", "#ffffff", "-o", shaded / "x.png") == 1
    assert "one size" in one_line(capsys)
    Image.new("RGB", (50, 40), "red").save(mask)
    assert recolor(photo, "--mask", mask, "--color", "#ffffff", "-o", shaded / "x.png") == 1
    assert "gray image" in one_line(capsys)


def test_eval_says_what_is_wrong_before_it_works(tmp_path, capsys):
    assert main(["eval", "--data", "x", "--json", str(tmp_path / "no" / "r.json")]) == 1
    one_line(capsys)
    assert main(["eval", "--data", "x", "--json", str(tmp_path / "r.json"), "--limit", "0"]) == 2
    one_line(capsys)


def test_readme_segment_and_recolor_with_shipped_weights(tmp_path, shipped_weights):
    import skimage.data

    Image.fromarray(skimage.data.chelsea()).save(tmp_path / "cat.png")
    command = [sys.executable, "-m", "dmlseg_core"]
    subprocess.run([*command, "segment", tmp_path / "cat.png", "-o", tmp_path / "out"],
                   cwd=ROOT, check=True)  # fmt: skip
    assert json.loads((tmp_path / "out" / "instances.json").read_text())["annotations"]
    done = subprocess.run(
        [*command, "recolor", tmp_path / "cat.png", "--at", "225,150", "--color", "#c8102e",
         "-o", tmp_path / "red.png", "--json"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["delta_e"] < 5
    assert Image.open(tmp_path / "red.png").size == (451, 300)
