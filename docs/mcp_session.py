"""A session with `dmlseg mcp` over stdio, as an assistant has it: prints what docs/mcp.md shows.

    python docs/mcp_session.py > session.md

The photos are scikit-image's; everything happens in a temporary folder.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
import textwrap
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from PIL import Image
from skimage import data

ROOT = Path(__file__).parents[1]
STEPS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("What is in this photo?", "find_objects", {"photo": "coffee.jpg"}),
    ("What would the right of the saucer look like in a strong blue?", "recolor_object",
     {"photo": "coffee.jpg", "number": 2, "color": "#2080c0"}),
    ("And whatever looks like it; keep it.", "recolor_all_like",
     {"photo": "coffee.jpg", "number": 2, "color": "#2080c0", "dry_run": False}),
    ("Make the cats of all these photos gray.", "batch",
     {"photos": ["in"], "out": "out", "colors": ["#808080"], "classes": ["cat"]}),
    ("Do it.", "batch",
     {"photos": ["in"], "out": "out", "colors": ["#808080"], "classes": ["cat"],
      "dry_run": False}),
    ("And the photos of my neighbor?", "find_objects", {"photo": "../neighbor/cat.jpg"}),
)  # fmt: skip


def photos(folder: Path) -> None:
    """What the session is about."""
    (folder / "in").mkdir()
    Image.fromarray(data.coffee()).save(folder / "coffee.jpg", quality=95)
    Image.fromarray(data.chelsea()).save(folder / "in" / "chelsea.jpg", quality=95)
    Image.fromarray(data.astronaut()).save(folder / "in" / "astronaut.jpg", quality=95)


def told(result: Any) -> str:
    """An answer as text; a picture as its size in bytes."""
    lines = []
    for part in result.content:
        if part.type == "image":
            size = len(base64.b64decode(part.data))
            lines.append(f"[{part.mime_type}, {size // 1000} KB]")
            continue
        try:
            lines += laid_out(json.loads(part.text))
        except ValueError:
            lines += wrapped(part.text)
    return "\n".join(lines)


def laid_out(figures: dict[str, Any]) -> list[str]:
    """A JSON object: a line for each field, and for each object of a list."""
    lines = []
    for name, value in figures.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            items = [line for one in value for line in wrapped(f"  {json.dumps(one)},")]
            lines += [f' "{name}": [', *items[:-1], items[-1].removesuffix(","), " ],"]
        else:
            lines += wrapped(f' "{name}": {json.dumps(value, ensure_ascii=False)},')
    return ["{", *lines[:-1], lines[-1].removesuffix(","), "}"]


def wrapped(line: str) -> list[str]:
    """Lines of at most 110 letters."""
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(line, 110, subsequent_indent=f"{indent}   ", break_on_hyphens=False)


async def session(folder: Path) -> None:
    """Every step, question and answer."""
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "dmlseg_core", "mcp", "--root", str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    async with Client(server) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        print(f"Tools: {', '.join(names)}.\n")
        for question, name, arguments in STEPS:
            answer = await client.call_tool(name, arguments)
            print(f"> {question}\n\n`{name} {json.dumps(arguments)}`\n")
            print(f"```json\n{told(answer)}\n```\n" if not answer.is_error else
                  f"```\n{told(answer)}\n```\n")  # fmt: skip


def main() -> None:
    """Print the session."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        photos(folder)
        anyio.run(session, folder)


if __name__ == "__main__":
    main()
