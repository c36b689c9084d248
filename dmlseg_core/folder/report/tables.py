"""Everything that a batch leaves beside its photos, made of its journal."""

from __future__ import annotations

from contextlib import ExitStack

from dmlseg_core.folder.engine import row_of
from dmlseg_core.folder.journal import Journal
from dmlseg_core.folder.report.coco import failures_file, instances_file
from dmlseg_core.folder.report.columns import csv_file, parquet_file
from dmlseg_core.folder.report.page import write_report
from dmlseg_core.folder.report.run_file import Figures, Run, write_run
from dmlseg_core.folder.report.summary import Summary


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
    out, figures, summary = journal.path.parent, Figures(), Summary()
    with ExitStack() as stack:
        opened = stack.enter_context
        of_records = (
            opened(instances_file(out / "instances.json", run.classes, polygons=polygons)),
            opened(failures_file(out / "failures.csv", encoded=True)),
        )
        of_names = (
            opened(csv_file(out / "instances.csv")),
            opened(parquet_file(out / "instances.parquet")),
        )
        for record in journal:  # once: reading it takes longer than all that is made of it
            for add in of_records:
                add(record)
            if record["error"] is not None or "row" in record:
                row = row_of(record)
                for put in of_names:
                    put(row, record["name"])
                figures.add(row)
                summary.add(row)
    write_run(figures, run, out / "run.json")
    write_report(summary, run, out)
