"""Standard output and error: any name, closed pipes, full disks."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.cli.entry import main

NAMES = ["沙发.png", os.fsdecode(b"\xff.png"), "a\nb\x1b[31m.png"]


@pytest.fixture
def asked(tmp_path):
    """Words of a recolor command without a network; its output is to be named."""
    shade = np.linspace(60, 200, 20 * 30, dtype=np.uint8).reshape(20, 30)
    Image.fromarray(np.dstack([shade, shade, shade // 2])).save(tmp_path / "in.png")
    Image.new("L", (30, 20), 255).save(tmp_path / "mask.png")
    mask = ["--mask", str(tmp_path / "mask.png"), "--color", "navy"]
    return ["recolor", str(tmp_path / "in.png"), *mask, "-o"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_name_that_the_terminal_cannot_show_is_escaped(asked, tmp_path, monkeypatch, name, more):
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="cp1252"))
    assert main([*asked, str(tmp_path / name), *more]) == 0
    assert (tmp_path / name).is_file()
    lines = shown.getvalue().decode("ascii").splitlines()
    assert lines
    assert all(line.isprintable() for line in lines)
    assert "沙发".encode("ascii", "backslashreplace").decode() in lines[0] or name != NAMES[0]


@pytest.mark.parametrize("name", NAMES)
def test_so_is_one_in_an_error(monkeypatch, tmp_path, name):
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(shown, encoding="cp1252"))
    words = ["--mask", str(tmp_path / name), "--color", "red", "-o", str(tmp_path / "o.png")]
    assert main(["recolor", str(tmp_path / name), *words]) == 1
    sys.stderr.flush()
    (line,) = shown.getvalue().decode("ascii").splitlines()
    assert line.startswith("dmlseg: ")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux only")  # noqa: PTH110
def test_a_full_disk_behind_the_output_is_one_sentence(asked, tmp_path):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        run = subprocess.run(
            [sys.executable, "-m", "dmlseg_core", *asked, str(tmp_path / "o.png")],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert run.returncode == 1
    assert run.stderr == "dmlseg: the output cannot be written: No space left on device\n"


def test_a_reader_that_went_away_is_no_traceback(asked, tmp_path):
    read, write = os.pipe()
    os.close(read)
    run = subprocess.run(
        [sys.executable, "-m", "dmlseg_core", *asked, str(tmp_path / "o.png")],
        stdout=write, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(write)
    assert (run.returncode, run.stderr) == (1, "")
    assert (tmp_path / "o.png").is_file()


def test_libraries_do_not_speak_between(asked, tmp_path):
    """libtiff complains of this file on its own, on descriptor 2."""
    file = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(file, "TIFF", compression="tiff_lzw")
    with Image.open(file) as image:
        (start,), (size,) = image.tag_v2[273], image.tag_v2[279]
    torn = bytearray(file.getvalue())
    torn[start + size // 3 : start + size] = bytes(size - size // 3)
    (tmp_path / "torn.tif").write_bytes(torn)
    words = [w.replace("in.png", "torn.tif") for w in asked]
    made = [sys.executable, "-m", "dmlseg_core", *words, str(tmp_path / "o.png")]
    alone = [sys.executable, "-c", f"from PIL import Image; Image.open({words[1]!r}).load()"]
    loud = subprocess.run(alone, capture_output=True, text=True, check=False)
    assert loud.stderr.count("\n") > 1 and "Traceback" not in loud.stderr.splitlines()[0]
    done = subprocess.run(made, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("dmlseg: ")
