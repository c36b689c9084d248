"""The pictures of the page, docs/images/page*.webp and stage.webp: a walk through the running app.

    python docs/page_pictures.py [-o docs/images] [--url http://127.0.0.1:7860]

Starts the app unless an address is given, and needs Chromium and Playwright (requirements-dev.txt).
The hand is drawn into the animation: a headless browser has none.
"""

# ruff: noqa: D102, D103

from __future__ import annotations

import argparse
import io
import math
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

WAIT = 60_000
FRAME = (1120, 720)
SHOWN = (896, 576)
TICK = 160
"""Milliseconds that a frame of the animation is shown."""
PICTURES: dict[str, tuple[dict[str, Any], str, list[tuple[float, float]], str]] = {
    "page": ({}, "astronaut", [(0.42, 0.75), (0.62, 0.57), (0.55, 0.82)], "#2a6f97"),
    "page.dark": ({"color_scheme": "dark"}, "coffee", [(0.25, 0.62)], "#5b7f3a"),
    "page.zh": ({"locale": "zh-CN"}, "chelsea", [(0.45, 0.75)], "#8a9aa8"),
    "page.phone": (
        {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
        "chelsea", [(0.45, 0.75)], "#8a9aa8",
    ),
}  # fmt: skip
"""Of each: the browser, the sample, where it is clicked (shares of the stage; what follows the
first is added), its color."""


class Walk:
    """One tab, and what is seen in it while a hand moves."""

    def __init__(self, browser: Any, url: str, sample: str, **options: Any) -> None:
        settings = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US", **options}
        self.page = browser.new_context(**settings).new_page()
        self.page.goto(url)
        self.rest()
        self.page.locator(".bar button").nth(1).click()
        self.page.locator(f".dialog .card img[src$='/{sample}']").click()
        self.rest()
        self.hand = (0.5 * FRAME[0], 0.9 * FRAME[1])
        self.frames: list[Image.Image] = []

    def rest(self) -> None:
        """Until a photo with its objects is there, and nothing is under way."""
        self.page.locator(".list li").first.wait_for(state="attached", timeout=WAIT)
        self.page.wait_for_load_state("networkidle", timeout=WAIT)
        self.page.wait_for_timeout(500)

    def spot(self, selector: str, x: float = 0.5, y: float = 0.5) -> tuple[float, float]:
        box = self.page.locator(selector).first.bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def shot(self) -> Image.Image:
        return Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")

    def keep(self, times: int = 1) -> None:
        """The next frames of the animation."""
        seen = self.shot()
        x, y = self.hand
        outline = [(0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (12, 12)]
        shape = [(x + dx, y + dy) for dx, dy in outline]
        ImageDraw.Draw(seen).polygon(shape, fill="white", outline="black")
        self.frames += [seen.resize(SHOWN, Image.Resampling.LANCZOS)] * times

    def move(self, x: float, y: float, steps: int = 5) -> None:
        """The hand goes to a place, slower at both ends."""
        (x0, y0), keep = self.hand, self.keep
        for k in range(1, steps + 1):
            share = 0.5 - 0.5 * math.cos(math.pi * k / steps)
            self.hand = x0 + share * (x - x0), y0 + share * (y - y0)
            self.page.mouse.move(*self.hand)
            self.page.wait_for_timeout(60)
            keep()

    def click(self, x: float, y: float, steps: int = 5) -> None:
        self.move(x, y, steps)
        self.page.mouse.click(x, y)
        self.rest()
        self.keep(2)

    def drag(self, *places: tuple[float, float], steps: int = 6) -> None:
        self.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.move(*place, steps=steps)
        self.page.mouse.up()
        self.rest()
        self.keep(2)


def picture(browser: Any, url: str, name: str) -> Image.Image:
    options, sample, (place, *added), color = PICTURES[name]
    walk = Walk(browser, url, sample, **options)
    x, y = walk.spot(".surface", *place)
    walk.page.touchscreen.tap(x, y) if "has_touch" in options else walk.page.mouse.click(x, y)
    walk.rest()
    for more in added:
        walk.page.keyboard.down("Shift")
        walk.page.mouse.click(*walk.spot(".surface", *more))
        walk.page.keyboard.up("Shift")
        walk.rest()
    walk.page.locator(".panel .tabs button").nth(3).click()
    walk.page.locator(".field .text").fill(color)
    walk.page.locator(".field .text").press("Enter")
    walk.page.locator(".from-to i + i").first.wait_for(state="attached", timeout=WAIT)  # painted
    walk.rest()
    if "has_touch" not in options:
        walk.page.mouse.move(640, 20)
    walk.page.locator(".field .text").evaluate("field => field.blur()")
    walk.page.wait_for_timeout(400)
    seen = walk.shot()
    walk.page.context.close()
    return seen


def animation(browser: Any, url: str) -> list[Image.Image]:
    """Point, click, tau, color, hue, before and after: about 20 seconds."""
    size = dict(zip(("width", "height"), FRAME, strict=True))
    walk = Walk(browser, url, "astronaut", viewport=size)
    walk.keep(3)
    for place in ((0.75, 0.35), (0.5, 0.2), (0.68, 0.8)):
        walk.move(*walk.spot(".surface", *place), steps=6)
    walk.click(*walk.spot(".surface", 0.36, 0.75))
    walk.keep(2)
    walk.drag(*(walk.spot(".tau input[type=range]", x) for x in (0.45, 0.62, 0.4)))
    walk.page.get_by_role("button", name="Object", exact=True).last.click()
    walk.rest()
    walk.keep(3)
    walk.drag(*(walk.spot(".area", *place) for place in ((0.7, 0.5), (0.85, 0.4), (0.6, 0.55))))
    walk.drag(*(walk.spot(".hue", x) for x in (0.1, 0.9, 0.6)), steps=8)
    walk.move(*walk.spot(".surface", 0.97, 0.12))
    walk.page.keyboard.press("s")
    walk.drag(*(walk.spot(".split", x, 0.5) for x in (0.5, 0.15, 0.8)), steps=7)
    walk.page.keyboard.press("s")
    walk.move(*walk.spot(".surface", 0.97, 0.12))
    walk.keep(4)
    walk.page.context.close()
    return walk.frames


@contextmanager
def running(url: str | None) -> Iterator[str]:
    """The address of an app."""
    if url:
        yield url
        return
    command = [sys.executable, "app.py", "--no-inbrowser", "--port", "7998"]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        server.stdout.readline()
        try:
            yield "http://127.0.0.1:7998"
        finally:
            server.terminate()


def write(browser: Any, url: str, out: Path) -> None:
    for name in PICTURES:
        picture(browser, url, name).save(out / f"{name}.webp", quality=90, method=6)
        print(out / f"{name}.webp", flush=True)
    first, *rest = animation(browser, url)
    first.save(
        out / "stage.webp", save_all=True, append_images=rest, duration=TICK, loop=0,
        quality=25, method=4,
    )  # fmt: skip
    print(f"{out / 'stage.webp'}: {(1 + len(rest)) * TICK / 1000:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, default=Path(__file__).parent / "images")
    parser.add_argument("--url", help="of an app that runs already")
    args = parser.parse_args()
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - development only

    with running(args.url) as url, sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        write(browser, url, args.out)
        browser.close()


if __name__ == "__main__":
    main()
