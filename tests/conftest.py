"""Fixtures that many tests share."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("busy", deadline=None)  # timings say nothing on a shared machine
settings.load_profile("busy")

# a thread of torch that waits gives its core away: the workers share few, and it would spin
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # no test may wait for the network
os.environ["DMLSEG_CACHE"] = "off"  # nor read what another one, or its user, kept

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def browser():
    """A real Chromium, one for all tests of a process: a second one could not be started."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    flags = ["--no-sandbox", "--disable-background-networking", "--disable-sync"]
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as engine:
        made = engine.chromium.launch(executable_path=chromium, args=flags)
        yield made
        made.close()


@pytest.fixture
def shipped_weights():
    """The weights file in weights/; the test is skipped in a checkout that has none yet."""
    files = sorted((ROOT / "weights").glob("*.safetensors"))
    if not files:
        pytest.skip("weights/ holds no weights yet")
    return files[0]


@pytest.fixture
def labelled_set():
    """Name of a labelled set -> its folder in DMLSEG_DATA; the test is skipped where it is not."""

    def find(name: str) -> Path:
        root = os.environ.get("DMLSEG_DATA")
        if not root or not (Path(root) / name).is_dir():
            pytest.skip("DMLSEG_DATA names no folder in which this set is unpacked")
        return Path(root) / name

    return find


@pytest.fixture
def session():
    """An EditSession on the synthetic scene."""
    from dmlseg_core.edit.session import EditSession
    from dmlseg_core.photo.load import load_photo
    from tests import synth
    from tests.edit.test_session import picture

    return EditSession(load_photo(picture()), synth.scene())
