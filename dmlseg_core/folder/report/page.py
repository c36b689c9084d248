"""report.html: one file that opens from a disk, beside its folder of small pictures.

Every text that comes from a photo, a rule or a swatch is escaped by the template engine; the page
runs its own script alone (a content security policy names its hash) and loads nothing from outside.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from dmlseg_core.errors import one_line
from dmlseg_core.folder.report.cards import Card
from dmlseg_core.folder.report.run_file import Run
from dmlseg_core.folder.report.summary import Summary, shares, total_seconds
from dmlseg_core.folder.rows import PhotoRow
from dmlseg_core.package_data import data_folder
from dmlseg_core.photo import whole_file
from dmlseg_core.words import class_label, say, told

_STAGES = ("decode", "network", "masks", "paint", "encode")
_TEXT_BLOCK = 64
"""Pieces of the template that are written at a time."""


def write_report(summary: Summary, run: Run, out: Path) -> None:
    """`report.html`: figures, colors, times, failures, and a sheet of before and after.

    Args:
        summary: of all photos, which came sorted by name.
        run: what was asked.
        out: the output folder that the rows' files lie below.

    Raises:
        ExportError: it cannot be written; an earlier file stays.
    """
    stream = _template().stream(_values(summary, run, out))
    stream.enable_buffering(_TEXT_BLOCK)
    with whole_file(out / "report.html") as file:
        for text in stream:
            file.write(text.encode("utf-8", "replace"))


def _template() -> Any:
    folder = FileSystemLoader(data_folder("assets") / "report", encoding="utf-8")
    # nosec: autoescape is on for every template
    made = Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    made.globals.update(
        t=_text, zh=_zh, plain=_plain, label=_label, sentence=_sentence, class_name=_class_name,
        stage_name=_stage_name, stage_class=_stage_class, hex=_hex, count=_count, delta=_delta,
        percent=_percent, moment=_moment, duration=duration, shares=shares,
        total_seconds=total_seconds,
    )  # fmt: skip
    made.filters["shown"] = one_line  # names of files may hold what ends lines or turns letters
    return made.get_template("report.html")


def _values(summary: Summary, run: Run, out: Path) -> dict[str, Any]:
    script, style = (_asset(name) for name in ("report.js", "report.css"))
    done = summary.photos["done"] + summary.photos["empty"]
    average = sum(summary.seconds.values()) / max(done, 1)
    return {
        "title": out.resolve().name, "run": run, "summary": summary, "script": Markup(script),
        "style": Markup(style), "script_hash": _hash(script), "average": average,
        "rate": (done if run.fresh is None else run.fresh) / run.seconds if run.seconds else 0,
        "longest": max([average, *map(total_seconds, summary.slowest)], default=0) or 1,
        "ratio": _ratio(summary.sheet), "cards": (Card(row, out) for row in summary.sheet),
    }  # fmt: skip


def _asset(name: str) -> str:
    return (data_folder("assets") / "report" / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _both(english: object, chinese: object) -> Markup:
    return Markup('<span data-zh="{}">{}</span>').format(chinese, english)


def _text(key: str, **values: object) -> Markup:
    """A text that the page can say in Chinese too."""
    return _both(say("en", key, **values), say("zh", key, **values))


def _plain(key: str) -> str:
    return say("en", key)


def _zh(key: str) -> Markup:
    return Markup('data-zh="{}"').format(say("zh", key))


def _label(key: str, *also: str) -> Markup:
    english = say("en", key)
    names = Markup(" ").join(Markup('{}="{}"').format(n, english) for n in ("aria-label", *also))
    return names + Markup(' data-zh-label="{}"').format(say("zh", key))


def _sentence(text: str) -> Markup:
    chinese = told("zh", text)
    color, colon, rest = text.partition(": ")
    if chinese == text and colon:  # a note on one color begins with its name
        chinese = f"{color}: {told('zh', rest)}"
    return _both(text, chinese)


def _class_name(name: str) -> Markup:
    return _both(class_label("en", name), class_label("zh", name))


def _stage_name(stage: str) -> Markup:
    return _text(f"stage_{stage}") if stage in _STAGES else escape(stage)


def _stage_class(stage: str) -> str:
    return stage if stage in _STAGES else "other"


def _hex(color: str) -> str:
    return color if re.fullmatch(r"#[0-9a-fA-F]{6}", color) else "transparent"


def _ratio(rows: Sequence[PhotoRow]) -> float:
    """Width by height of the sheet's cells: that of the photo in the middle."""
    ratios = sorted(row.width / row.height for row in rows if row.width and row.height)
    return min(max(ratios[len(ratios) // 2], 0.66), 1.6) if ratios else 1.0


def _moment(iso: str) -> str:
    return re.sub(r"^(\S{10})T(\d\d:\d\d)\S*$", r"\1 \2 UTC", iso)


def _count(number: int) -> str:
    return f"{number:,}"


def _delta(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _percent(share: float) -> str:
    # 99.96 % is not all of them
    return f"{min(share, 0.999 if share < 1 else 1):.{0 if share in (0, 1) else 1}%}"


def duration(seconds: float) -> str:
    """A time as people read it.

    >>> [duration(s) for s in (0.0042, 0.5, 12.3, 125, 7322)]
    ['4 ms', '0.50 s', '12.3 s', '2:05 min', '2:02 h']
    """
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    unit, part = (60, "min") if seconds < 3600 else (3600, "h")
    whole, rest = divmod(round(seconds / unit * 60), 60)
    return f"{whole}:{rest:02} {part}"
