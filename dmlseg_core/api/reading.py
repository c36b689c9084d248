"""A request's body as arguments: JSON, or a form with files; bounded before it is parsed."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any, ClassVar, TypeVar

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser

from dmlseg_core.api.asked import Arguments, form_values
from dmlseg_core.errors import DmlsegError

A = TypeVar("A", bound=Arguments)
MEGABYTE = 2**20
MOST, MOST_JSON = 400 * MEGABYTE, 64 * MEGABYTE
"""Bytes of a form and of JSON; the guard in front of the app has the last word."""
MOST_VALUES = 500_000
"""Commas and brackets of JSON: a recipe's text within it has fewer."""
_FIELDS, _FILES, _FIELD_BYTES = 200, 4, MEGABYTE


class RefusedError(DmlsegError):
    """A body that is not read: its status, and why."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class _InMemory(MultiPartParser):
    """Files stay in memory: nobody's photo is written to the disk on its way in."""

    spool_max_size: ClassVar[int] = MOST + 1  # type: ignore[misc]


async def arguments_of(request: Request, kind: type[A]) -> A:
    """The checked arguments of a request.

    Raises:
        RefusedError: too large, neither JSON nor a form, or a damaged one; ParameterError: a value
        that is not what it must be.
    """
    if request.query_params:  # they would be lost in silence
        raise RefusedError(422, "arguments go into the body, not behind the address")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise RefusedError(415, "send the body as it is, without a Content-Encoding")
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == "application/json":
        data = b"".join([part async for part in _bounded(request, MOST_JSON)])
        return await run_in_threadpool(_of_json, data, kind)
    if media not in ("multipart/form-data", "application/x-www-form-urlencoded"):
        raise RefusedError(415, "send multipart/form-data, or application/json")
    items = await _form(request, multipart=media.startswith("multipart"))
    return await run_in_threadpool(kind.of, form_values(items), strict=False)


def _of_json(data: bytes, kind: type[A]) -> A:
    if sum(map(data.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise RefusedError(413, f"the JSON holds more than {MOST_VALUES:,} values")
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        raise RefusedError(400, "the request is no JSON") from None
    if not isinstance(values, dict):
        raise RefusedError(422, "the request must be a JSON object")
    return kind.of(values, strict=True)


async def _bounded(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise RefusedError(413, f"this is larger than {most // MEGABYTE} MB")
        yield part


async def _form(request: Request, *, multipart: bool) -> list[tuple[str, Any]]:
    stream = _bounded(request, MOST if multipart else MEGABYTE)
    try:
        if multipart:
            form = await _InMemory(
                request.headers, stream, max_files=_FILES, max_fields=_FIELDS,
                max_part_size=_FIELD_BYTES,
            ).parse()  # fmt: skip
        else:
            form = await FormParser(request.headers, stream).parse()
    except (MultiPartException, ValueError, KeyError) as error:
        told = str(getattr(error, "message", "")) or "it is damaged"
        raise RefusedError(400, f"the form cannot be read: {told}") from None
    try:
        return [
            (name, await value.read() if isinstance(value, UploadFile) else value)
            for name, value in form.multi_items()
        ]
    finally:
        await form.close()
