"""Which rule takes which object, and which files that makes: against slow and plain answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmlseg_core.edit import Style
from dmlseg_core.errors import ParameterError
from dmlseg_core.folder.rules import Candidates, Find, Like, Rule, Rules, Way, assign, colorways
from dmlseg_core.folder.rules.ways import slug, ways_of_colors, ways_of_swatches

CLASSES = ("car", "person", "object")
RED, BLUE, GREEN = (Way(name, Style(color=name)) for name in ("red", "blue", "green"))


def things(*rows):
    """Candidates of (class, score, area)."""
    classes, scores, areas = zip(*rows, strict=True) if rows else ((), (), ())
    return Candidates(classes, scores, areas)


SCENE = things(("car", 0.9, 0.2), ("person", 0.8, 0.3), ("car", 0.5, 0.4), ("object", 0.4, 0.05))


@pytest.mark.parametrize(
    ("find", "taken"),
    [
        (Find(), [0, 1, 2, 3]),
        (Find(classes=("car",)), [0, 2]),
        (Find(classes=("car", "person")), [0, 1, 2]),
        (Find(min_score=0.5), [0, 1, 2]),
        (Find(max_score=0.5), [2, 3]),
        (Find(min_area=0.3), [1, 2]),
        (Find(max_area=0.2), [0, 3]),
        (Find(largest=1), [2]),
        (Find(largest=2), [1, 2]),
        (Find(largest=9), [0, 1, 2, 3]),
        (Find(rank=1), [0]),
        (Find(rank=4), [3]),
        (Find(rank=5), []),
        (Find(classes=("car",), rank=2), [2]),
        (Find(classes=("car",), largest=1), [2]),
        (Find(max_score=0.8, largest=2, rank=1), [1]),
    ],
)
def test_known_answers(find, taken):
    found = assign(SCENE, Rules((Rule(find, (RED,)),)))
    assert [k for k, rule in enumerate(found) if rule == 0] == taken


def test_the_first_rule_that_fits_counts_and_leave_is_one():
    rules = Rules((
        Rule(Find(classes=("person",))), Rule(Find(largest=1), (RED,)), Rule(Find(), (BLUE,)),
    ))  # fmt: skip
    assert assign(SCENE, rules) == [2, 0, 1, 2]


def test_hidden_objects_are_taken_by_nothing():
    assert assign(things(("car", 0.9, 0.0)), Rules((Rule(Find(), (RED,)),))) == [None]


finds = st.builds(
    Find,
    classes=st.lists(st.sampled_from(CLASSES), max_size=2, unique=True).map(tuple),
    min_score=st.sampled_from((0.0, 0.3, 0.6)),
    max_area=st.sampled_from((0.2, 0.5, 1.0)),
    largest=st.none() | st.integers(1, 3),
    rank=st.none() | st.integers(1, 3),
)
objects = st.lists(
    st.tuples(st.sampled_from(CLASSES), st.floats(0, 1), st.sampled_from((0.0, 0.1, 0.3, 0.6))),
    max_size=8,
)


@given(objects, st.lists(finds, min_size=1, max_size=4))
def test_every_object_belongs_to_the_first_rule_that_finds_it(rows, found):
    got = assign(things(*rows), Rules(tuple(Rule(find, (RED,)) for find in found)))
    free = [k for k, row in enumerate(rows) if row[2] > 0]
    wanted = [None] * len(rows)
    for number, find in enumerate(found):
        kept = [
            k for k in free
            if (not find.classes or rows[k][0] in find.classes)
            and rows[k][1] >= find.min_score and rows[k][2] <= find.max_area
        ]  # fmt: skip
        if find.largest:
            # beaten by as many that are larger, or as large and surer
            kept = [
                k for k in kept
                if sum((-rows[j][2], j) < (-rows[k][2], k) for j in kept) < find.largest
            ]  # fmt: skip
        if find.rank:
            kept = [k for n, k in enumerate(kept, 1) if n == find.rank]
        for k in kept:
            wanted[k] = number
        free = [k for k in free if wanted[k] is None]
    assert got == wanted


@pytest.mark.parametrize(
    ("ways", "combine", "files"),
    [
        ({}, "together", []),
        ({0: (RED,)}, "together", [("red", "red")]),
        ({0: (RED, BLUE)}, "together", [("red", "red"), ("blue", "blue")]),
        ({0: (RED,), 2: (GREEN,)}, "together", [("red+green", "red green")]),
        ({0: (GREEN,), 1: (RED, BLUE)}, "together", [("red", "green red"), ("blue", "green blue")]),
        (
            {0: (RED, BLUE), 1: (BLUE, GREEN)},
            "together",
            [("red+blue", "red blue"), ("blue+green", "blue green")],
        ),
        (
            {0: (RED, BLUE), 1: (GREEN, RED)},
            "each",
            [("red+green", "red green"), ("red", "red red"), ("blue+green", "blue green"),
             ("blue+red", "blue red")],
        ),
    ],
)  # fmt: skip
def test_files_of_several_colors(ways, combine, files):
    made = colorways(ways, combine)
    assert [(c.name, " ".join(w.name for w in c.ways.values())) for c in made] == files


names = st.text(min_size=0, max_size=80)


@given(st.lists(names, min_size=1, max_size=30), st.lists(names, min_size=1, max_size=3))
def test_files_of_any_names_are_apart_and_short(first, second):
    def ways(found):
        return tuple(Way(name, Style(color="red")) for name in found)

    made = [c.name for c in colorways({0: ways(first), 1: ways(second)}, "each")]
    assert len(set(made)) == len(made) == len(first) * (len(second) if len(first) else 1)
    for name in made:
        assert 0 < len(name.encode()) <= 72
        assert not set(name) & set('./\\:*?"<>|\0 ')


def test_swatches_of_one_name_are_numbered(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("Red,#ff0000\nRed,#ee0000\nred!,#dd0000\n")
    assert [slug(w.name) for w in ways_of_swatches(path, Style())] == ["red", "red-2", "red-3"]


def test_what_cannot_be_meant_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="given twice"):
        ways_of_colors(["red", "Red"], Style())
    with pytest.raises(ParameterError, match="2 and 3 colors cannot change together"):
        Rules((Rule(Find(), (RED, BLUE)), Rule(Find(), (RED, BLUE, GREEN))))
    with pytest.raises(ParameterError, match="two rules are called '2'"):
        Rules((Rule(Find(), (RED,), "2"), Rule(Find(), (RED,))))
    with pytest.raises(ParameterError, match="says neither"):
        Way("", Style())
    with pytest.raises(ParameterError, match=r"min_score .* above max_score"):
        Find(min_score=0.5, max_score=0.4)
    with pytest.raises(ParameterError, match="counts from 1"):
        Find(rank=0)
    with pytest.raises(ParameterError, match=r"no class 'cars'; did you mean car"):
        Rules((Rule(Find(classes=("cars",)), (RED,)),)).check_classes(CLASSES)
    with pytest.raises(ParameterError, match=r"'xyz'; it knows car, person, object"):
        Find(classes=("xyz",)).check_classes(CLASSES)


def test_a_reference_asks_for_the_vector_and_where_it_says_so_for_the_colors(tmp_path):
    path = tmp_path / "ref.png"
    path.write_bytes(b"")
    kind, item = Like(path, None, 0.8), Like(path, None, 0.8, 0.7)
    found = Candidates(
        ("car",) * 3, (1, 1, 1), (1, 1, 1),
        dict.fromkeys((kind, item), (0.9, 0.9, 0.5)), {item: (0.9, 0.2, 0.9)},
    )  # fmt: skip
    assert [found.alike(kind, k) for k in range(3)] == [True, True, False]
    assert [found.alike(item, k) for k in range(3)] == [True, False, False]
    assert found.alike(None, 2)
