"""Desks: their bound, and what becomes of the memory of what is put away."""

import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dmlseg_core.edit.session import EditSession
from dmlseg_core.edit.style import Pattern, Style
from dmlseg_core.photo.load import load_photo
from dmlseg_core.stage import desks as rooms
from dmlseg_core.stage.desks import Desks, Work
from tests import own_loop, synth
from tests.edit.test_session import CAT, picture


def laid(desks, desk=None):
    """A desk with an analysed photo on it."""
    desk = desk or desks.new("en")
    work = Work(load_photo(picture()), "a.png")
    desk.lay(work)
    desk.begin(work, EditSession(work.photo, synth.scene()))
    desks.trim()
    return desk


def test_the_longest_unused_is_put_away_first():
    one = laid(Desks()).work.nbytes
    desks = Desks(limit=2 * one)
    first, second = laid(desks), laid(desks)
    desks.get(first.token)
    third = laid(desks)
    assert second.work is None and first.work and third.work
    assert desks.nbytes <= 2 * one
    assert desks.get(second.token) is second and desks.get("nobody") is None


def test_who_has_left_makes_room_before_who_is_slower():
    """The one who waits for an answer is not the one who was there last."""
    one = laid(Desks()).work.nbytes
    desks = Desks(limit=2 * one)
    waiting, gone = laid(desks), laid(desks)
    desks.leave(gone.token)
    third = laid(desks)
    assert gone.work is None and waiting.work and third.work


def test_a_photo_that_is_being_edited_is_put_away_late():
    one = laid(Desks()).work.nbytes
    desks = Desks(limit=2 * one)
    edited, idle = laid(desks), laid(desks)
    own_loop.run(edited.turn.acquire())
    third = laid(desks)
    assert idle.work is None and edited.work and third.work
    fourth = laid(desks)  # who comes must get a place, whatever the others do
    assert third.work is None and edited.work and fourth.work
    edited.turn.release()
    own_loop.run(fourth.turn.acquire())
    fifth = laid(desks)
    assert edited.work is None and fourth.work and fifth.work


def test_one_photo_stays_however_large():
    desks = Desks(limit=1)
    first, second = laid(desks), laid(desks)
    assert first.work is None and second.work is not None


def test_edits_outlive_what_is_put_away_undo_too():
    desks = Desks(limit=1)
    desk = laid(desks)
    desk.work.session.select(*CAT)
    desk.work.session.set_color("red")
    laid(desks)
    assert desk.work is None and desk.phase == "empty"
    assert desks.get(desk.token) is desk
    session = laid(desks, desk).work.session
    assert session.selections[0].color == "red"
    session.undo()
    assert session.selections[0].color is None
    session.select(80, 10)
    assert len({s.id for s in session.selections}) == 2


def test_memory_is_handed_back_when_something_is_put_away_and_only_then(monkeypatch):
    calls = []
    monkeypatch.setattr(rooms, "return_freed_memory", lambda: calls.append(1))
    desks = Desks(limit=1)
    laid(desks)
    assert not calls
    laid(desks)
    assert len(calls) == 1


def test_a_photo_that_nobody_uses_is_put_away_and_one_whose_page_was_left_soon():
    desks = Desks()
    left, idle, used = laid(desks), laid(desks), laid(desks)
    desks.leave(left.token)
    desks.leave("nobody")
    desks.sweep()
    assert (
        left.work and idle.work and used.work
    )  # a page that is loaded anew is back within seconds
    now = time.monotonic()
    assert now < left.until <= now + rooms.GRACE < idle.until <= now + rooms.IDLE
    left.until = idle.until = now - 1
    desks.sweep()
    assert left.work is None and idle.work is None and used.work is not None
    assert left.phase == "empty" and desks.get(left.token) is left


def test_who_comes_back_in_time_finds_the_photo():
    desks = Desks()
    desk = laid(desks)
    desks.leave(desk.token)
    assert desks.get(desk.token).until > time.monotonic() + rooms.GRACE


def test_who_asks_for_thousands_of_sessions_takes_nobodys(monkeypatch):
    monkeypatch.setattr(rooms, "_DESKS", 20)
    desks = Desks()
    there, away, empty = laid(desks), laid(desks), desks.new("en")
    away.work.session.select(*CAT)
    away.clear()
    for _ in range(100):
        last = desks.new("en")
    assert desks.get(there.token) is there and desks.get(away.token) is away
    assert desks.get(empty.token) is None and desks.get(last.token) is last
    monkeypatch.setattr(rooms, "_DESKS", 2)
    last = desks.new("en")  # all others are used
    assert desks.get(last.token) is last and desks.get(away.token) is away
    assert desks.get(there.token) is None


def noise(number):
    rng = np.random.default_rng(number)
    return Pattern.of(rng.integers(0, 256, (100, 100, 3), np.uint8))


def test_what_users_brought_counts_as_long_as_it_can_come_back():
    desk = laid(Desks())
    session = desk.work.session
    session.select(*CAT)
    before, patterns = desk.work.nbytes, [noise(k) for k in range(4)]
    for pattern in patterns:
        session.set_style(Style(mode="pattern", pattern=pattern), drag="")
    assert desk.work.nbytes - before >= sum(len(p.png) for p in patterns)
    session.undo()
    assert session.history.nbytes == sum(len(p.png) for p in patterns)


def test_edits_of_photos_that_were_put_away_are_bounded_too():
    one = len(noise(0).png)
    desks = Desks(limit=2 * one + 100)
    users = []
    for number in range(4):
        desk = laid(desks)
        desk.work.session.select(*CAT)
        desk.work.session.set_style(Style(mode="pattern", pattern=noise(number)))
        desk.clear()
        users.append(desk)
    desks.trim()
    assert [bool(desk.kept) for desk in users] == [False, False, True, True]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is known to keep holes")
def test_holes_among_living_blocks_are_handed_back():
    blocks = [bytes([k % 256]) * 65536 for k in range(2000)]  # below what malloc maps by itself
    living = blocks[::20]
    del blocks
    before = resident_bytes()
    rooms.return_freed_memory()
    assert before - resident_bytes() > 60e6
    assert all(block == block[:1] * 65536 for block in living)


def resident_bytes():
    import resource  # not on Windows

    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


ARENAS = """
import ctypes, re, sys, threading
from pathlib import Path
from dmlseg_core.stage import share_arenas
if sys.argv[2] == "shared":
    share_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
here = threading.Barrier(12)
def allocate():
    here.wait()  # all of them live: an ended thread's arena is given to the next one
    libc.malloc(5000)
    here.wait()
threads = [threading.Thread(target=allocate) for _ in range(12)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
file = libc.fopen(sys.argv[1].encode(), b"w")
libc.malloc_info(0, ctypes.c_void_p(file))
libc.fclose(ctypes.c_void_p(file))
print(len(re.findall("<heap nr", Path(sys.argv[1]).read_text())))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="arenas are glibc's")
def test_threads_share_two_arenas(tmp_path):
    """As glibc itself tells: each thread has one of its own where nothing is said."""

    def arenas(how):
        words = [sys.executable, "-c", ARENAS, str(tmp_path / "info.xml"), how]
        return int(subprocess.run(words, capture_output=True, check=True).stdout)

    assert arenas("own") > 4
    assert arenas("shared") <= 2
