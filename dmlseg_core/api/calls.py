"""The calls: analyze, mask, recolor, replay, palette. Arguments in, an answer out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from dmlseg_core.api.answer import (
    Answer,
    cutout_file,
    layer_file,
    mask_file,
    photo_file,
    recipe_file,
)
from dmlseg_core.api.asked import Arguments, Colors, Painted, Replayed, Where
from dmlseg_core.api.colors import main_colors, materials_of
from dmlseg_core.api.figures import object_figures, painted_figures, photo_figures
from dmlseg_core.api.pointing import NOTHING, chosen, extent, style_of
from dmlseg_core.api.service import Service
from dmlseg_core.color import read_swatches
from dmlseg_core.edit import EditSession
from dmlseg_core.edit import Painted as Result
from dmlseg_core.errors import ParameterError, RecipeError
from dmlseg_core.photo import shown
from dmlseg_core.stage import read_recipe, shown_proposals, use_recipe

_RESULTS = ("photo", "cutout", "layer", "recipe")


@dataclass(frozen=True)
class Call:
    """One of the calls.

    Attributes:
        name: of its route.
        asked: its arguments.
        act: what it does.
        about: what it is, in one sentence.
        files: media types of the file that it may answer with.
    """

    name: str
    asked: type[Arguments]
    act: Callable[[Service, Any], Answer]
    about: str
    files: tuple[str, ...] = ()


def analyze(service: Service, asked: Arguments) -> Answer:
    """Every object of a photo, and an id under which the photo may be asked about again."""
    if asked.photo is None or asked.id is not None:
        raise ParameterError("give a photo; /analyze takes no id")
    session = service.seen(asked)
    return Answer({
        "id": service.kept.put(session.snapshot()), "seconds": service.kept.seconds,
        "photo": photo_figures(session.photo), "quality": session.scene.config.quality,
        "objects": [
            {"object": k, **object_figures(session, mask)}
            for k, mask in enumerate(shown_proposals(session), 1)
        ],
    })  # fmt: skip


def mask(service: Service, asked: Where) -> Answer:
    """The mask of one object, as a gray PNG of the photo's size."""
    session = service.opened(asked)
    found = chosen(session, asked, service.max_megapixels)
    alpha = found.to_alpha(shown(session.photo), matting=asked.matting)
    figures = {
        **object_figures(session, found),
        **extent(alpha),
        "notes": list(session.photo.notes),
    }
    return Answer(figures, mask_file(alpha))


def recolor(service: Service, asked: Painted) -> Answer:
    """A photo with one object in another color, and how well the color was met."""
    if asked.result not in _RESULTS:
        raise ParameterError(f"result must be one of {_RESULTS}; got {asked.result!r:.40}")
    style = style_of(asked)
    if not style.painted:
        raise ParameterError(f"mode {style.mode} takes {_needed(style.mode)}; give it")
    session = service.opened(asked)
    chosen(session, asked, service.max_megapixels)
    session.set_style(style)
    painted = next(session.paint(), None)
    if painted is None:
        raise ParameterError(NOTHING)
    figures = {**painted_figures(session, painted), **extent(painted.alpha)}
    if asked.result == "recipe":
        return Answer(figures, recipe_file(session.to_recipe()))
    if asked.result == "cutout":
        return Answer(figures, cutout_file(painted.made.rgb, painted.alpha, session.photo))
    if asked.result == "layer":
        return Answer(figures, layer_file(painted.made.rgb, painted.alpha, session.photo))
    return _with_photo(figures, session, painted, asked)


def replay(service: Service, asked: Replayed) -> Answer:
    """A photo with a recipe applied to it."""
    recipe = read_recipe(asked.recipe)
    session = service.opened(asked)
    use_recipe(session, recipe, service.analyze)
    painted = list(session.paint())
    if not painted:
        raise RecipeError("the recipe recolors nothing on this photo")
    figures = {"edits": [painted_figures(session, p) for p in painted], "notes": []}
    return _with_photo(figures, session, painted[-1], asked)


def palette(service: Service, asked: Colors) -> Answer:
    """The main colors of a photo, or the materials of an object; or the swatches of a file."""
    if asked.swatches is not None:
        if asked.photo is not None or asked.id is not None:
            raise ParameterError("give swatches or a photo, not both")
        swatches = read_swatches(asked.swatches, asked.name or "the swatch file")
        return Answer({"colors": [asdict(swatch) for swatch in swatches]})
    session = service.opened(asked)
    if not asked.pointed:
        return Answer({"colors": main_colors(session, asked.count)})
    found = chosen(session, asked, service.max_megapixels)
    return Answer({"colors": materials_of(session, found, asked.count, matting=asked.matting)})


CALLS: tuple[Call, ...] = (
    Call("analyze", Arguments, analyze, str(analyze.__doc__)),
    Call("mask", Where, mask, str(mask.__doc__), ("image/png",)),
    Call("recolor", Painted, recolor, str(recolor.__doc__), ("image/*", "application/json")),
    Call("replay", Replayed, replay, str(replay.__doc__), ("image/*",)),
    Call("palette", Colors, palette, str(palette.__doc__)),
)


def _needed(mode: str) -> str:
    kinds = {"match": "a color", "tint": "a color", "pattern": "a pattern"}
    return kinds.get(mode, "an amount")


def _with_photo(
    figures: dict[str, Any], session: EditSession, painted: Result, asked: Painted | Replayed
) -> Answer:
    file, notes = photo_file(painted.made.rgb, session.photo, asked.format, asked.file_quality)
    told = [*session.photo.notes, *figures["notes"], *notes]
    return Answer({**figures, "notes": told}, file)
