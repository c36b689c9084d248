"""What inputs mean: patterns, lists, URLs; and what is refused before anything begins."""

from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from dmlseg_core.cli.entry import main
from dmlseg_core.errors import ImageError, MissingExtraError, ParameterError
from dmlseg_core.folder.many import prepare
from dmlseg_core.folder.sources.find import find_jobs, left_out
from dmlseg_core.folder.sources.urls import UrlJob
from dmlseg_core.photo.save import FORMATS
from tests.folder.test_run import FakeSegmenter, write_photo
from tests.folder.test_run import run as run_with


class Nameless(FakeSegmenter):
    """Photos behind a URL have no path."""

    def analyze(self, photo):
        return super().analyze(SimpleNamespace(path=Path("-"), size=photo.size, width=photo.width))


def run(inputs, out):
    return run_with(inputs, out, Nameless())


@pytest.fixture
def photos(tmp_path):
    for name in ("a.jpg", "b.png", "sub/c.jpg", "sub/deep/d.jpg", "odd[1].jpg"):
        write_photo(tmp_path / "in" / name)
    (tmp_path / "in" / "notes.txt").write_text("no photo")
    return tmp_path / "in"


def names(*inputs, out):
    return [job.name for job in find_jobs([str(i) for i in inputs], out)]


def test_patterns_name_photos_below_their_fixed_part(photos, tmp_path):
    out = tmp_path / "out"
    assert names(photos / "*.jpg", out=out) == ["a.jpg", "odd[1].jpg"]
    assert names(photos / "**" / "*.jpg", out=out) == [
        "a.jpg", "odd[1].jpg", "sub/c.jpg", "sub/deep/d.jpg"
    ]  # fmt: skip
    assert names(photos / "*", out=out) == [
        "a.jpg", "b.png", "odd[1].jpg", "sub/c.jpg", "sub/deep/d.jpg"
    ]  # fmt: skip
    assert names(photos / "s?b" / "*.jpg", out=out) == ["s?b/c.jpg".replace("?", "u")]


def test_every_name_of_a_format_is_a_photo(tmp_path):
    wanted = {*FORMATS, ".BMP", ".gif", ".jp2", ".ppm"}
    for suffix in wanted:
        (tmp_path / f"a{suffix}").write_bytes(b"")
    assert {Path(name).suffix for name in names(tmp_path, out=tmp_path.parent / "out")} == wanted


def test_pictures_that_a_folder_has_beside_photos_are_told(photos, tmp_path, capsys):
    for name in ("a.CR2", "sub/b.cr2", "c.jxl", ".d.cr2", "a.xmp"):
        (photos / name).write_bytes(b"raw")
    told = "left out of folders, for they are not taken for photos: 2 .cr2, 1 .jxl"
    assert left_out([photos]) == told
    assert left_out([photos / "a.jpg", "memory://x"]) == ""
    (tmp_path / "raw").mkdir()
    (photos / "a.CR2").rename(tmp_path / "raw" / "a.CR2")
    assert main(["segment", str(tmp_path / "raw"), "-o", str(tmp_path / "out")]) == 2
    assert "no photo found" in (err := capsys.readouterr().err) and "1 .cr2" in err


def test_a_file_with_brackets_is_a_file(photos, tmp_path):
    assert names(photos / "odd[1].jpg", out=tmp_path / "out") == ["odd[1].jpg"]


def test_a_pattern_never_takes_results_for_photos(photos, tmp_path):
    out = photos / "out"
    write_photo(out / "recolored" / "a.jpg.navy.jpg")
    assert "out" not in {n.split("/")[0] for n in names(photos / "**" / "*.jpg", out=out)}


def test_a_pattern_goes_through_links_once(photos, tmp_path):
    (photos / "sub" / "up").symlink_to(photos, target_is_directory=True)
    (photos / "sub" / "self").symlink_to("self")
    (photos / "gone.jpg").symlink_to("nowhere.jpg")
    write_photo(tmp_path / "elsewhere" / "e.jpg")
    (photos / "other").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    found = ["a.jpg", "gone.jpg", "odd[1].jpg", "other/e.jpg", "sub/c.jpg", "sub/deep/d.jpg"]
    assert names(photos / "**" / "*.jpg", out=tmp_path / "out") == found


def test_a_pattern_without_a_match_is_told(photos, tmp_path):
    with pytest.raises(ParameterError, match=r"\*\.tif matches no photo"):
        names(photos / "*.tif", out=tmp_path / "out")


def test_one_photo_that_two_inputs_name_is_done_once(photos, tmp_path):
    found = names(photos / "*.jpg", photos / "a.jpg", out=tmp_path / "out")
    assert found == ["a.jpg", "odd[1].jpg"]


