"""The rooms of docs/architecture.md, enforced."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "dmlseg_core"
TEXT = (ROOT / "docs" / "architecture.md").read_text()
FILES = sorted(p for p in PACKAGE.rglob("*.py") if p.name != "__main__.py")
INSIDE = [p for p in FILES if p != PACKAGE / "__init__.py"]


@cache
def layers():
    """{"errors": 0, "color": 1, ...} as the document's table says."""
    rows = re.findall(r"^\| (\d+) \| ([\w., ]+?) \|", TEXT, re.MULTILINE)
    names = {name: int(layer) for layer, row in rows for name in row.split(", ")}
    assert len(names) > 12, "the table of docs/architecture.md is gone or has another form"
    return names


ROOMS = sorted(layers(), key=len, reverse=True)  # train.data before train


def room_of(module):
    """Dmlseg_core.train.data.voc -> train.data; None for what is in no room."""
    inner = module.removeprefix("dmlseg_core.")
    return next((r for r in ROOMS if inner == r or inner.startswith(f"{r}.")), None)


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def door_of(room):
    """Names that a room's __init__.pyi lets out, each with its file."""
    stub = PACKAGE.joinpath(*room.split("."), "__init__.pyi")
    nodes = ast.parse(stub.read_text()).body
    return {alias.asname: node.module.split(".")[0] for node in nodes for alias in node.names}


def is_typing_only(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


@cache
def parsed(path):
    return ast.parse(path.read_text())


@cache
def imports(path, *, everywhere=True):
    """(module, names) of a file's imports, without typing-only ones; () for a plain import."""
    found, todo = [], [parsed(path)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            found += [(alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found.append((node.module, tuple(alias.name for alias in node.names)))
        if is_typing_only(node):
            continue
        if everywhere or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            todo += ast.iter_child_nodes(node)
    return found


def heads(path):
    return {module.split(".")[0] for module, _ in imports(path)}


SCIENCE = ("ui", "cli", "color")  # nobody imports commands; color offers whole color spaces


def by_name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", INSIDE, ids=by_name)
def test_each_file_lies_in_a_room(path):
    assert room_of(module_of(path)), f"{path} is in no room of docs/architecture.md"


@pytest.mark.parametrize("path", INSIDE, ids=by_name)
def test_imports_go_downwards_and_through_the_door(path):
    table, own = layers(), room_of(module_of(path))
    for module, names in imports(path):
        if not module.startswith("dmlseg_core"):
            continue
        assert module != "dmlseg_core", "import from a room, not from the package"
        other = room_of(module)
        assert other, f"{module} is in no room"
        if other == own or table[other] == 0:
            continue
        assert table[other] < table[own], f"{own} must not import {other}"
        assert module == f"dmlseg_core.{other}", f"{module} is behind the door of {other}"
        missing = set(names) - door_of(other).keys()
        assert not missing, f"{missing} are not in {other}/__init__.pyi"


@pytest.mark.parametrize("room", [r for r in ROOMS if layers()[r]])
def test_a_door_is_narrow_and_says_one_thing_a_name(room):
    folder = PACKAGE.joinpath(*room.split("."))
    files = {p.stem for p in folder.iterdir()}
    assert not files & door_of(room).keys(), "a file and a name of the door are called the same"
    assert set(door_of(room).values()) <= files
    assert len([p for p in folder.glob("*.py") if p.stem != "__init__"]) <= 13


@cache
def words_of(path):
    return set(re.findall(r"\w+", path.read_text()))


@pytest.mark.parametrize("room", [r for r in ROOMS if layers()[r] and r not in SCIENCE])
def test_what_a_door_lets_out_is_used(room):
    """By another room, or by the public API: a name that nobody asks for is not offered."""
    wanted = set().union(*(words_of(p) for p in INSIDE if room_of(module_of(p)) != room))
    public = set(re.findall(r"\w+", (PACKAGE / "__init__.pyi").read_text()))
    assert not door_of(room).keys() - wanted - public


def test_no_two_files_import_each_other():
    """Files of one room may build on one another, in one direction only."""
    graph = {module_of(p): {m for m, _ in imports(p)} for p in INSIDE}
    done = set()

    def visit(name, trail):
        assert name not in trail, f"import cycle: {' -> '.join([*trail, name])}"
        if name not in done:
            for other in graph.get(name, ()):
                visit(other, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("path", INSIDE, ids=by_name)
def test_files_are_short_and_gradio_stays_in_the_page(path):
    assert len(path.read_text().splitlines()) <= 300
    assert "gradio" not in heads(path) or room_of(module_of(path)) == "ui"


def function_lengths():
    return sorted(
        node.end_lineno - node.lineno + 1 - _documentation(node)
        for path in FILES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def _documentation(node):
    first = node.body[0]
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return first.end_lineno - first.lineno + 1 if is_text else 0


def test_functions_are_short():
    lengths = function_lengths()
    assert lengths[len(lengths) // 2] <= 8
    assert lengths[len(lengths) * 9 // 10] <= 20


def torch_free():
    line = re.search(r"^No torch in (.+?)\. ", TEXT, re.MULTILINE)
    assert line
    return line[1].split(", ")


def test_torch_stays_out_of_the_process():
    """Nothing that those rooms import, directly or not, loads torch or gradio."""
    modules = [
        module_of(p)
        for p in INSIDE
        if any(re.match(rf"dmlseg_core\.{r}(\.|$)", module_of(p)) for r in [*torch_free(), "cli"])
    ]
    assert len(modules) > 40
    code = f"import importlib, sys\nfor m in {modules}: importlib.import_module(m)\n"
    code += "sys.exit('torch' in sys.modules or 'gradio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def tracked_text_files():
    out = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.toml", "*.txt", "*.json", "*.js", ".ci/run"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if out.returncode:
        pytest.skip("not a git checkout")
    return [p for p in map(ROOT.joinpath, out.stdout.split("\n")[:-1]) if p.exists()]


def test_no_path_of_one_machine():
    pattern = re.compile(r"/(?:work|root|home|Users)/(?!<)\w")
    bad = [p for p in tracked_text_files() if pattern.search(p.read_text(errors="replace"))]
    assert not bad
