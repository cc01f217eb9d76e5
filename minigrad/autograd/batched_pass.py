"""The batched backward pass (batched.py) over a graph, and `autograd.grad(…, is_grads_batched=True)`, which is made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .. import arrays
from ..arrays import Array, namespace
from ..arrival import UNUSED, run_hooks
from ..backward import Sweep, ready
from ..functions.shape import stack
from ..graph import Edge, Extra, Leaf, Node, Source, saved_by
from ..modes import no_grad
from ..partial import full
from ..sparse_rows import dense
from ..tensor import Tensor
from .batched import BATCHED, Batched, Unbatchable, lifted
from .user_op import UserOp

Given = Sequence["Tensor | None"]


class BatchedSweep(Sweep):
    """A backward pass for `size` gradients at once. Roots are `Batched`; hooks see one gradient after the other."""

    def __init__(self, roots: dict[Source, Any], targets: set[Source], keep: bool, size: int) -> None:
        super().__init__(roots, targets, keep, create_graph=False)
        self.size = size

    def gradients(self) -> dict[Source, Array]:
        """Sweep; return for each target that was reached its gradients (N, *shape)."""
        return {source: self._full(self._seen_by_leaf(source, total)) for source, total in self.run().items()}

    def _seen_by_leaf(self, source: Source, total: Batched) -> Batched:
        if not isinstance(source, Leaf) or not source.hooks or not self.size:
            return total
        return _stacked([run_hooks(source.hooks.values(), row, False) for row in self._rows(total)])

    def _edges(self, node: Node, extra: Extra, dy: Any) -> Iterable[Edge]:
        useful = [edge for edge in node.edges or () if self.useful is None or edge[0] in self.useful]
        if extra.joint is not None:
            results = self._one_joint(node, extra, dy)
            found = [(edge, results[edge[6]]) for edge in useful]
        else:
            found = [(edge, self._one(edge, dy)) for edge in useful]
        return [ready(edge, dx) for edge, dx in found if dx is not None]

    def _one(self, edge: Edge, dy: Any) -> Any:
        gradient, saved = edge[1], saved_by(edge)
        try:
            return dense(gradient(BATCHED.xp, dy, *_lifted(saved)))
        except Unbatchable:
            return _stacked([full(gradient(self._library(dy), row, *saved), edge[4]) for row in self._rows(dy)])

    def _one_joint(self, node: Node, extra: Extra, dy: Any) -> Any:
        assert extra.joint is not None
        function, args = extra.joint
        if not isinstance(node.op, UserOp):
            try:
                return function(BATCHED.xp, dy, extra.needs, *_lifted(args))
            except Unbatchable:
                pass
        found = [function(self._library(dy), row, extra.needs, *args) for row in self._rows(dy)]
        return {e[6]: _stacked([full(results[e[6]], e[4]) for results in found]) for e in node.edges or ()}

    def _deliver(self, extra: Extra, index: int, source: Source, dy: Any) -> Any:
        if not extra.hooks.get(index) and index not in extra.retained:
            return super()._deliver(extra, index, source, dy)
        deliver = super()._deliver
        seen = _stacked([deliver(extra, index, source, row) for row in self._rows(dy)]) if self.size else dy
        if self.targets is not None and source in self.targets:
            self.reached[source] = seen
        return seen

    # ---- row by row

    def _rows(self, dy: Any) -> list[Any]:
        """Return what each single pass would have for `dy`, an array or a tuple of them with None where unused."""
        if isinstance(dy, tuple):
            return list(zip(*([None] * self.size if d is None else self._rows(d) for d in dy)))
        full = self._full(dy)
        return [full[i, ...] for i in range(self.size)]

    def _full(self, x: Batched) -> Array:
        return namespace(x.array).broadcast_to(x.array, (self.size, *x.shape))

    def _library(self, dy: Any) -> Any:
        return namespace(next(d for d in (dy if isinstance(dy, tuple) else (dy,)) if d is not None).array)


def _stacked(rows: Sequence[Any]) -> Any:
    return Batched(namespace(rows[0]).stack(rows)) if rows and rows[0] is not None else None


def _lifted(saved: Sequence[Any]) -> list[Any]:
    return [_lift(x) for x in saved]


def _lift(x: Any) -> Any:
    if type(x) is tuple and any(arrays.is_array(part) for part in x):
        return tuple(_lift(part) for part in x)
    return lifted(x) if arrays.is_array(x) else x


# ---- autograd.grad


def grads(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], given: Any, retain_graph: bool | None, allow_unused: bool, zeros: bool
) -> tuple[Any, ...]:
    """Return for each input its N gradients (N, *input), of grad_outputs `given`, each (N, *output) or None for a single 1."""
    v, size = batch_of(outputs, given)
    roots: dict[Source, Any] = {}
    for y, u in zip(outputs, v):
        y.refresh()
        if y.source is None:
            raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
        seed = Batched(namespace(y.array).ones_like(y.array)[None, ...] if u is None else u.to(y.dtype).array)
        roots[y.source] = roots[y.source] + seed if y.source in roots else seed
    sources = [x.source for x in inputs if x.source is not None]
    with no_grad():
        found = BatchedSweep(roots, set(sources), bool(retain_graph), size).gradients()
    return tuple(_result(x, found.get(source), size, allow_unused, zeros or not size) for x, source in zip(inputs, sources))


def grads_in_turn(grad: Any, outputs: Sequence[Tensor], given: Any, **settings: Any) -> tuple[Any, ...]:
    """Return what `grads` does by one call of `grad` for each of the N, which can be recorded."""
    v, size = batch_of(outputs, given)
    rows = [grad(outputs, grad_outputs=[None if u is None else u[i] for u in v], **settings) for i in range(size)]
    return tuple(None if column[0] is None else stack(column) for column in zip(*rows))


def batch_of(outputs: Sequence[Tensor], given: Any) -> tuple[Given, int]:
    """Return the grad_outputs as a sequence, and N."""
    v: Given = (given,) if isinstance(given, Tensor) else tuple(given or ())
    sizes = {u.shape[0] if u.ndim else None for u in v if u is not None}
    if len(v) != len(outputs) or len(sizes) != 1 or None in sizes:
        raise ValueError(
            f"is_grads_batched=True needs one grad_output for each of the {len(outputs)} outputs, all with the same first "
            f"dimension N; got {[None if u is None else tuple(u.shape) for u in v]}"
        )
    for i, (y, u) in enumerate(zip(outputs, v)):
        if u is None and y.numel() != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        if u is not None and u.shape[1:] != y.shape:
            raise RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch dimension. The "
                "sizes of the remaining dimensions are expected to match the shape of corresponding output, but a mismatch was "
                f"detected: grad_output[{i}] has a shape of {u.shape} and output[{i}] has a shape of {y.shape}."
            )
    return v, sizes.pop() or 0


def _result(x: Tensor, total: Array | None, size: int, allow_unused: bool, zeros: bool) -> Tensor | None:
    xp = namespace(x.array)
    if total is not None:
        return Tensor.wrap(xp.asarray(total, copy=True))
    if zeros:
        return Tensor.wrap(xp.asarray(xp.broadcast_to(xp.zeros_like(x.array), (size, *x.array.shape)), copy=True))
    if not allow_unused:
        raise RuntimeError(UNUSED)
    return None
