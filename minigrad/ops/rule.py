"""The rule: an op is its value and one gradient per argument, and what a gradient asks for by name is what gets saved.

    @op
    def mul(xp, a, b):                  # y = a b
        return a * b

    @mul.grad("a")
    def _(xp, dy, b):                   # da = dy b
        return dy * b

`xp` is the array namespace. A gradient's parameters after `dy` name what it needs: `y` is the output (a tuple of outputs where
there are several; `y0`, `y1` one of them), an argument's name is that input, `NAME_shape` only its shape, a keyword's name
that setting. Nothing else is kept. For derivatives of gradients the same function is called with a namespace of recorded
ops (namespace.py) and with what it named put back in its place in the graph.

Where the gradients share their work, `@mul.joint` marks one function `(xp, dy, needs, ...)` that returns them all; `needs`
says which are wanted. An op whose value is a fused kernel has `definition=`, the same function in terms of `xp`: derivatives
beyond the first go through it.

A rule never sums over broadcast axes, keeps dtypes, accumulates or copies: the engine does (backward.py).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from ..arrays import Namespace
from ..graph import Edge

REGISTRY: dict[str, Op] = {}
"""Every op there is, by name. The property tests walk it."""

Gradient = Callable[..., Any]
Build = Callable[..., tuple[Edge, ...]]


class Op:
    """A differentiable operation: name, value, gradients. Call it with Tensors, arrays or numbers; settings by keyword."""

    def __init__(
        self,
        value: Callable[..., Any],
        promotes: bool | tuple[str, ...],
        floats: bool,
        definition: Callable[..., Any] | None,
        hidden: int,
    ) -> None:
        parameters = list(inspect.signature(value).parameters.values())[1:]
        self.value = value
        self.name = value.__name__.rstrip("_")
        self.label = "".join(part.capitalize() for part in self.name.split("_")) + "Backward0"
        self.arguments = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        self.variadic = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
        self.defaults = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is not p.empty}
        self.settings = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}
        self.promotes = promotes  # inputs of different types meet in one (dtypes.result_type): all, or the named ones
        self.floats = floats  # integers become the default floating type
        self.definition = definition
        self.hidden = hidden  # so many outputs, the last ones, are there for the gradient only, and have none themselves
        self.gradients: list[Gradient | None] = [None] * len(self.arguments)
        self.joint_gradient: Gradient | None = None
        self.wants: list[tuple[str, ...]] = [()] * len(self.arguments)
        self.keeps_arrays = False  # whether running backward releases anything
        self._builds: dict[int, Build] = {}
        self.__doc__ = value.__doc__
        assert self.name not in REGISTRY, f"two ops are named {self.name}"
        REGISTRY[self.name] = self

    @functools.cached_property
    def call(self) -> Callable[..., Any]:
        """What applies the op and records it (made on first use, when all gradients are known)."""
        from . import record

        all_or_none = None not in self.gradients or not any(self.gradients)
        plain = self.variadic is None and not self.settings and self.definition is None and all_or_none
        plain = plain and self.joint_gradient is None
        if plain and len(self.arguments) == 1:
            return record.unary(self)
        if plain and len(self.arguments) == 2:
            return record.binary(self)
        return record.general(self)

    def grad(self, *names: str) -> Callable[[Gradient], Gradient]:
        """Mark a function as the gradient with respect to the named arguments."""

        def decorate(gradient: Gradient) -> Gradient:
            for name in names:
                i = self.arguments.index(name)
                self.gradients[i] = gradient
                self.wants[i] = self._check(gradient, 2)
            return gradient

        return decorate

    def joint(self, gradient: Gradient) -> Gradient:
        """Mark a function as the gradient with respect to all arguments together."""
        self.joint_gradient = gradient
        self.wants = [self._check(gradient, 3)]
        return gradient

    def _check(self, gradient: Gradient, skip: int) -> tuple[str, ...]:
        wants = tuple(inspect.signature(gradient).parameters)[skip:]
        inputs = {*self.arguments, self.variadic}
        for want in wants:
            stem = want.removesuffix("_shape")
            is_output = want == "y" or (want[:1] == "y" and want[1:].isdigit())
            if not (is_output or stem in inputs or want in self.settings):
                raise TypeError(f"gradient of {self.name}: '{want}' is neither y, an argument nor a setting of the op")
            self.keeps_arrays |= is_output or want in inputs
        return wants

    def differentiable(self, i: int) -> bool:
        """True if the op has a gradient for the input at position `i`."""
        return self.joint_gradient is not None or (i < len(self.gradients) and self.gradients[i] is not None)

    def build(self, needed: int) -> Build:
        """Return the function that makes a node's edges; bit i of `needed` says that input i needs its gradient.

        It is one expression, compiled once: `lambda y, settings, a, b, from_a, from_b: ((from_a, d_a, 1, b, a.shape, …), …)`.
        """
        found = self._builds.get(needed)
        if found is None:
            gradients = {f"d_{name}": g for name, g in zip(self.arguments, self.gradients)}
            header = ["y", "settings", *self.arguments, *(f"from_{a}" for a in self.arguments)]
            edges = []
            for i, name in enumerate(self.arguments):
                if needed >> i & 1:
                    wants = [self._saved(want) for want in self.wants[i]]
                    saved = wants[0] if len(wants) == 1 else f"({', '.join(wants)})" if wants else "None"
                    edges.append(f"(from_{name}, d_{name}, {len(wants)}, {saved}, {name}.shape, {name}.dtype, {i})")
            source = f"lambda {', '.join(header)}: ({', '.join(edges)},)"
            found = self._builds[needed] = eval(source, gradients)
        return found

    def _saved(self, want: str) -> str:
        if want in self.arguments or want in ("y", self.variadic):
            return want
        if want in self.settings:
            return f"settings[{want!r}]"
        if want.endswith("_shape"):
            stem = want.removesuffix("_shape")
            return f"tuple(v.shape for v in {stem})" if stem == self.variadic else f"{stem}.shape"
        return f"y[{want[1:]}]"

    @functools.cached_property
    def collect(self) -> Callable[..., tuple[Any, ...]]:
        """What picks what the joint gradient named, in its order, out of (y, settings, *inputs); compiled like `build`."""
        header = ["y", "settings", *self.arguments] + ([f"*{self.variadic}"] if self.variadic else [])
        saved = [self._saved(want) for want in self.wants[0]]
        return eval(f"lambda {', '.join(header)}: ({', '.join(saved)},)" if saved else f"lambda {', '.join(header)}: ()")

    def __call__(self, *inputs: Any, **settings: Any) -> Any:
        """Apply the op and record it."""
        return self.call(*inputs, **settings)

    def inside(self, xp: Namespace, *inputs: Any, **settings: Any) -> Any:
        """Apply the op inside a rule: recorded if the rule is being recorded, else on the bare arrays."""
        if xp is recorded():
            return self.call(*inputs, **settings)
        return self.value(xp, *inputs, **settings)

    def __repr__(self) -> str:
        return f"<op {self.name}>"


@functools.cache
def recorded() -> Namespace:
    """Return the namespace of recorded ops, which gradients of gradients are computed in."""
    from . import namespace

    return namespace


def op(
    value: Callable[..., Any] | None = None,
    *,
    promotes: bool | tuple[str, ...] = False,
    floats: bool = False,
    definition: Callable[..., Any] | None = None,
    hidden: int = 0,
) -> Any:
    """Make an op of its value: `@op`, or `@op(promotes=True)`, `@op(promotes=("a", "b"))`, `@op(floats=True)`, … (see Op)."""
    if value is not None:
        return Op(value, promotes, floats, definition, hidden)
    return lambda v: Op(v, promotes, floats, definition, hidden)
