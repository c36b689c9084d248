"""What looks at every request before the app does: routes, bodies, logins, headers.

An ASGI middleware without an idea of photos: `app.add_middleware(Guard)`. Why: docs/threats.md.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dmlseg_core.ui.attempts import Attempts, address_of

MEGABYTE = 2**20
PAGE = re.compile(
    r"/(|config/?|theme\.css|favicon\.ico|robots\.txt|manifest\.json|pwa_icon|logout"
    r"|(assets|static|svelte)/.+"
    r"|gradio_api/(user|login_check|app_id|startup-events|theme\.css)/?)"
)
"""What Gradio's page needs of Gradio where it has no events: no uploads, files, proxy, queue, and
no heartbeat, a stream without end that Gradio gives to anybody.
"""
OWN = re.compile(r"/(stage|api/v1)/.+")
LOGIN = re.compile(r"/login/?")
LOGOUT = "/logout"  # read, and yet it ends every session of a name
HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    # Gradio's page holds inline scripts and styles and makes functions of strings; what is gained
    # all the same: nothing is fetched from, sent to or framed by another address
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self' data: blob:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        )
    ),
}
"""Of every answer."""

_LONG = 200
"""Letters of a path from which on there is no such route: systems fail on a file's long name."""
_SMALL = MEGABYTE
"""Bodies up to here, an edit's, go on while others upload."""
_TEXT: Mapping[str, tuple[str, str]] = {
    "no_such": ("There is nothing here.", "此处没有内容。"),
    "two_lengths": ("This request has two lengths.", "请求带有两种长度。"),
    "foreign": ("Another site's page may not do this.", "不允许其他网站的页面执行此操作。"),
    "too_large": ("This is larger than the server takes.", "超过服务器接受的大小。"),
    "crowded": (
        "Too much is being uploaded at once; try again in a minute.",
        "同时上传的内容过多，请一分钟后再试。",
    ),
    "values": ("This JSON holds too many values.", "JSON 中的值过多。"),
    "slow": ("The upload stopped on its way; try again.", "上传中断，请重试。"),
    "logins": ("Too many wrong logins; wait a minute.", "登录错误次数过多，请等一分钟。"),
}


@dataclass(frozen=True)
class Limits:
    """What one request, and all of them together, may take.

    Attributes:
        body: bytes of a body, by the beginning of the path; "" is for all others.
        uploads: bytes of all bodies that are being received.
        idle: seconds that a body may make no progress.
        logins: attempts of one address in a minute, until one is right.
        values: commas and brackets of what Gradio parses.
    """

    body: Mapping[str, int] = field(
        default_factory=lambda: {
            "/stage/photo": 400 * MEGABYTE,
            "/stage/import": 128 * MEGABYTE,
            "/api/": 400 * MEGABYTE,
            "/gradio_api/": 24 * MEGABYTE,
            "/stage/many/": 128 * MEGABYTE,
            "": 16 * MEGABYTE,
        }
    )
    uploads: int = 1024 * MEGABYTE
    idle: float = 60.0
    logins: int = 10
    values: int = 500_000

    def of(self, path: str) -> int:
        """Bytes that a body of a path may have: the longest beginning that fits counts."""
        return self.body[max((p for p in self.body if path.startswith(p)), key=len)]


