"""What `dmlseg batch --dry-run` prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmlseg_core.folder import Plan

_SHOWN = 5
"""Failures that are told one by one."""


def told_lines(plan: Plan) -> Iterator[str]:
    """A plan for people."""
    of = "" if plan.looked == plan.photos else f" ({plan.looked} of them looked at)"
    yield f"photos   {plan.photos}{of}"
    yield from (f"failed   {reason}" for _, reason in plan.failed[:_SHOWN])
    if more := len(plan.failed) - _SHOWN:
        yield from [f"failed   and {more} more"] * (more > 0)
    found = ", ".join(f"{count} {name}" for name, count in plan.classes.most_common())
    yield f"objects  {found or 'none'}"
    for name, count in plan.rules.items():
        yield f"rule {name}: {count.objects} objects on {count.photos} photos"
    for threshold, count in plan.thresholds.items():
        told = f"{count.objects} objects on {count.photos} photos"
        yield f"likeness {threshold:.2f} and more: {told}"
    for reason, number in plan.skipped.most_common(_SHOWN):
        yield f"nothing to recolor on {number} photos: {reason}"
    written = ", ".join(f"{count} {kind}" for kind, count in plan.files.items())
    yield f"files    {written or 'none'}"
    if plan.seconds is not None and plan.bytes is not None:
        yield (
            f"about    {duration(plan.seconds)}, {size(plan.bytes)} "
            f"(measured on {plan.painted} photos)"
        )


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(4.26), duration(350), duration(9000)
    ('4.3 s', '6 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def size(count: float) -> str:
    """Bytes as people say them.

    >>> size(1234), size(5.6e9)
    ('1.2 kB', '5.6 GB')
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count:.0f} bytes"
