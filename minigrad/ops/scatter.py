"""The largest or smallest of what is sent to each place of an array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..arrays import Array, Namespace, backend, namespace
from .indexing import place, read
from .rule import op, recorded


@op
def scatter_extreme(
    xp: Namespace, x: Array, src: Array, *, index: tuple[Any, ...], largest: bool, include_self: bool = True
) -> Array:
    """Return x with the largest (smallest) of the src sent to [index] and, with `include_self`, of x itself at each place."""
    y = xp.asarray(x, copy=True)
    if not include_self:
        backend(y).write(y, index, src)  # whichever comes last: it is one of the candidates
    backend(y).extreme_at(y, index, src, largest)
    return y


@scatter_extreme.joint
def _(
    xp: Namespace, dy: Array, needs: Sequence[bool], x: Array, src: Array, y: Array, index: tuple[Any, ...], include_self: bool
) -> list[Any]:
    """All that are equal to the result share its gradient evenly."""
    mine = xp.astype(x == y, dy.dtype)
    if not include_self:
        mine = mine * _untouched(xp, dy, index)
    theirs = xp.astype(src == read.inside(xp, y, index=index), dy.dtype)
    share = dy / (mine + place.inside(xp, theirs, index=index, shape=tuple(x.shape)))
    return [
        mine * share if needs[0] else None,
        theirs * read.inside(xp, share, index=index) if needs[1] else None,
    ]


def _untouched(xp: Namespace, like: Any, index: tuple[Any, ...]) -> Any:
    """Return 1 where the index does not point, 0 where it does, in the shape of `like`."""
    bare = like.array if xp is recorded() else like
    mask = namespace(bare).ones_like(bare)
    backend(mask).write(mask, index, 0)
    return type(like).wrap(mask) if xp is recorded() else mask
