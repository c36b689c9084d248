"""Rows of a batch for its report: worst colors, hostile names, a failure, an empty one."""

from dmlseg_core.folder.report.run_file import Run
from dmlseg_core.folder.report.summary import Summary
from dmlseg_core.folder.report.thumbs import after_path, before_path, save_thumb
from dmlseg_core.folder.rows import InstanceRow, PhotoRow

HOSTILE = "<img src=x onerror=\"document.title='owned'\"></script><script>alert(1)</script>&'.png"
RUN = Run(started="2026-01-02T03:04:05+00:00", seconds=10.0, max_delta_e=2.0)


def summarize(rows):
    summary = Summary()
    for row in rows:
        summary.add(row)
    return summary


def painted(name, *found, seconds=1.0, class_name="car"):
    """A photo recolored once for each (swatch, target, Delta-E)."""
    files = [f"recolored/{name}.{swatch}.png" for swatch, *_ in found]
    rows = tuple(
        InstanceRow(name, 1, class_name, 0.9, 0.5, 12, (0, 0, 4, 3), "#808080", "every car", swatch,
                    target, file, delta_e, delta_e + 1, 0.5, delta_e <= 2)
        for (swatch, target, delta_e), file in zip(found, files, strict=True)
    )  # fmt: skip
    thumbs = (before_path(name), *map(after_path, files))
    return PhotoRow(name, f"/in/{name}", "ab", 40, 30, {"network": seconds * 0.75,
                    "paint": seconds * 0.25}, "done", None,
                    ("navy: A damaged text chunk was left out.",),
                    {"recolored": tuple(files), "thumbs": thumbs}, rows)  # fmt: skip


ROWS = [
    painted("a.png", ("navy", "#1b2a55", 0.5), ("red", "#c8102e", 1.5), seconds=3),
    PhotoRow("b.jpg", "/in/b.jpg", status="failed", error=f"/in/b.jpg is empty {HOSTILE}"),
    painted(f"sub/{HOSTILE}", ("navy", "#1b2a55", 7.0), seconds=2, class_name=HOSTILE),
    PhotoRow("c.jpg", "/in/c.jpg", "ab", 40, 30, {"network": 0.5}, "empty",
             notes=("no rule found anything",), files={"overlays": ("overlays/c.jpg.jpg",)},
             instances=(InstanceRow("c.jpg", 1, "cat", 0.5, 0.5, 9, (0, 0, 3, 3), "#010203"),)),
]  # fmt: skip


def thumb(path, rgb):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_thumb(rgb, path)
