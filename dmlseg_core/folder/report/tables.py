"""Everything that a batch leaves beside its photos, made of its journal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dmlseg_core.folder.engine import row_of
from dmlseg_core.folder.journal import Journal
from dmlseg_core.folder.report.coco import write_failures, write_instances
from dmlseg_core.folder.report.columns import write_csv, write_parquet
from dmlseg_core.folder.report.page import write_report
from dmlseg_core.folder.report.run_file import Run, write_run
from dmlseg_core.folder.rows import PhotoRow


def write_tables(journal: Journal, run: Run, *, polygons: bool = False) -> None:
    """instances.json, .csv and .parquet, failures.csv, run.json and report.html, beside a journal.

    Args:
        journal: open; every photo of it is told of.
        run: what was asked, and how long it took.
        polygons: masks of instances.json as polygons instead of run lengths.

    Raises:
        ExportError: one cannot be written, or the folder has gone; earlier files stay.
    """
    journal.check_place()
    out, rows = journal.path.parent, _Rows(journal)
    write_instances(journal, out / "instances.json", run.classes, polygons=polygons)
    write_csv(rows, out / "instances.csv")
    write_parquet(rows, out / "instances.parquet")
    write_failures(journal, out / "failures.csv", encoded=True)
    write_run(rows, run, out / "run.json")
    write_report(rows, run, out)


@dataclass(frozen=True)
class _Rows:
    """The rows of a journal, sorted by name; can be gone through again and again."""

    journal: Journal

    def __iter__(self) -> Iterator[PhotoRow]:
        for record in self.journal:
            if record["error"] is not None or "row" in record:
                yield row_of(record)
