"""The OpenAPI description of the calls, and a page of it that needs no script and no network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from dmlseg_core.api.calls import Call

_ERRORS = {
    "400": "neither JSON nor a form", "401": "not logged in", "404": "an id that is gone",
    "413": "too large", "415": "another content type", "422": "a value, photo or recipe that "
    "cannot be used", "429": "too many wrong logins", "503": "too many calls wait: try again",
}  # fmt: skip
_ERROR = {
    "type": "object", "required": ["error"],
    "properties": {"error": {"type": "string", "description": "one sentence"}},
}  # fmt: skip


def described(calls: Iterable[Call], version: str) -> dict[str, Any]:
    """An OpenAPI 3.1 description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dmlseg", "version": version,
            "description": "Point at a thing in a photo, give it another color.",
        },
        "paths": {f"/{call.name}": {"post": _operation(call)} for call in calls},
        "components": {
            "schemas": {"Error": _ERROR},
            "securitySchemes": {"login": {"type": "http", "scheme": "basic"}},
        },
        "security": [{}, {"login": []}],
    }  # fmt: skip


def _operation(call: Call) -> dict[str, Any]:
    schema = call.asked.model_json_schema()
    schema.pop("title", None), schema.pop("description", None)
    files = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in call.files}
    answers: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}, **files}
    errors = {
        code: {
            "description": words,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for code, words in _ERRORS.items()
    }
    return {
        "operationId": call.name,
        "summary": call.about,
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": _with_files(schema)},
                "application/json": {"schema": schema},
            },
        },
        "responses": {"200": {"description": "the answer", "content": answers}, **errors},
    }


def _with_files(schema: dict[str, Any]) -> dict[str, Any]:
    """The same of a form: files are not base64 there."""
    fields = schema["properties"]
    binary = {"type": "string", "format": "binary"}
    made = {k: {**v, **binary} if _is_file(v) else v for k, v in fields.items()}
    for field in made.values():
        if field.get("format") == "binary":
            field.pop("anyOf", None)
    return {**schema, "properties": made}


def _is_file(field: dict[str, Any]) -> bool:
    kinds: Sequence[dict[str, Any]] = [field, *field.get("anyOf", [])]
    return any(kind.get("format") == "byte" for kind in kinds)


def page_of(description: dict[str, Any]) -> str:
    """The description to read, as HTML."""
    info = description["info"]
    parts = [_section(path, item["post"]) for path, item in description["paths"].items()]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>dmlseg {escape(info['version'])}: API</title><style>{_STYLE}</style>"
        f"<h1>dmlseg {escape(info['version'])}</h1><p>{escape(info['description'])} "
        'Machine-readable: <a href="openapi.json">openapi.json</a>.</p>'
        f'{"".join(parts)}<h2>Errors</h2><p>JSON: <code>{{"error": "one sentence"}}</code></p>'
        f"{_table(('status', 'when'), _ERRORS.items())}</html>"
    )


def _section(path: str, operation: dict[str, Any]) -> str:
    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    needed = form.get("required", [])
    rows = [
        (name, _kind(field), "required" if name in needed else _usual(field),
         field.get("description", ""))
        for name, field in form["properties"].items()
    ]  # fmt: skip
    kinds = ", ".join(operation["responses"]["200"]["content"])
    return (
        f'<section id="{escape(path[1:])}"><h2>POST {escape(path)}</h2>'
        f"<p>{escape(operation['summary'])}</p>"
        f"{_table(('argument', 'type', 'default', 'what'), rows)}"
        f"<p>Answers {escape(kinds)}.</p></section>"
    )


def _kind(field: dict[str, Any]) -> str:
    if _is_file(field) or field.get("format") == "binary":
        return "file"
    kinds = field.get("anyOf", [field])
    return " or ".join(k["type"] for k in kinds if k.get("type", "null") != "null")


def _usual(field: dict[str, Any]) -> str:
    value = field.get("default")
    return "" if value is None or value == [] else str(value)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = [
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    ]
    return f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
html { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0;
  border-bottom: 1px solid #8884; }
td:first-child, code { font-family: ui-monospace, monospace; }
"""
