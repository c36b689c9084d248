"""The model card's picture: scikit-image's photos as the shipped weights see them, unedited.

    python docs/card_pictures.py [-o docs/images/card.jpg]

A row for each photo: what is proposed, as the page outlines it; then, of one click (white), the
stops part, object and group.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

sys.path.insert(0, str(Path(__file__).parents[1]))  # a script finds only its own folder

from dmlseg_core.edit.session import EditSession
from dmlseg_core.photo.load import load_photo
from dmlseg_core.photo.masks import voc_colormap
from dmlseg_core.photo.save import write_bytes
from dmlseg_core.scene.segmenter import Segmenter
from dmlseg_core.stage.hover import shown_proposals

WIDTH = 360
WHITE, DARK, GREEN = (255, 255, 255), (24, 24, 27), (34, 197, 94)
CLICKS = {
    "coffee": (250, 130),
    "astronaut": (400, 250),
    "chelsea": (150, 225),
    "stereo_motorcycle": (300, 350),
    "rocket": (250, 320),
}
"""Where each photo is clicked, (y, x)."""
Bytes = NDArray[np.uint8]


def outlined(session: EditSession, picture: Bytes) -> Bytes:
    """A copy of the photo with its proposals' outlines."""
    canvas = picture.copy()
    thin, colors = max(1, round(max(canvas.shape) / 700)), voc_colormap()
    for number, mask in enumerate(shown_proposals(session), 1):
        inside = (mask.to_level() >= 0).astype(np.uint8)
        found, _ = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        color = [int(v) for v in colors[number]]
        for line, thick in ((DARK, thin + 2), (color, thin)):
            cv2.drawContours(canvas, found, -1, line, thick, cv2.LINE_AA)
    return canvas


def row(segmenter: Segmenter, name: str) -> Bytes:
    """Proposals and the three stops of one photo, side by side."""
    found = getattr(data, name)()
    photo = load_photo(found[0] if isinstance(found, tuple) else found)
    scene = segmenter.analyze(photo)
    tiles = [outlined(EditSession(photo, scene), photo.rgb)]
    y, x = CLICKS[name]
    for mask in scene.stops(y, x):
        tile = photo.rgb.copy()
        inside = mask.to_photo(photo.rgb)
        tile[inside] = (0.5 * tile[inside] + 0.5 * np.array(GREEN)).astype(np.uint8)
        cv2.circle(tile, (x, y), max(tile.shape) // 70 + 2, DARK, -1, cv2.LINE_AA)
        cv2.circle(tile, (x, y), max(tile.shape) // 70, WHITE, -1, cv2.LINE_AA)
        tiles.append(tile)
    size = (WIDTH, round(WIDTH * photo.size[0] / photo.size[1]))
    return np.hstack([cv2.resize(tile, size, interpolation=cv2.INTER_AREA) for tile in tiles])


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, default=Path(__file__).parent / "images/card.jpg")
    out = parser.parse_args().out
    segmenter = Segmenter.load()
    sheet = np.vstack([row(segmenter, name) for name in CLICKS])
    _, encoded = cv2.imencode(".jpg", sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])
    write_bytes(encoded.tobytes(), out)


if __name__ == "__main__":
    main()
