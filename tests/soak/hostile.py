"""Hostile files through reading, writing and the page's upload (docs/reliability.md).

python -m tests.soak.hostile --files 1000 [--page]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.soak.files import hostile

SECONDS, MEGABYTES = 20, 1500
WRITTEN = 2_000_000
"""Photos of more pixels are read only: a codec may take its time to write 99 megapixels."""


def read_and_write(path: Path, out: Path) -> str:
    """ "read", or the name of the error that is meant for users; anything else is a fault."""
    from dmlseg_core.errors import DmlsegError
    from dmlseg_core.photo import FORMATS, load_photo, save_photo

    try:
        photo = load_photo(path)
        if photo.height * photo.width > WRITTEN:
            return "read"
        suffix = path.suffix if path.suffix in FORMATS else ".png"
        save_photo(photo.working_pixels(), out.with_suffix(suffix), photo)
        load_photo(out.with_suffix(suffix))
    except DmlsegError as error:
        assert str(error) and "\n" not in str(error), repr(error)
        return type(error).__name__
    return "read"


def alone(path: Path, folder: Path) -> tuple[str, float, float]:
    """What became of a file in a process of its own: outcome, seconds, megabytes at the most."""
    read, write = os.pipe()
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        try:
            told = read_and_write(path, folder / "out")
        except BaseException:
            told = "TRACEBACK " + traceback.format_exc()
        os.write(write, told.encode("utf-8", "backslashreplace")[-4000:])
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        told = pipe.read().decode()
    _, status, used = os.wait4(child, 0)
    if os.WIFSIGNALED(status):
        told = "HANG" if os.WTERMSIG(status) == signal.SIGALRM else f"SIGNAL {os.WTERMSIG(status)}"
    return told, time.monotonic() - start, used.ru_maxrss / 1024


def files(count: int, seed: int) -> int:
    """Every file in a process of its own; how many faults there were."""
    from dmlseg_core.photo import load_photo
    from dmlseg_core.photo.source import register_heif

    register_heif()
    del load_photo  # loaded before the forks: a child's memory is the photo's
    found: Counter[str] = Counter()
    faults, slowest, largest = [], (0.0, ""), (0.0, "")
    with tempfile.TemporaryDirectory() as folder:
        for name, data in hostile(count, seed):
            path = Path(folder) / name
            path.write_bytes(data)
            told, seconds, megabytes = alone(path, Path(folder))
            found[told.split()[0]] += 1
            slowest, largest = max(slowest, (seconds, name)), max(largest, (megabytes, name))
            if told.split()[0] in ("TRACEBACK", "HANG", "SIGNAL") or megabytes > MEGABYTES:
                faults.append(f"{name} ({megabytes:.0f} MB): {told}")
            torn = [p.name for p in Path(folder).iterdir() if p.name.endswith(".part")]
            faults += [f"{name}: left {torn}"] if torn else []
            for made in Path(folder).iterdir():
                made.unlink()
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(*faults, sep="\n", end="\n" * bool(faults))
    most = {"most_MB": [round(largest[0]), largest[1]], "of_it_before_MB": round(base)}
    print(json.dumps({"files": count, **found, "faults": len(faults),
                      "slowest_s": [round(slowest[0], 1), slowest[1]], **most}))  # fmt: skip
    return len(faults)


def page(count: int, seed: int) -> int:
    """Every file through the page's upload; how many faults there were."""
    from tests.soak.server import Server

    found: Counter[str] = Counter()
    faults, slowest = [], (0.0, "")
    with Server() as server:
        for name, data in hostile(count, seed):
            user, start = server.user(), time.monotonic()
            answer = user.post("photo", data, name=name)
            slowest = max(slowest, (time.monotonic() - start, name))
            found[str(answer.status_code)] += 1
            told = answer.text
            bad = answer.status_code >= 500 or "Traceback" in told
            bad = bad or str(Path.cwd()) in told or tempfile.gettempdir() in told
            if bad or (answer.status_code >= 400 and not answer.json()["message"]):
                faults.append(f"{name}: {answer.status_code} {told[:300]}")
        most, log = server.most_megabytes(), server.log()
        faults += ["the log holds a traceback"] if "Traceback" in log else []
        faults += ["the server has gone"] if not server.alive() else []
    faults += [f"the server took {most:.0f} MB"] if most > MEGABYTES else []
    faults += [f"{slowest[1]} took {slowest[0]:.0f} s"] if slowest[0] > SECONDS else []
    print(*faults, sep="\n", end="\n" * bool(faults))
    print(json.dumps({"uploads": count, **found, "faults": len(faults), "server_MB": round(most),
                      "slowest_s": [round(slowest[0], 1), slowest[1]]}))  # fmt: skip
    return len(faults)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--page", action="store_true", help="through a running app's upload")
    args = parser.parse_args()
    sys.exit(bool((page if args.page else files)(args.files, args.seed)))
