"""Many users at once on loopback, each with a photo and a color of their own, coming and going.

    python -m tests.soak.users --users 30 --minutes 5

0 errors, nobody's color in another's picture, nobody's picture for another's token; how long
answers took; what the server held before, while they were there, and after they left.
"""

from __future__ import annotations

import argparse
import colorsys
import json
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dmlseg_core.stage.desks import GRACE
from dmlseg_core.ui.served import SWEEP
from tests.soak.server import Server, User

SIDE = 256


def picture(number: int) -> NDArray[np.uint8]:
    """A shaded ball of a hue of its own on a gray ground."""
    y, x = np.mgrid[:SIDE, :SIDE]
    inside = (y - 128) ** 2 + (x - 128) ** 2 < 80**2
    hue = np.array(colorsys.hsv_to_rgb(number * 0.61803 % 1, 0.8, 1.0))
    light = np.clip(1.1 - np.hypot(y - 90, x - 90) / 220, 0.2, 1)[..., None]
    noise = np.random.default_rng(number).normal(0, 3, (SIDE, SIDE, 3))
    rgb = np.where(inside[..., None], 220 * light * hue, 128.0) + noise
    return np.clip(rgb, 0, 255).astype(np.uint8)


def wanted(number: int, turn: int) -> tuple[int, int, int]:
    """A color that no other user asks for at that turn."""
    r, g, b = colorsys.hsv_to_rgb((number * 0.754877 + turn * 0.17) % 1, 0.7, 0.75)
    return round(r * 255), round(g * 255), round(b * 255)


class Visit(threading.Thread):
    """One user: opens a photo, recolors the ball again and again, looks at the result."""

    def __init__(self, server: Server, number: int, until: float) -> None:
        super().__init__()
        self.server, self.number, self.until = server, number, until
        self.waits: list[float] = []
        self.opened: list[float] = []
        self.faults: list[str] = []
        self.put_away = 0

    def run(self) -> None:
        """Until the time is over; a photo of another number each time."""
        visits = 0
        while True:
            try:
                self._visit(visits)
            except Exception as error:
                self.faults.append(f"user {self.number}: {error!r:.300}")
            visits += 1
            if time.monotonic() > self.until:
                break

    def _visit(self, visits: int) -> None:
        own = self.number + 1000 * visits
        user, start = self.server.user(), time.monotonic()
        before = picture(own)
        user.open(before, f"{own}.png")
        self.opened.append(time.monotonic() - start)
        state = self._timed(user, op="click", x=128, y=128, mode="new")
        chosen = state["active"]
        for turn in range(3):
            color = wanted(self.number, turn)
            text = "#{:02x}{:02x}{:02x}".format(*color)
            self._timed(user, op="style", id=chosen, style={"color": text})
            self._check(user, before, color, turn)
        self.put_away += user.put_away
        user.leave()

    def _timed(self, user: User, **values: object) -> dict[str, object]:
        start = time.monotonic()
        state = user.edit(**values)
        self.waits.append(time.monotonic() - start)
        return state

    def _check(
        self, user: User, before: NDArray[np.uint8], color: tuple[int, int, int], turn: int
    ) -> None:
        """The ball's middle has the color's hue, the ground is the photo's own to the bit."""
        after = np.asarray(user.result())
        if after.shape != before.shape or not np.array_equal(after[:8, :8], before[:8, :8]):
            self.faults.append(f"user {self.number}: the ground is not their photo's")
            return
        middle = np.median(after[108:148, 108:148].reshape(-1, 3), axis=0)
        hues = [colorsys.rgb_to_hsv(*(float(v) for v in c))[0] for c in (middle, color)]
        apart = abs((hues[0] - hues[1] + 0.5) % 1 - 0.5)
        if apart > 0.04:
            self.faults.append(f"user {self.number}, turn {turn}: {middle} instead of {color}")


def strangers(server: Server) -> Iterator[str]:
    """Faults where a token that nobody was given, or none, is answered with a picture."""
    user = server.user()
    user.open(picture(0), "own.png")
    other = server.user()
    guesses = (other.token, user.token[:-1] + ("0" if user.token[-1] != "0" else "1"), "", "nobody")
    for token in guesses:
        for route in ("state", "preview", "tile/0/0/0", "mask/1", "fields"):
            answer = other.client.get(route, headers={"X-Dmlseg-Session": token})
            if answer.status_code < 400:
                yield f"token {token!r:.12} reads {route}: {answer.status_code}"


def main() -> int:
    """0 where nothing went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=2, help="of all users, one after the other")
    args = parser.parse_args()
    with Server("--quality", "fast") as server:
        warm = Visit(server, 500, 0)
        warm.run()  # loads what the first user waits for
        faults = warm.faults + list(strangers(server))
        told: list[dict[str, float]] = [server.held()]
        waits: list[float] = []
        opened: list[float] = []
        put_away = 0
        for _ in range(args.rounds):
            until = time.monotonic() + args.minutes * 60 / args.rounds
            visits = [Visit(server, k, until) for k in range(args.users)]
            for visit in visits:
                visit.start()
            for left in range(round(args.minutes / args.rounds) - 1, -1, -1):
                time.sleep(max(0.0, until - 60 * left - time.monotonic()))
                print(json.dumps(server.held()), flush=True)  # each minute, while they come and go
            for visit in visits:
                visit.join()
            for visit in visits:
                waits, opened = waits + visit.waits, opened + visit.opened
                faults += visit.faults
                put_away += visit.put_away
            told.append(server.held())
            print(json.dumps(told[-1]), flush=True)
        time.sleep(GRACE + 2 * SWEEP + 5)
        told.append(server.held())  # all of them left
        faults += ["the log holds a traceback"] if "Traceback" in server.log() else []
        most = server.most_megabytes()
    print(*faults[:20], sep="\n", end="\n" * bool(faults))
    spans = {name: [round(float(np.percentile(s, p)), 2) for p in (50, 95, 100)]
             for name, s in (("edit_s", waits), ("open_s", opened)) if s}  # fmt: skip
    print(json.dumps({"users": args.users, "photos": len(opened), "edits": len(waits), **spans,
                      "put_away": put_away,
                      "held": told, "most_MB": round(most), "faults": len(faults)}))  # fmt: skip
    return bool(faults)


if __name__ == "__main__":
    Image.init()
    sys.exit(main())
