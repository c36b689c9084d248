"""Typed errors: every mistake a user can make ends in one of these, with one clear sentence.

A message says what was expected, what came, and what to do. The front ends (CLI, page, API) print
the message alone; a traceback means a bug of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def one_line(text: str, longest: int = 1000) -> str:
    """A sentence as a terminal may show it: what a file's name or profile puts into it cannot break
    the line, color it or move the cursor, and does not fill the screen.

    >>> print(one_line("a\\nb \\x1b[31m"))
    a\\nb \\x1b[31m
    """
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return shown if len(shown) <= longest else f"{shown[:longest]} ..."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What a mistyped name is told: the one that is nearest, "" where none is near.

    >>> did_you_mean("colour", ["color", "mode"]), did_you_mean("x", ["color"])
    ('; did you mean color?', '')
    """
    near = get_close_matches(name.lower(), list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""


class DmlsegError(Exception):
    """Base of every error that dmlseg raises on purpose."""


class ParameterError(DmlsegError, ValueError):
    """A value is outside its legal range: tau, a point, a color, a mode, a size."""


class ImageError(DmlsegError):
    """A file could not be used as a photo: not an image, truncated, empty, or over the size cap."""


class ExportError(DmlsegError):
    """A result could not be written: unknown format, an input in the way, an unwritable folder."""


class WeightsError(DmlsegError):
    """Weights are missing, do not match their manifest, or do not fit the network."""


class DatasetError(DmlsegError):
    """A training or validation set is missing, empty, or not in a layout we read."""


class RecipeError(DmlsegError):
    """A recipe is malformed, of a newer version, or bound to another photo."""


class RuleError(ParameterError):
    """A rules file is malformed: the message names its line and column."""


class TrainingError(DmlsegError):
    """Training cannot go on: a non-finite loss, or a checkpoint of another run."""


class MissingExtraError(DmlsegError):
    """A feature needs an optional package that is not installed."""


class ClusterError(DmlsegError):
    """A cluster of machines cannot be reached, or went away in the middle of a run."""
