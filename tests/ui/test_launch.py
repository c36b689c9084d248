"""Flags of the app, and its address."""

import argparse

import httpx
import pytest

from dmlseg_core.cli.entry import build_parser, main
from dmlseg_core.errors import ParameterError
from dmlseg_core.stage.desks import Desks
from dmlseg_core.ui import launch
from dmlseg_core.ui.launch import assemble, start
from dmlseg_core.ui.routes import Stage
from tests.ui.server import KnownScenes


@pytest.mark.parametrize("words", [
    ["--auth", "nobody"], ["--max-megapixels", "0"], ["--weights", "missing.safetensors"],
    ["--port", "99999"], ["--memory", "0"],
])  # fmt: skip
def test_wrong_flags_of_the_app_are_one_sentence(words, capsys):
    try:
        assert main(["app", *words]) == 2
    except SystemExit as stop:  # of the parser
        assert stop.code == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_a_server_answers_at_its_address_and_its_port_is_taken():
    args = build_parser().parse_args(["app", "--no-inbrowser"])
    server, url = start(assemble(Stage(KnownScenes(), Desks(), 100.0)), args)
    try:
        assert httpx.post(f"{url}stage/session").status_code == 200
        taken = argparse.Namespace(host="127.0.0.1", port=int(url.rstrip("/").rpartition(":")[2]))
        with pytest.raises(ParameterError, match="--port"):
            start(assemble(Stage(KnownScenes(), Desks(), 100.0)), taken)
    finally:
        server.close()


def test_arenas_are_shared_before_anything_is_loaded(monkeypatch):
    """Threads keep the arena that they have: later would be too late."""
    calls = []
    monkeypatch.setattr(launch, "share_arenas", lambda: calls.append("arenas"))
    monkeypatch.setattr(launch, "login", lambda _: calls.append("flags"))
    monkeypatch.setattr(launch.Segmenter, "load", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        launch.prepare(build_parser().parse_args(["app"]))
    assert calls == ["arenas", "flags"]
