"""A running app, a real Chromium, and the stage as a person meets it: by names and by eyes."""

import io
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

WAIT = 60_000
REST = Path(__file__).with_name("rest.js")
FRAME = re.compile(r"/assets/index-[^/]*\.js$")
"""The script that builds Gradio's frame behind the stage."""


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    """Address of a running app: a new one, or the one that DMLSEG_APP names.

    It keeps scenes, as an app does: the photo that most tests open is analysed once.
    """
    if named := os.environ.get("DMLSEG_APP"):
        yield named
        return
    from dmlseg_core.cli.entry import build_parser
    from dmlseg_core.ui.launch import prepare, start

    args = build_parser().parse_args(["app", "--no-inbrowser", "--quality", "fast"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DMLSEG_CACHE", str(tmp_path_factory.mktemp("scenes")))
        server, url = start(prepare(args), args)
    yield url
    server.close()


class Visit:
    """One tab: what a person does in it, and what goes over the line."""

    def __init__(self, context, url):
        self.context, self.url = context, url
        context.set_default_timeout(WAIT)
        context.add_init_script(path=REST)
        self.page = context.new_page()
        self.faults, self.edits = [], []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._left)
        self.page.goto(url)
        self.stage.wait_for(timeout=WAIT)

    def _left(self, request):
        if request.url.endswith("/stage/edit"):
            self.edits.append(json.loads(request.post_data))

    @property
    def stage(self):
        return self.page.get_by_role("region", name=re.compile("^(Photo stage|照片区)$"))

    def button(self, name):
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def tau(self):
        return self.page.get_by_role("slider", name="Tau")

    @property
    def color(self):
        return self.page.get_by_role("textbox", name="Color")

    @property
    def instances(self):
        return self.page.get_by_role("listbox", name="Instances")

    @property
    def chosen(self):
        return self.instances.get_by_role("option", selected=True)

    def rest(self, kept=False):
        """Wait until the page has nothing under way and has drawn: rest.js knows.

        `kept`: until what was done is kept in the browser too, which the page does a while later.
        """
        self.page.evaluate("([kept, wait]) => atRest(kept, wait)", [kept, WAIT])

    def open(self, photo, name="photo.png"):
        """(H, W, 3) uint8, or the bytes of a file; back when the photo has been analysed."""
        if isinstance(photo, np.ndarray):
            photo = png(photo)
        with self.page.expect_response(lambda r: "/stage/fields" in r.url, timeout=WAIT):
            self.choose_file(name, photo)
        self.rest()

    def choose_file(self, name, data, kind=""):
        """A file by the button: it goes where its kind belongs."""
        with self.page.expect_file_chooser() as chooser:
            self.page.locator(".bar .wide").click()
        chooser.value.set_files({"name": name, "mimeType": kind, "buffer": data})

    def away(self):
        """The pointer beside the photo, over nothing."""
        self.page.mouse.move(self.page.viewport_size["width"] / 2, 20)

    def seen(self):
        """(h, w, 3): the screen as the eye gets it, without outlines, black beside the stage."""
        self.away()
        self.page.keyboard.press("h")
        self.rest()
        shot = self.page.screenshot()
        self.page.keyboard.press("h")
        picture = np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)
        ratio = self.page.evaluate("devicePixelRatio")
        box = {k: round(v * ratio) for k, v in self.stage.bounding_box().items()}
        beside = np.ones(picture.shape[:2], bool)
        beside[box["y"] : box["y"] + box["height"], box["x"] : box["x"] + box["width"]] = False
        picture[beside] = 0
        return picture

    def middle(self, x=0.5, y=0.5):
        box = self.stage.bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def edit(self, act):
        """Do something that is an edit; back when the page shows the answer and is at rest."""
        with self.page.expect_response(lambda r: r.url.endswith("/stage/edit"), timeout=WAIT):
            act()
        self.rest()

    def click(self, x=0.5, y=0.5, **more):
        """A click at a share of the stage; back when its answer is shown."""
        self.edit(lambda: self.page.mouse.click(*self.middle(x, y), **more))

    def press(self, name):
        """A button that edits, by its name."""
        self.edit(self.button(name).click)

    def hold(self, pattern):
        """Requests that wait until the test lets them go on: a line as slow as it has to be."""
        held = []

        def keep(route):
            held.append(route)

        self.page.route(pattern, keep)
        return held

    def close(self):
        self.context.close()


def frameless(context):
    """A context in which Gradio's page stays away from behind the stage."""
    context.route(FRAME, lambda route: route.abort())
    return context


@pytest.fixture
def visit(browser, address):
    made = []

    def enter(frame=True, **options):
        """`frame`: with Gradio's own page behind the stage, as people have it; it costs seconds."""
        settings = {"locale": "en-US", "viewport": {"width": 1280, "height": 800}, **options}
        context = browser.new_context(**settings)
        made.append(Visit(context if frame else frameless(context), address))
        return made[-1]

    yield enter
    for tab in made:
        assert tab.faults == []
        tab.close()


def png(rgb):
    """Bytes of a PNG file of (H, W, 3) uint8."""
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "PNG")
    return out.getvalue()


def disc(height=240, width=320, color=(170, 40, 40)):
    """A flat disc on gray, its middle in the middle, with a little noise: (H, W, 3) uint8."""
    y, x = np.mgrid[:height, :width]
    inside = np.hypot(y - height / 2, x - width / 2) < 0.3 * min(height, width)
    photo = np.where(inside[..., None], np.array(color), np.array([200, 200, 200]))
    noise = np.random.default_rng(1).integers(-2, 3, photo.shape)
    return (photo + noise).clip(0, 255).astype(np.uint8)
