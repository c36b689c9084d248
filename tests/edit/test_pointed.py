"""The paint under the hand is the body: through sessions, previews and recipes."""

import numpy as np

from dmlseg_core.edit.choose import chosen_by
from dmlseg_core.edit.recipe_file import from_json, to_json
from dmlseg_core.edit.session import EditSession
from dmlseg_core.edit.style import Style
from dmlseg_core.photo.load import load_photo
from tests import synth
from tests.edit.test_session import picture

RED_SIDE, BLUE_SIDE, GREEN = (72, 34), (72, 90), "#20a020"


def two_paints():
    """The person of the scene, a third of it red at the left, the rest blue."""
    rgb = picture().copy()
    rgb[50:92, 16:56], rgb[50:92, 56:116] = (190, 40, 40), (40, 60, 160)
    return load_photo(rgb)


def session():
    return EditSession(two_paints(), synth.scene())


def painted(made, at):
    """Whether a pixel has another color than in the photo."""
    return bool(np.abs(made.render(full=True)[at].astype(int) - made.photo.rgb[at]).max() > 40)


def test_a_click_on_the_smaller_paint_recolors_that_one():
    for hand, other in ((RED_SIDE, BLUE_SIDE), (BLUE_SIDE, RED_SIDE)):
        made = session()
        made.select(*hand)
        made.set_style(Style(color=GREEN))
        assert painted(made, hand) and not painted(made, other)
        again = session()
        again.apply(from_json(to_json(made.to_recipe())))
        assert (again.render(full=True) == made.render(full=True)).all()


def test_a_proposal_is_of_its_largest_paint():
    made = session()
    proposal = next(m for m in made.proposals if m.grid[72 // 4, 60 // 4])
    assert proposal.at is None and not proposal.where.pointed
    made.choose(proposal)
    made.set_style(Style(color=GREEN))
    assert painted(made, BLUE_SIDE) and not painted(made, RED_SIDE)
    recipe = from_json(to_json(made.to_recipe()))
    [(_, selection, mask)] = chosen_by(recipe, made.photo, made.scene)
    assert mask.at is None and not selection.where.pointed


def test_the_point_lies_where_it_was_on_a_copy_of_another_size():
    mask = synth.scene().mask_at(*RED_SIDE)
    assert mask.at == RED_SIDE
    height, width = mask.frame.photo_size
    assert mask.place_on((2 * height, 3 * width, 3)) == (2 * RED_SIDE[0], 3 * RED_SIDE[1])
