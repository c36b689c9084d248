"""A server that knows its scenes, and a user without a photo: sets bring their own."""

import pytest

from tests.ui.server import KnownScenes, User, serving


@pytest.fixture(scope="module")
def client():
    with serving(KnownScenes()) as made:
        yield made


@pytest.fixture
def user(client):
    return User(client)
