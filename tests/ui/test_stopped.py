"""A running app that is told to stop while it works on a user's photos, as a process of its own."""

import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from tests.ui.server import file_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def app(tmp_path, shipped_weights):
    """(process, its address, folder of its temporary files, its stderr)."""
    place, told = tmp_path / "tmp", tmp_path / "stderr"
    place.mkdir()
    words = [sys.executable, "-m", "dmlseg_core", "app", "--no-inbrowser", "--quality", "fast"]
    environment = {**os.environ, "TMPDIR": str(place), "PYTHONPATH": str(ROOT)}
    with told.open("w") as file:
        started = subprocess.Popen([*words, "--no-cache"], env=environment, stderr=file,
                                   stdout=subprocess.PIPE, text=True)  # fmt: skip
    try:
        url = re.search(r"http://\S+/", started.stdout.readline())[0]
        yield started, url, place, told
    finally:
        started.kill()
        started.wait()


def photos_in(place):
    return [path for path in place.rglob("*") if path.is_file()]


def test_nothing_of_a_user_is_left_after_sigterm(app):
    process, url, place, told = app
    with httpx2.Client(base_url=f"{url}stage/", timeout=60) as user:
        user.headers["X-Dmlseg-Session"] = user.post("session").json()["session"]
        for k in range(20):
            assert user.post(f"many/photo?name={k}.png", content=file_of()).status_code == 200
        assert user.post("many/run", content=b"{}").status_code == 200
        for _ in range(600):
            if user.get("many").json()["done"]:
                break
            time.sleep(0.05)
    assert len(photos_in(place)) > 20
    (own,) = place.glob("dmlseg-*")
    assert stat.S_IMODE(own.stat().st_mode) == 0o700
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, told.read_text()
    assert not list(place.glob("dmlseg-*")) and not photos_in(place)
    assert "Traceback" not in told.read_text() and "terminate" not in told.read_text()
