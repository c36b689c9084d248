"""What an assistant may reach: nothing but the allowed folder."""

import os

import pytest

from dmlseg_core.errors import DmlsegError, ExportError, ParameterError
from dmlseg_core.mcp.root import Root


@pytest.fixture
def root(tmp_path):
    inside = tmp_path / "photos"
    (inside / "trip").mkdir(parents=True)
    (inside / "cat.jpg").write_bytes(b"x")
    (tmp_path / "secret.jpg").write_bytes(b"x")
    (tmp_path / "photos-of-others").mkdir()
    (inside / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (inside / "away").symlink_to(tmp_path)
    (inside / "near.jpg").symlink_to("cat.jpg")
    (inside / "loop").symlink_to("loop")
    (inside / "gone").symlink_to(tmp_path / "not-there.jpg")
    return Root(inside)


@pytest.mark.parametrize("text", ["cat.jpg", "./cat.jpg", "trip/../cat.jpg", "near.jpg"])
def test_what_lies_inside_is_read(root, text):
    assert root.reading(text) == root.folder / "cat.jpg"
    assert root.reading(str(root.folder / "cat.jpg")) == root.folder / "cat.jpg"


OUTSIDE = ["../secret.jpg", "/etc/passwd", "link.jpg", "away/secret.jpg", "away", "..", "gone",
           "../photos-of-others", "trip/../../secret.jpg", "loop", "loop/x", "", "a\0b", "none.jpg",
           "x" * 5000, "~/x", "file:///etc/passwd"]  # fmt: skip


@pytest.mark.parametrize("text", OUTSIDE)
def test_nothing_else_is(root, text):
    with pytest.raises(DmlsegError) as told:
        root.reading(text)
    assert len(str(told.value)) < 400


@pytest.mark.parametrize("text", [
    "../new.jpg", "/tmp/new.jpg", "away/new.jpg", "gone", "link.jpg", "cat.jpg", "trip", "loop",
    "none/new.jpg", "near.jpg", "", ".", "..", "a\0b", "cat.jpg/x", "x" * 300, "x" * 5000,
    "x" * 300 + "/y",
])  # fmt: skip
def test_nothing_is_written_outside_or_over_what_is_there(root, text):
    for place in (root.writing, root.filling):
        with pytest.raises(DmlsegError):
            place(text)


def test_a_new_file_may_be_written(root):
    assert root.writing("trip/new.jpg") == root.folder / "trip" / "new.jpg"
    assert root.name(root.writing("new.jpg")) == "new.jpg"


def test_sentences_do_not_say_where_the_folder_lies(root):
    assert root.without(f"{root.folder}/cat.jpg is no photo") == "cat.jpg is no photo"
    assert str(root.folder) not in root.without(f"{root.folder} is a folder")


def test_the_root_itself_may_be_a_link_and_must_be_a_folder(root, tmp_path):
    linked = Root(root.folder / "away")
    assert linked.folder == tmp_path
    for bad in (tmp_path / "none", tmp_path / "secret.jpg", root.folder / "loop"):
        with pytest.raises(ParameterError, match="--root"):
            Root(bad)


def test_a_name_that_is_no_utf8_is_a_name_like_others(root):
    name = os.fsdecode(b"caf\xe9.jpg")
    try:
        (root.folder / name).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes no such name")
    assert root.reading(name).name == name


def test_of_two_who_want_a_name_one_gets_it(root):
    path = root.writing("new.jpg")
    with root.claimed(path):
        with pytest.raises(ExportError, match="is there already"), root.claimed(path):
            raise AssertionError("both may write")
        path.write_bytes(b"the first one's")
    assert path.read_bytes() == b"the first one's"
    other = root.writing("other.jpg")
    with pytest.raises(ZeroDivisionError), root.claimed(other):
        _ = 1 / 0
    assert not other.exists()


def test_a_link_that_comes_meanwhile_is_not_followed(root, tmp_path):
    path = root.writing("new.jpg")
    path.symlink_to(tmp_path / "elsewhere.jpg")
    with pytest.raises(ExportError, match="is there already"), root.claimed(path):
        raise AssertionError("it is followed")
    assert not (tmp_path / "elsewhere.jpg").exists()
