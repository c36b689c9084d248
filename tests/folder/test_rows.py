"""Rows survive JSON, and a damaged line says which field is wrong."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmlseg_core.errors import ParameterError
from dmlseg_core.folder.rows import STATUSES, InstanceRow, PhotoRow, readable_path

ROW = InstanceRow("a.jpg", 1, "car", 0.9, 0.5, 12, (1, 2, 3, 4), "#102030")
PHOTO = PhotoRow("a.jpg", "/in/a.jpg", "ab", 4, 3, {"paint": 0.5}, instances=(ROW,))

numbers = st.floats(allow_nan=False, allow_infinity=False)
sizes = st.integers(0, 10**6)
instances = st.builds(
    InstanceRow,
    photo=st.text(), instance=sizes, class_name=st.text(), score=numbers, tau=numbers, area=sizes,
    box=st.tuples(sizes, sizes, sizes, sizes), mean_color=st.text(),
    delta_e=st.none() | numbers, passed=st.none() | st.booleans(), rule=st.none() | st.text(),
)  # fmt: skip
photos = st.builds(
    PhotoRow,
    photo=st.text(), source=st.text(), width=sizes, seconds=st.dictionaries(st.text(), numbers),
    status=st.sampled_from(["done", "empty"]), notes=st.lists(st.text()).map(tuple),
    files=st.dictionaries(st.text(), st.lists(st.text()).map(tuple)),
    instances=st.lists(instances, max_size=3).map(tuple),
)  # fmt: skip


@given(photos)
def test_a_row_comes_back_from_json_as_it_was(row):
    assert PhotoRow.of_json(json.loads(json.dumps(row.to_json()))) == row


@pytest.mark.parametrize(
    ("field", "value"),
    [("photo", 3), ("width", 2.5), ("width", True), ("seconds", [1]), ("notes", "text"),
     ("seconds", {"paint": float("nan")}), ("files", {"labels": "a.png"}), ("status", "odd"),
     ("instances", [{}]), ("instances", {}), ("error", 1)],
)  # fmt: skip
def test_a_damaged_field_is_named(field, value):
    with pytest.raises(ParameterError, match=field if field != "error" else "error of a row"):
        PhotoRow.of_json({**PHOTO.to_json(), field: value})


@pytest.mark.parametrize("box", [[1, 2, 3], [1, 2, 3, 4.5], "1234", None])
def test_a_box_is_four_whole_numbers(box):
    with pytest.raises(ParameterError, match="box"):
        InstanceRow.of_json({**ROW.to_json(), "box": box})


def test_unknown_and_missing_fields_are_named():
    with pytest.raises(ParameterError, match="colour is no field"):
        InstanceRow.of_json({**ROW.to_json(), "colour": 1})
    row = ROW.to_json()
    del row["tau"]
    with pytest.raises(ParameterError, match="tau is missing"):
        InstanceRow.of_json(row)
    with pytest.raises(ParameterError, match="JSON object"):
        PhotoRow.of_json([])


def test_failed_photos_and_only_those_have_an_error():
    assert replace(PHOTO, status="failed", error="it is no photo").status in STATUSES
    for bad in ({"status": "failed"}, {"error": "it is no photo"}):
        with pytest.raises(ParameterError, match="error"):
            replace(PHOTO, **bad)


def test_paths_stay_as_they_are_unless_they_are_no_utf8():
    assert readable_path("日本/100% a.jpg") == "日本/100% a.jpg"
    assert readable_path("日本/\udcff%.jpg") == "%E6%97%A5%E6%9C%AC/%FF%25.jpg"
