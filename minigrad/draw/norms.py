"""The norm of the gradient at every place of a graph, by a backward pass that touches no `.grad`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .. import arrays
from ..arrays import namespace
from ..arrival import as_array, run_hooks
from ..backward import Sweep, ready, unbroadcast
from ..graph import Edge, Extra, Leaf, Node, Source, saved_by
from ..modes import no_grad
from ..partial import full
from ..sparse_rows import dense
from ..tensor import Tensor


class Norms(Sweep):
    """A backward pass that keeps the norm of the gradient at every output.

    norms: by output or leaf
    parts: of leaves in `shared`, by (node, position of the input): what this use adds to the leaf's gradient
    """

    def __init__(self, roots: dict[Source, Any], leaves: set[Source], shared: set[Source]) -> None:
        super().__init__(roots, leaves, keep=True, create_graph=False)
        self.shared = shared
        self.norms: dict[Source, float] = {}
        self.parts: dict[tuple[Node, int], float] = {}

    def measure(self) -> None:
        """Sweep, and take the norms."""
        for source, total in self.run().items():
            hooks = source.hooks if isinstance(source, Leaf) else None
            self.norms[source] = _norm(run_hooks(hooks.values(), total, False) if hooks else total)

    def _deliver(self, extra: Extra, index: int, source: Source, dy: Any) -> Any:
        hooks, dy = extra.hooks.get(index), as_array(dy)
        if hooks:
            dy = run_hooks(hooks.values(), dy, False)
            self.owned.discard(source)
        self.norms[source] = _norm(dy)
        return dy

    def _edges(self, node: Node, extra: Extra, dy: Any) -> Iterable[Edge]:
        return [self._seen(node, edge, dy) if edge[0] in self.shared else edge for edge in super()._edges(node, extra, dy)]

    def _seen(self, node: Node, edge: Edge, dy: Any) -> Edge:
        xp = namespace(next(d for d in dy if d is not None) if isinstance(dy, tuple) else dy)
        dx = full(edge[1](xp, dy, *saved_by(edge)), edge[4])
        self.parts[node, edge[6]] = _norm(dx if tuple(dx.shape) == edge[4] else unbroadcast(xp, dx, edge[4]))
        return ready(edge, dx)


def norms_of(results: Sequence[Tensor], given: Any, leaves: set[Source], shared: set[Source]) -> Norms:
    """Return the norms of the gradients of Σ_k ⟨given[k], results[k]⟩."""
    from ..autograd import starts

    roots, _ = starts(results, given, False)
    sweep = Norms(roots, leaves | {root for root in roots if isinstance(root, Leaf)}, shared)
    with no_grad():
        sweep.measure()
    return sweep


def _norm(gradient: Any) -> float:
    """Return √(Σ g²), whose squares neither underflow nor overflow: gradients of 1e-200 are what one looks for."""
    g = np.asarray(arrays.to_numpy(dense(as_array(gradient))), np.float64)
    largest = float(np.max(np.abs(g), initial=0.0))
    return largest * float(np.linalg.norm(g / largest)) if 0 < largest < math.inf else largest
