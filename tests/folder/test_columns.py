"""instances.csv and .parquet, read back by pandas, pyarrow and the csv module."""

import csv
import os
import tracemalloc
from dataclasses import replace
from urllib.parse import quote, unquote_to_bytes

import pandas as pd
import pyarrow.parquet as pq
import pytest

from dmlseg_core.errors import ExportError
from dmlseg_core.folder.report import columns
from dmlseg_core.folder.report.columns import COLUMNS, csv_file, parquet_file
from dmlseg_core.folder.rows import InstanceRow, PhotoRow, readable_path

BARE = InstanceRow("b.jpg", 1, "object", 0.25, 0.5, 7, (0, 1, 2, 3), "#808080")
PAINTED = InstanceRow(
    'a "1",\n二.jpg', 2, "car", 1 / 3, 0.125, 2**31, (5, 6, 70, 80), "#102030", "every car",
    "navy", "#1b2a55", "recolored/a.navy.jpg", 0.1, 1.5, 0.99, True,
)  # fmt: skip
FAILED = replace(PAINTED, swatch="white", delta_e=7.25, passed=False)


def write_csv(photos, path):
    with csv_file(path) as add:
        for one in photos:
            add(one, one.photo)


def write_parquet(photos, path):
    with parquet_file(path) as add:
        for one in photos:
            add(one, one.photo)


def photo(*rows):
    return PhotoRow(rows[0].photo if rows else "none.jpg", "/in", instances=rows)


PHOTOS = [photo(PAINTED, FAILED), photo(), photo(BARE)]


def flat(row):
    line = {name: getattr(row, name, None) for name in COLUMNS}
    line |= {"encoded": quote(row.photo), "output_encoded": row.output and quote(row.output)}
    return line | dict(zip(["box_x", "box_y", "box_width", "box_height"], row.box, strict=True))


def test_parquet_holds_the_rows_with_their_types(tmp_path):
    write_parquet(PHOTOS, tmp_path / "i.parquet")
    table = pq.read_table(tmp_path / "i.parquet")
    assert table.to_pylist() == [flat(row) for row in (PAINTED, FAILED, BARE)]
    assert str(table.schema.field("instance").type) == "int32"
    assert not table.schema.field("mean_color").nullable
    assert table.schema.field("delta_e").nullable


def test_csv_holds_the_same_and_every_number_exactly(tmp_path):
    write_csv(PHOTOS, tmp_path / "i.csv")
    with (tmp_path / "i.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row, wanted in zip(rows, (PAINTED, FAILED, BARE), strict=True):
        for name, value in flat(wanted).items():
            told = {None: "", True: "true", False: "false"}.get(value, str(value))
            assert row[name] == (told if type(value) is not int else str(value))
    table = pd.read_csv(tmp_path / "i.csv", keep_default_na=False, na_values=[""])
    assert list(table["score"]) == [1 / 3, 1 / 3, 0.25]
    assert list(table["passed"].dropna()) == [True, False]


@pytest.mark.parametrize("start", "=+-@\t\r")
def test_nothing_in_csv_is_a_formula_and_parquet_is_exact(tmp_path, start):
    text = f"{start}1+1|' /C calc'!A0"
    row = replace(PAINTED, photo=text, swatch=text, rule=text, class_name=text)
    write_csv([photo(row)], tmp_path / "i.csv")
    with (tmp_path / "i.csv").open(newline="", encoding="utf-8") as file:
        (line,) = csv.DictReader(file)
    assert line["photo"] == f"./{text}"
    assert line["swatch"] == line["rule"] == line["class_name"] == f"'{text}"
    write_parquet([photo(row)], tmp_path / "i.parquet")
    assert pq.read_table(tmp_path / "i.parquet").to_pylist() == [flat(row)]


def test_a_name_that_is_no_text_and_one_that_looks_encoded_are_told_apart(tmp_path):
    def of(name):
        output = f"recolored/{name}.png"
        row = replace(BARE, photo=readable_path(name), output=output)
        return replace(photo(row), photo=row.photo), name

    named = ["caf\udce9.jpg", "caf%E9.jpg", "-o.jpg"]
    for file, kind in ((csv_file, "csv"), (parquet_file, "parquet")):
        with file(tmp_path / kind) as add:
            for name in named:
                add(*of(name))
    parquet = pq.read_table(tmp_path / "parquet").to_pylist()
    with (tmp_path / "csv").open(newline="", encoding="utf-8") as lines:
        for rows in (parquet, list(csv.DictReader(lines))):
            assert {row["photo"] for row in rows[:2]} == {"caf%E9.jpg"}
            told = [unquote_to_bytes(row["encoded"]) for row in rows]
            assert told == [os.fsencode(name) for name in named]
            told = [unquote_to_bytes(row["output_encoded"]) for row in rows]
            assert told == [os.fsencode(f"recolored/{name}.png") for name in named]


def test_a_batch_without_objects_has_tables_with_a_header(tmp_path):
    write_csv([photo()], tmp_path / "i.csv")
    write_parquet([photo()], tmp_path / "i.parquet")
    assert (tmp_path / "i.csv").read_bytes() == ",".join(COLUMNS).encode() + b"\r\n"
    assert pq.read_table(tmp_path / "i.parquet").column_names == list(COLUMNS)


def test_bytes_depend_on_the_rows_alone_and_memory_does_not(tmp_path, monkeypatch):
    monkeypatch.setattr(columns, "ROW_GROUP", 50)
    monkeypatch.setattr(columns, "_CHUNK", 25)

    def many(count):
        return (photo(replace(PAINTED, photo=f"{k:06}.jpg", area=k)) for k in range(count))

    peaks = []
    for count in (500, 5000):
        for again in "ab":
            tracemalloc.start()
            write_csv(many(count), tmp_path / f"{again}.csv")
            write_parquet(many(count), tmp_path / f"{again}.parquet")
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        for kind in ("csv", "parquet"):
            assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    assert peaks[3] < 2 * peaks[1]
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 100


def test_half_a_character_in_a_name_is_written_out(tmp_path):
    write_csv([photo(replace(PAINTED, swatch="\ud800x"))], tmp_path / "i")
    assert "\\ud800x" in (tmp_path / "i").read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    for write in (write_csv, write_parquet):
        with pytest.raises(ExportError, match="cannot be written"):
            write(PHOTOS, tmp_path / "none" / "i")


def test_a_row_that_breaks_leaves_the_earlier_file(tmp_path):
    def broken():
        yield PHOTOS[0]
        raise KeyboardInterrupt

    for write in (write_csv, write_parquet):
        (tmp_path / "i").write_bytes(b"earlier")
        with pytest.raises(KeyboardInterrupt):
            write(broken(), tmp_path / "i")
        assert [p.name for p in tmp_path.iterdir()] == ["i"]
        assert (tmp_path / "i").read_bytes() == b"earlier"
