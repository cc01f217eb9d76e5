"""What a drawing shows: the boxes and arrows of a graph, and the norm of the gradient at each box."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..graph import Leaf, Node, Output, Source
from ..order import ancestors
from ..tensor import Tensor
from .norms import Norms, norms_of

EVERYWHERE = 2
"""A leaf with more uses than this is drawn at each of them: arrows from one box to all of them would cover the picture."""

SHARED = "Leaves with many uses are drawn at each; ‘here’ and the colour are what this use adds to their gradient."

FREED = "A backward pass freed the graph beyond the dashed boxes: draw before it, or call it with retain_graph=True."


@dataclass(frozen=True)
class Box:
    """A recorded operation, or a leaf."""

    title: str  # the op's name, or the leaf's
    is_leaf: bool
    values: tuple[str, ...] = ()  # shape and type of each output
    names: tuple[str, ...] = ()  # what the user calls the outputs
    norm: float | None = None  # ‖∂L/∂y‖ over all outputs y, None where it is not known
    part: float | None = None  # of a leaf drawn at each use: the norm of what this use adds to its gradient
    is_output: bool = False
    is_freed: bool = False

    @property
    def shade(self) -> float | None:
        """The norm that gives the colour."""
        return self.norm if self.part is None else self.part


@dataclass(frozen=True)
class Arrow:
    """A value on its way from box `tail` to box `head`; `label` says which where the tail has several."""

    tail: int
    head: int
    label: str = ""


@dataclass
class Diagram:
    """Boxes, each after those it takes values from, arrows, and remarks to stand beneath."""

    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def diagram(results: Sequence[Tensor], names: Mapping[str, Tensor], gradients: bool, given: Any, max_nodes: int) -> Diagram:
    """Return the diagram of what `results` were computed by (see `draw.graph`)."""
    roots = [_root(y, k) for k, y in enumerate(results)]
    nodes = ancestors(roots)[::-1]
    uses: Counter[Source] = Counter(edge[0] for node in nodes for edge in node.edges or () if isinstance(edge[0], Leaf))
    shared = {leaf for leaf, n in uses.items() if n > EVERYWHERE}
    count = len(nodes) + sum(n if leaf in shared else 1 for leaf, n in uses.items())
    if count > max_nodes:
        raise ValueError(
            f"the graph has {count} boxes, more than max_nodes={max_nodes}: draw a shorter part of it (fewer time steps, an "
            "intermediate result), or ask for more"
        )
    freed = any(node.edges is None for node in nodes)
    norms = norms_of(results, given, set(uses), shared) if gradients and not freed else None
    return _Collector(results, roots, names, norms, shared).collect(nodes)


def _root(y: Tensor, k: int) -> Source:
    y.refresh()
    if y.source is None:
        raise RuntimeError(
            f"element {k} of tensors does not require grad and does not have a grad_fn: there is no graph to draw (was it "
            "computed under no_grad, or from tensors without requires_grad?)"
        )
    return y.source


class _Collector:
    """Fills a diagram."""

    def __init__(
        self,
        results: Sequence[Tensor],
        roots: Sequence[Source],
        names: Mapping[str, Tensor],
        norms: Norms | None,
        shared: set[Source],
    ) -> None:
        self.made = Diagram()
        self.roots, self.shared = set(roots), shared
        self.norms = norms.norms if norms is not None else {}
        self.parts = norms.parts if norms is not None else {}
        self.values = {root: _value(y.array.shape, y.array.dtype) for y, root in zip(results, roots)}
        self.names: dict[Source, str] = {}
        for name, tensor in names.items():
            tensor.refresh()
            if tensor.source is not None:
                self.names.setdefault(tensor.source, name)
        self.index: dict[Source, int] = {}  # a Node's or a Leaf's box

    def collect(self, nodes: Sequence[Node]) -> Diagram:
        """Return the diagram of nodes, oldest first."""
        for node in nodes:
            self.values.update({edge[0]: _value(edge[4], edge[5]) for edge in node.edges or ()})
        for node in nodes:
            edges = node.edges or ()
            tails = [self._tail(edge[0], self.parts.get((node, edge[6]))) for edge in edges]
            self.index[node] = self._add(self._operation(node))
            self.made.arrows += [Arrow(tail, self.index[node], _label(edge[0])) for tail, edge in zip(tails, edges)]
        for root in self.roots:
            if root not in self.shared and isinstance(root, Leaf):
                self._tail(root, None)
        if self.parts:
            self.made.notes.append(SHARED)
        if any(node.edges is None for node in nodes):
            self.made.notes.append(FREED)
        return self.made

    def _add(self, box: Box) -> int:
        self.made.boxes.append(box)
        return len(self.made.boxes) - 1

    def _tail(self, source: Source, part: float | None) -> int:
        """Return the box a value comes from; a leaf's is made when first needed, a shared one's each time."""
        node = source.node if isinstance(source, Output) else source
        if node not in self.index:
            name, norm = self.names.get(node, "x"), self.norms.get(node)
            box = Box(name, True, (self.values[node],), (), norm, part, is_output=node in self.roots)
            if node in self.shared:
                return self._add(box)
            self.index[node] = self._add(box)
        return self.index[node]

    def _operation(self, node: Node) -> Box:
        sources = _outputs(node)
        found = [self.norms[s] for s in sources if s in self.norms]
        return Box(
            title=node.op.name,
            is_leaf=False,
            values=tuple(self.values[s] for s in sources if s in self.values),
            names=tuple(self.names[s] for s in sources if s in self.names),
            norm=math.hypot(*found) if found else None,
            is_output=any(s in self.roots for s in sources),
            is_freed=node.edges is None,
        )


def _label(source: Source) -> str:
    return f"[{source.number}]" if isinstance(source, Output) and len(_outputs(source.node)) > 1 else ""


def _outputs(node: Node) -> list[Source]:
    several = node.extra.outputs if node.extra is not None else 0
    return [Output(node, i) for i in range(several)] if several else [node]


def _value(shape: Iterable[int], dtype: Any) -> str:
    sizes = ", ".join(map(str, shape))
    return f"({sizes}{',' if sizes and ',' not in sizes else ''}) {getattr(dtype, 'name', dtype)}"
