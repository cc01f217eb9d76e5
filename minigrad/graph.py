"""The graph: who produced what.

    Tensor ──source──▶ Node ──edges──▶ Node … Leaf          (nothing points back)

A `Node` is one recorded operation. It holds an edge for each input that needs a gradient, and the edge holds what that
gradient needs; a node never holds a Tensor. A Tensor's `source` is where its gradient goes:

- None: it needs no gradient;
- a `Leaf`: the user asked for its gradient;
- a `Node`: it is the output of an operation;
- an `Output`: it is one of several outputs of an operation.

backward.py walks these.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from .ops.rule import Op
    from .tensor import Tensor

Edge: TypeAlias = tuple["Source", Callable[..., Any], int, Any, tuple[int, ...], Any, int]
"""(source of the input, its gradient, how many things that gradient saved, those things, the input's shape, its dtype,
its position). One saved thing stands by itself, several in a tuple: most gradients save one, and are called for every step."""

Hook: TypeAlias = "Callable[[Tensor], Tensor | None]"


class Node:
    """One recorded operation. `id` is its ticket: a node's inputs were produced by nodes with smaller ones."""

    __slots__ = ("__weakref__", "edges", "extra", "id", "op")
    id: int
    op: Op
    edges: tuple[Edge, ...] | None  # None once the graph has been freed
    extra: Extra | None  # None for a plain node: one output, one gradient per edge, no hooks

    def __repr__(self) -> str:
        return f"<{self.op.label}>"


class Output(NamedTuple):
    """One of several outputs of a node."""

    node: Node
    number: int


class Leaf:
    """Where the gradient of a tensor the user made arrives. It does not keep the tensor alive."""

    __slots__ = ("__weakref__", "hooks", "post_hooks", "tensor")

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = weakref.ref(tensor)
        self.hooks: dict[int, Hook] | None = None
        self.post_hooks: dict[int, Callable[[Tensor], None]] | None = None

    def __repr__(self) -> str:
        return "<AccumulateGrad>"


Source: TypeAlias = "Node | Output | Leaf"


class Extra:
    """What only some nodes have: several outputs, a joint gradient, hooks, tensors that keep their gradient, a trace."""

    __slots__ = ("hooks", "inputs", "joint", "needs", "outputs", "retained", "settings", "trace")

    def __init__(self) -> None:
        self.hooks: dict[int, dict[int, Hook]] = {}  # by output index
        self.retained: dict[int, weakref.ref[Tensor]] = {}
        self.outputs = 0  # 0: one output, whose source is the node; else the sources are Output(node, 0), …
        self.joint: tuple[Callable[..., Any], tuple[Any, ...]] | None = None
        self.needs: tuple[bool, ...] = ()
        self.inputs: tuple[Any, ...] | None = None  # all inputs, where derivatives go through a definition
        self.settings: dict[str, Any] = {}
        self.trace: str | None = None

    def release(self) -> None:
        """Free what the node saved."""
        self.joint = self.inputs = None


def extra_of(node: Node) -> Extra:
    """Return the node's Extra, made on first use."""
    if node.extra is None:
        node.extra = Extra()
    return node.extra


def saved_by(edge: Edge) -> tuple[Any, ...]:
    """Return what an edge's gradient saved as a tuple."""
    count, saved = edge[2], edge[3]
    return () if count == 0 else (saved,) if count == 1 else saved


def producer(source: Source) -> tuple[Node, int]:
    """Return the node and output index behind the source of a tensor that is not a leaf."""
    if isinstance(source, Output):
        return source.node, source.number
    assert isinstance(source, Node)
    return source, 0


class RemovableHandle:
    """What registering a hook returns: `.remove()` takes it away again; so does leaving `with handle:`."""

    _next = 0

    def __init__(self, table: dict[int, Any]) -> None:
        self._table = table
        RemovableHandle._next += 1
        self.id = RemovableHandle._next

    def remove(self) -> None:
        """Take the hook away; removing twice does nothing."""
        self._table.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()
