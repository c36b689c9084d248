"""The tools over the Model Context Protocol, by its official package."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import anyio
import anyio.from_thread
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools.base import Tool
from mcp.types import CallToolResult, ImageContent, TextContent, ToolAnnotations
from pydantic import Field

from dmlseg_core.api import Number
from dmlseg_core.errors import DmlsegError
from dmlseg_core.mcp.many import Many, run_batch
from dmlseg_core.mcp.tools import Aim, Reply, Tools

_ABOUT = (
    "Finds objects in photos and recolors them, measured: Delta-E (CIEDE2000) says how well a "
    "color was met; up to 2 is a match to the eye. Paths are below the allowed folder. Call "
    "find_objects first and look at its picture; tools that write files show their result first "
    "(dry_run) and write only with dry_run false. Files are never overwritten."
)
Photos = Annotated[
    list[str],
    Field(description="photos and folders below the allowed folder", min_length=1, max_length=1000),
]
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
Materials = Annotated[
    str,
    Field(description="body: the largest material, or the one at the point where that is nearly as "
                      "large; others (tyres, glass, a print) are kept; all: the object as one; "
                      "together: the others are turned along"),
]  # fmt: skip
Out = Annotated[
    str | None,
    Field(description="path of the file to write; default: beside the photo, named by the color"),
]
_RECOLORS = {
    "recolor_object":
        "Give one object of a photo another color; answers with the picture and Delta-E.",
    "recolor_all_like":
        "Recolor an object and everything like it in the same photo; the answer lists them all.",
}  # fmt: skip
"""Tools that take the same arguments, and what an assistant is told of each."""
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

    def recoloring(self, act: Callable[..., Reply]) -> Callable[..., Any]:
        """A coroutine of a tool that recolors: an object, or all like it."""

        async def recolor(
            photo: Photo,
            *,
            x: X = None,
            y: Y = None,
            number: Which = None,
            color: Color = None,
            mode: Mode = "match",
            amount: Amount = None,
            materials: Materials = "body",
            tau: Tau = None,
            out: Out = None,
            dry_run: DryRun = True,
        ) -> CallToolResult:
            aim = Aim(photo=photo, x=x, y=y, number=number, tau=tau, color=color, mode=mode,
                      amount=amount, materials=materials)  # fmt: skip
            return await self._answer(partial(act, aim, out, dry_run=dry_run))

        recolor.__name__ = act.__name__
        recolor.__doc__ = _RECOLORS[act.__name__]
        return recolor

    async def batch(
        self,
        ctx: Context,
        photos: Photos,
        out: Annotated[str, Field(description="folder for the results, not in one of photos'")],
        colors: Annotated[list[str], Field(min_length=1, max_length=60)],
        *,
        classes: Annotated[list[str], Field(description="only objects of these classes")] = [],  # noqa: B006
        like_photo: Annotated[
            str | None, Field(description="only objects like one in this photo: 'this mug'")
        ] = None,
        like_x: Annotated[
            Number | None, Field(description="its pixel; default: the middle")
        ] = None,
        like_y: Number | None = None,
        threshold: Annotated[Number, Field(description="least likeness, in (0, 1)")] = 0.8,
        like_colors: Annotated[
            Number, Field(description="least share of its colors that they have too; 0: any")
        ] = 0.0,
        largest: Annotated[int | None, Field(description="only so many, the largest ones")] = None,
        mode: Annotated[str, Field(description="match or tint")] = "match",
        max_delta_e: Annotated[Number | None, Field(description="what counts as failed")] = None,
        dry_run: DryRun = True,
    ) -> CallToolResult:
        """The same edit on many photos; first a plan: how many objects were found, and a sample."""
        asked = Many(
            photos=photos, out=out, colors=colors, classes=classes, like_photo=like_photo,
            like_x=like_x, like_y=like_y, threshold=threshold, like_colors=like_colors,
            largest=largest, mode=mode, max_delta_e=max_delta_e,
        )  # fmt: skip

        def tell(done: int, total: int) -> None:
            anyio.from_thread.check_cancelled()  # nobody waits for the rest
            anyio.from_thread.run(ctx.report_progress, done, total)

        def act() -> Reply:
            own = self.tools
            return run_batch(own.root, own.segmenter, own.max_megapixels, asked, tell,
                             dry_run=dry_run)  # fmt: skip

        return await self._answer(act)

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
    logging.basicConfig(level="WARNING")  # else the package draws tracebacks, a second for each
    own = Server(tools)
    reads = ToolAnnotations(read_only_hint=True)
    writes = ToolAnnotations(read_only_hint=False, destructive_hint=False)
    made = [
        _tool(own.find_objects, reads),
        _tool(own.recoloring(tools.recolor_object), writes),
        _tool(own.recoloring(tools.recolor_all_like), writes),
        _tool(own.batch, writes),
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
