"""The pages tell the truth: links lead somewhere, commands exist with their flags, examples run."""

import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from skimage import data

from dmlseg_core.cli.entry import build_parser
from dmlseg_core.train.command import build_parser as build_train_parser

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    p
    for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("weights/*.md")]
    if "report" not in p.relative_to(ROOT).parts  # written by a command, tables as wide as needed
)
PARSERS = {"train": build_train_parser}
IN_TEXT = re.compile(r"`((?:python|dmlseg) [^`]+)`")


def by_name(path):
    return str(path.relative_to(ROOT))


def fenced(path, language):
    """Code blocks of one language, whole."""
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)


def commands(path):
    """Every shell command of a page, one by one, lines that go on joined."""
    lines = "\n".join(fenced(path, "bash")).replace("\\\n", " ").splitlines()
    prose = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    inline = [" ".join(text.split()) for text in IN_TEXT.findall(prose)]
    return [part.strip() for line in [*lines, *inline] for part in line.split("&&") if part.strip()]


ALL = sorted({command for page in PAGES for command in commands(page)})
DMLSEG = [c for c in ALL if re.match(r"(dmlseg|python -m dmlseg_core) [a-z]", c)]
SCRIPTS = [c for c in ALL if re.match(r"python (-m (?!dmlseg_core |pytest|venv)\S+|\S+\.py)", c)]
OTHERS = [c for c in ALL if c not in DMLSEG and c not in SCRIPTS]


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_lines_fit_a_screen(page):
    long = [n for n, line in enumerate(page.read_text().splitlines(), 1) if len(line) > 120]
    assert not long, f"lines longer than 120 characters: {long}"


def anchors(path):
    """What GitHub makes of a page's headings."""
    heads = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"https?:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_there_are_commands_to_look_at():
    assert len(DMLSEG) > 10 and len(SCRIPTS) > 5


@pytest.mark.parametrize("command", DMLSEG)
def test_dmlseg_takes_the_words_of_the_page(command):
    """Parsed by the parser of the real command: data sets and GPUs are not needed for that."""
    bare = re.sub(r"[\[\]|]|\.\.\.", "", command)
    name, *rest = shlex.split(bare.removeprefix("python -m dmlseg_core").removeprefix("dmlseg"))
    if rest in ([], ["--help"]):  # the page names the command, not a call of it
        assert name in build_parser().format_help()
    elif name in PARSERS:
        PARSERS[name]().parse_args(_filled(rest))
    else:
        build_parser().parse_args([name, *_filled(rest)])


def _filled(words):
    """Placeholders of a page in the place of values that parsers check."""
    values = {"X,Y": "3,4", "F": "0.5", "FILE": "x.safetensors", "KIND": "point", "C": "red",
              "N": "2"}  # fmt: skip
    return [values.get(word, word) for word in words]


@cache
def help_of(script):
    command = [sys.executable, *script, "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", SCRIPTS)
def test_scripts_run_from_a_fresh_checkout(command):
    """`--help` in a process of its own, without the package installed; every flag is in it."""
    words = shlex.split(re.sub(r"[\[\]]", "", command))[1:]
    script = tuple(words[:2]) if words[0] == "-m" else tuple(words[:1])
    flags = {w.split("=")[0] for w in words[len(script) :] if w.startswith("--")}
    missing = {flag for flag in flags if flag not in help_of(script)}
    assert not missing


@pytest.mark.parametrize("command", OTHERS)
def test_everything_else_is_a_known_tool(command):
    words = shlex.split(command)
    tools = ("pip", "python", "ruff", "mypy", "apt-get", "curl", "docker", "dmlseg", "node")
    assert words[0] in tools, f"how is {command!r} to be checked?"
    if "-r" in words:
        assert (ROOT / words[words.index("-r") + 1]).exists()


def test_the_python_examples_run(tmp_path, shipped_weights):
    shutil.copy(Path(data.__file__).parent / "coffee.png", tmp_path / "sofa.jpg")
    examples = fenced(ROOT / "README.md", "python")
    assert examples == fenced(ROOT / "README.zh.md", "python")
    for code in examples:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "red.jpg").stat().st_size > 1000


def test_the_rules_of_the_page_are_rules(tmp_path):
    from dmlseg_core import load_rules

    shutil.copy(Path(data.__file__).parent / "coffee.png", tmp_path / "mug.jpg")
    blocks = fenced(ROOT / "docs" / "batch.md", "yaml")
    assert blocks
    for text in blocks:
        (tmp_path / "rules.yaml").write_text(text)
        assert len(load_rules(tmp_path / "rules.yaml").rules) == 3


def test_the_public_api_is_documented_and_there():
    import dmlseg_core

    for name in dmlseg_core.__all__:
        assert getattr(dmlseg_core, name).__doc__, name
