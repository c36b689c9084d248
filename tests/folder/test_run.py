"""Folders: names, resuming, broken photos, COCO, memory; with a segmenter of known answers."""

import csv
import json
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.edit import Alphas
from dmlseg_core.errors import ExportError, ParameterError
from dmlseg_core.folder import inputs
from dmlseg_core.folder.develop.output import label_photo, palette
from dmlseg_core.folder.run import segment_folder
from dmlseg_core.folder.sources.find import find_jobs
from dmlseg_core.photo import save_labels


@dataclass(eq=False)
class FakeMask:
    where: np.ndarray
    score: float = 0.5

    @property
    def seed(self):
        return SimpleNamespace(class_id=15, tau=0.5)

    def to_alpha(self, rgb, *, matting=False):
        return self.where.astype(np.float32)


class FakeSegmenter:
    """Two instances: the left half, and the whole photo behind it."""

    def __init__(self, stop_at=None):
        self.seen, self.stop_at = [], stop_at

    def analyze(self, photo):
        self.seen.append(photo.path.name)
        if len(self.seen) == self.stop_at:
            raise KeyboardInterrupt
        left, whole = np.zeros(photo.size, bool), np.ones(photo.size, bool)
        left[:, : photo.width // 2] = True
        return SimpleNamespace(propose=lambda **options: (FakeMask(left, 0.9), FakeMask(whole)))


def write_photo(path, size=(8, 6), color=(200, 30, 40)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    photos = tmp_path / "in"
    for name in ("a.jpg", "a.png", "sub/b.png"):
        write_photo(photos / name)
    (photos / "notes.txt").write_text("no photo")
    write_photo(photos / ".thumbs" / "a.png")
    return photos


def run(inputs, out, segmenter=None, **options):
    segmenter = segmenter or FakeSegmenter()
    return segmenter, segment_folder(inputs, out, segmenter, progress=False, **options)


def everything(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_tree_is_mirrored_and_nothing_is_written_into_the_input(folder, tmp_path):
    before, out = everything(folder), tmp_path / "out"
    _, report = run([folder], out)
    assert (report.done, report.skipped, report.failures) == (3, 0, ())
    assert everything(folder) == before
    names = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    photos = ("a.jpg", "a.png", "sub/b.png")
    assert names == {
        *(f"labels/{n}.png" for n in photos), *(f"overlays/{n}.jpg" for n in photos),
        "instances.json", "instances.jsonl", "failures.csv", ".instances.lock",
    }  # fmt: skip
    labels = np.array(Image.open(out / "labels/sub/b.png.png"))
    assert labels.tolist() == [[1] * 4 + [2] * 4] * 6


def test_coco_file_is_read_by_the_reference_tools(folder, tmp_path):
    coco_module = pytest.importorskip("pycocotools.coco")
    run([folder], tmp_path / "out")
    coco = coco_module.COCO(str(tmp_path / "out" / "instances.json"))
    assert [i["file_name"] for i in coco.imgs.values()] == ["a.jpg", "a.png", "sub/b.png"]
    assert coco.cats[15]["name"] == "person"
    first, second = coco.imgToAnns[1]
    assert (first["bbox"], first["area"], first["score"]) == ([0, 0, 4, 6], 24, 0.9)
    assert (second["bbox"], second["area"]) == ([4, 0, 4, 6], 24)
    assert coco.annToMask(first).tolist() == [[1] * 4 + [0] * 4] * 6


def test_second_run_skips_what_is_done(folder, tmp_path):
    run([folder], tmp_path / "out")
    first = (tmp_path / "out" / "instances.json").read_bytes()
    segmenter, report = run([folder], tmp_path / "out")
    assert (segmenter.seen, report.done, report.skipped) == ([], 0, 3)
    assert (tmp_path / "out" / "instances.json").read_bytes() == first


def test_changed_photo_other_settings_and_lost_outputs_are_redone(folder, tmp_path):
    out = tmp_path / "out"
    run([folder], out)
    write_photo(folder / "a.png", size=(10, 6))
    (out / "overlays/a.jpg.jpg").unlink()
    segmenter, _ = run([folder], out)
    assert segmenter.seen == ["a.jpg", "a.png"]
    segmenter, _ = run([folder], out, settings={"weights": "others"})
    assert len(segmenter.seen) == 3
    images = json.loads((out / "instances.json").read_text())["images"]
    assert [i["width"] for i in images] == [8, 10, 8]


def test_broken_photos_are_reported_and_the_rest_goes_on(folder, tmp_path):
    out = tmp_path / "out"
    (folder / "cut.jpg").write_bytes((folder / "a.jpg").read_bytes()[:200])
    (folder / "empty.png").write_bytes(b"")
    (folder / "page.webp").write_text("<html>")
    _, report = run([folder, tmp_path / "missing.jpg"], out)
    assert report.done == 3
    assert len(report.failures) == 4
    rows = list(csv.reader((out / "failures.csv").open()))
    assert rows[0] == ["path", "error"]
    assert {r[0].rsplit("/", 1)[1] for r in rows[1:]} == {
        "cut.jpg", "empty.png", "page.webp", "missing.jpg"
    }  # fmt: skip
    for name in ("cut.jpg", "empty.png", "page.webp"):
        write_photo(folder / name)
    segmenter, report = run([folder, tmp_path / "missing.jpg"], out)
    assert sorted(segmenter.seen) == ["cut.jpg", "empty.png", "page.webp"]
    assert len(list(csv.reader((out / "failures.csv").open()))) == 2


def test_a_photo_that_breaks_later_loses_its_old_results(folder, tmp_path):
    out = tmp_path / "out"
    run([folder], out)
    (folder / "a.png").write_bytes(b"")
    run([folder], out)
    assert not (out / "labels/a.png.png").exists()
    assert len(json.loads((out / "instances.json").read_text())["images"]) == 2


def test_interrupt_leaves_a_state_to_resume_from(folder, tmp_path):
    out = tmp_path / "out"
    _, report = run([folder], out, FakeSegmenter(stop_at=2))
    assert report.interrupted
    assert report.done == 1
    segmenter, report = run([folder], out)
    assert (segmenter.seen, report.skipped) == (["a.png", "b.png"], 1)


def test_a_line_cut_short_by_a_kill_is_dropped(folder, tmp_path):
    out = tmp_path / "out"
    run([folder], out)
    journal = out / "instances.jsonl"
    journal.write_bytes(journal.read_bytes()[:-25])
    segmenter, report = run([folder], out)
    assert (segmenter.seen, report.skipped) == (["b.png"], 2)
    assert len(json.loads((out / "instances.json").read_text())["images"]) == 3


def test_an_interrupted_first_decode_does_not_hang(folder, tmp_path):
    _, report = run([folder], tmp_path / "out", FakeSegmenter(stop_at=1))
    assert report.interrupted
    assert report.done == 0


def test_no_two_inputs_get_one_name(tmp_path):
    one, two = write_photo(tmp_path / "x/a.jpg"), write_photo(tmp_path / "y/a.jpg")
    names = [j.name for j in find_jobs([one, two], tmp_path / "out")]
    assert len(set(names)) == 2
    assert names == [j.name for j in find_jobs([one, two, one], tmp_path / "out")]
    names = [j.name for j in find_jobs([tmp_path / "x", tmp_path / "y"], tmp_path / "out")]
    assert names == ["x/a.jpg", "y/a.jpg"]


def test_another_photo_never_takes_over_a_name(tmp_path):
    one, two = write_photo(tmp_path / "x/a.jpg"), write_photo(tmp_path / "y/a.jpg")
    run([one], tmp_path / "out")
    with pytest.raises(ExportError, match="choose another output folder"):
        run([two], tmp_path / "out")


def test_output_inside_an_input_and_empty_folders_are_refused(folder, tmp_path):
    for out in (folder, folder / "out"):
        with pytest.raises(ParameterError, match="lies in the input folder"):
            run([folder], out)
    (tmp_path / "none").mkdir()
    with pytest.raises(ParameterError, match="no photo found"):
        run([tmp_path / "none"], tmp_path / "out")


def test_unwritable_output_is_one_typed_error(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError):
        run([folder], tmp_path / "file")


def test_decoding_is_at_most_one_photo_ahead(tmp_path, monkeypatch):
    photos = [write_photo(tmp_path / "in" / f"{i:02}.png") for i in range(12)]
    loaded, real = [], inputs.load_photo

    def load(path, **options):
        loaded.append(path)
        return real(path, **options)

    class Checking(FakeSegmenter):
        def analyze(self, photo):
            scene = super().analyze(photo)
            assert len(loaded) <= len(self.seen) + 1
            return scene

    monkeypatch.setattr(inputs, "load_photo", load)
    _, report = run(photos, tmp_path / "out", Checking())
    assert report.failures == ()


def test_better_masks_keep_contested_pixels_and_many_labels_fit(tmp_path):
    whole = np.ones((4, 4), bool)
    photo = np.zeros((4, 4, 3), np.uint8)
    assert label_photo([FakeMask(whole), FakeMask(whole)], Alphas(photo)).tolist() == [[1] * 4] * 4
    labels = np.arange(300, dtype=np.int32).reshape(20, 15)
    save_labels(labels, tmp_path / "many.png")
    assert (np.array(Image.open(tmp_path / "many.png")) == labels).all()
    assert len(np.unique(palette(100), axis=0)) == 101


def test_shipped_weights_end_to_end(tmp_path, shipped_weights):
    import skimage.data

    from dmlseg_core.scene.segmenter import Segmenter

    (tmp_path / "in").mkdir()
    Image.fromarray(skimage.data.chelsea()).save(tmp_path / "in" / "cat.png")
    report = segment_folder(
        [tmp_path / "in"], tmp_path / "out", Segmenter.load(shipped_weights), progress=False
    )
    assert report.failures == ()
    labels = np.array(Image.open(tmp_path / "out" / "labels" / "cat.png.png"))
    assert labels.shape == skimage.data.chelsea().shape[:2]
    assert labels.max() >= 1


def test_coco_names_the_files_as_they_are(tmp_path):
    """Two photos of one output name: results are told apart, `file_name` and `path` are real."""
    for place in ("one", "two"):
        write_photo(tmp_path / place / "in" / "a.jpg")
    out = tmp_path / "out"
    run([tmp_path / "one" / "in" / "a.jpg", tmp_path / "two" / "in" / "a.jpg"], out)
    coco = json.loads((out / "instances.json").read_text())
    assert [i["file_name"] for i in coco["images"]] == ["a.jpg", "a.jpg"]
    assert {i["path"] for i in coco["images"]} == {
        str(tmp_path / place / "in" / "a.jpg") for place in ("one", "two")
    }
    assert len({i["labels"] for i in coco["images"]}) == 2
    assert all((out / i["labels"]).is_file() for i in coco["images"])
    assert {c["name"]: c["supercategory"] for c in coco["categories"]}["person"] == "person"
    assert all(c["supercategory"] for c in coco["categories"])


def test_polygons_can_be_had_at_once_or_later(folder, tmp_path):
    coco_module = pytest.importorskip("pycocotools.coco")
    out = tmp_path / "out"
    run([folder], out)
    segmenter, _ = run([folder], out, polygons=True)
    assert segmenter.seen == []  # nothing is done anew for them
    coco = coco_module.COCO(str(out / "instances.json"))
    first = coco.imgToAnns[1][0]
    corners = np.reshape(first["segmentation"][0], (-1, 2)).tolist()
    assert sorted(corners) == [[0, 0], [0, 6], [4, 0], [4, 6]]
    assert coco.annToMask(first).tolist() == [[1] * 4 + [0] * 4] * 6
    run([folder], out)
    again = json.loads((out / "instances.json").read_text())["annotations"][0]
    assert again["segmentation"]["size"] == [6, 8]
