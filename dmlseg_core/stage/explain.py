"""Pictures of what the network saw: how the answer comes about."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from dmlseg_core.edit import EditSession
from dmlseg_core.model import similarity
from dmlseg_core.photo import image_bytes
from dmlseg_core.scene import Scene
from dmlseg_core.stage.asked import Asked

KINDS: tuple[str, ...] = ("seediness", "pca", "seeds", "distance")
Bytes = NDArray[np.uint8]


def explained(session: EditSession, asked: Asked) -> bytes:
    """PNG at preview size of one of KINDS.

    seediness: S_p, dark to bright. pca: the embedding's three main axes as RGB. seeds: where the
    greedy picks fell, numbered in their order, over the photo. distance: similarity of every cell
    to the point (x, y), with edges.

    Raises:
        ParameterError: another kind, or a point outside the photo.
    """
    kind = asked.choice("what", KINDS)
    if kind == "seeds":
        picture = _seeds(session)
    elif kind == "pca":
        picture = _upsampled(session, _axes(session.scene))
    else:
        scene = session.scene
        values = scene.seediness if kind == "seediness" else _alike(scene, asked)
        picture = _upsampled(session, _heat(values))
    return image_bytes(Image.fromarray(picture), "PNG", compress_level=3)


def _alike(scene: Scene, asked: Asked) -> NDArray[np.float32]:
    cell = scene.cell_at(asked.number("y"), asked.number("x"))
    return np.asarray(similarity(torch.from_numpy(scene.distances2(cell)[0])).numpy())


def _heat(values: NDArray[np.float32]) -> Bytes:
    """(h, w) in [0, 1] as (h, w, 3): dark to bright, readable by the color-blind."""
    levels = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    shown = cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS)
    return np.ascontiguousarray(np.asarray(shown, np.uint8)[..., ::-1])


def _axes(scene: Scene) -> Bytes:
    """The three axes along which the embedding varies most, each stretched from 1 to 99 %."""
    d, h, w = scene.embedding.shape
    rows = scene.embedding.reshape(d, -1)
    rows = rows - rows.mean(1, keepdim=True)
    _, axes = torch.linalg.eigh(rows @ rows.T)
    main = (axes[:, -3:].T @ rows).flip(0).numpy()
    low, high = np.percentile(main, (1, 99), axis=1, keepdims=True)
    scaled = np.clip((main - low) / np.maximum(high - low, 1e-6), 0, 1)
    return np.ascontiguousarray((255 * scaled).astype(np.uint8).T.reshape(h, w, 3))


def _seeds(session: EditSession) -> Bytes:
    """The photo, dimmed, with the seeds of the proposals in their order."""
    gray = session.preview.astype(np.float32) * 0.45
    image = Image.fromarray(gray.astype(np.uint8))
    pen = ImageDraw.Draw(image)
    scale = image.width / session.photo.width
    radius = max(7, image.width // 110)
    for number, mask in enumerate(session.proposals, 1):
        y, x = session.scene.frame.point_of(mask.seed.y, mask.seed.x)
        at = (x + 0.5) * scale, (y + 0.5) * scale
        pen.ellipse([at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius], "#f5c542")
        pen.text(at, str(number), "#111111", anchor="mm", font_size=1.3 * radius)
    return np.asarray(image)


def _upsampled(session: EditSession, picture: Bytes) -> Bytes:
    """(h, w, 3) of the grid at preview size, each channel in the grid's exact geometry."""
    height, width = session.preview.shape[:2]
    small = replace(session.scene.frame, photo_size=(height, width))
    planes = small.to_photo(np.ascontiguousarray(picture.transpose(2, 0, 1)).astype(np.float32))
    return np.rint(planes.transpose(1, 2, 0)).astype(np.uint8)
