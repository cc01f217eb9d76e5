"""Weights are drawn anew in every test, from the same seed."""

import pytest

import minigrad

from ..minigrad.conftest import uncollected

__all__ = ["uncollected"]


@pytest.fixture(autouse=True)
def _seed():
    minigrad.manual_seed(0)
