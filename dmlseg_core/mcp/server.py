"""The tools over the Model Context Protocol, by its official package."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools.base import Tool
from mcp.types import CallToolResult, ImageContent, TextContent, ToolAnnotations
from pydantic import Field

from dmlseg_core.api import Number
from dmlseg_core.errors import DmlsegError
from dmlseg_core.mcp.tools import Aim, Reply, Tools

_ABOUT = (
    "Finds objects in photos and recolors them, measured: Delta-E (CIEDE2000) says how well a "
    "color was met; up to 2 is a match to the eye. Paths are below the allowed folder. Call "
    "find_objects first and look at its picture; tools that write files show their result first "
    "(dry_run) and write only with dry_run false. Files are never overwritten."
)
Photo = Annotated[str, Field(description="path of a photo below the allowed folder")]
X = Annotated[Number | None, Field(description="a pixel of the object, from the left")]
Y = Annotated[Number | None, Field(description="the same pixel, from the top")]
Which = Annotated[int | None, Field(description="instead of x, y: a number of find_objects")]
Tau = Annotated[
    Number | None,
    Field(description="similarity in (0, 1); higher: smaller mask; default: chosen by the network"),
]
Color = Annotated[str | None, Field(description="'#c8102e', a CSS name, 'oklch(0.6 0.2 30)', ...")]
Mode = Annotated[
    str,
    Field(description="match hits the color, tint keeps lightness; hue_shift, saturation and "
                      "lightness take an amount in place of a color"),
]  # fmt: skip
Amount = Annotated[Number | None, Field(description="degrees for hue_shift, else in [-1, 1]")]
Out = Annotated[
    str | None,
    Field(description="path of the file to write; default: beside the photo, named by the color"),
]
DryRun = Annotated[bool, Field(description="true: show and measure, write nothing")]


class Server:
    """The tools as coroutines; one works at a time.

    Args:
        tools: what they do.
    """

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self._turn = anyio.CapacityLimiter(1)

    async def find_objects(self, photo: Photo) -> CallToolResult:
        """List every object of a photo (number, point, class, score, color) and show them."""
        return await self._answer(partial(self.tools.find_objects, photo))

    async def recolor_object(
        self,
        photo: Photo,
        *,
        x: X = None,
        y: Y = None,
        number: Which = None,
        color: Color = None,
        mode: Mode = "match",
        amount: Amount = None,
        tau: Tau = None,
        out: Out = None,
        dry_run: DryRun = True,
    ) -> CallToolResult:
        """Give one object of a photo another color; answers with the picture and Delta-E."""
        aim = Aim(photo=photo, x=x, y=y, number=number, tau=tau, color=color, mode=mode,
                  amount=amount)  # fmt: skip
        return await self._answer(partial(self.tools.recolor_object, aim, out, dry_run=dry_run))

    async def recolor_all_like(
        self,
        photo: Photo,
        *,
        x: X = None,
        y: Y = None,
        number: Which = None,
        color: Color = None,
        mode: Mode = "match",
        amount: Amount = None,
        tau: Tau = None,
        out: Out = None,
        dry_run: DryRun = True,
    ) -> CallToolResult:
        """Recolor an object and everything like it in the same photo; the answer lists them all."""
        aim = Aim(photo=photo, x=x, y=y, number=number, tau=tau, color=color, mode=mode,
                  amount=amount)  # fmt: skip
        return await self._answer(partial(self.tools.recolor_all_like, aim, out, dry_run=dry_run))

    async def _answer(self, act: Callable[[], Reply]) -> CallToolResult:
        try:
            reply = await anyio.to_thread.run_sync(act, limiter=self._turn)
        except DmlsegError as error:
            raise ToolError(self.tools.root.without(str(error))) from None
        return _result(reply)


def _result(reply: Reply) -> CallToolResult:
    text = json.dumps(reply.figures, ensure_ascii=False)
    content: list[Any] = [TextContent(type="text", text=text)]
    if reply.picture is not None:
        data = base64.b64encode(reply.picture).decode("ascii")
        content.append(ImageContent(type="image", data=data, mime_type="image/jpeg"))
    return CallToolResult(content=content, structured_content=reply.figures)


def make_server(tools: Tools, version: str) -> MCPServer[Any]:
    """A server with the tools, for any transport."""
    own = Server(tools)
    reads = ToolAnnotations(read_only_hint=True)
    writes = ToolAnnotations(read_only_hint=False, destructive_hint=False)
    made = [
        _tool(own.find_objects, reads),
        _tool(own.recolor_object, writes),
        _tool(own.recolor_all_like, writes),
    ]
    return MCPServer(
        "dmlseg", instructions=_ABOUT, version=version, tools=made, log_level="WARNING"
    )


def _tool(act: Callable[..., Any], annotations: ToolAnnotations) -> Tool:
    """A tool that refuses arguments it does not have: a misspelt one would be lost in silence."""
    tool = Tool.from_function(act, annotations=annotations)
    arguments = tool.fn_metadata.arg_model
    arguments.model_config["extra"] = "forbid"
    arguments.model_rebuild(force=True)
    tool.parameters = arguments.model_json_schema(by_alias=True)
    return tool