class Guard:
    """Middleware around the whole app.

    Args:
        app: what is guarded.
        limits: see there.
        page: routes that may be read beside our own; None: all, and all methods.
        more: further routes, with all methods.
    """

    def __init__(
        self,
        app: ASGIApp,
        limits: Limits | None = None,
        page: re.Pattern[str] | None = PAGE,
        *,
        more: Sequence[re.Pattern[str]] = (),
    ) -> None:
        self.app, self.limits, self.page = app, limits or Limits(), page
        self.more = more
        self.receiving = 0
        """Bytes of bodies that have come and are not answered yet."""
        self._logins = Attempts(self.limits.logins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or hand on."""
        if scope["type"] == "websocket":  # neither the stage nor Gradio's page opens one
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http":
            await self.app(scope, receive, send)
        else:
            await self._http(scope, receive, _Answer(send, bool(OWN.fullmatch(_route(scope)))))

    async def _http(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        path, headers = _route(scope), Headers(scope=scope)
        reading = scope["method"] in ("GET", "HEAD")
        if "content-length" in headers and "transfer-encoding" in headers:
            return await answer.refuse(headers, 400, "two_lengths")
        if not self._open(path, reading):
            return await answer.refuse(headers, 404, "no_such")
        if (not reading or path == LOGOUT) and _foreign(headers):
            return await answer.refuse(headers, 403, "foreign")
        if _declared(headers) > self.limits.of(path):
            return await answer.refuse(headers, 413, "too_large")
        if LOGIN.fullmatch(path) and not reading:
            return await self._login(scope, receive, answer)
        return await self._bounded(scope, receive, answer)

    def _open(self, path: str, reading: bool) -> bool:
        if len(path) > _LONG:
            return False
        if self.page is None or OWN.fullmatch(path) or LOGIN.fullmatch(path):
            return True
        if any(pattern.fullmatch(path) for pattern in self.more):
            return True
        return reading and self.page.fullmatch(path) is not None

    async def _login(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        who = address_of(scope)
        if not self._logins.allow(who):
            return await answer.refuse(Headers(scope=scope), 429, "logins")
        await self._bounded(scope, receive, answer)
        if answer.status < 400:
            self._logins.forget(who)
        return None

    async def _bounded(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        """The app's answer, with what it is sent counted."""
        path, headers = _route(scope), Headers(scope=scope)
        body = _Body(self, receive, self.limits.of(path), counted=path.startswith("/gradio_api/"))

        async def next_part() -> Message:
            try:
                return await body.receive()
            except _RefusedBody as error:
                await answer.refuse(headers, error.status, error.code)
            # no error of ours passes through the app, which would log it and answer by itself
            return {"type": "http.disconnect"}

        try:
            await self.app(scope, next_part, answer.send)
        except ClientDisconnect:  # a mounted app's: nobody is left to be told
            pass
        finally:
            self.receiving -= body.size


class _RefusedBody(Exception):  # noqa: N818 - never seen outside
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class _Body:
    """The body of one request on its way in."""

    def __init__(self, guard: Guard, receive: Receive, most: int, *, counted: bool) -> None:
        self.guard, self._receive, self.most, self._counted = guard, receive, most, counted
        self.size, self.whole, self._values = 0, False, 0

    async def receive(self) -> Message:
        """The next part; _RefusedBody where the body is too large, too slow, or one too many."""
        if self.whole:  # what comes now is only that the client has gone
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), self.guard.limits.idle)
        except TimeoutError:
            self.whole = True
            raise _RefusedBody(408, "slow") from None
        size = len(part := message.get("body", b""))
        self.size += size
        self.guard.receiving += size
        self.whole = not message.get("more_body", False)
        if self.size > self.most:
            raise _RefusedBody(413, "too_large")
        if self._counted:
            self._values += sum(map(part.count, (b",", b"[", b"{")))
            if self._values > self.guard.limits.values:
                raise _RefusedBody(413, "values")
        if self.size > _SMALL and self.guard.receiving > self.guard.limits.uploads:
            raise _RefusedBody(503, "crowded")
        return message


class _Answer:
    """An answer on its way out; `own` where it may be of a user's photo."""

    def __init__(self, send: Send, own: bool) -> None:
        self._send, self.status, self._refused, self._own = send, 0, False, own

    async def send(self, message: Message) -> None:
        """Hand on, with the headers of every answer; nothing after a refusal."""
        if not self._refused:
            await self._on(message)

    async def _on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            # Gradio has its cookie go with what other sites' pages ask for: no need
            told = [(k, v.replace(b"Site=none", b"Site=lax")) for k, v in message["headers"]]
            headers = MutableHeaders(scope=(message := {**message, "headers": told}))
            for name in [n for n in headers if n.startswith("access-control-")]:
                del headers[name]  # Gradio lets every site's page read what a user's cookie opens
            for name, value in HEADERS.items():
                headers[name] = value
            if self._own:  # whose it is stands in a header that no cache looks at
                headers.setdefault("Cache-Control", "private, no-store")
        await self._send(message)

    async def refuse(self, headers: Headers, status: int, code: str) -> None:
        """An answer of the guard's own, unless the app has begun with one."""
        if self.status:
            return
        chinese = headers.get("accept-language", "").strip().lower().startswith("zh")
        text = _TEXT[code][chinese]
        # the stage reads `message`, Gradio's page `detail`, callers of the API `error`
        told = {"code": code, "message": text, "detail": text, "error": text}
        data = json.dumps(told, ensure_ascii=False).encode()
        more = [(b"retry-after", b"60")] if status in (429, 503) else []
        head = [(b"content-type", b"application/json"), (b"connection", b"close"), *more]
        self._refused = True
        await self._on({"type": "http.response.start", "status": status, "headers": head})
        await self._on({"type": "http.response.body", "body": data})


def _route(scope: Scope) -> str:
    """The path below the root path, as Starlette's router sees it."""
    path, root = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def _foreign(headers: Headers) -> bool:
    """Whether a browser sends this for another site's page: a form there needs no permission.

    Browsers say so themselves to https and to this machine. Elsewhere the page's Origin is compared
    with the Host that was asked, or that a proxy in front says was asked (no form can set that);
    programs send no Origin. As Go's http.CrossOriginProtection does it.
    """
    if (site := headers.get("sec-fetch-site")) is not None:
        return site not in ("same-origin", "none")  # same-site is another port's or name's page
    if (origin := headers.get("origin")) is None:
        return False
    hosts = (headers.get("host"), headers.get("x-forwarded-host"))
    return origin.partition("://")[2].lower() not in {h.lower() for h in hosts if h}


def _declared(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isdecimal() and len(length) < 20 else 0
