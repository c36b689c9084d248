"""`dmlseg --install-completion` and `dmlseg --man`: files that were made of the parsers.

They lie in assets/shell; `python docs/shell_files.py` makes them anew, and a test says when to.
"""

from __future__ import annotations

import os
from pathlib import Path

from dmlseg_core.errors import ExportError, ParameterError
from dmlseg_core.package_data import data_folder
from dmlseg_core.photo import write_bytes

MANUAL = "dmlseg.1"
HINTS: dict[str, str] = {
    "bash": "new shells have it where the package bash-completion is installed; else add to "
    "~/.bashrc: source '{path}'",
    "zsh": "add to ~/.zshrc, before compinit: fpath=('{folder}' $fpath)",
    "fish": "new shells have it",
}
"""What is to be done once for a shell to find its completion."""


def completion_path(shell: str) -> Path:
    """Where a shell looks for the completion of one command of one user."""
    home = Path.home()
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    bash = Path(os.environ.get("BASH_COMPLETION_USER_DIR") or data / "bash-completion")
    return {
        "bash": bash / "completions" / "dmlseg",
        "zsh": data / "zsh" / "site-functions" / "_dmlseg",
        "fish": config / "fish" / "completions" / "dmlseg.fish",
    }[shell]


def shell_file(name: str) -> bytes:
    """A file of assets/shell: completions are named by their shell."""
    return (data_folder("assets") / "shell" / name).read_bytes()


def install_completion(shell: str | None) -> str:
    """Write the completion of a shell and say where; the same file is not written again.

    Args:
        shell: one of bash, zsh, fish; None: what $SHELL names.

    Raises:
        ParameterError: it is none of these. ExportError: the file cannot be written.
    """
    shell = shell or Path(os.environ.get("SHELL", "")).name
    if shell not in HINTS:
        raise ParameterError(
            f"$SHELL names {shell!r}; say --install-completion {', '.join(HINTS)}: one of these"
        )
    path, wanted = completion_path(shell), shell_file(shell)
    done = "is there already"
    if not path.is_file() or path.read_bytes() != wanted:
        _write(path, wanted)
        done = "written"
    hint = HINTS[shell].format(path=path, folder=path.parent)
    return f"completion for {shell} {done}: {path}\n{hint}"


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise ExportError(f"the folder {path.parent} cannot be made: {reason}") from None
    write_bytes(data, path)
