"""Pictures of computation graphs: which op made what of what, and how large the gradient is at every place.

    from minigrad import draw

    h = torch.tanh(x @ W.T + b)
    loss = (h @ v).sum()
    picture = draw.graph(loss, {"W": W, "b": b, "v": v, "h": h})
    picture.save("graph.svg")           # or graph.dot, for Graphviz; in a notebook the picture shows itself

A box is a recorded operation, with the shape and type of its output; a rounded box is a leaf, under the name it was given.
Arrows go the way of the values, from the leaves to the result; gradients flow against them. What needs no gradient is not
recorded, and not drawn. The norm

    ‖∂L/∂y‖₂ = √(Σ (∂L/∂y)²)

of the gradient at every output y colours its box on a logarithmic scale, pale where gradients vanish, dark where they explode:
in an unrolled recurrent network one sees them fade from step to step.

Where a leaf is used in many places (the weights of a recurrent network, at every time step) it is drawn at each of them, with
the norm of what this use adds to its gradient: the terms of dW = Σ_t dW_t.

The norms come from a backward pass of their own. It runs hooks and users' Functions, as every backward pass does, leaves the
graph as it was, and touches no `.grad`. Graphviz is not needed: the layout (layout.py) is that of Sugiyama, Tagawa and Toda,
"Methods for visual understanding of hierarchical system structures" (1981).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..tensor import Tensor
from ..utils.files import write_atomically
from . import dot, svg
from .diagram import Arrow, Box, Diagram, diagram

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["Arrow", "Box", "Drawing", "graph"]

DIRECTIONS = ("down", "right")


class Drawing:
    """A graph as data (`boxes`, `arrows`, `notes`), as a picture (`svg`) and for Graphviz (`dot`). It holds no tensors."""

    def __init__(self, content: Diagram, direction: str) -> None:
        self.boxes = content.boxes
        self.arrows = content.arrows
        self.notes = content.notes
        self._content = content
        self._direction = direction

    @cached_property
    def svg(self) -> str:
        """The picture as SVG text, which needs no other file."""
        return svg.render(self._content, self._direction)

    @cached_property
    def dot(self) -> str:
        """The graph in Graphviz' language."""
        return dot.render(self._content, self._direction)

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the picture to `name.svg`, or Graphviz' text to `name.dot` or `name.gv`; return the path.

        ValueError: the name ends otherwise.
        """
        target = Path(path)
        kind = target.suffix.lower()
        if kind not in (".svg", ".dot", ".gv"):
            raise ValueError(f"a graph is saved as .svg, .dot or .gv, but the name is {target.name!r}")
        write_atomically(target, self.svg if kind == ".svg" else self.dot)
        return target

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<graph of {len(self.boxes)} boxes and {len(self.arrows)} arrows>"


def graph(
    outputs: Tensor | Sequence[Tensor],
    params: Mapping[str, Tensor] | Any = None,
    *,
    gradients: bool = True,
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    direction: str = "down",
    max_nodes: int = 400,
) -> Drawing:
    """Return a drawing of what `outputs` were computed by.

    Args:
        outputs: the results, one tensor or several, each with its part of the graph.
        params: names, from name to tensor, or a module, whose parameters have names. Results can be named as well as leaves.
        gradients: show ‖∂L/∂y‖₂ with L = Σ_k ⟨grad_outputs[k], outputs[k]⟩.
        grad_outputs: one for each output, of its shape; it may be left out where outputs have one element each, where it is 1.
        direction: where the values flow, "down" or "right" (better for many time steps).
        max_nodes: how many boxes are drawn at most.

    After a `backward()` that freed the graph only what is left of it is drawn, without gradients, and a note says so.

    Raises:
        RuntimeError: an output was computed without recording; it has several elements and no grad_output; an array that a
            gradient needs was written in place since.
        ValueError: the graph has more than `max_nodes` boxes; the direction is unknown.
    """
    if direction not in DIRECTIONS:
        raise ValueError(f"direction must be one of {DIRECTIONS}, but got {direction!r}")
    results = (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
    given = (grad_outputs,) if isinstance(grad_outputs, Tensor) else grad_outputs
    return Drawing(diagram(results, _named(params), gradients, given, max_nodes), direction)


def _named(params: Any) -> dict[str, Tensor]:
    if params is None:
        return {}
    return dict(params.named_parameters() if hasattr(params, "named_parameters") else params)
