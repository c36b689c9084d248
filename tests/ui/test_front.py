"""The page's head and files: one script, one sheet, kept by the browser, never before a login."""

import gzip
import re
import shutil
import subprocess

import pytest

from dmlseg_core.ui import front
from dmlseg_core.ui.joined import joined
from tests.ui.server import serving


@pytest.fixture(scope="module")
def client():
    with serving() as made:
        yield made


def address(page, name):
    return re.search(rf'"\./(stage/js/\w+/page\.{name})"', page)[1]


def test_the_page_starts_the_stage_before_gradio(client):
    page = client.get("/").text
    script = address(page, "js")
    assert page.index("data-frame=") < page.index("</head>")
    frame = re.search(r'data-frame="([^"]+)"', page)[1]
    assert client.get(frame.removeprefix(".")).status_code == 200
    assert f'src="{frame}"' not in page  # our script asks for it later
    answer = client.get(f"/{script}")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    old = script.replace(script.split("/")[2], "0123456789abcdef")
    assert client.get(f"/{old}").headers["cache-control"] == "no-cache"


def test_one_sheet_holds_all_of_them(client):
    sheet = client.get("/" + address(client.get("/").text, "css")).text
    assert all((front.stage_files() / "js" / n).read_text("utf-8") in sheet for n in front.SHEETS)
    on_disk = {path.name for path in (front.stage_files() / "js").glob("*.css")}
    assert on_disk == set(front.SHEETS)


def test_the_page_is_smaller_on_the_way(client):
    path = "/" + address(client.get("/").text, "js")
    with client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers and gzip.decompress(raw) == plain.content


def test_nothing_starts_before_a_login():
    with serving(auth=("ann", "s3cret")) as guarded:
        page = guarded.get("/").text
        assert "auth_required" in page and "page.js" not in page
        guarded.post("/login", data={"username": "ann", "password": "s3cret"})
        assert "page.js" in guarded.get("/").text


def test_a_page_without_gradios_script_stays_as_it_is():
    assert front.ahead("<head></head>") == "<head></head>"


def test_joined_modules_mean_what_the_single_ones_mean(tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine")
    sources = {
        "main": 'import { twice as double, Box } from "./a.js";\nimport { one } from "./b.js";\n'
        "console.log(double(one), new Box().value);",
        "a": 'import { one } from "./b.js";\nexport function twice(x) { return 2 * x; }\n'
        "export class Box { value = one + 40; }",
        "b": "export const one = 1;\n",
    }
    for name, source in sources.items():
        (tmp_path / f"{name}.js").write_text(source)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "all.js").write_text(joined(sources.__getitem__, "main"))
    said = [subprocess.run([node, tmp_path / f], capture_output=True, text=True, check=True).stdout
            for f in ("main.js", "all.js")]  # fmt: skip
    assert said == ["2 41\n"] * 2


@pytest.mark.parametrize(
    "sources",
    [
        {"main": 'import { a } from "./a.js";', "a": 'import { b } from "./main.js";'},
        {"main": 'import * as a from "./a.js";', "a": ""},
        {"main": "export default 3;"},
    ],
)
def test_what_cannot_be_joined_is_told(sources):
    with pytest.raises(ValueError, match="main"):
        joined(sources.__getitem__, "main")
