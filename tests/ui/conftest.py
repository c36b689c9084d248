"""An app and a user of it with a photo open; files that need another one have their own."""

import pytest

from tests.ui.server import User, serving


@pytest.fixture(scope="module")
def client():
    with serving() as made:
        yield made


@pytest.fixture
def user(client):
    made = User(client)
    made.open()
    return made
