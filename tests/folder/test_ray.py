"""A batch on a Ray cluster of two machines, of which parts and then all are killed.

Ray is an extra, and a cluster starts slowly, so these run when they are asked for:

    pip install '.[ray]' && DMLSEG_RAY=1 python -m pytest tests/folder/test_ray.py -n 0
"""

import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from dmlseg_core.config import SceneConfig
from dmlseg_core.edit import Style
from dmlseg_core.errors import ClusterError, MissingExtraError
from dmlseg_core.folder.journal import LOCK
from dmlseg_core.folder.many import prepare
from dmlseg_core.folder.rows import PhotoRow
from dmlseg_core.folder.rules import Find, Rule, Rules, ways_of_colors
from dmlseg_core.folder.scale import on_ray
from dmlseg_core.folder.scale.on_ray import RayRunner
from dmlseg_core.folder.scale.ray_driver import _reach

psutil = pytest.importorskip("psutil")
ROOT = Path(__file__).parents[2]
NAVY = Rules((Rule(Find(largest=1), ways_of_colors(["navy", "crimson"], Style())),))
TIMED = {"run.json", "report.html", "instances.jsonl"}
PHOTOS = 12
ROW = PhotoRow("x", "/x")


@pytest.fixture(scope="module")
def cluster():
    """A head without CPUs, and two nodes of one CPU each."""
    pytest.importorskip("ray", reason="ray, an extra, is not installed")
    if "DMLSEG_RAY" not in os.environ:
        pytest.skip("a cluster takes a minute; DMLSEG_RAY=1 asks for it")
    from ray.cluster_utils import Cluster

    before = dict(os.environ)
    os.environ["PYTHONPATH"] = str(ROOT)  # what its workers import is not installed
    os.environ["RAY_gcs_rpc_server_reconnect_timeout_s"] = "3"  # noqa: SIM112
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(2):
        made.add_node(num_cpus=1)
    yield made
    with suppress(Exception):  # a test has killed it
        made.shutdown()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number in range(PHOTOS - 1):
        crop = data.coffee()[: 400 - 20 * number, 20 * number :]
        Image.fromarray(crop).resize((120, 80)).save(folder / f"{number:02}.png")
    (folder / os.fsdecode(b"br\xf6ken.jpg")).write_bytes(b"no photo")
    return folder


def asked(photos, out, **more):
    config = SceneConfig(long_side=128)
    return prepare([photos], out, rules=NAVY, max_delta_e=2.0, config=config, **more)


def files(folder):
    found = (p for p in folder.rglob("*") if p.is_file() and p.name != LOCK)
    return {str(p.relative_to(folder)): p.read_bytes() for p in found}


def processes(*words):
    """Of this process's offspring, those whose command line holds one of the words."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if any(word in " ".join(process.cmdline()) for word in words):
                yield process


def test_a_worker_is_killed_in_the_middle_and_the_bytes_are_those_of_one_process(
    cluster, photos, tmp_path
):
    on_cluster = asked(photos, tmp_path / "ray", engine="ray", address=cluster.address)
    rows = on_cluster.results()
    seen = [next(rows).row]
    next(processes("MapWorker")).kill()
    seen += [result.row for result in rows]
    assert sorted(row.status for row in seen) == [*["done"] * (PHOTOS - 1), "failed"]
    list(asked(photos, tmp_path / "here").results())
    here, there = files(tmp_path / "here"), files(tmp_path / "ray")
    assert here.keys() == there.keys() and len(here) > 3 * PHOTOS
    for name in here.keys() - TIMED:
        assert there[name] == here[name], name


def test_a_cluster_that_goes_away_is_one_sentence_and_what_was_done_is_kept(
    cluster, photos, tmp_path
):
    rows = asked(photos, tmp_path / "out", engine="ray", address=cluster.address).results()
    next(rows)
    for process in processes("gcs_server", "raylet"):
        process.kill()
    with pytest.raises(ClusterError, match="went away; what was done is kept"):
        list(rows)
    again = list(asked(photos, tmp_path / "out").results())
    assert len(again) == PHOTOS and any(not result.fresh for result in again)
    assert not [p for p in processes("ray_driver") if p.status() != psutil.STATUS_ZOMBIE]


def test_an_address_where_nobody_listens_is_told_at_once():
    with socket.socket() as taken:  # bound, not listening: no other program gets this port
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
            with pytest.raises(OSError, match="refused"):
                _reach(address)
    for address in ("auto", "local", ""):
        _reach(address)


def test_without_ray_the_extra_is_named(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(on_ray, "find_spec", lambda name: None)
    made = asked(photos, tmp_path / "out", engine="ray")
    assert made.run.engine == "ray"
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[ray\]'"):
        list(made.results())


@pytest.mark.parametrize(
    ("answers", "error"),
    [('["cluster", "no cluster answers"]', "no cluster answers"),
     ('["row", 0, {}]', "went away"), ("", "last words: boom")],
)  # fmt: skip
def test_what_a_driver_tells_and_how_it_dies(photos, tmp_path, monkeypatch, answers, error):
    """The pipe without Ray: a driver of one line."""
    program = (
        f"import sys; {answers and f'print({answers!r});'} sys.stderr.write('boom\\n'); sys.exit(1)"
    )
    monkeypatch.setattr(on_ray, "find_spec", lambda name: name)
    monkeypatch.setattr(on_ray, "COMMAND", ("-c", program))
    monkeypatch.setattr(on_ray.PhotoRow, "of_json", lambda row: ROW)
    made = RayRunner()(list(asked(photos, tmp_path / "out").jobs), None)
    with pytest.raises(ClusterError, match=error):
        list(made)
