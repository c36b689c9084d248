"""Completions and the manual page: made of the parsers, up to date, and what shells can use."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dmlseg_core.cli.entry import main
from dmlseg_core.shell.completion import MANUAL, completion_path, shell_file

ROOT = Path(__file__).parents[2]
SHELLS = ("bash", "zsh", "fish")


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "BASH_COMPLETION_USER_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path


def asked(*words):
    with pytest.raises(SystemExit) as end:
        main(list(words))
    return end.value.code


def test_the_files_say_what_the_parsers_say_now():
    """Else: python docs/shell_files.py."""
    done = subprocess.run(
        [sys.executable, "-c", "import shell_files as s, json; print(json.dumps(s.texts()))"],
        cwd=ROOT / "docs", capture_output=True, text=True, check=True,
        env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip
    for name, text in json.loads(done.stdout).items():
        assert shell_file(name).decode() == text.rstrip() + "\n", name


@pytest.mark.parametrize("shell", SHELLS)
def test_a_completion_is_written_once_where_its_shell_looks(shell, home, capsys):
    assert asked("--install-completion", shell) == 0
    path = completion_path(shell)
    assert path.is_relative_to(home) and path.read_bytes() == shell_file(shell)
    first = capsys.readouterr().out
    assert f"written: {path}" in first
    stamp = path.stat().st_mtime_ns
    assert asked("--install-completion", shell) == 0
    assert "is there already" in capsys.readouterr().out
    assert path.stat().st_mtime_ns == stamp
    path.write_text("of an older version")
    assert asked("--install-completion", shell) == 0
    assert path.read_bytes() == shell_file(shell)


def test_the_shell_is_the_users_unless_named(home, monkeypatch, capsys):
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert asked("--install-completion") == 0
    assert completion_path("fish").is_file()
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert main(["--install-completion"]) == 2
    assert "tcsh" in capsys.readouterr().err
    assert asked("--install-completion", "tcsh") == 2


def test_a_folder_that_cannot_be_made_is_told(home, capsys):
    (home / ".local").write_text("a file in the way")
    assert main(["--install-completion", "bash"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


BASH = """
source {file}
ask() {{
  COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMPREPLY=(); _shtab_dmlseg; echo "${{COMPREPLY[*]}}"
}}
ask dmlseg re; ask dmlseg app --qual; ask dmlseg app --quality ""; ask dmlseg train --fra
ask dmlseg recolor --save-r; ask dmlseg --install-completion ""; ask dmlseg mcp --ro
"""


def test_bash_completes_commands_flags_and_values():
    if shutil.which("bash") is None:
        pytest.skip("no bash here")
    script = BASH.format(file=ROOT / "assets" / "shell" / "bash")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "recolor rescale", "--quality", "fast balanced best", "--fraction", "--save-recipe",
        "bash zsh fish", "--root",
    ]  # fmt: skip


@pytest.mark.parametrize(("shell", "words"), [("zsh", ["-n"]), ("fish", ["--no-execute"])])
def test_other_shells_read_theirs(shell, words):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    subprocess.run([shell, *words, ROOT / "assets" / "shell" / shell], check=True)


def test_zsh_completes_every_one_of_many_inputs():
    text = (ROOT / "assets" / "shell" / "zsh").read_text()
    assert '"*:photo or folder:_files"' in text and '"(*)' not in text  # that would be one input


def test_the_manual_page_names_every_command_and_can_be_shown(capsys):
    assert asked("--man") == 0
    text = capsys.readouterr().out
    assert text.rstrip("\n") == shell_file(MANUAL).decode().rstrip("\n")
    for command in ("segment", "recolor", "batch", "app", "mcp", "train", "export"):
        assert f"'dmlseg {command}'" in text
    assert "1970" not in text
    if shutil.which("man"):
        done = subprocess.run(["man", "-l", "-"], input=text, capture_output=True, text=True,
                              check=True, env={**os.environ, "MANPAGER": "cat"})  # fmt: skip
        assert "--no-inbrowser" in done.stdout.replace("‐", "-") and not done.stderr


def test_the_maker_is_not_needed_to_run():
    assert importlib.util.find_spec("shtab")  # for this file's first test alone
    code = "import sys; sys.modules['shtab'] = None; sys.modules['argparse_manpage'] = None\n"
    code += "from dmlseg_core.shell.completion import shell_file; print(len(shell_file('zsh')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
                          check=True)  # fmt: skip
    assert int(done.stdout) > 1000


def test_paths_follow_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("BASH_COMPLETION_USER_DIR", raising=False)
    assert all(completion_path(shell).is_relative_to(tmp_path) for shell in SHELLS)
