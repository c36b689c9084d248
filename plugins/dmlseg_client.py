"""Calls of a running dmlseg over HTTP, with nothing but Python's own library.

For scripts inside other programs, whose Python has no packages: copy this file beside them. The
calls are those of docs/api.md. Python 3.8 or later.
"""

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
import uuid

DEFAULT = "http://127.0.0.1:7860/"
_HERE = ("127.0.0.1", "localhost", "::1")


class DmlsegError(Exception):
    """What to tell the user, in one sentence."""


class Client:
    """A running dmlseg.

    Args:
        server: its address; "http://name:password@host:port/" where it asks for a login.
        timeout: seconds without a word from it.
    """

    def __init__(self, server=DEFAULT, timeout=120):
        parts = urllib.parse.urlsplit(server.strip() or DEFAULT)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise DmlsegError("the server is an address such as " + DEFAULT)
        host = parts.netloc.rpartition("@")[2]
        self.base = "{}://{}{}/api/v1/".format(parts.scheme, host, parts.path.rstrip("/"))
        self.timeout, self.headers = timeout, {}
        if parts.username is not None:
            login = (parts.username, parts.password or "")
            words = ":".join(map(urllib.parse.unquote, login)).encode()
            self.headers["Authorization"] = "Basic " + base64.b64encode(words).decode()
        # a proxy of the network cannot reach this machine's own addresses
        handlers = [urllib.request.ProxyHandler({})] if parts.hostname in _HERE else []
        self._opener = urllib.request.build_opener(*handlers)

    def analyze(self, photo):
        """What is in a photo: a dict with `id` for further calls, and `objects`.

        Args:
            photo: bytes of an image file.
        """
        return json.loads(self._call("analyze", {"photo": photo})[0])

    def mask(self, name, where):
        """The object's mask: (PNG bytes, figures).

        Args:
            name: the id that `analyze` gave.
            where: {"box": [left, top, right, bottom]}, {"x": .., "y": ..} or {"object": number}.
        """
        return self._call("mask", {"id": name, **where})

    def layer(self, name, where, color, **more):
        """A layer that, over the photo, shows the object in the color: (PNG bytes, figures).

        Args:
            name, where: as for `mask`.
            color: "#rrggbb", a CSS name, ...
            more: further arguments of /recolor.
        """
        asked = {"id": name, **where, "color": color, "result": "layer", **more}
        return self._call("recolor", asked)

    def _call(self, route, values):
        """(bytes, figures) of an answer; DmlsegError with the server's own sentence."""
        boundary = uuid.uuid4().hex
        request = urllib.request.Request(self.base + route, _form(values, boundary), self.headers)
        request.add_header("Content-Type", "multipart/form-data; boundary=" + boundary)
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                told = answer.headers.get("X-Dmlseg-Figures", "{}")
                return answer.read(), json.loads(urllib.parse.unquote(told))
        except urllib.error.HTTPError as error:
            raise DmlsegError(_sentence(error)) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise DmlsegError(
                f"no dmlseg answers at {self.base} ({reason}); start it with: dmlseg app"
            ) from None


def where_of(left, top, right, bottom):
    """The object that a selection means: what fills it; a tiny one is a point."""
    if right - left <= 4 and bottom - top <= 4:
        return {"x": (left + right) // 2, "y": (top + bottom) // 2}
    return {"box": [left, top, right, bottom]}


def told(figures):
    """A sentence about a recolored layer."""
    sentence = "{}: color met to Delta-E {:.1f}".format(
        figures.get("class_name", "object"), figures.get("delta_e", 0.0)
    )
    return ". ".join([sentence] + [note.rstrip(".") for note in figures.get("notes", [])])


def _form(values, boundary):
    parts = []
    for name, value in values.items():
        head = f'Content-Disposition: form-data; name="{name}"'
        if isinstance(value, bytes):
            head += f'; filename="{name}"\r\nContent-Type: application/octet-stream'
        parts += [b"--" + boundary.encode(), head.encode(), b"", _coded(value)]
    return b"\r\n".join([*parts, b"--" + boundary.encode() + b"--", b""])


def _coded(value):
    if isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def _sentence(error):
    try:
        return str(json.loads(error.read(1 << 20))["error"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"the server answered {error.code} {error.reason}"
