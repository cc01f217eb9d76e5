"""What the tests of bptt use."""

from ...minigrad.conftest import uncollected

__all__ = ["uncollected"]
