"""Rules files: what they mean, and what is wrong with them, to the line and column."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dmlseg_core.config import CLASSES
from dmlseg_core.edit import Style
from dmlseg_core.errors import RuleError
from dmlseg_core.folder.rules import load_rules
from dmlseg_core.folder.rules import schema as forms
from dmlseg_core.folder.rules.read import read_rules

SCHEMA = Path(forms.__file__).with_name("rules.schema.json")
EXAMPLE = """\
# every car navy, people as they are, the largest other thing in each color of the brand
rules:
  - name: people
    find: {class: person}
    leave: true
  - find: {class: [car, bus], min_score: 0.3}
    color: 藏青
    strength: 0.9
  - find: {like: mug.png, threshold: 0.85}
    pattern: cloth.png
    pattern_scale: 2
  - find: {like: {photo: mug.png, at: [3, 4]}, max_area: 50%}
    mode: hue_shift
    amount: -40
  - name: hero
    find: {largest: true, min_area: 0.05}
    swatches: brand.csv
    gates: [{color: "#fff", exclude: true}]
"""


@pytest.fixture
def folder(tmp_path):
    for name in ("mug.png", "cloth.png"):
        Image.new("RGB", (8, 6), "teal").save(tmp_path / name)
    (tmp_path / "brand.csv").write_text("Signal,#ff0000\nMoss,#335533\n")
    (tmp_path / "rules.yaml").write_text(EXAMPLE)
    return tmp_path


def test_a_whole_file(folder):
    people, cars, mugs, other, hero = load_rules(folder / "rules.yaml").rules
    assert (people.name, people.find.classes, people.ways) == ("people", ("person",), ())
    assert cars.find.classes == ("car", "bus")
    assert cars.ways[0].target == "#000080"
    assert cars.ways[0].style.strength == 0.9
    assert (mugs.find.like.photo, mugs.find.like.at) == (folder / "mug.png", None)
    assert mugs.find.like.threshold == 0.85
    assert (mugs.ways[0].name, mugs.ways[0].style.pattern.scale) == ("cloth", 2)
    assert other.find.like.at == (4, 3)
    assert (other.find.max_area, other.ways[0].style.amount) == (0.5, -40)
    assert [(w.name, w.target) for w in hero.ways] == [("Signal", "#ff0000"), ("Moss", "#335533")]
    assert hero.ways[0].style.gates[0].exclude
    assert (hero.find.largest, hero.find.min_area) == (1, 0.05)


def test_every_field_of_a_style_can_be_said():
    said = set(forms.RuleForm.model_fields)
    assert set(Style.__dataclass_fields__) <= said


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("rules:\n  - find: all\n    color: #fff\n", "3, column 5", "color is empty"),
        ("rules:\n  - find: all\n    colour: red\n", "3, column 5", "did you mean color"),
        ("rules:\n - find: {clas: car}\n   color: red\n", "2, column 11", "did you mean class"),
        ("rules:\n - find: {class: ca}\n   color: red\n", "2, column 11", "mean cat or car"),
        ("rules:\n - find: {rank: 0}\n   color: red\n", "2, column 11", "rank"),
        ("rules:\n - find: all\n   color: 001122\n", "3, column 4", "in quotes"),
        ("rules:\n - find: all\n   color: redd\n", "3, column 4", "'redd' is no color"),
        ("rules:\n - find: all\n   color: [red, 3]\n", "3, column 17", "in quotes"),
        ("rules:\n - find: all\n   find: all\n", "3, column 4", "comes twice"),
        ("rules:\n - find: {threshold: 0.5}\n   color: red\n", "2, column 4", "threshold is of"),
        ("rules:\n - find: {like_colors: 1}\n   color: red\n", "2, column 4", "like_colors is of"),
        ("rules:\n - find: all\n", "2, column 4", "says none of them"),
        ("rules:\n - find: all\n   leave: true\n   color: red", "2, column 4", "leave, color"),
        ("rules:\n - color: red\n", "2, column 4", "'find' is missing"),
        ("rules:\n - find: all\n   mode: tint\n   amount: 3\n", "4, column 4", "takes color"),
        ("rules:\n - find: all\n   swatches: none.ase\n", "3, column 4", "none.ase cannot be read"),
        ("rules:\n - find: all\n   swatches: /dev/zero\n", "3, column 4", "16,777,216 bytes"),
        ("rules:\n - find: {like: /dev/zero}\n   color: red\n", "2, column 11", "it is no file"),
        ("rules:\n - find: {rank: " + "9" * 5000 + "}\n   color: red\n", "2, column 17", "5000"),
        ("rules:\n - find: all\n   swatches: rules.yaml\n", "3, column 4", "is no swatch file"),
        ("rules:\n - find: all\n   pattern: rules.yaml\n", "3, column 4", "not a photo"),
        ("rules:\n - find: {like: none.jpg}\n   color: red", "2, column 11", "No such file"),
        ("rules:\n - find: {min_area: 120%}\n   color: red", "2, column 4", "share of the photo"),
        ("rules:\n - find: all\n   strength: 2\n   color: red", "3, column 4", "strength"),
        ("rules:\n - find: all\n   strength: .nan\n   color: red", "3, column 4", "finite"),
        ("rules:\n - {find: all, color: [a: 1]}", "2, column 24", "color"),
        ("rules:\n - find: {min_area: 5}\n   color: red", "2, column 11", "such as 5%; got '5'"),
        ("rules:\n - find: car\n   color: red", "2, column 4", "find is all, or fields"),
        ("rules:\n - find: {class: 汽车}\n   color: red", "2, column 11", "did you mean car?"),
        ("rules:\n - find: {class: Cat}\n   color: red", "2, column 11", "did you mean cat?"),
        ("rules:\n - find: {class: mug}\n   color: red", "2, column 11", "are found by like"),
        ("rules:\n - find: {like: mug.png@2,3}\n   color: red", "2, column 27", "comma in it in q"),
        ("rules:\n - find: all\n   amount: 1\n", "3, column 4", "goes with a mode: hue_shift"),
        ("rules:\n\t- find: all\n", "2, column 1", "a tab cannot indent"),
        ("rules:\n - {name: a, find: all, color: red}\n - {name: a, find: all, leave: true}",
         "1, column 1", "two rules are called 'a'"),
        ("rules:\n - {find: all, color: red}\n - {name: '1', find: all, leave: true}",
         "1, column 1", "two rules are called '1'"),
        ("rules:\n - find: {<<: [car]}\n   color: red", "2, column 11", "<< takes fields"),
        ("a: [1\nb: 2", "2, column 2", "expected"),
        ("a: &a [*a]", "1, column 4", "more than"),
        ("a: &a [1, 1]\nb: &b [*a, *a]\n? [x]\n: 1", "3, column 3", "must be text"),
        ("rules: []", "1, column 1", "at least 1"),
        ("version: 2\nrules: []", "1, column 1", ""),
        ("", "1, column 1", "begin with 'rules:'"),
        ("a: \x00", "1, column 1", ""),
        ("[" * 5000, "1, column 1", ""),
        ("- 2024-01-01", "1, column 1", "begin with"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(folder, text, place, told):
    with pytest.raises(RuleError) as caught:
        read_rules(text, "r.yaml", folder)
    said = str(caught.value)
    assert told in said
    assert f"r.yaml, line {place}: " in said or said.startswith("r.yaml: this is no YAML")


def test_files_that_are_none(tmp_path):
    for path, data in (("no.yaml", None), ("bytes.yaml", b"\xff\xfe"), ("big.yaml", b"#" * 2**21)):
        if data is not None:
            (tmp_path / path).write_bytes(data)
        with pytest.raises(RuleError, match=path):
            load_rules(tmp_path / path)
    with pytest.raises(RuleError, match="cannot be read"):
        load_rules(tmp_path)


def test_a_file_in_another_encoding_is_told(tmp_path):
    path = tmp_path / "r.yaml"
    for encoding in ("gbk", "utf-16"):
        path.write_bytes("rules: [{find: all, color: 墨绿}]".encode(encoding))
        with pytest.raises(RuleError, match=r"r\.yaml is no text in UTF-8; save rules as UTF-8"):
            load_rules(path)


def test_anchors_are_merged_and_what_stands_beside_them_counts():
    text = """
    rules:
      - find: &cars {class: [car, bus], min_score: 0.3}
        color: navy
      - find: {<<: *cars, min_score: 0.2, largest: 1}
        color: red
      - find: {<<: [{rank: 1}, *cars, {rank: 2}]}
        leave: true
    """
    first, second, third = (rule.find for rule in read_rules(text, "r.yaml", Path()).rules)
    assert second == replace(first, min_score=0.2, largest=1)
    assert third == replace(first, rank=1)


def test_a_few_lines_cannot_mean_billions():
    lines = ["a0: &a0 [1,1,1,1,1,1,1,1,1]"]
    lines += [f"a{k}: &a{k} [{','.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 12)]
    with pytest.raises(RuleError, match="more than"):
        read_rules("\n".join(lines), "r.yaml", Path())


def test_a_written_null_keeps_a_material_and_nothing_at_all_is_refused():
    text = "rules:\n- find: all\n  color: navy\n  targets: [{{color: red, target: {}}}]\n"
    (rule,) = read_rules(text.format("null"), "r.yaml", Path()).rules
    assert rule.ways[0].style.targets == (("red", None),)
    for nothing in ("rules:\n- find: all\n  color: #fff\n", text.format("")):
        with pytest.raises(RuleError, match="is empty"):
            read_rules(nothing, "r.yaml", Path())


def test_the_schema_in_the_package_is_that_of_the_code():
    assert SCHEMA.read_text() == forms.schema()
    jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMA.read_text()))


def test_the_schema_takes_the_example_and_not_its_faults():
    check = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    assert check.is_valid(yaml.safe_load(EXAMPLE))
    for fault in ({"rules": []}, {"rules": [{"color": "red"}]}, {"rules": [{"find": "some"}]},
                  {"rules": [{"find": "all", "colour": "red"}]}, {"combine": "x", "rules": []},
                  {"rules": [{"find": {"min_score": 2}}]}):  # fmt: skip
        assert not check.is_valid(fault)


finds = st.one_of(
    st.just("all"),
    st.fixed_dictionaries(
        {},
        optional={
            "class": st.sampled_from(CLASSES) | st.lists(st.sampled_from(CLASSES), min_size=1),
            "min_score": st.floats(0, 0.5), "max_area": st.floats(0.5, 1) | st.just("70%"),
            "largest": st.integers(1, 9) | st.booleans(), "rank": st.integers(1, 9),
        },
    ),
)  # fmt: skip
does = st.one_of(
    st.just({"leave": True}),
    st.builds(lambda c: {"color": c}, st.sampled_from(("red", "#c8102e", "深红"))),
    st.builds(lambda n: {"mode": "lightness", "amount": n}, st.floats(-1, 1)),
)
rules = st.builds(
    lambda find, do, name: {"find": find, "name": name, **do},
    finds,
    does,
    # a digit alone may be the number of another rule
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Nd", "Zl", "Zp")), max_size=20),
)


@settings(max_examples=15)
@given(st.lists(rules, min_size=1, max_size=5, unique_by=lambda rule: rule["name"] or object()))
def test_what_is_written_is_what_is_meant(made):
    value = {"rules": made}
    text = yaml.safe_dump(value, allow_unicode=True)
    jsonschema.validate(value, json.loads(SCHEMA.read_text()))
    got = read_rules(text, "r.yaml", Path()).rules
    assert [bool(r.ways) for r in got] == ["leave" not in rule for rule in made]
    for rule, read in zip(made, got, strict=True):
        find = {} if rule["find"] == "all" else rule["find"]
        assert (read.find.largest or 0) == int(find.get("largest") or 0)
        assert read.find.rank == find.get("rank")
        assert read.name == rule["name"]
    assert read_rules(json.dumps(value), "r.json", Path()) == read_rules(text, "r", Path())


@settings(max_examples=40)
@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(("rules", "find", "color", "class", "like", "at", "x", "amount")), inner,
        max_size=4),
    max_leaves=12,
))  # fmt: skip
def test_no_value_is_more_than_one_sentence(value):
    with pytest.raises(RuleError, match=r"r\.yaml"):
        read_rules(yaml.safe_dump({"rules": value}), "r.yaml", Path())


@settings(max_examples=40)
@given(st.text(max_size=60))
def test_no_text_is_more_than_one_sentence(text):
    try:
        read_rules(text, "r.yaml", Path())
    except RuleError as error:
        assert "r.yaml" in str(error)
