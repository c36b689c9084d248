"""What stands in for the network, and how an answer is read."""

import base64
import io
import json

import numpy as np
from PIL import Image

from tests.ui.server import KnownScenes


class Scenes(KnownScenes):
    def analyze(self, photo, *, config=None):
        return super().analyze(photo, config=config or self.config)


def read(result):
    text = result.content[0].text
    if result.is_error:
        return True, text, None
    assert json.loads(text) == result.structured_content
    picture = base64.b64decode(result.content[1].data)
    assert result.content[1].mime_type == "image/jpeg"
    return False, result.structured_content, np.asarray(Image.open(io.BytesIO(picture)))
