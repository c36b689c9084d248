"""A car's panels are one paint, though they mirror the sky above and the street below."""

import numpy as np
import pytest

from dmlseg_core.errors import ParameterError
from dmlseg_core.paint import Look, Subject

SIZE = (180, 240)
HOOD, DOOR, PANE = np.s_[:70], np.s_[70:130], np.s_[130:]
WHOLE = np.ones(SIZE, np.float32)


def car():
    """Hood in the sky's light, door in the shade, a pane as gray as the hood; one thing each."""
    rgb = np.zeros((*SIZE, 3))
    rgb[HOOD], rgb[DOOR], rgb[PANE] = (150, 160, 178), (78, 74, 70), (146, 156, 172)
    rgb += np.random.default_rng(0).normal(0, 2, rgb.shape)
    few = SIZE[0] // 5, SIZE[1] // 5
    embedding, bodywork = np.zeros((3, *few), np.float32), np.zeros(few, np.float32)
    rows = (slice(14), slice(14, 26), slice(26, None))
    for k, part in enumerate(rows):
        embedding[k, part] = 1
    bodywork[:26] = 0.97
    return np.clip(rgb, 0, 255).astype(np.uint8), embedding, bodywork


def painted(subject, rgb):
    made = subject.recolor(Look("#c8102e")).rgb
    return [(rgb != made).any(axis=2)[part][5:-5].mean() for part in (HOOD, DOOR, PANE)]


def test_panels_are_one_paint_and_panes_another():
    rgb, embedding, bodywork = car()
    told = painted(Subject.of(rgb, WHOLE, embedding=embedding, bodywork=bodywork), rgb)
    assert told[0] > 0.99 and told[1] > 0.99 and told[2] == 0
    alone = painted(Subject.of(rgb, WHOLE, embedding=embedding), rgb)
    assert min(alone[:2]) < 0.01  # what the map is for


def test_a_black_car_that_mirrors_the_sky_is_one():
    rgb, embedding, bodywork = car()
    rgb[HOOD], rgb[DOOR], rgb[PANE] = (230, 236, 245), 8, (60, 64, 70)
    told = painted(Subject.of(rgb, WHOLE, embedding=embedding, bodywork=bodywork), rgb)
    assert told[0] > 0.99 and told[1] > 0.99 and told[2] < 0.01


def test_gray_trim_on_a_red_car_is_kept():
    """What it mirrors makes no paint gray that is red elsewhere."""
    rgb, embedding, bodywork = car()
    rgb[HOOD], rgb[DOOR] = (130, 70, 60), (40, 36, 35)
    told = painted(Subject.of(rgb, WHOLE, embedding=embedding, bodywork=bodywork), rgb)
    assert told[0] > 0.99 and told[1] < 0.01


def test_many_pixels_are_surer_than_each():
    """A pane as gray as the hood, no border in sight: the map is all that tells it."""
    rgb, embedding, bodywork = car()
    rgb[DOOR] = rgb[PANE] = rgb[HOOD][0, 0]
    bodywork[:26], bodywork[26:] = 0.74, 0.26
    told = painted(Subject.of(rgb, WHOLE, embedding=embedding, bodywork=bodywork), rgb)
    assert told[0] > 0.99 and told[1] > 0.9 and told[2] < 0.1


@pytest.mark.parametrize("at", [(30, 120), (100, 120), (160, 120)])
def test_who_points_at_a_pane_means_the_car(at):
    rgb, embedding, bodywork = car()
    told = painted(Subject.of(rgb, WHOLE, embedding=embedding, bodywork=bodywork, at=at), rgb)
    assert told[0] > 0.99 and told[1] > 0.99 and told[2] < 0.01


def test_who_points_at_a_second_paint_means_that():
    rgb, embedding, bodywork = car()
    rgb[DOOR] = (20, 90, 160)
    known = {"embedding": embedding, "bodywork": bodywork, "at": (100, 120)}
    told = painted(Subject.of(rgb, WHOLE, **known), rgb)
    assert told[0] < 0.01 and told[1] > 0.99


def test_what_has_another_color_is_no_panel_of_that_paint():
    """Black trim, a stripe: a map is coarse, colors as far apart as these are two paints."""
    rgb, embedding, bodywork = car()
    rgb[DOOR] = (20, 90, 160)
    told = painted(Subject.of(rgb, WHOLE, embedding=embedding, bodywork=bodywork), rgb)
    assert told[0] > 0.99 and told[1] < 0.01 and told[2] < 0.01


def test_where_there_is_no_car_the_map_says_nothing():
    rgb, embedding, _ = car()
    none = np.zeros((4, 4), np.float32)
    first = Subject.of(rgb, WHOLE, embedding=embedding)
    second = Subject.of(rgb, WHOLE, embedding=embedding, bodywork=none)
    assert first.palette.materials == second.palette.materials


@pytest.mark.parametrize("bodywork", [np.zeros((1, 4, 4)), np.full((4, 4), np.nan),
                                      np.full((4, 4), -0.5), np.zeros((0, 4))])  # fmt: skip
def test_what_are_no_probabilities_is_said(bodywork):
    with pytest.raises(ParameterError, match="bodywork"):
        Subject.of(car()[0], WHOLE, bodywork=bodywork.astype(np.float32))
