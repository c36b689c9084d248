"""The layer table of docs/architecture.md, enforced."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "dmlseg_core"
TEXT = (ROOT / "docs" / "architecture.md").read_text()
FILES = sorted([*PACKAGE.rglob("*.py"), *ROOT.glob("app.py")])
MODULES = sorted(p.stem for p in PACKAGE.glob("*.py") if p.stem != "__init__")


def layers():
    """{"errors": 0, "config": 1, ...} as the document's table says."""
    rows = re.findall(r"^\| (\d) \| (.+) \|$", TEXT, re.MULTILINE)
    names = {n.removesuffix(".py"): int(k) for k, row in rows for n in row.split(", ")}
    assert len(names) > 20, "the table of docs/architecture.md is gone or has another form"
    return names


def listed_family(name):
    """The table's name of a module: itself, or what it is a part of (cli_photo -> cli)."""
    table = layers()
    parts = name.split("_")
    for end in range(len(parts), 0, -1):
        if (family := "_".join(parts[:end])) in table:
            return family
    return None


def module_of(path):
    """dmlseg_core/train/loop.py -> train; dmlseg_core/cli_photo.py -> cli_photo; app.py -> app."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[0] if len(parts) == 1 else parts[1]


def is_typing_only(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(path, *, everywhere=True):
    """Names of the modules that a file imports; without `everywhere` at import time only."""
    found, todo = [], [ast.parse(path.read_text())]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found.append(node.module)
        if is_typing_only(node):
            continue
        if everywhere or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            todo += ast.iter_child_nodes(node)
    return found


def own_imports(path):
    """Modules of the package that a file imports, as the table names them."""
    return [n.split(".")[1] for n in imports(path) if n.startswith("dmlseg_core.")]


@pytest.mark.parametrize("name", MODULES)
def test_each_module_has_a_layer(name):
    assert listed_family(name), f"{name} is not in the layer table of docs/architecture.md"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_downwards(path):
    table, name = layers(), module_of(path)
    if name == "__init__":
        return  # the public names, resolved lazily
    family = listed_family(name)
    if family is None:
        return  # reported by test_each_module_has_a_layer
    for other in own_imports(path):
        there = listed_family(other)
        assert there is not None, f"{name} imports {other}, which has no layer"
        same = table[there] == table[family] and {family, there} != {"ui", "train"}
        assert table[there] < table[family] or same, f"{name} must not import {other}"


def test_no_two_modules_import_each_other():
    """Modules of one layer may build on one another, in one direction only."""
    graph = {p.stem: {n for n in own_imports(p) if n != p.stem} for p in PACKAGE.glob("*.py")}
    done = set()

    def visit(name, trail):
        assert name not in trail, f"import cycle: {' -> '.join([*trail, name])}"
        if name not in done:
            for other in graph.get(name, ()):
                visit(other, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_house_rules(path):
    lines = path.read_text().splitlines()
    assert len(lines) <= 400
    name, imported = module_of(path), imports(path)
    assert "dmlseg_core" not in imported, "import from the module, not from the package"
    heads = {n.split(".")[0] for n in imported}
    assert "gradio" not in heads or name in ("app", "ui")
    if name not in ("app", "cli"):
        assert not any(n.startswith("dmlseg_core.ui") for n in imported) or name == "ui"
    if not name.startswith("cli") and name != "train":
        assert not any(n.startswith("dmlseg_core.train") for n in imported)


def torch_free():
    line = re.search(r"^No torch in (.+?)\. ", TEXT, re.MULTILINE)
    assert line
    return line[1].split(", ")


@pytest.mark.parametrize("name", MODULES)
def test_no_torch_where_none_is_promised(name):
    if listed_family(name) not in torch_free():
        return
    heads = {n.split(".")[0] for n in imports(PACKAGE / f"{name}.py")}
    assert not heads & {"torch", "torchvision"}


def test_torch_stays_out_of_the_process():
    """Nothing that those modules import, directly or not, loads torch."""
    names = [n for n in [*torch_free(), "cli"] if (PACKAGE / f"{n}.py").exists()]
    code = "import importlib, sys\n"
    code += "".join(f"importlib.import_module('dmlseg_core.{n}')\n" for n in names)
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
