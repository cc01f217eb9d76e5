"""CuPy's stand-in with its kernels' threads run in several orders: what depends on an order, a missing barrier say, shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ..conftest import Library
from ..standin import install

ORDERS = (0, 1, 7)
"""Counting, backwards, and drawn."""


@pytest.fixture(params=ORDERS, ids=lambda order: f"order {order}")
def gpu(request: pytest.FixtureRequest) -> Iterator[Library]:
    """The stand-in as a library, in every order."""
    yield from _library(request.param)


@pytest.fixture
def in_each_order() -> Any:
    """A function that calls another with a library in each order, and returns what it returned."""

    def results(function: Any) -> list[Any]:
        return [function(library) for order in ORDERS for library in _library(order)]

    return results


def _library(order: int) -> Iterator[Library]:
    missing = install.missing()
    if missing:
        pytest.skip(missing)
    with install.standin(order):
        yield Library("standin", "cuda")
