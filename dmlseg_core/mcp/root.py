"""The one folder whose photos an assistant may see and beside whose photos it may write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dmlseg_core.errors import ExportError, ImageError, ParameterError

JOURNAL = "instances.jsonl"
"""What every batch keeps in its folder."""
_TAKEN = "is there already; choose another name"


class Root:
    """An allowed folder; links are followed before a path is judged.

    Args:
        folder: what lies in it may be read, and new files may be written in it.

    Raises:
        ParameterError: it is no folder.
    """

    def __init__(self, folder: str | Path) -> None:
        try:
            self.folder = Path(folder).resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            raise ParameterError(f"--root {folder} does not exist; give a folder") from None
        if not self.folder.is_dir():
            raise ParameterError(f"--root {folder} is no folder; give one")

    def reading(self, text: str) -> Path:
        """The file or folder that is meant, without links.

        Raises:
            ImageError: it is not there. ParameterError: it lies outside.
        """
        try:
            path = self._inside(text).resolve(strict=True)
        except (OSError, RuntimeError):
            raise ImageError(f"there is no {text!r:.200} in the allowed folder") from None
        return path

    def writing(self, text: str) -> Path:
        """A path of a file or folder that may be made: nothing has this name, its folder is there.

        Raises:
            ExportError: there is such a thing already, or no such folder. ParameterError: it lies
            outside.
        """
        asked = self._inside(text)
        path = self._checked(asked.parent, text) / asked.name
        try:
            made, taken = path.parent.is_dir(), path.is_symlink() or path.exists()
        except OSError:  # longer than a name may be
            raise ExportError(f"{text!r:.200} is no name for a file; choose another") from None
        if not made:
            raise ExportError(f"the folder of {text!r:.200} does not exist; make it first")
        if taken:
            raise ExportError(f"{text!r:.200} {_TAKEN}")
        return path

    @contextmanager
    def claimed(self, path: Path) -> Iterator[None]:
        """While a file of `writing` is written: of two who want the same name, one gets it.

        Raises:
            ExportError: another got it meanwhile, or nothing can be written there.
        """
        try:
            path.open("xb").close()  # follows no link
        except FileExistsError:
            raise ExportError(f"{path.name!r:.200} {_TAKEN}") from None
        except OSError as error:
            raise ExportError(f"{path.name} cannot be written: {error.strerror}") from None
        try:
            yield
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def filling(self, text: str) -> Path:
        """A folder for many files: a new one, or one that a batch made and has no links in it.

        Raises:
            ExportError, ParameterError: as of `writing`.
        """
        path = self._inside(text)
        if not os.path.isfile(path / JOURNAL):  # noqa: PTH113 - a name that is too long is no file
            return self.writing(text)
        if path.is_symlink() or any(found.is_symlink() for found in path.rglob("*")):
            raise ExportError(f"there are links in {text!r:.200}; choose another folder")
        return self._checked(path, text)

    def holds(self, path: Path) -> bool:
        """Whether a file lies inside, once links are followed."""
        try:
            return path.resolve().is_relative_to(self.folder)
        except (OSError, RuntimeError):
            return False

    def name(self, path: Path) -> str:
        """As an assistant is told of a path: from the allowed folder on."""
        return path.relative_to(self.folder).as_posix()

    def without(self, sentence: str) -> str:
        """A sentence without the folders above the allowed one."""
        return sentence.replace(f"{self.folder}/", "").replace(str(self.folder), ".")

    def _inside(self, text: str) -> Path:
        """The path as written, known to lie inside once its links are followed."""
        if not text or "\0" in text:
            raise ParameterError("a path is a text of at least one letter")
        path = self.folder / text  # an absolute one stays what it is
        self._checked(path, text)
        return path

    def _checked(self, path: Path, text: str) -> Path:
        try:
            real = path.resolve()
        except (OSError, RuntimeError):
            raise ParameterError(f"{text!r:.200} leads nowhere") from None
        if not real.is_relative_to(self.folder):
            raise ParameterError(
                f"{text!r:.200} lies outside the allowed folder; give a path below it, or start "
                "dmlseg with another --root"
            )
        return real
