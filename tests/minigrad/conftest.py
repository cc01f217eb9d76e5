"""What several test files of the engine use."""

import gc

import pytest


@pytest.fixture
def uncollected():
    """Run with the cyclic garbage collector off, from a clean start; at the end nothing may wait for it."""
    gc.collect()
    gc.disable()
    try:
        yield
        assert gc.collect() == 0, "reference cycles were made"
    finally:
        gc.enable()
