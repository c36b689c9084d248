"""A running app without a network or a browser: known scenes behind the real routes."""

import io
import time
from contextlib import contextmanager
from dataclasses import replace

from fastapi.testclient import TestClient
from PIL import Image

from dmlseg_core.config import SceneConfig
from dmlseg_core.stage.desks import Desks
from dmlseg_core.ui.launch import assemble
from dmlseg_core.ui.routes import Stage
from tests import synth
from tests.edit.test_session import picture

CONFIG = SceneConfig(connected=False, overlap=0.5)


class KnownScenes:
    """Stands in for a Segmenter: every photo of the right size is the synthetic scene."""

    def __init__(self):
        self.config, self.asked = CONFIG, []
        self.before = lambda: None

    def analyze(self, photo, *, config, regions=False):
        self.before()
        self.asked.append(config)
        return replace(synth.scene(), config=config)


def file_of(rgb=None, kind="PNG", **options):
    data = io.BytesIO()
    Image.fromarray(picture() if rgb is None else rgb).save(data, kind, **options)
    return data.getvalue()


class User:
    """One browser tab."""

    def __init__(self, client, language="en"):
        self.client, self.language, self.seq = client, language, 0
        self.about = client.post("/stage/session", headers=self.headers(None)).json()
        self.token = self.about.get("session")

    def headers(self, token=""):
        token = self.token if token == "" else token
        made = {"Accept-Language": self.language}
        return made | ({"X-Dmlseg-Session": token} if token else {})

    def get(self, path):
        return self.client.get(f"/stage/{path}", headers=self.headers())

    def post(self, path, data=b"", **more):
        return self.client.post(f"/stage/{path}", headers=self.headers(), content=data, **more)

    def open(self, data=None, name="cat.png"):
        answer = self.post(f"photo?name={name}", file_of() if data is None else data)
        assert answer.status_code == 200, answer.text
        return self.settled()

    def settled(self):
        for _ in range(2000):
            state = self.get("state").json()
            if state.get("phase") not in ("queued", "network", "regions"):
                return state
            time.sleep(0.005)
        raise AssertionError("the analysis never ends")

    def ask(self, **values):
        self.seq += 1
        made = self.headers()
        return self.client.post("/stage/edit", headers=made, json={"seq": self.seq, **values})

    def edit(self, **values):
        answer = self.ask(**values)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def click(self, point, **more):
        return self.edit(op="click", y=point[0], x=point[1], **more)


@contextmanager
def serving(segmenter=None, limit=64, **options):
    stage = Stage(segmenter or KnownScenes(), Desks(int(limit * 2**20)), 100.0)
    with TestClient(assemble(stage, **options), raise_server_exceptions=False) as client:
        client.stage = stage
        yield client
