"""The history is bounded: in steps, and in the bytes of what users brought."""

import json

import pytest

from dmlseg_core.edit import history as rooms
from dmlseg_core.edit.history import History, Step, kept, read_history
from dmlseg_core.edit.limits import MAX_EDITS
from dmlseg_core.edit.selection import Selection
from dmlseg_core.edit.style import Pattern
from dmlseg_core.scene.given import Given
from dmlseg_core.scene.proposals import Override


def holding(*, mask=None, pattern=None):
    given = None if mask is None else Given(mask)
    return Selection(where=Override(1, 1, given=given), pattern=pattern and Pattern(pattern))


@pytest.mark.parametrize("kind", ["mask", "pattern"])
def test_old_steps_go_where_masks_and_patterns_grow_large(kind, monkeypatch):
    monkeypatch.setattr(rooms, "_MOST_BYTES", 1000)
    history = History()
    for number in range(9):
        history.push(Step((holding(**{kind: bytes([number]) * 300}),)))
        assert history.nbytes <= 1000
    assert history.at == len(history.steps) - 1 == 2
    assert history.nbytes == 900
    history.push(Step((holding(**{kind: bytes(5000)}),)))
    assert len(history.steps) == 1 and history.nbytes == 5000  # what is seen stays


def test_one_file_in_many_steps_counts_once():
    history, chosen = History(), holding(mask=bytes(700))
    for k in range(5):
        history.push(Step((chosen,) * (k + 1)))
    assert history.nbytes == 700 and len(history.steps) == 6
    assert History(history.steps[:2]).nbytes == 700


def test_so_do_the_oldest_of_very_many_steps():
    history = History()
    for k in range(3000):
        history.push(Step(label=str(k)))
        assert len(history.steps) <= 1000
    assert history.now.label == "2999"
    history.go(0)
    assert int(history.now.label) >= 2000 - 100


def test_a_browser_keeps_what_is_shown_and_what_lies_next_to_it(monkeypatch):
    monkeypatch.setattr(rooms, "_KEPT", 7)
    history = History()
    for number in range(20):
        history.push(Step((Selection(Override(1, number), id=number + 1),), 0, label="select"))
    history.go(18)
    edits, values = kept(history)
    back = read_history(values, edits)
    assert [step.label for step in back.steps] == ["select"] * 7 and back.at == 6
    assert back.now == history.now
    history.go(2)
    edits, values = kept(history)
    assert read_history(values, edits).steps == history.steps[:7]


def test_a_browser_keeps_no_more_than_a_recipe_may_hold(monkeypatch):
    monkeypatch.setattr(rooms, "_KEPT_BYTES", 1300)
    history = History()
    for number in range(9):
        history.push(Step((holding(pattern=bytes([number]) * 300),), 0))
    history.push(Step((holding(pattern=bytes(5000)),), 0))
    edits, values = kept(history)
    assert len(values["steps"]) == len(edits) == 4 and values["at"] == 3  # what is seen stays
    monkeypatch.undo()
    for number in range(MAX_EDITS):
        history.push(Step((Selection(Override(1, number)), Selection(Override(2, number))), 0))
    assert len(kept(history)[0]) == MAX_EDITS


def test_what_a_browser_keeps_of_many_selections_is_bounded_in_bytes():
    """Each step names all of its selections."""
    history, made = History(), ()
    for number in range(MAX_EDITS):
        made = (*made, Selection(Override(1, number), id=number + 1))
        history.push(Step(made, 0))
    _, values = kept(history)
    assert len(values["steps"]) > 100
    assert len(json.dumps(values)) < 1 << 19


def test_a_drag_that_ends_where_it_began_is_no_step():
    history, first = History(), Selection(Override(1, 1), id=1)
    history.push(Step((first,), 0, label="select"))
    before = list(history.steps)
    for tau in (0.4, 0.3):
        moved = Selection(Override(1, 1, tau), id=1)
        history.push(Step((moved,), 0, "tau drag", label="tau"))
    history.push(Step((first,), 0, "tau drag", label="tau"))
    assert history.steps == before and history.at == 1
    history.push(Step((moved,), 0, "tau drag", label="tau"))
    assert len(history.steps) == 3 and history.now.selections == (moved,)
