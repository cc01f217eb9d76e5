"""Putting back in the graph what was saved: for gradients that are to be differentiated themselves."""

from __future__ import annotations

from typing import Any

from .arrays import element_type
from .graph import Edge, Node, Output, Source, saved_by
from .tensor import Tensor


def link(node: Node, edge: Edge) -> tuple[Any, ...]:
    """Return what a gradient saved, as Tensors in their place in the graph."""
    return _link(node, node.op.wants[edge[6]], saved_by(edge))


def link_joint(node: Node, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what a joint gradient saved, as Tensors in their place in the graph."""
    return _link(node, node.op.wants[0], args)


def _link(node: Node, wants: tuple[str, ...], args: tuple[Any, ...]) -> tuple[Any, ...]:
    op = node.op
    sources = {edge[6]: edge[0] for edge in node.edges or ()}
    several = node.extra is not None and node.extra.outputs > 0
    found: list[Any] = []
    for want, arg in zip(wants, args):
        if want == "y" and type(arg) is tuple:
            found.append(tuple(linked(a, Output(node, i)) for i, a in enumerate(arg)))
        elif want == op.variadic:
            first = len(op.arguments)
            found.append(tuple(linked(a, sources.get(first + i)) for i, a in enumerate(arg)))
        elif want in op.arguments:
            found.append(linked(arg, sources.get(op.arguments.index(want))))
        elif want in op.settings or want.endswith("_shape"):
            found.append(arg)
        else:
            found.append(linked(arg, Output(node, int(want[1:] or 0)) if several else node))
    return tuple(found)


def linked(array: Any, source: Source | None) -> Any:
    """Return an array as a Tensor whose gradient goes to `source`; anything else as it is."""
    if not hasattr(array, "dtype") or not hasattr(array, "shape"):
        return array
    return Tensor.linked(array, source if element_type(array).kind == "f" else None)
