"""The history is bounded: in steps, and in the bytes of what users brought."""

import pytest

from dmlseg_core.edit import history as rooms
from dmlseg_core.edit.history import History, Step
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
