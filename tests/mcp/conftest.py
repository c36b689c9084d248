"""A folder of photos and the tools on it."""

import pytest
from mcp import Client
from PIL import Image

from dmlseg_core.mcp.serve import mcp_server
from tests import own_loop
from tests.edit.test_session import picture
from tests.mcp.answers import Scenes, read


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "photos"
    inside.mkdir()
    Image.fromarray(picture()).save(inside / "things.png")
    (inside / "text.png").write_text("no photo")
    return inside


@pytest.fixture
def scenes():
    return Scenes()


@pytest.fixture
def asked(folder, scenes):
    """One call of a tool in this process: (is_error, figures or sentence, picture)."""
    server = mcp_server(folder, lambda: scenes, 100.0, "0")

    def call(name, **arguments):
        async def run():
            async with Client(server) as client:
                return await client.call_tool(name, arguments)

        return read(own_loop.run(run()))

    return call
