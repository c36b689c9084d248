"""What the plug-ins share, against the real HTTP API; the scripts' syntax."""

import argparse
import ast
import importlib.util
import io
import json
import socket
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.stage.desks import Desks
from dmlseg_core.ui.launch import assemble, start
from dmlseg_core.ui.routes import Stage
from tests.edit.test_session import CAT, PERSON, picture
from tests.ui.server import KnownScenes, file_of

FOLDER = Path(__file__).parents[2] / "plugins"
SCRIPTS = sorted(FOLDER.rglob("*.py"))


def loaded(path="dmlseg_client.py"):
    spec = importlib.util.spec_from_file_location(Path(path).stem, FOLDER / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


client = loaded()


@pytest.fixture(scope="module")
def url():
    args = argparse.Namespace(host="127.0.0.1", port=None)
    server, address = start(assemble(Stage(KnownScenes(), Desks(), 100.0)), args)
    yield address
    server.close()


def test_a_layer_goes_out_and_a_layer_and_a_mask_come_back(url):
    own = client.Client(url)
    found = own.analyze(file_of())
    assert [o["class_name"] for o in found["objects"]] == ["cat", "cat", "person", "dog"]
    png, figures = own.mask(found["id"], client.where_of(10, 6, 48, 40))
    mask = np.asarray(Image.open(io.BytesIO(png)))
    assert mask[CAT] == 255 and mask[PERSON] == 0 and figures["class_name"] == "cat"
    png, figures = own.layer(
        found["id"], client.where_of(CAT[1], CAT[0], CAT[1] + 1, CAT[0]), "navy"
    )
    below = Image.fromarray(picture()).convert("RGBA")
    below.alpha_composite(Image.open(io.BytesIO(png)))
    changed = (np.asarray(below)[..., :3] != picture()).any(axis=2)
    assert changed[CAT] and not changed[PERSON]
    assert client.told(figures).startswith("cat: color met to Delta-E ")


def test_what_goes_wrong_is_the_servers_sentence(url):
    own = client.Client(url)
    for act, told in (
        (lambda: own.analyze(b"no photo"), "not a photo"),
        (lambda: own.mask("no id", {"x": 1, "y": 1}), "send the photo again"),
        (lambda: own.layer(own.analyze(file_of())["id"], {"x": 1, "y": 1}, "no color"), "no color"),
    ):
        with pytest.raises(client.DmlsegError, match=told):
            act()


def test_no_server_a_wrong_address_another_program():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(client.DmlsegError, match="start it with: dmlseg app"):
            client.Client(f"http://127.0.0.1:{port}/", timeout=5).analyze(b"x")
    for address in ("", " "):
        assert client.Client(address).base == "http://127.0.0.1:7860/api/v1/"
    for address in ("nothing", "file:///etc/passwd", "ftp://host/", "http://"):
        with pytest.raises(client.DmlsegError, match="address"):
            client.Client(address)


def test_a_program_that_speaks_no_json_is_told(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        def answer():
            connection, _ = other.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nhm")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(client.DmlsegError, match="404"):
            client.Client(f"http://127.0.0.1:{other.getsockname()[1]}").analyze(b"x")


def test_a_login_travels_in_a_header_and_not_in_the_address():
    args = argparse.Namespace(host="127.0.0.1", port=None)
    made = assemble(Stage(KnownScenes(), Desks(), 100.0), auth=("ann", "s:cr@t"))
    server, address = start(made, args)
    try:
        host = address.removeprefix("http://")
        with pytest.raises(client.DmlsegError, match="log in"):
            client.Client(address).analyze(file_of())
        own = client.Client(f"http://ann:s%3Acr%40t@{host}")
        assert own.analyze(file_of())["objects"] and "s:cr" not in own.base
    finally:
        server.close()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: str(p.relative_to(FOLDER)))
def test_scripts_are_python_3_8_of_the_standard_library(path):
    """GIMP and Krita bring their own Python, and their own modules alone."""
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    nodes = list(ast.walk(tree))
    modules = [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
    modules += [a.name for node in nodes if isinstance(node, ast.Import) for a in node.names]
    heads = {name.split(".")[0] for name in modules}
    known = {"base64", "json", "pathlib", "sys", "tempfile", "urllib", "uuid"}
    hosts = {"gi", "krita", "PyQt5", "PyQt6", "dmlseg_client", "dmlseg"}
    assert heads <= known | hosts


def test_the_scripts_ask_the_client_for_what_it_has():
    offered = set(dir(client))
    for path in SCRIPTS:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "dmlseg_client":
                assert {alias.name for alias in node.names} <= offered


def test_gimps_color_is_sent_as_srgb(monkeypatch):
    """A Gegl.Color keeps sRGB bytes under their own format; get_rgba() is linear light."""

    class Navy:
        def get_rgba(self):
            return 0.0, 0.0, 0.2159, 1.0

        def get_bytes(self, format):
            assert format == "R'G'B' u8"
            return SimpleNamespace(get_data=lambda: b"\0\0\x80")

    host = {n: MagicMock() for n in ("Babl", "Gegl", "GimpUi", "Gio", "GLib", "GObject")}
    host["Babl"].format = str
    host["Gimp"] = MagicMock(PlugIn=object)
    gi = SimpleNamespace(require_version=lambda *_: None, repository=SimpleNamespace(**host))
    for name, module in (("gi", gi), ("gi.repository", gi.repository), ("dmlseg_client", client)):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(sys, "path", list(sys.path))
    script = loaded("gimp/dmlseg/dmlseg.py")
    assert script.hex_of(Navy()) == "#000080"


def test_kritas_description_names_the_script():
    text = (FOLDER / "krita" / "dmlseg.desktop").read_text()
    assert "ServiceTypes=Krita/PythonPlugin" in text and "X-KDE-Library=dmlseg" in text
    assert json.loads('"' + text.splitlines()[-1].partition("=")[2] + '"')
