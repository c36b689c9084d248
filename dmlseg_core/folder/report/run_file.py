"""run.json: what was asked of a batch, by which versions it was answered, and how long it took."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from dmlseg_core.folder.report.summary import Spread
from dmlseg_core.folder.rows import PhotoRow
from dmlseg_core.photo import write_bytes

_PACKAGES = ("dmlseg-core", "torch", "numpy", "opencv-python", "pillow", "scikit-image", "pyarrow")


@dataclass(frozen=True)
class Run:
    """One call of a batch.

    Attributes:
        options: what was asked, JSON-able: rules, scene, outputs.
        weights: sha256 of the weights file.
        started: ISO 8601 in UTC.
        seconds: from the start to the last photo.
        max_delta_e: the limit, None without one.
        engine: "local", "ray", "merge".
        workers: processes.
        interrupted: Ctrl-C came.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    weights: str = ""
    started: str = ""
    seconds: float = 0.0
    max_delta_e: float | None = None
    engine: str = "local"
    workers: int = 1
    interrupted: bool = False


def write_run(photos: Iterable[PhotoRow], run: Run, path: Path) -> None:
    """`run.json`.

    Raises:
        ExportError: it cannot be written; an earlier file stays.
    """
    told = {
        "dmlseg_run": 1,
        "started": run.started,
        "seconds": round(run.seconds, 3),
        "interrupted": run.interrupted,
        "engine": run.engine,
        "workers": run.workers,
        "weights_sha256": run.weights,
        "max_delta_e": run.max_delta_e,
        "options": dict(run.options),
        **_figures(photos),
        "versions": _versions(),
        "machine": {"system": platform.platform(), "cpu": platform.machine()},
    }
    text = json.dumps(told, indent=2, ensure_ascii=False, default=str) + "\n"
    write_bytes(text.encode("utf-8", "backslashreplace"), path)


def _figures(photos: Iterable[PhotoRow]) -> dict[str, Any]:
    """Counts, and the time per stage: its sum, and the median and 95th percentile of a photo."""
    counts = {"done": 0, "empty": 0, "failed": 0, "objects": 0, "recolored": 0, "missed": 0}
    sums: dict[str, float] = {}
    spreads: dict[str, Spread] = {}
    for photo in photos:
        counts[photo.status] += 1
        counts["objects"] += len({row.instance for row in photo.instances})
        counts["recolored"] += sum(row.rule is not None for row in photo.instances)
        counts["missed"] += sum(row.passed is False for row in photo.instances)
        for stage, seconds in photo.seconds.items():
            sums[stage] = sums.get(stage, 0.0) + seconds
            spreads.setdefault(stage, Spread()).add(seconds)
    stages = {
        stage: {"sum": round(total, 3), "median": spreads[stage].quantile(0.5),
                "p95": spreads[stage].quantile(0.95), "longest": round(spreads[stage].highest, 3)}
        for stage, total in sums.items()
    }  # fmt: skip
    return {"counts": counts, "stage_seconds": stages}


@cache
def _versions() -> dict[str, str | None]:
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
