"""Connections that stand still, on a real server: heads that never end, answers nobody takes."""

import argparse
import asyncio
import socket
import time
from contextlib import contextmanager

import h11
import pytest
from fastapi.responses import Response

from dmlseg_core.stage.desks import Desks
from dmlseg_core.ui import patience
from dmlseg_core.ui.launch import assemble, start
from dmlseg_core.ui.routes import Stage
from tests.ui.server import KnownScenes

PING = b"GET /api/v1/health HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def server():
    app = assemble(Stage(KnownScenes(), Desks(), 100.0))

    @app.get("/stage/large/of/a/test")
    def large():
        return Response(bytes(64 * 2**20))

    app.router.routes.insert(0, app.router.routes.pop())  # before Gradio's page
    made, url = start(app, argparse.Namespace(host="127.0.0.1", port=None))
    yield "127.0.0.1", int(url.rstrip("/").rpartition(":")[2])
    made.close()


@contextmanager
def connected(server, timeout=20):
    with socket.create_connection(server, timeout) as line:
        yield line


def rest_of(line):
    """What comes until the other side closes."""
    parts = []
    while part := line.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("begun", [b"", b"GET / HT", PING[:-2], PING[:-2] + b"X: "])
def test_a_head_that_does_not_come_ends_the_connection(server, monkeypatch, begun):
    monkeypatch.setattr(patience, "HEAD", 0.3)
    with connected(server) as line:
        line.sendall(begun)
        assert rest_of(line) == b""


class Line:
    """A transport, as far as it is asked here."""

    def __init__(self, end):
        self.end, self.closed = end, False

    def get_extra_info(self, name):
        return self.end

    def is_closing(self):
        return self.closed

    def close(self):
        self.closed = True


@pytest.mark.parametrize("sent", [b"", PING])
def test_a_request_that_was_not_read_yet_keeps_its_connection(sent):
    """On a busy server the time for the next one was over before it was looked at."""
    ours, theirs = socket.socketpair()
    loop = asyncio.new_event_loop()
    protocol = object.__new__(patience.PatientProtocol)
    protocol.transport, protocol.loop, protocol.conn = Line(ours), loop, h11.Connection(h11.SERVER)
    theirs.sendall(sent)
    protocol.timeout_keep_alive_handler()
    assert protocol.transport.closed == (not sent)
    if sent:
        assert protocol.timeout_keep_alive_task.when() <= loop.time() + patience._READ
        protocol.timeout_keep_alive_task.cancel()
    for each in (ours, theirs, loop):
        each.close()


def test_dripping_a_head_does_not_help(server, monkeypatch):
    monkeypatch.setattr(patience, "HEAD", 0.5)
    with connected(server) as line:
        line.sendall(PING[:-2])
        with pytest.raises(OSError):
            for _ in range(1000):
                line.sendall(b"X: y\r\n")
                time.sleep(0.02)


def test_neither_does_an_answered_request_before_it(server, monkeypatch):
    monkeypatch.setattr(patience, "HEAD", 0.5)
    with connected(server) as line:
        line.sendall(PING + PING[:9])
        assert rest_of(line).count(b"200 OK") == 1


def test_who_asks_in_time_is_answered_again_and_again(server, monkeypatch):
    monkeypatch.setattr(patience, "HEAD", 2.0)
    with connected(server) as line:
        for _ in range(5):
            line.sendall(PING[:20])
            time.sleep(0.1)
            line.sendall(PING[20:])
            answer = b""
            while not answer.endswith(b"}"):
                answer += (part := line.recv(65536))
                assert part
            assert b"200 OK" in answer


def test_an_answer_that_nobody_takes_is_given_up(server, monkeypatch):
    monkeypatch.setattr(patience, "STILL", 0.4)
    with connected(server) as line:
        line.sendall(PING.replace(b"/api/v1/health", b"/stage/large/of/a/test"))
        time.sleep(2)
        assert 0 < len(rest_of(line)) < 64 * 2**20


def test_an_answer_that_is_taken_slowly_comes_whole(server, monkeypatch):
    monkeypatch.setattr(patience, "STILL", 0.4)
    ask = PING.replace(b"/api/v1/health", b"/stage/large/of/a/test")
    with connected(server) as line:
        line.sendall(ask[:-2] + b"Connection: close\r\n\r\n")
        size = 0
        while part := line.recv(4 << 20):
            size += len(part)
            time.sleep(0.05)
    assert size > 64 * 2**20
