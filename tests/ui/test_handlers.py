"""What the page's handlers give back: downloads, updates, messages; without a browser."""

import io
import zipfile
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from dmlseg_core.cli.entry import main
from dmlseg_core.config import SceneConfig
from dmlseg_core.edit.recipe_file import load_recipe
from dmlseg_core.edit.store import SessionStore
from dmlseg_core.photo.load import load_photo
from dmlseg_core.ui import actions, files, text
from dmlseg_core.ui.handlers import Handlers
from dmlseg_core.ui.page import Page
from tests import synth
from tests.edit.test_session import CAT, picture
from tests.ui.pages import painted, tile


class TestFiles:
    """Each kind of download, opened again."""

    def write(self, what, session, folder, language="en"):
        return files.write(what, painted(session), folder, "", language)

    def test_photo(self, session, tmp_path):
        path = self.write("photo", session, tmp_path)
        np.testing.assert_array_equal(np.asarray(Image.open(path)), session.render(full=True))

    def test_cutout(self, session, tmp_path):
        rgba = np.asarray(Image.open(self.write("cutout", session, tmp_path)))
        alpha = session.mask_of(0).to_alpha(session.photo.rgb)
        np.testing.assert_array_equal(rgba[..., 3], np.rint(alpha * 255))
        np.testing.assert_array_equal(rgba[CAT][:3], session.render(full=True)[CAT])
        assert rgba[CAT][3] == 255 and rgba[0, 0].sum() == 0

    def test_mask(self, session, tmp_path):
        gray = np.asarray(Image.open(self.write("mask", session, tmp_path)))
        assert gray[CAT] == 255 and gray[0, 0] == 0

    def test_layers(self, session, tmp_path):
        path = self.write("layers", session, tmp_path, "zh")
        with zipfile.ZipFile(path) as archive:
            assert archive.read("mimetype") == b"image/openraster"
            stack = archive.read("stack.xml").decode()
            merged = np.asarray(Image.open(archive.open("mergedimage.png")))
        assert text.class_label("zh", session.mask_of(0).class_name) in stack
        np.testing.assert_array_equal(merged[..., :3], session.render(full=True))

    @pytest.mark.parametrize(("what", "by"), [("recipe", True), ("recipe_class", False)])
    def test_recipe(self, what, by, session, tmp_path):
        path = self.write(what, session, tmp_path)
        assert load_recipe(path).bound is by
        wanted = session.render()
        session.clear()
        actions.apply(session, str(path))
        if by:
            np.testing.assert_array_equal(session.render(), wanted)
        assert session.selections[0].color == "#c8102e"
        session.undo()
        assert session.selections == ()


class TestHandlers:
    """Handlers without a server: a request is a session's hash and its headers."""

    @pytest.fixture
    def request_(self):
        return SimpleNamespace(session_hash="ann", headers={"accept-language": "zh"})

    @pytest.fixture
    def handlers(self, tmp_path):
        made = Handlers(SimpleNamespace(config=SceneConfig()), SessionStore(), tmp_path, 100)
        made.store.put("ann", load_photo(picture()), synth.scene())
        return made

    def test_there_is_an_update_for_each_control(self, handlers, request_, tmp_path):
        with gr.Blocks():
            outputs = Page(handlers).outputs
        run = handlers.edit(lambda s: painted(s, mode="pattern", tile=tile(tmp_path, (9, 9))))
        assert len(run(True, request_)) == len(outputs)
        assert len(handlers.edit(lambda s: s.undo())(True, request_)) == len(outputs)
        assert len(handlers.edit(lambda s: s.clear())(True, request_)) == len(outputs)
        request_.session_hash = "a stranger"
        assert len(run(True, request_)) == len(outputs)

    def test_a_gate_that_leaves_nothing_is_told_and_taken_back(self, handlers, request_):
        session = handlers.store.get("ann")
        handlers.edit(painted)(True, request_)
        with pytest.raises(gr.Error) as caught:
            handlers.edit(actions.gate)("except", "#969696", 2.0, True, request_)
        assert "容差" in str(caught.value)
        assert session.selections[0].gates == ()
        handlers.edit(actions.nothing)(True, request_)  # the page goes on

    def test_what_the_format_loses_is_told(self, handlers, request_, monkeypatch):
        told_ = []
        monkeypatch.setattr(gr, "Info", lambda text, **_: told_.append(text))
        data = io.BytesIO()
        Image.fromarray(picture()).convert("RGBA").save(data, "PNG")
        handlers.store.put("ann", load_photo(data.getvalue()), synth.scene())
        handlers.save("photo", ".png", request_)
        assert told_ == []
        handlers.save("photo", ".jpg", request_)
        assert told_ == ["JPEG 不支持透明，已略去透明度。"]

    @pytest.mark.parametrize("what", files.KINDS)
    def test_every_download_is_in_the_users_own_folder(self, what, handlers, request_):
        handlers.edit(painted)(True, request_)
        path = handlers.save(what, ".jpg", request_)
        assert path.startswith(str(handlers.folder / "ann"))
        handlers.close(request_)
        assert handlers.store.get("ann") is None
        assert not (handlers.folder / "ann").exists()


@pytest.mark.parametrize("words", [
    ["--auth", "nobody"], ["--max-megapixels", "0"], ["--weights", "missing.safetensors"],
])  # fmt: skip
def test_wrong_flags_of_the_app_are_one_sentence(words, capsys):
    assert main(["app", *words]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "Traceback" not in err
