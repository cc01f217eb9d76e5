"""This folder needs a GPU: each test asks for the `cuda` fixture, which skips, saying why, where there is none."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the folder's tests `gpu`, so that `-m gpu` runs them with those that run on every library."""
    for item in items:
        if "/gpu/" in item.path.as_posix():
            item.add_marker(pytest.mark.gpu)
