"""Applying an op: from Tensors to arrays, and from arrays to Tensors and a node.

`general` does it for every op. `unary` and `binary` are the same thing unrolled for one and two operands of an op without
settings, in which a chain of small operations spends its time; what is not ordinary (mixed types, anomaly mode, operands that
are not Tensors) they leave to `general`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy
from numpy import ndarray

from ..arrays import Array, backend, element_type, namespace
from ..graph import Extra, Node, Output, Source
from ..memory import ticket
from ..modes import mode, unusual, user_trace
from ..tensor import Tensor
from . import promotion
from .errors import explain
from .together import together

if TYPE_CHECKING:
    from .rule import Op

new = object.__new__
wrap = Tensor.wrap
NUMBERS = (float, int)


def unary(op: Op) -> Callable[..., Any]:
    """Return the caller of an op with one operand and no settings."""
    value, otherwise, floats = op.value, general(op), op.floats
    build = op.build(1) if op.differentiable(0) else None

    def call(input: Any) -> Any:
        try:
            x = input.array
            if input.alias is not None:
                input.alias.refresh(input)
            source = input.source
        except AttributeError:
            return otherwise(input)
        if floats and source is None and element_type(x).kind != "f":
            return otherwise(input)
        y = value(numpy if type(x) is ndarray else namespace(x), x)
        if type(y) is not ndarray:
            if type(y) is tuple:
                needed = needed_by(op, (source,)) if not unusual or mode.recording else 0
                return _attach_several(op, y, x, [x], [source], {}, needed)
            y = backend(x).as_array(y)
        output = new(Tensor)
        output.array = y
        output.grad = None
        output.alias = None
        if source is None or build is None or (unusual and not mode.plain):
            if mode.anomaly:
                return otherwise(input)
            output.source = None
            return output
        output.source = node = new(Node)
        node.id = ticket()
        node.op = op
        node.extra = None
        node.edges = build(y, None, x, source)
        return output

    return call


def binary(op: Op) -> Callable[..., Any]:  # noqa: C901 - unrolled on purpose
    """Return the caller of an op with two operands and no settings; the second may be a number."""
    value, otherwise, floats = op.value, general(op), op.floats
    left, right, both = (op.build(needed) if op.differentiable(0) else None for needed in (1, 2, 3))

    def call(input: Any, other: Any) -> Any:  # noqa: C901
        try:
            a = input.array
            b = other.array
            if input.alias is not None:
                input.alias.refresh(input)
            if other.alias is not None:
                other.alias.refresh(other)
            from_a = input.source
            from_b = other.source
        except AttributeError:
            if other.__class__ not in NUMBERS or not isinstance(input, Tensor) or element_type(input.array).kind != "f":
                return otherwise(input, other)
            if input.alias is not None:
                input.alias.refresh(input)
            a, b, from_a, from_b = input.array, other, input.source, None
        else:
            if a.dtype is not b.dtype:
                return otherwise(input, other)
        try:
            y = value(numpy if type(a) is ndarray else namespace(a), a, b)
        except (ValueError, TypeError, RuntimeError) as error:
            if (moved := together((input, other))) is not None:
                return call(*moved)
            raise explain(op, (a, b), {}, error) from None
        if type(y) is not ndarray:
            y = backend(a).as_array(y)
        output = new(Tensor)
        output.array = y
        output.grad = None
        output.alias = None
        if from_a is not None:
            build = left if from_b is None else both
        else:
            build = right if from_b is not None else None
        if build is None or (unusual and not mode.plain):
            if mode.anomaly or (floats and element_type(a).kind != "f"):
                return otherwise(input, other)
            output.source = None
            return output
        output.source = node = new(Node)
        node.id = ticket()
        node.op = op
        node.extra = None
        node.edges = build(y, None, a, b, from_a, from_b)
        return output

    return call


def general(op: Op) -> Callable[..., Any]:  # noqa: C901 - the loop over operands is paid by every op
    """Return the caller of any op."""
    value, defaults = op.value, op.defaults
    meets = bool(op.promotes or op.floats)

    def call(*inputs: Any, **settings: Any) -> Any:  # noqa: C901
        if meets:
            inputs = promotion.meet(op, inputs)
        arrays: list[Any] = []
        sources: list[Source | None] = []
        like: Array = None
        for x in inputs:
            if isinstance(x, Tensor):
                if x.alias is not None:
                    x.alias.refresh(x)
                like = x.array
                arrays.append(like)
                sources.append(x.source)
            else:
                arrays.append(x)
                sources.append(None)
        if like is None:
            like = promotion.NO_ARRAY
        if defaults:
            settings = {**defaults, **settings}
        try:
            y = value(numpy if type(like) is ndarray else namespace(like), *arrays, **settings)
        except (ValueError, TypeError, IndexError, RuntimeError, OverflowError) as error:
            if (moved := together(inputs)) is not None:
                return call(*moved, **settings)
            raise explain(op, arrays, settings, error) from None
        needed = needed_by(op, sources) if not unusual or mode.recording else 0
        if type(y) is tuple:
            return _attach_several(op, y, like, arrays, sources, settings, needed)
        if type(y) is not ndarray and not promotion.is_array(y):  # a transfer's array is of another library than `like`
            y = backend(like).as_array(y)
        output = new(Tensor)
        output.array = y
        output.grad = output.alias = output.source = None
        if needed and element_type(y).kind == "f":
            output.source = make_node(op, y, arrays, sources, settings, needed)
        return output

    return call


def needed_by(op: Op, sources: Sequence[Source | None]) -> int:
    """Return which inputs get a gradient: bit i for input i."""
    if op.joint_gradient is not None:
        return sum([1 << i for i, source in enumerate(sources) if source is not None])
    needed, bit = 0, 1
    for source, gradient in zip(sources, op.gradients):
        if source is not None and gradient is not None:
            needed |= bit
        bit += bit
    return needed


def _attach_several(
    op: Op, y: tuple[Any, ...], like: Array, arrays: list[Any], sources: list[Any], settings: dict[str, Any], needed: int
) -> tuple[Tensor, ...]:
    """Wrap several outputs in Tensors, recorded if a gradient is needed."""
    values = tuple([part if type(part) is ndarray else backend(like).as_array(part) for part in y])
    outputs = tuple([wrap(value) for value in values])
    if needed and outputs:
        node = make_node(op, values, arrays, sources, settings, needed)
        for i in range(len(values) - op.hidden):
            if element_type(values[i]).kind == "f":
                outputs[i].source = Output(node, i)
    return outputs


def make_node(
    op: Op, y: Any, arrays: Sequence[Any], sources: Sequence[Source | None], settings: dict[str, Any], needed: int = 0
) -> Node:
    """Make the node of an op that has been computed.

    `y` is its value, a tuple where there are several outputs; `needed` is what
    `needed_by` returns (unused where the gradient is joint).
    """
    node = new(Node)
    node.id = ticket()
    node.op = op
    node.extra = None
    joint = op.joint_gradient
    if joint is not None or type(y) is tuple or op.definition is not None or mode.anomaly:
        node.extra = _extra(op, y, arrays, sources, settings)
    if joint is None:
        node.edges = op.build(needed)(y, settings, *arrays, *sources)
    else:
        inputs = zip(sources, arrays)
        node.edges = tuple([(s, joint, 0, None, a.shape, a.dtype, i) for i, (s, a) in enumerate(inputs) if s is not None])
    return node


def _extra(op: Op, y: Any, arrays: Sequence[Any], sources: Sequence[Source | None], settings: dict[str, Any]) -> Extra:
    extra = Extra()
    if type(y) is tuple:
        extra.outputs = len(y)
    if op.joint_gradient is not None:
        extra.joint = op.joint_gradient, op.collect(y, settings, *arrays)
        extra.needs = tuple(s is not None for s in sources)
    if op.definition is not None:
        extra.inputs, extra.settings = tuple(arrays), settings
    if mode.anomaly:
        extra.trace = mode.trace or user_trace()
    return extra
