"""Handing freed memory back to the system."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any


def return_freed_memory() -> None:
    """Hand freed memory back to the system: some milliseconds.

    glibc keeps the holes that forgotten photos leave among living ones, and a process that serves
    photos for days grows by them (https://man7.org/linux/man-pages/man3/malloc_trim.3.html). Other
    C libraries have no such call, and nothing happens.
    """
    if (trim := _malloc_trim()) is not None:
        trim(0)


@cache
def _malloc_trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):  # Windows; macOS, musl
        return None
