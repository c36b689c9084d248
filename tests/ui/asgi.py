"""A request part by part, as a slow or broken client sends it, to an app without a server."""

import asyncio


async def ask(app, path, parts, *, headers=(), method="POST"):
    """(status, body) of what is answered to these messages; (None, b"") where nothing is."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "headers": [(b"host", b"127.0.0.1:7860"), *headers],
        "client": ("192.0.2.1", 1), "server": ("127.0.0.1", 7860), "state": {},
    }  # fmt: skip
    todo, sent = list(parts), []

    async def receive():
        return todo.pop(0) if todo else await asyncio.Future()

    async def send(message):
        sent.append(message)

    await asyncio.wait_for(app(scope, receive, send), 20)
    status = next((m["status"] for m in sent if m["type"] == "http.response.start"), None)
    return status, b"".join(m.get("body", b"") for m in sent)


def part(data, *, more=True):
    return {"type": "http.request", "body": data, "more_body": more}


GONE = {"type": "http.disconnect"}
