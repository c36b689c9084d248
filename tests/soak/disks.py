"""Full disks, read-only folders, folders that go away, two runs at once (docs/reliability.md).

    python -m tests.soak.disks --sizes 33 [--part 1/3]

Disks of so many sizes are made with tmpfs in a namespace of their own (Linux; `unshare`).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image

from tests.soak.kills import COMMAND, photos, tree


def main() -> int:
    """0 where each trial ends in one sentence and nothing torn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, default=33)
    parser.add_argument("--photos", type=int, default=6)
    parser.add_argument("--part", default="1/1", help="K/N: only the Kth of N parts of the sizes")
    args = parser.parse_args()
    part, parts = map(int, args.part.split("/"))
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        photos(root / "in", args.photos)
        words = ["segment", str(root / "in"), "--quality", "fast", "--quiet", "-o"]
        subprocess.run([*COMMAND, *words, str(root / "plain")], check=False, capture_output=True)
        plain = tree(root / "plain")
        whole = sum(-(-len(data) // 4096) for data in plain.values()) * 4 + 40
        if enough := can_mount(root):
            sizes = sorted({8 + (whole - 8) * k // args.sizes for k in range(args.sizes)})
            sizes = sizes[part - 1 :: parts]
            with ThreadPoolExecutor(2) as pool:  # each in a namespace of its own
                trials = pool.map(partial(on_a_disk, root, words, plain), sizes)
                faults += [fault for trial in trials for fault in trial]
        if part == 1:
            faults += goes_away(root, words, plain)
            faults += two_at_once(root, words, plain)
            faults += read_only(root, words)
    print(*faults, sep="\n", end="\n" * bool(faults))
    others = int(part == 1)
    print(json.dumps({"disks": len(sizes) if enough else "none: no unshare", "removed": others,
                      "two_at_once": others, "read_only": others,
                      "faults": len(faults)}))  # fmt: skip
    return bool(faults)


def can_mount(root: Path) -> bool:
    """Whether this system lets us make small disks."""
    (root / "disk").mkdir()
    made = f"mount -t tmpfs -o size=64k tmpfs {root / 'disk'}"
    words = ["unshare", "-Urm", "sh", "-c", made]
    return (
        shutil.which("unshare") is not None
        and not subprocess.run(words, check=False, capture_output=True).returncode
    )


def one_sentence(
    name: str, run: subprocess.CompletedProcess[str], codes: tuple[int, ...]
) -> list[str]:
    """Faults of what a command said; a failed photo may have a sentence of its own before."""
    lines = run.stderr.splitlines()
    bad = "Traceback" in run.stderr or run.returncode not in codes
    bad = bad or (run.returncode == 1 and not (lines and lines[-1].startswith("dmlseg: ")))
    return [f"{name}: exit {run.returncode}: {run.stderr[-500:]}"] if bad else []


def torn(name: str, files: dict[str, bytes], plain: dict[str, bytes]) -> list[str]:
    """Faults of what a command left: pictures are whole, the journal holds whole lines."""
    found = []
    for path, data in files.items():
        if path.endswith((".png", ".jpg")) and data != plain[path]:
            found.append(f"{name}: {path} is torn")
        if path.endswith(".jsonl") and data and not data.endswith(b"\n"):
            found.append(f"{name}: {path} ends in half a line")
        if path.endswith(".json"):
            json.loads(data)
        if path.endswith(".part"):
            found.append(f"{name}: {path} was left")
    return found


def on_a_disk(root: Path, words: list[str], plain: dict[str, bytes], kilobytes: int) -> list[str]:
    """A run on a disk of a size, then one on a larger one that goes on."""
    disk, kept = root / "disk", root / f"kept{kilobytes}"
    script = (
        f"mount -t tmpfs -o size={kilobytes}k tmpfs {disk} && "
        f'{{ "$@" {disk}/out; code=$?; cp -a {disk}/out {kept} 2>/dev/null; exit $code; }}'
    )
    made = ["unshare", "-Urm", "sh", "-c", script, "sh", *COMMAND, *words]
    run = subprocess.run(made, check=False, capture_output=True, text=True)
    faults = one_sentence(f"{kilobytes} kB", run, (0, 1, 3))
    if not kept.exists():  # not even a folder found room
        return faults
    faults += torn(f"{kilobytes} kB", tree(kept), plain)
    again = subprocess.run(
        [*COMMAND, *words, str(kept)], check=False, capture_output=True, text=True
    )
    faults += one_sentence(f"{kilobytes} kB, again", again, (0, 3))
    after = tree(kept)
    same = {k: v for k, v in after.items() if k.endswith((".png", ".jpg", ".json"))} == {
        k: v for k, v in plain.items() if k.endswith((".png", ".jpg", ".json"))
    }
    shutil.rmtree(kept)
    return faults if same else [*faults, f"{kilobytes} kB: the run that goes on ends elsewhere"]


def goes_away(root: Path, words: list[str], plain: dict[str, bytes]) -> list[str]:
    """The output folder is removed as soon as its first overlay is there."""
    out = root / "gone"
    process = subprocess.Popen([*COMMAND, *words, str(out)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)  # fmt: skip
    while process.poll() is None and not list(out.rglob("*.jpg")):
        time.sleep(0.01)
    shutil.rmtree(out, ignore_errors=True)
    _, said = process.communicate()
    run = subprocess.CompletedProcess([], process.returncode, "", said)
    left = tree(out) if out.exists() else {}
    return one_sentence("removed", run, (1,)) + torn("removed", left, plain)


def two_at_once(root: Path, words: list[str], plain: dict[str, bytes]) -> list[str]:
    """Two runs into one folder: one does all, the other says so and ends."""
    out = root / "two"
    both = [
        subprocess.Popen(
            [*COMMAND, *words, str(out)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate()[1] for process in both]
    codes = sorted(process.returncode for process in both)
    faults = torn("two at once", tree(out), plain)
    if sum("another run is writing" in text for text in said) != 1 or codes[0] not in (0, 1):
        faults.append(f"two at once: {codes} {said}")
    return faults


def read_only(root: Path, words: list[str]) -> list[str]:
    """A folder that may not be written (root may: then a file system that may not)."""
    disk = root / "disk"
    script = f'mount -t tmpfs -o ro tmpfs {disk} && "$@" {disk}/out'
    made = ["unshare", "-Urm", "sh", "-c", script, "sh", *COMMAND, *words]
    if os.geteuid() and not can_mount(root):
        disk.chmod(0o500)
        made = [*COMMAND, *words, str(disk / "out")]
    run = subprocess.run(made, check=False, capture_output=True, text=True)
    return one_sentence("read-only", run, (1,))


if __name__ == "__main__":
    Image.init()
    sys.exit(main())
