"""A running app on loopback, and its users."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any, Self

import httpx
import psutil
from PIL import Image

_AGAIN = 5
"""Times that an answer is asked for, where photos are put away all the time."""


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Server:
    """`python app.py` in a process of its own, at 127.0.0.1 only.

    Args:
        words: further flags.
    """

    def __init__(self, *words: str) -> None:
        self.words, self.port = words, free_port()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the server
        self._most, self._stop = 0, threading.Event()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        words = ["app.py", "--host", "127.0.0.1", "--port", str(self.port), "--no-inbrowser"]
        self.process = psutil.Popen([sys.executable, *words, *self.words], stdout=self._log,
                                    stderr=subprocess.STDOUT)  # fmt: skip
        until, answered = time.monotonic() + 300, False
        while not answered and time.monotonic() < until and self.alive():
            try:
                answered = bool(httpx.get(self.url, timeout=30))
            except httpx.TransportError:
                time.sleep(0.5)
        if not answered:
            self.__exit__()
            raise TimeoutError(f"the app does not answer: {self.log()[-2000:]}")
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self.process.terminate()
        try:
            self.process.wait(30)
        except psutil.TimeoutExpired:
            self.process.kill()
        self.process.wait(30)

    def _watch(self) -> None:
        while not self._stop.wait(0.1) and self.alive():
            self._most = max(self._most, self.process.memory_info().rss)

    def alive(self) -> bool:
        """Whether it still runs."""
        return bool(self.process.poll() is None)

    def most_megabytes(self) -> float:
        """Resident memory at its highest so far."""
        return self._most / 2**20

    def held(self) -> dict[str, float]:
        """Megabytes, threads and open files now."""
        return {"MB": round(self.process.memory_info().rss / 2**20, 1),
                "threads": self.process.num_threads(), "files": self.process.num_fds()}  # fmt: skip

    def log(self) -> str:
        """What it printed."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def user(self) -> User:
        """Somebody new."""
        return User(self.url)


class User:
    """One browser without a page: a session and its requests.

    Args:
        url: of the server.
    """

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=f"{url}/stage/", timeout=120)
        told = self.client.post("session").raise_for_status().json()
        self.client.headers["X-Dmlseg-Session"] = self.token = told["session"]
        self.put_away = 0
        self._seq = 0
        self._laid: tuple[Any, str] | None = None

    def post(self, route: str, data: bytes, **query: str) -> httpx.Response:
        """Send bytes."""
        return self.client.post(route, content=data, params=query)

    def open(self, rgb: Any, name: str) -> dict[str, Any]:
        """Send a picture and wait until it has been analysed."""
        self._laid, file = (rgb, name), io.BytesIO()
        Image.fromarray(rgb).save(file, "PNG")
        self.post("photo", file.getvalue(), name=name).raise_for_status()
        until = time.monotonic() + 300
        while time.monotonic() < until:
            state = self.client.get("state").raise_for_status().json()
            if state["phase"] == "ready":
                return dict(state)
            time.sleep(0.1)
        raise TimeoutError(f"{name} was not analysed")

    def edit(self, **values: Any) -> dict[str, Any]:
        """One edit."""
        self._seq += 1
        asked = {"seq": self._seq, **values}
        return dict(self._there(lambda: self.client.post("edit", json=asked)).json())

    def result(self) -> Image.Image:
        """The upper left tile of the result at full size."""
        version = {"v": str(time.monotonic())}
        tile = self._there(lambda: self.client.get("tile/0/0/0", params=version))
        return Image.open(io.BytesIO(tile.content)).convert("RGB")

    def _there(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        """An answer; a photo that was put away for memory is laid again, as the page does it."""
        for _ in range(_AGAIN):
            answer = send()
            gone = answer.status_code == 409 and answer.json().get("code") == "gone"
            if not gone or self._laid is None:
                break
            self.put_away += 1
            self.open(*self._laid)
        if answer.is_error:  # its sentence says more than the status
            raise RuntimeError(f"{answer.status_code}: {answer.text}")
        return answer

    def leave(self) -> None:
        """Close the tab, as the page says it."""
        self.client.post("leave").raise_for_status()
        self.client.close()
