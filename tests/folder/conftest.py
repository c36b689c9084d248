"""What tests of many photos share."""

import pytest

from tests.folder.synthetic import picture


@pytest.fixture
def photos(tmp_path):
    for seed, name in enumerate(("a.png", "sub/b.jpg", "c.png")):
        picture(tmp_path / "in" / name, seed)
    return tmp_path / "in"
