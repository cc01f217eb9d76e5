"""The backward pass: one sweep over the nodes, youngest first.

A node's inputs are older than it is, so when a node's turn comes every gradient that will ever reach it has arrived: each
node runs once, whatever the number of paths through it, and nothing recurses. The sweep owns all that a rule need not know:
it sums over broadcast axes, keeps dtypes, accumulates, runs hooks, and frees what was saved.

With `create_graph` the same rules run on Tensors and are recorded: `xp` is then the namespace of recorded ops, and what a
gradient saved is put back in its place in the graph.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy
from numpy import ndarray

from .arrays import Array, namespace
from .arrival import accumulate, as_array, own, run_hooks
from .graph import Edge, Extra, Leaf, Node, Output, Source, saved_by
from .memory import history
from .modes import mode
from .ops.rule import recorded
from .order import FREED, Waiting, between, check_saved
from .partial import Erased, Placed
from .relink import link, link_joint, linked
from .sparse_rows import SparseRows, dense
from .tensor import Tensor


class Sweep:
    """One backward pass from `roots` (source: its gradient).

    targets: the only sources whose gradients are wanted, None for every leaf.
    keep: leave what the graph saved in place, for another pass.
    create_graph: gradients are Tensors and their computation is recorded.
    """

    def __init__(self, roots: dict[Source, Any], targets: set[Source] | None, keep: bool, create_graph: bool) -> None:
        self.pending: dict[Source, Any] = dict(roots)
        self.owned: set[Source] = set()  # sources whose pending array was made here, and may be added to in place
        self.targets = targets
        self.reached: dict[Source, Any] = {}  # gradients of targets inside the graph
        self.keep = keep
        self.create_graph = create_graph
        self.useful = between(roots, targets) if targets is not None else None
        self.xp: Any = recorded() if create_graph else None

    def run(self) -> dict[Source, Any]:  # noqa: C901 - one loop, every call in it is paid per node
        """Sweep; return the gradients of the leaves (or of the targets) that were reached."""
        pending, owned, create_graph, keep = self.pending, self.owned, self.create_graph, self.keep
        ordinary = not create_graph and self.targets is None and not mode.anomaly
        latest_write = history.latest
        kind: type | None = None
        xp: Any = self.xp
        waiting = Waiting(pending)
        heap = waiting.heap
        node = waiting.youngest()
        while node is not None:
            edges: Iterable[Edge] | None = node.edges
            if edges is None:
                raise RuntimeError(FREED)
            if node.id < latest_write:
                check_saved(node)
            if ordinary and node.extra is None:
                dy = pending.pop(node)
            else:
                dy, edges = self._unusual(node)
            if type(dy) is not kind and not create_graph and dy is not None:
                dy = dense(as_array(dy))
                kind = type(dy)
                xp = numpy if kind is ndarray else namespace(_first(dy))
            following = None  # the youngest node met here; most often it is next, and never enters the heap
            for source, gradient, count, saved, shape, dtype, _ in edges:
                if count == 1:
                    dx = gradient(xp, dy, saved)
                elif count == 0:
                    dx = gradient(xp, dy)
                else:
                    dx = gradient(xp, dy, *saved)
                if dx.shape != shape or dx.dtype is not dtype:
                    dx = self._settle(node, source, dx, shape, dtype, xp, waiting)
                    if dx is None:
                        continue
                total = pending.get(source)
                if total is None:
                    pending[source] = dx
                    if source.__class__ is Node:
                        if following is None:
                            following = source
                        elif source is not following:
                            following = waiting.older(following, source)
                    elif source.__class__ is Output:
                        waiting.add(source)
                elif source in owned:
                    total += dx
                elif create_graph:
                    pending[source] = total + dx
                else:
                    total = total + dx
                    pending[source] = as_array(total)
                    owned.add(source)
            if not keep and edges and node.op.keeps_arrays:
                node.edges = None
                if node.extra is not None:
                    node.extra.release()
            node = following if not heap else waiting.youngest(following)
        return self._arrived()

    def _arrived(self) -> dict[Source, Any]:
        if self.targets is None:
            return {source: total for source, total in self.pending.items() if type(source) is Leaf}
        found = {source: self.pending[source] for source in self.targets if source in self.pending}
        return found | self.reached

    # ---- what the plain case does not need

    def _settle(
        self, node: Node, source: Source, dx: Any, shape: tuple[int, ...], dtype: Any, xp: Any, waiting: Waiting
    ) -> Any:
        """Bring a gradient to the shape and type of its input; None if it has gone into the buffer already."""
        if type(dx) is Placed or type(dx) is Erased:
            if source not in self.pending:
                waiting.add(source)
            if isinstance(dx, Erased):
                return self._erase(node, source, dx, xp)
            self._buffer(source, dx, shape, xp)
            dx.add_to(self.pending[source])
            return None
        if type(dx) is SparseRows:
            return self._gather(source, dx, xp)
        if dx.shape != shape:
            dx = unbroadcast(xp, dx, shape)
        array = dx.array if self.create_graph else dx
        if array.dtype != dtype:
            dx = xp.astype(dx, dtype)
        return dx

    def _gather(self, source: Source, rows: SparseRows, xp: Any) -> SparseRows | None:
        """Add rows to rows, or to a full array; return the first that arrive."""
        total = self.pending.get(source)
        if total is None:
            return rows
        if type(total) is SparseRows:
            total.gather(rows)
            return None
        if source not in self.owned:
            self.pending[source] = total = xp.asarray(total, copy=True)
            self.owned.add(source)
        rows.add_to(total)
        return None

    def _buffer(self, source: Source, part: Placed, shape: tuple[int, ...], xp: Any) -> None:
        """Make sure that the pending gradient of `source` is a full-size array of the sweep's own."""
        if source not in self.pending:
            values = part.values
            self.pending[source] = xp.zeros(shape, dtype=values.dtype, device=values.device)
        elif source not in self.owned:
            self.pending[source] = xp.asarray(dense(self.pending[source]), copy=True)
        self.owned.add(source)

    def _erase(self, node: Node, source: Source, write: Erased, xp: Any) -> Any:
        """Zero the overwritten part of `dy`, in place if the sweep owns it, and hand it on."""
        mine = node in self.owned
        dy = write.dy if mine else xp.asarray(write.dy, copy=True)
        write.erase(dy)
        if source not in self.pending:
            self.pending[source] = dy
            self.owned.add(source)
            return None
        return dy

    def _unusual(self, node: Node) -> tuple[Any, Iterable[Edge]]:
        """Return a node's gradient and edges where it has several outputs, hooks, a joint gradient, or is recorded."""
        extra = node.extra or Extra()
        dy = self._collect(node, extra)
        if self.useful is not None and not any(edge[0] in self.useful for edge in node.edges or ()):
            return None, ()  # a target itself, and nothing behind it is wanted
        edges = self._edges(node, extra, dy)
        if mode.anomaly and mode.check_nan:
            edges = self._checked(node, extra, edges, dy)
        return dy, edges

    def _collect(self, node: Node, extra: Extra) -> Any:
        """Return dL/d(output) after hooks; for several outputs the tuple of them, None for those nobody used."""
        if not extra.outputs:
            return self._deliver(extra, 0, node, self.pending.pop(node))
        found: list[Any] = [None] * extra.outputs
        for i in range(extra.outputs):
            output = Output(node, i)
            if output in self.pending:
                found[i] = self._deliver(extra, i, output, self.pending.pop(output))
        return tuple(found)

    def _deliver(self, extra: Extra, index: int, source: Source, dy: Any) -> Any:
        """Run the hooks of one output, keep its gradient where asked, and return it."""
        hooks, kept = extra.hooks.get(index), extra.retained.get(index)
        dy = as_array(dy)
        if hooks:
            dy = run_hooks(hooks.values(), dy, self.create_graph)
            dy = dy if self.create_graph else own(dy)  # a hook may keep what it saw
            self.owned.discard(source)
        tensor = kept() if kept is not None else None
        if tensor is not None:
            accumulate(tensor, dy, self.create_graph, fresh=False)
        if self.targets is not None and source in self.targets:
            self.reached[source] = dy
            self.owned.discard(source)
        return dense(dy)

    def _edges(self, node: Node, extra: Extra, dy: Any) -> Iterable[Edge]:
        edges: Iterable[Edge] = node.edges or ()
        if self.create_graph and node.op.definition is not None:
            edges = [ready(edge, dx) for edge, dx in zip(edges, self._defined(node, extra, dy))]
        elif extra.joint is not None:
            edges = self._joint(node, extra, dy)
        elif self.create_graph:
            edges = [_with(edge, link(node, edge)) for edge in edges]
        if self.useful is not None:
            edges = [edge for edge in edges if edge[0] in self.useful]
        return [edge for edge in edges if edge[1] is not _given or edge[3] is not None]

    def _joint(self, node: Node, extra: Extra, dy: Any) -> Iterable[Edge]:
        """Run the one function that returns all gradients, and present its results as ready-made edges."""
        assert extra.joint is not None
        assert node.edges is not None
        function, args = extra.joint
        if self.create_graph:
            args = link_joint(node, args)
        xp = self.xp if self.create_graph else namespace(_first(dy))
        results = function(xp, dy, extra.needs, *args)
        return [ready(edge, results[edge[6]]) for edge in node.edges]

    def _defined(self, node: Node, extra: Extra, dy: Any) -> list[Any]:
        """Differentiate a fused op's definition instead of the op: gradients that can be differentiated again."""
        assert extra.inputs is not None
        assert node.edges is not None
        assert node.op.definition is not None
        sources = {edge[6]: edge[0] for edge in node.edges}
        inputs = [linked(x, sources.get(i)) for i, x in enumerate(extra.inputs)]
        outputs = node.op.definition(self.xp, *inputs, **extra.settings)
        pairs = [(o, g) for o, g in zip(_tuple(outputs), _tuple(dy)) if g is not None and o.source is not None]
        targets = [inputs[edge[6]].source for edge in node.edges]
        found = Sweep({o.source: g for o, g in pairs}, set(targets), keep=True, create_graph=True).run()
        return [found.get(target) for target in targets]

    def _checked(self, node: Node, extra: Extra, edges: Iterable[Edge], dy: Any) -> list[Edge]:
        """Anomaly mode: compute each gradient now, and stop at the first that is nan."""
        checked: list[Edge] = []
        outside, mode.trace = mode.trace, extra.trace
        try:
            for edge in edges:
                xp = self.xp if self.create_graph else namespace(_first(dy))
                dx = edge[1](xp, dy, *saved_by(edge))
                values = dx.values if type(dx) in (Placed, SparseRows) else dx.dy if type(dx) is Erased else dx
                values = values.array if isinstance(values, Tensor) else as_array(values)
                if bool(namespace(values).any(namespace(values).isnan(values))):
                    trace = extra.trace or "unknown: it was recorded outside of anomaly mode"
                    where = f" The operation stands at (most recent call last):\n{trace}"
                    raise RuntimeError(f"Function '{node.op.label}' returned nan values in its {edge[6]}th output.{where}")
                checked.append(ready(edge, dx))
        finally:
            mode.trace = outside
        return checked


