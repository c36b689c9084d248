"""What the hand waits for in Chromium: milliseconds as the browser's own clock has them, and bytes.

Loopback, headless, software drawing. Each line is the median and the 95th percentile; read them as
ratios where the machine is shared.
"""

from __future__ import annotations

import argparse
import io
import math
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import skimage.data
from PIL import Image

WAIT = 60_000
CLOCK = """() => {
  const root = document.querySelector("body > .stage-host").shadowRoot;
  const now = () => performance.now(), bench = window.bench = { moves: [], drags: [] };
  const [under, over] = root.querySelectorAll(".surface canvas");
  root.querySelector(".surface").addEventListener("pointermove",
    (e) => { bench.moved = e.timeStamp; }, true);
  root.querySelector(".surface").addEventListener("pointerup",
    (e) => { bench.pressed = e.timeStamp; bench.drawn = []; }, true);
  over.addEventListener("drawn", () => {
    bench.drawn?.push(now());
    if (bench.moved) bench.moves.push(now() - bench.moved);
    bench.moved = 0;
  });
  root.querySelector(".area").addEventListener("pointermove",
    (e) => { bench.dragged ||= e.timeStamp; }, true);
  const draw = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (...rest) {
    if (this.canvas === under && rest[0] instanceof OffscreenCanvas && bench.dragged) {
      bench.drags.push(now() - bench.dragged);
      bench.dragged = 0;
    }
    return draw.apply(this, rest);
  };
}"""
READY = "() => document.querySelector('body > .stage-host')?.shadowRoot?.querySelector('.list li')"
LINE = "name => performance.getEntriesByType('resource').filter(e => e.name.includes(name))"
ENTRIES = f"{LINE}.map(e => [e.startTime, e.responseEnd, e.transferSize])"


def said(name: str, found: Sequence[float], goal: str) -> None:
    ordered = sorted(found)
    late = ordered[math.ceil(0.95 * len(ordered)) - 1]
    print(f"| {name} | {statistics.median(ordered):.0f} | {late:.0f} | {goal} |", flush=True)


def twelve_megapixels(seed: int) -> bytes:
    """A JPEG that no cache has seen."""
    rgb = cv2.resize(skimage.data.astronaut(), (4000, 3000), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(seed).integers(-4, 5, rgb.shape, dtype=np.int16)
    out = io.BytesIO()
    Image.fromarray(np.clip(rgb + noise, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
    return out.getvalue()


def visit(browser: Any, url: str) -> tuple[Any, float]:
    """A new page with an empty cache whose first photo can be clicked, and when it could."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(url, wait_until="commit")
    page.wait_for_function(READY, polling="raf", timeout=WAIT)
    return page, float(page.evaluate("performance.now()"))


def hovers(page: Any, count: int) -> list[float]:
    box, draw = page.locator(".surface").bounding_box(), np.random.default_rng(1)
    page.evaluate("bench.moves = []")
    for _ in range(count):
        x, y = draw.uniform(0.15, 0.85, 2)
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.wait_for_timeout(30)
    return list(page.evaluate("bench.moves"))


def clicks(page: Any, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds from the button's release to the first picture with the server's outline, and
    bytes, of first clicks.
    """
    box, draw = page.locator(".surface").bounding_box(), np.random.default_rng(2)
    times, sizes = [], []
    for _ in range(count):
        x, y = draw.uniform(0.2, 0.8, 2)
        page.evaluate("performance.clearResourceTimings()")
        with page.expect_response(lambda r: r.url.endswith("/stage/edit"), timeout=WAIT):
            page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.wait_for_timeout(450)
        asked = [*page.evaluate(ENTRIES, "/stage/edit"), *page.evaluate(ENTRIES, "/mask/")]
        pressed, drawn = page.evaluate("[bench.pressed, bench.drawn]")
        told = max(entry[1] for entry in asked)
        times.append(min(time for time in drawn if time > told) - pressed)
        sizes.append(sum(entry[2] for entry in asked))
        page.get_by_role("button", name="Undo", exact=True).click()
        page.wait_for_timeout(450)
    return times, sizes


def drags(page: Any, count: int) -> list[float]:
    """From a move on the picker to painted pixels."""
    surface, area = (page.locator(s).bounding_box() for s in (".surface", ".area"))
    page.mouse.click(surface["x"] + surface["width"] / 2, surface["y"] + surface["height"] / 2)
    page.wait_for_timeout(800)
    page.mouse.move(area["x"] + 10, area["y"] + 10)
    page.mouse.down()
    for k in range(count):
        page.mouse.move(area["x"] + 10 + 2 * k, area["y"] + 10 + k % 40)
        page.wait_for_timeout(60)
    page.mouse.up()
    return list(page.evaluate("bench.drags"))


def drops(page: Any, count: int) -> list[float]:
    """From the first byte of a photo of 12 megapixels to its list of objects."""
    found = []
    for seed in range(count):
        page.evaluate("performance.clearResourceTimings()")
        photo = {"name": f"{seed}.jpg", "mimeType": "image/jpeg", "buffer": twelve_megapixels(seed)}
        with page.expect_response(lambda r: "/stage/fields" in r.url, timeout=WAIT):
            with page.expect_file_chooser() as chooser:
                page.locator(".bar .wide").click()
            chooser.value.set_files(photo)
        page.wait_for_timeout(500)
        (sent, *_), states = (
            page.evaluate(ENTRIES, "/stage/photo"),
            page.evaluate(ENTRIES, "state?"),
        )
        network = max(states, key=lambda e: e[2] if e[1] <= states[-1][1] else 0)
        found.append(network[1] - sent[0])
    return found


def measure(url: str, rounds: int) -> None:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - development only

    print("| | median | p95 | goal |\n|---|---|---|---|")
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        seen = [visit(browser, url)]
        for _ in range(rounds):  # the first one warms the server up and is not counted
            seen[-1][0].context.close()  # a page that goes on loading would slow the next one
            seen.append(visit(browser, url))
        said("page interactive, ms", [time for _, time in seen[1:]], "1200")
        page = seen[-1][0]
        page.wait_for_timeout(3000)
        page.evaluate(CLOCK)
        said("hover to overlay, ms", hovers(page, 20 * rounds), "25, 50")
        line = page.context.new_cdp_session(page)
        line.send("Network.emulateNetworkConditions", {
            "offline": False, "latency": 200, "downloadThroughput": -1, "uploadThroughput": -1,
        })  # fmt: skip
        said("the same at 200 ms of latency, ms", hovers(page, 20 * rounds), "25, 50")
        line.send("Network.emulateNetworkConditions", {
            "offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        })  # fmt: skip
        times, sizes = clicks(page, 5 * rounds)
        said("click to the server's outline on the screen, ms", times, "60")
        said("bytes of a click", sizes, "8000")
        said("color drag, pick to pixels, ms", drags(page, 12 * rounds), "p95 50")
        said("drop of 12 MP to proposals, ms", drops(page, rounds), "1200")
        browser.close()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=7997)
    parser.add_argument("--url", help="of an app that runs already")
    args = parser.parse_args(argv)
    if args.url:
        measure(args.url, args.rounds)
        return 0
    command = [sys.executable, "app.py", "--no-inbrowser", "--port", str(args.port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        server.stdout.readline()
        try:
            measure(f"http://127.0.0.1:{args.port}", args.rounds)
        finally:
            server.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
