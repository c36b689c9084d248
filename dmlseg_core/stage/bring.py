"""Files into a session: recipes, a browser's work, and anybody's mask."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import PurePath
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dmlseg_core.config import SceneConfig
from dmlseg_core.edit import (
    EditSession,
    PhotoName,
    Recipe,
    check_fits,
    choose_given,
    from_json,
    kept,
    parsed,
    read_history,
    to_json,
)
from dmlseg_core.errors import ParameterError, RecipeError
from dmlseg_core.photo import Photo, image_bytes, load_photo
from dmlseg_core.scene import Given, Scene

WORK = "dmlseg-work"
Analyze: TypeAlias = Callable[[Photo, SceneConfig], Scene]
_COLORED = 13
"""Levels between channels up to which a mask counts as gray: a JPEG's rounding."""
_SAME_SHAPE = 1.02


def work_of(session: EditSession) -> str:
    """JSON text of a session for its browser: every selection, and the steps to undo and redo as
    far as they fit; `use_file` takes it back.
    """
    edits, steps = kept(session.history)
    named = PhotoName(session.photo.digest, session.photo.size)
    recipe = Recipe(session.scene.weights, session.scene.config, tuple(edits), named)
    return json.dumps({"format": WORK, "recipe": json.loads(to_json(recipe)), "history": steps})


def read_recipe(data: bytes) -> Recipe:
    """A recipe from the bytes of its file.

    Raises:
        RecipeError: it is none.
    """
    return from_json(_text(data))


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RecipeError("this is no JSON (not UTF-8); give a recipe that dmlseg wrote") from None


def use_file(session: EditSession, data: bytes, analyze: Analyze) -> None:
    """`use_recipe` of a file; or, of what `work_of` wrote, to go on with it.

    Raises:
        RecipeError: it is neither, or does not fit; nothing is changed.
    """
    text = _text(data)
    values = parsed(text)
    if not isinstance(values, dict) or values.get("format") != WORK:
        use_recipe(session, from_json(text), analyze)
        return
    recipe = from_json(json.dumps(values.get("recipe")))
    steps = read_history(values.get("history"), recipe.edits)
    scene = _scene_for(session, recipe, analyze)
    with session.lock:
        check_fits(recipe, session.photo, scene)
        session.see(scene)
        session.go_on(steps)


def use_recipe(session: EditSession, recipe: Recipe, analyze: Analyze) -> None:
    """Replace all selections by a recipe's.

    Args:
        session: not locked by the caller: `analyze` may wait for who waits for the lock.
        recipe: as read.
        analyze: gives the scene of a photo as the recipe asks, where that is one of QUALITIES: a
            file may not cost more than the page's own controls.

    Raises:
        RecipeError: it does not fit, or selects nothing; nothing is changed.
    """
    scene = _scene_for(session, recipe, analyze)
    with session.lock:
        session.apply(recipe, scene)


def _scene_for(session: EditSession, recipe: Recipe, analyze: Analyze) -> Scene:
    recipe.check_photo(session.photo)
    recipe.check_weights(session.scene.weights)
    asked = recipe.scene
    if asked == session.scene.config or asked.quality is None:
        return session.scene
    return analyze(session.photo, asked)


def import_mask(session: EditSession, data: bytes, name: str, max_megapixels: float) -> None:
    """A new selection of anybody's mask: gray, white inside; of another size, it is fitted to the
    photo where the shape is the same.

    Args:
        session: locked by the caller.
        data: of an image file; one with transparency is read as its alpha.
        name: of the file.
        max_megapixels: larger ones are refused.

    Raises:
        ImageError: no image; ParameterError: colored, empty, or of another shape than the photo.
    """
    picture = load_photo(data, max_megapixels=max_megapixels, plain=True)
    gray = _gray(picture)
    if picture.size != session.photo.size:
        gray = _fitted(gray, session.photo)
    png = image_bytes(Image.fromarray(gray), "PNG")
    choose_given(session, Given(png), PurePath(name).stem[:40])


def _gray(picture: Photo) -> NDArray[np.uint8]:
    if picture.alpha is not None and int(np.ptp(picture.alpha)):
        return picture.alpha
    if int(np.ptp(picture.rgb, axis=2).max()) > _COLORED:
        raise ParameterError("the mask is colored; give a gray image, white = recolor")
    return picture.rgb[..., 0]


def _fitted(gray: NDArray[np.uint8], photo: Photo) -> NDArray[np.uint8]:
    ratio = (gray.shape[0] * photo.width) / (gray.shape[1] * photo.height)
    if not 1 / _SAME_SHAPE < ratio < _SAME_SHAPE:
        raise ParameterError(
            f"the mask is {gray.shape[1]} x {gray.shape[0]} pixels, the photo {photo.width} x "
            f"{photo.height}; they must be of one shape"
        )
    how = cv2.INTER_AREA if gray.shape[0] > photo.height else cv2.INTER_LINEAR
    made = cv2.resize(gray, (photo.width, photo.height), interpolation=how)
    return np.asarray(made, np.uint8)
