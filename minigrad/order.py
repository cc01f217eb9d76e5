"""In which order a backward pass runs the nodes, and what it refuses: a freed graph, a saved array that was changed."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush, heappushpop
from operator import attrgetter
from typing import Any

from .arrays import Array
from .graph import Node, Output, Source, saved_by
from .memory import written_since

FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
    "freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify "
    "retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors "
    "after calling backward."
)


class Waiting:
    """The nodes whose gradient has begun to arrive, by age."""

    def __init__(self, roots: Iterable[Source]) -> None:
        self.heap: list[tuple[int, Node]] = []
        self.seen: set[Node] = set()  # nodes with several outputs, which may be met once for each
        for source in roots:
            self.add(source)

    def add(self, source: Source) -> None:
        """Add the node behind a source (a leaf has none)."""
        node = source
        if type(source) is Output:
            node = source.node
            if node in self.seen:
                return
            self.seen.add(node)
        if type(node) is Node:
            heappush(self.heap, (-node.id, node))

    def older(self, a: Node, b: Node) -> Node:
        """Add the older of two nodes and return the younger."""
        if a.id < b.id:
            a, b = b, a
        heappush(self.heap, (-b.id, b))
        return a

    def youngest(self, candidate: Node | None = None) -> Node | None:
        """Take out the youngest node; `candidate`, if given, is one of them."""
        if candidate is not None:
            return heappushpop(self.heap, (-candidate.id, candidate))[1]
        return heappop(self.heap)[1] if self.heap else None


def between(roots: Iterable[Source], targets: set[Source]) -> set[Source]:
    """Return the sources between the roots and the targets: those from which a target can be reached."""
    nodes = ancestors(roots)
    found = set(targets)
    for node in reversed(nodes):
        outputs: list[Source] = [Output(node, i) for i in range(node.extra.outputs if node.extra is not None else 0)]
        if any(edge[0] in found for edge in node.edges or ()):
            found.update(outputs or [node])
    if any(node.edges is None for node in nodes) and not any(source in found for source in roots):
        raise RuntimeError(FREED)
    return found


def ancestors(roots: Iterable[Source]) -> list[Node]:
    """Return the nodes that the roots were computed from, youngest first. Nothing is known of what lies behind a freed one."""
    sources: list[Source] = list(roots)
    seen: set[Node] = set()
    for source in sources:  # grows while it is read
        node = source.node if type(source) is Output else source
        if type(node) is Node and node not in seen:
            seen.add(node)
            sources.extend(edge[0] for edge in node.edges or ())
    return sorted(seen, key=attrgetter("id"), reverse=True)


def check_saved(node: Node) -> None:
    """Raise RuntimeError if an array that a node saved was written in place since."""
    saved = [arg for edge in node.edges or () for arg in saved_by(edge)]
    if node.extra is not None and node.extra.joint is not None:
        saved += node.extra.joint[1]
    for array in _arrays(saved):
        if written_since(array, node.id):
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace operation: an array of "
                f"shape {list(array.shape)}, saved by '{node.op.label}' ({node.op.name}), was written after it was saved. Use "
                "the operation that is not in-place, or write to a clone()."
            )


def _arrays(values: Iterable[Any]) -> Iterable[Array]:
    for value in values:
        if isinstance(value, tuple):
            yield from _arrays(value)
        elif hasattr(value, "dtype") and hasattr(value, "shape"):
            yield value
