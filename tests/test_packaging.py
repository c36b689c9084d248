"""README, pins and .ci/run say the same."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def names(lines):
    """Package names of requirement lines, normalised."""
    found = (re.match(r"[A-Za-z0-9._-]+", line) for line in lines if line[0] not in "#-")
    return {re.sub(r"[-_.]+", "-", m[0]).lower() for m in found if m}


def pins(file):
    return [line for line in (ROOT / file).read_text().splitlines() if line]


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_every_dependency_is_pinned_and_every_pin_is_exact():
    assert names(project()["dependencies"]) == names(pins("requirements.txt"))
    extras = project()["optional-dependencies"]
    wanted = names(extras["dev"] + extras["train"] + extras["batch"]) - {"dmlseg-core"}
    assert wanted <= names(pins("requirements-dev.txt"))
    for line in pins("requirements.txt") + pins("requirements-dev.txt"):
        assert line[0] in "#-" or re.fullmatch(r"[\w.-]+==[\w.]+", line), line


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
def test_ci_runs_the_readmes_commands(readme):
    text, ci = (ROOT / readme).read_text(), (ROOT / ".ci" / "run").read_text()
    for command in (
        "pip install -r requirements.txt && python app.py",
        "pip install -r requirements-dev.txt && python -m pytest",
    ):
        assert command in text
    assert "pip install -r requirements-dev.txt" in ci or "readme_command" in ci


def test_every_folder_with_code_is_packaged():
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {p.parent for p in (ROOT / "dmlseg_core").rglob("*.py")}
    wanted = {".".join(f.relative_to(ROOT).parts) for f in folders}
    assert wanted <= set(tool["packages"])
