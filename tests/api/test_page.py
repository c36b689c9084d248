"""The examples of docs/api.md, run against a real server on loopback by curl and gradio_client."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from gradio_client import handle_file
from PIL import Image
from skimage import data

from dmlseg_core.cli.entry import build_parser
from dmlseg_core.ui.launch import prepare, start
from tests.docs.test_pages import fenced

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "api.md"


@pytest.fixture(scope="module")
def url():
    if not list((ROOT / "weights").glob("*.safetensors")):
        pytest.skip("weights/ holds no weights yet")
    args = build_parser().parse_args(["app", "--no-inbrowser"])
    server, address = start(prepare(args), args)
    yield address
    server.close()


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_the_examples_of_the_page_run(url, tmp_path):
    Image.fromarray(data.coffee()).save(tmp_path / "sofa.jpg", quality=95)
    for code in fenced(PAGE, "bash"):
        run(["bash", "-ec", code.replace("http://127.0.0.1:7860/", url)], tmp_path)
    for code in fenced(PAGE, "python"):
        run([sys.executable, "-c", code.replace("http://127.0.0.1:7860/", url)], tmp_path)
    names = ["navy.jpg", "again.jpg", "client.jpg", "mask.png", "navy.png", "c81.png", "oklc.png"]
    made = {name: np.asarray(Image.open(tmp_path / name)) for name in names}
    assert (made["navy.jpg"] == made["again.jpg"]).all()
    assert (made["navy.jpg"] == made["client.jpg"]).all()
    inside = made["mask.png"] > 250
    assert 0.05 < inside.mean() < 0.6
    before = np.asarray(Image.open(tmp_path / "sofa.jpg"))
    inside &= np.abs(made["navy.jpg"].astype(int) - before).max(axis=2) > 40  # the body of it
    assert inside.mean() > 0.02
    blue = np.median(made["navy.jpg"][inside], axis=0)
    assert blue[2] > blue[0] and np.median(before[inside], axis=0)[0] > 150


def test_gradio_client_gets_sentences_and_sends_no_files(url, tmp_path):
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    client = Client(url, verbose=False)
    file = {"meta": {"_type": "gradio.FileData"}, "orig_name": "x.png"}
    for photo, told in (
        (None, "give a photo"), ("no base64", "base64"), ("aGVsbG8=", "not a photo"),
        ({**file, "path": "http://127.0.0.1:1/x.png"}, "a file is given as a text"),
    ):  # fmt: skip
        with pytest.raises(AppError, match=told) as error:
            client.predict(photo=photo, x=1, y=1, api_name="/mask")
        assert tempfile.gettempdir() not in str(error.value)
    with pytest.raises(Exception, match="404"):  # handle_file asks for a route that is not there
        (tmp_path / "x.png").write_bytes(b"x")
        client.predict(photo=handle_file(tmp_path / "x.png"), x=1, y=1, api_name="/mask")


def test_the_page_says_what_the_code_does():
    text = PAGE.read_text()
    from dmlseg_core.api import kept, reading, service
    from dmlseg_core.ui.guard import MEGABYTE, Limits

    assert f"{kept.SECONDS / 60:g} minutes" in text
    assert f"more than {reading.MOST_VALUES:,} values" in text
    assert f"calls wait ({service.WAITING})" in text
    most = reading.MOST_JSON // MEGABYTE, reading.MOST // MEGABYTE
    assert "up to {} MB; a form may have {}".format(*most) in text
    assert f"{Limits().of('/gradio_api/queue/join') // MEGABYTE} MB of JSON" in text
    assert Limits().of("/api/v1/mask") == reading.MOST
    assert re.search(r"hold two places", text) and service.WORKERS == 2
