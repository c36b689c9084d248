"""run.json: what was asked of a batch, by which versions it was answered, and how long it took."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from dmlseg_core.config import CLASSES
from dmlseg_core.errors import ParameterError
from dmlseg_core.folder.report.summary import Spread
from dmlseg_core.folder.rows import PhotoRow
from dmlseg_core.photo import write_bytes

VERSION = 1
"""Of run.json's layout."""
_COUNTED = ("done", "empty", "failed", "objects", "recolored", "missed")
_PACKAGES = ("dmlseg-core", "torch", "numpy", "opencv-python", "pillow", "scikit-image", "pyarrow")


@dataclass(frozen=True)
class Run:
    """One call of a batch.

    Attributes:
        options: what was asked, JSON-able: rules, scene, outputs.
        weights: sha256 of the weights file.
        classes: of these weights, in order.
        started: ISO 8601 in UTC.
        seconds: from the start to the last photo.
        fresh: photos that were done in these seconds, the others being done before; None: all.
        max_delta_e: the limit, None without one.
        engine: "local", "ray", "merge".
        workers: processes; None: as many as a cluster had room for.
        interrupted: Ctrl-C came.
        parts: of a merge: the folders, and what their runs told.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    weights: str = ""
    classes: tuple[str, ...] = CLASSES
    started: str = ""
    seconds: float = 0.0
    max_delta_e: float | None = None
    engine: str = "local"
    workers: int | None = 1
    interrupted: bool = False
    parts: tuple[Mapping[str, Any], ...] = ()
    fresh: int | None = None


@dataclass
class Figures:
    """Counts, and the time per stage: its sum, and the median and 95th percentile of a photo."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0))
    sums: dict[str, float] = field(default_factory=dict)
    spreads: dict[str, Spread] = field(default_factory=dict)

    def add(self, photo: PhotoRow) -> None:
        """Count a photo."""
        counts = self.counts
        counts[photo.status] += 1
        counts["objects"] += len({row.instance for row in photo.instances})
        counts["recolored"] += sum(row.painted for row in photo.instances)
        counts["missed"] += sum(row.passed is False for row in photo.instances)
        for stage, seconds in photo.seconds.items():
            self.sums[stage] = self.sums.get(stage, 0.0) + seconds
            self.spreads.setdefault(stage, Spread()).add(seconds)

    def told(self) -> dict[str, Any]:
        """As JSON has them."""
        stages = {
            stage: {"sum": round(total, 3), "median": round(self.spreads[stage].quantile(0.5), 3),
                    "p95": round(self.spreads[stage].quantile(0.95), 3),
                    "longest": round(self.spreads[stage].highest, 3)}
            for stage, total in self.sums.items()
        }  # fmt: skip
        return {"counts": self.counts, "stage_seconds": stages}


def write_run(figures: Figures, run: Run, path: Path) -> None:
    """`run.json`.

    Raises:
        ExportError: it cannot be written; an earlier file stays.
    """
    told = {
        "dmlseg_run": VERSION,
        "started": run.started,
        "seconds": round(run.seconds, 3),
        "fresh": run.fresh,
        "interrupted": run.interrupted,
        "engine": run.engine,
        "workers": run.workers,
        "weights_sha256": run.weights,
        "classes": list(run.classes),
        "max_delta_e": run.max_delta_e,
        "options": dict(run.options),
        **({"parts": [dict(part) for part in run.parts]} if run.parts else {}),
        **figures.told(),
        "versions": _versions(),
        "machine": {"system": platform.platform(), "cpu": platform.machine()},
    }
    text = json.dumps(told, indent=2, ensure_ascii=False, default=str) + "\n"
    write_bytes(text.encode("utf-8", "backslashreplace"), path)


def read_run(path: Path) -> Run:
    """What `write_run` told, without the figures.

    Raises:
        ParameterError: it is missing, damaged, or of a newer version.
    """
    try:
        told = json.loads(path.read_bytes())
        if told["dmlseg_run"] != VERSION:
            raise ParameterError(
                f"{path} is of version {told['dmlseg_run']}, {VERSION} is read; update dmlseg"
            )
        return Run(
            dict(told["options"]), str(told["weights_sha256"]), tuple(map(str, told["classes"])),
            str(told["started"]), float(told["seconds"]), told["max_delta_e"],
            str(told["engine"]), None if told["workers"] is None else int(told["workers"]),
            bool(told["interrupted"]), tuple(map(_part, told.get("parts", ()))), _fresh(told),
        )  # fmt: skip
    except OSError as error:
        raise ParameterError(
            f"{path.parent} is no output folder of a batch that ended: run.json cannot be read "
            f"({error.strerror or error}); run the batch again, it goes on where it stopped"
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, ParameterError):
            raise
        raise ParameterError(f"{path} is damaged: {error!r}; run the batch again") from None


def _part(told: Mapping[str, Any]) -> dict[str, Any]:
    """A part of a merge, its fields of the types that they are read as."""
    shard = None if told["shard"] is None else [int(k) for k in told["shard"]]
    if shard is not None and (len(shard) != 2 or not 1 <= shard[0] <= shard[1]):
        raise ValueError(f"a shard {shard}")
    workers = None if told["workers"] is None else int(told["workers"])
    return {**told, "folder": str(told["folder"]), "started": str(told["started"]), "shard": shard,
            "seconds": float(told["seconds"]), "workers": workers,
            "fresh": _fresh(told)}  # fmt: skip


def _fresh(told: Mapping[str, Any]) -> int | None:
    """Photos done in the seconds; earlier versions did not tell."""
    return None if told.get("fresh") is None else int(told["fresh"])


@cache
def _versions() -> dict[str, str | None]:
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
