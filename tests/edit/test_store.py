"""SessionStore: its bound, and what becomes of the memory of what it forgets."""

import platform
from pathlib import Path

import numpy as np
import pytest

from dmlseg_core.edit import store as session_store
from dmlseg_core.edit.store import SessionStore
from dmlseg_core.photo.load import load_photo
from tests import synth


def put(store, key):
    photo = np.zeros((4 * synth.GRID[0], 4 * synth.GRID[1], 3), np.uint8)
    return store.put(key, load_photo(photo), synth.scene())


def test_the_store_forgets_the_longest_unused_first():
    one = put(SessionStore(), "a").nbytes
    store = SessionStore(limit=2 * one)
    first = put(store, "a")
    put(store, "b")
    assert store.get("a") is first
    put(store, "c")
    assert store.get("b") is None
    assert store.get("a") is first
    assert store.nbytes <= 2 * one
    store.drop("a")
    store.drop("a")
    assert store.get("a") is None


def test_one_session_stays_however_large():
    store = SessionStore(limit=1)
    put(store, "a")
    newest = put(store, "b")
    assert store.get("a") is None
    assert store.get("b") is newest


def test_memory_is_handed_back_when_sessions_are_forgotten_and_only_then(monkeypatch):
    calls = []
    monkeypatch.setattr(session_store, "return_freed_memory", lambda: calls.append(1))
    store = SessionStore(limit=1)
    put(store, "a")
    store.trim()
    store.drop("b")
    assert not calls
    put(store, "b")  # too much: the first one goes
    assert len(calls) == 1
    put(store, "b")  # another photo in its place
    assert len(calls) == 2
    store.drop("b")
    assert len(calls) == 3


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is known to keep holes")
def test_holes_among_living_blocks_are_handed_back():
    blocks = [bytes([k % 256]) * 65536 for k in range(2000)]  # below what malloc maps by itself
    living = blocks[::20]
    del blocks
    before = resident_bytes()
    session_store.return_freed_memory()
    assert before - resident_bytes() > 60e6
    assert all(block == block[:1] * 65536 for block in living)


def resident_bytes():
    import resource  # not on Windows

    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()
