"""Many users at once: milliseconds from a click's request to its answer, over loopback.

Each user opens a sample and clicks at random places with a pause in between; one more opens photos
all the time, so that the network is never idle. Read the ratio: absolute times are the machine's.
"""

from __future__ import annotations

import argparse
import io
import itertools
import math
import random
import statistics
import subprocess
import sys
import threading
import time

import httpx
import skimage.data
from PIL import Image

WHOLE = {"Accept": "application/octet-stream"}
"""As the page asks: the outline comes with the answer."""
FLOOR = 150.0
"""Milliseconds of the median click of ten users."""


def analysed(client: httpx.Client, path: str, data: bytes = b"") -> dict[str, str]:
    """Headers of a user whose photo is analysed."""
    headers = {"X-Dmlseg-Session": client.post("/stage/session").json()["session"]}
    client.post(f"/stage/{path}", headers=headers, content=data).raise_for_status()
    while client.get("/stage/state", headers=headers).json()["phase"] != "ready":
        time.sleep(0.05)
    return headers


def clicks(url: str, seed: int, count: int, pause: float, found: list[float]) -> None:
    draw = random.Random(seed)
    with httpx.Client(base_url=url, timeout=120) as client:
        headers = analysed(client, "sample/" + draw.choice(["coffee", "astronaut", "chelsea"]))
        for seq in range(1, count + 1):
            asked = {"seq": seq, "op": "click", "mode": "new",
                     "x": draw.randrange(440), "y": draw.randrange(290)}  # fmt: skip
            start = time.perf_counter()
            answer = client.post("/stage/edit", headers={**headers, **WHOLE}, json=asked)
            found.append(1000 * (time.perf_counter() - start))
            answer.raise_for_status()
            client.post("/stage/edit", headers=headers, json={"seq": seq, "op": "undo"})
            time.sleep(draw.uniform(0.5, 1.5) * pause)


def opening(url: str, done: threading.Event) -> None:
    """Open photos until told to stop, each a new one: what is kept of a photo is no help."""
    with httpx.Client(base_url=url, timeout=120) as client:
        rocket = Image.fromarray(skimage.data.rocket())
        for k in itertools.count(time.time_ns()):
            if done.is_set():
                break
            rocket.putpixel((0, 0), (k & 255, k >> 8 & 255, k >> 16 & 255))
            data = io.BytesIO()
            rocket.save(data, "BMP")
            analysed(client, "photo?name=rocket.bmp", data.getvalue())


def measure(url: str, users: int, count: int, pause: float) -> list[float]:
    found: list[float] = []
    done = threading.Event()
    other = threading.Thread(target=opening, args=(url, done))
    hands = [
        threading.Thread(target=clicks, args=(url, k, count, pause, found)) for k in range(users)
    ]
    other.start()
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    done.set()
    other.join()
    return sorted(found)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two clicks")
    parser.add_argument("--port", type=int, default=7998)
    args = parser.parse_args(argv)
    url = f"http://127.0.0.1:{args.port}"
    command = [sys.executable, "app.py", "--no-inbrowser", "--port", str(args.port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        server.stdout.readline()
        try:
            print("| users | median ms | p95 ms |\n|---|---|---|")
            for users in (1, args.users):
                found = measure(url, users, args.clicks, args.pause)
                median, late = statistics.median(found), found[math.ceil(0.95 * len(found)) - 1]
                print(f"| {users} | {median:.0f} | {late:.0f} |", flush=True)
        finally:
            server.terminate()
    print(f"\nmedian of {args.users} users <= {FLOOR:.0f} ms: {'yes' if median <= FLOOR else 'NO'}")
    return int(median > FLOOR)


if __name__ == "__main__":
    sys.exit(main())