def _given(xp: Any, dy: Any, dx: Any) -> Any:
    """Return a gradient that has been computed already."""
    return dx


def ready(edge: Edge, dx: Any) -> Edge:
    """Return an edge whose gradient has been computed already."""
    return edge[0], _given, 1, dx, *edge[4:]


def _with(edge: Edge, saved: tuple[Any, ...]) -> Edge:
    return (*edge[:3], saved[0] if edge[2] == 1 else saved, *edge[4:])


def _first(dy: Any) -> Array:
    return next(d for d in dy if d is not None) if type(dy) is tuple else dy


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if type(value) is tuple else (value,)


def unbroadcast(xp: Any, dx: Any, shape: tuple[int, ...]) -> Any:
    """Sum a gradient over the axes along which its input was broadcast."""
    lead = dx.ndim - len(shape)
    if lead < 0:  # x[0] = value with leading axes of size 1
        return xp.broadcast_to(xp.reshape(dx, (1,) * -lead + tuple(dx.shape)), shape)
    stretched = tuple(i + lead for i, n in enumerate(shape) if n == 1 and dx.shape[i + lead] != 1)
    axes = tuple(range(lead)) + stretched
    return xp.reshape(xp.sum(dx, axis=axes), shape) if axes else xp.broadcast_to(dx, shape)