@pytest.fixture
def memory(tmp_path):
    system = fsspec.filesystem("memory")
    for name in ("shop/a.jpg", "shop/sub/b.png", "shop/.thumbs/x.jpg", "shop/notes.txt"):
        data = write_photo(tmp_path / "made.png").read_bytes()
        system.pipe(f"/{name}", data)
    yield system
    system.rm("/shop", recursive=True)


def test_photos_behind_a_url(memory, tmp_path):
    jobs = find_jobs(["memory://shop"], tmp_path / "out")
    assert [(job.source, job.name) for job in jobs] == [
        ("memory:///shop/a.jpg", "a.jpg"), ("memory:///shop/sub/b.png", "sub/b.png")
    ]  # fmt: skip
    assert names("memory://shop/*.jpg", out=tmp_path / "out") == ["a.jpg"]
    assert names("memory://shop/sub/b.png", out=tmp_path / "out") == ["b.png"]
    _, report = run(["memory://shop"], tmp_path / "out")
    assert (report.done, report.failures) == (2, ())
    assert (tmp_path / "out/labels/sub/b.png.png").is_file()


def test_a_url_whose_content_changed_is_done_again(memory, tmp_path):
    run(["memory://shop"], tmp_path / "out")
    assert run(["memory://shop"], tmp_path / "out")[1].skipped == 2
    memory.pipe("/shop/a.jpg", write_photo(tmp_path / "x.png", size=(9, 9)).read_bytes())
    assert run(["memory://shop"], tmp_path / "out")[1].done == 1


def test_a_file_url_is_a_path(photos, tmp_path):
    assert names(f"file://{photos}/a.jpg", out=tmp_path / "out") == ["a.jpg"]


def test_a_broken_photo_behind_a_url_is_told_by_its_url(memory, tmp_path):
    memory.pipe("/shop/a.jpg", b"nothing")
    _, report = run(["memory://shop", "memory://shop/none.jpg"], tmp_path / "out")
    told = sorted(f.error for f in report.failures)
    assert report.done == 1
    assert told[0].startswith("memory:///shop/a.jpg is not a photo")
    assert told[1].startswith("memory://shop/none.jpg cannot be read")


class Closed(MemoryFileSystem):
    """A store that lets nobody look into it."""

    protocol = "closed"

    def info(self, path, **options):
        raise PermissionError(13, "Access Denied", path)

    def cat_file(self, path, *more, **options):
        raise NoTokenError("no token")


class NoTokenError(Exception):
    """A client's own kind of error, as aiohttp and botocore have them."""


def test_urls_without_rights_or_driver_are_one_sentence(tmp_path):
    fsspec.register_implementation("closed", Closed, clobber=True)
    with pytest.raises(ParameterError, match=r"closed://shop cannot be looked into: Access Denied"):
        find_jobs(["closed://shop"], tmp_path)
    assert UrlJob("closed://shop/a.jpg", "a.jpg").stamp() is None
    assert UrlJob("closed://shop/a.jpg", "a.jpg").digest() == ""
    with pytest.raises(ImageError, match=r"closed://shop/a\.jpg cannot be read: no token"):
        UrlJob("closed://shop/a.jpg", "a.jpg").read(100)
    with pytest.raises(ParameterError, match="Protocol not known: nowhere"):
        find_jobs(["nowhere://shop"], tmp_path)
    fsspec.register_implementation("lacking", "no_such_package.System", clobber=True)
    with pytest.raises(MissingExtraError, match="lacking:// needs a driver"):
        find_jobs(["lacking://shop"], tmp_path)
    with pytest.raises(ParameterError, match=r"none\.zip cannot be opened: it does not exist"):
        find_jobs([f"zip://*.jpg::{tmp_path}/none.zip"], tmp_path)
    with pytest.raises(ImageError, match=r"memory://none\.jpg cannot be read: it does not exist"):
        UrlJob("memory://none.jpg", "none.jpg").read(100)


def test_photos_of_an_archive_and_of_chained_urls(memory, photos, tmp_path):
    with ZipFile(tmp_path / "photos.zip", "w") as archive:
        for path in photos.rglob("*.*"):
            archive.write(path, path.relative_to(photos))
    memory.pipe("/shop/photos.zip", (tmp_path / "photos.zip").read_bytes())
    for url in (
        f"zip://**/*.jpg::{tmp_path}/photos.zip",
        "zip://::memory://shop/photos.zip",
        "simplecache::memory://shop/**",
    ):
        jobs = find_jobs([url], tmp_path / "out")
        assert len(jobs) >= 2, url
        for job in jobs:
            assert job.read(100)[0].width and job.stamp() and len(job.digest()) == 64


def test_results_do_not_go_to_a_url(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError, match="no URL; got 's3://bucket/out'"):
        prepare(str(photos), "s3://bucket/out")
    with pytest.raises(SystemExit):
        main(["batch", str(photos), "-o", "s3://bucket/out"])
    assert "not to a URL" in capsys.readouterr().err
    assert not (tmp_path / "s3:").exists()
