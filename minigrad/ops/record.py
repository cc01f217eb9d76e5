"""Applying an op: from Tensors to arrays, and from arrays to Tensors and a node.

`general` does it for every op. `unary` and `binary` are the same thing unrolled for one and two operands, in which a chain of
small operations spends its time: they handle the ordinary case (recording, Tensors of one type, a gradient needed) and
leave every other to `general`.
"""

from __future__ import annotations

from collections.abc import Callable
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

if TYPE_CHECKING:
    from .rule import Op

new = object.__new__


def unary(op: Op) -> Callable[..., Any]:
    """Return the caller of an op with one operand and no settings."""
    value, build, otherwise = op.value, op.build(1), general(op)

    def call(input: Any) -> Any:
        try:
            source = input.source
            if source is None or input.alias is not None or (unusual and not mode.plain):
                return otherwise(input)
            x = input.array
        except AttributeError:
            return otherwise(input)
        y = value(numpy if type(x) is ndarray else namespace(x), x)
        if type(y) is not ndarray:
            y = backend(x).as_array(y)
        node = new(Node)
        node.id = ticket()
        node.op = op
        node.extra = None
        node.edges = build(y, None, x, source)
        output = new(Tensor)
        output.array = y
        output.grad = None
        output.source = node
        output.alias = None
        return output

    return call


def binary(op: Op) -> Callable[..., Any]:
    """Return the caller of an op with two operands and no settings."""
    value, otherwise = op.value, general(op)
    left, right, both = op.build(1), op.build(2), op.build(3)

    def call(input: Any, other: Any) -> Any:
        try:
            a = input.array
            b = other.array
            from_a = input.source
            from_b = other.source
            if input.alias is not None or other.alias is not None or a.dtype is not b.dtype or (unusual and not mode.plain):
                return otherwise(input, other)
        except AttributeError:
            return otherwise(input, other)
        if from_a is not None:
            build = left if from_b is None else both
        elif from_b is not None:
            build = right
        else:
            return otherwise(input, other)
        try:
            y = value(numpy if type(a) is ndarray else namespace(a), a, b)
        except (ValueError, TypeError) as error:
            raise explain(op, (a, b), {}, error) from None
        if type(y) is not ndarray:
            y = backend(a).as_array(y)
        node = new(Node)
        node.id = ticket()
        node.op = op
        node.extra = None
        node.edges = build(y, None, a, b, from_a, from_b)
        output = new(Tensor)
        output.array = y
        output.grad = None
        output.source = node
        output.alias = None
        return output

    return call


def general(op: Op) -> Callable[..., Any]:
    """Return the caller of any op."""
    value = op.value

    def call(*inputs: Any, **settings: Any) -> Any:
        arrays, sources = promotion.operands(op, inputs)
        xp = namespace(next((a for a in arrays if promotion.is_array(a)), promotion.NO_ARRAY))
        if op.defaults:
            settings = {**op.defaults, **settings}
        try:
            y = value(xp, *arrays, **settings)
        except (ValueError, TypeError, IndexError) as error:
            raise explain(op, arrays, settings, error) from None
        return attach(op, y, arrays, sources, settings)

    return call


def attach(op: Op, y: Any, arrays: tuple[Any, ...], sources: tuple[Source | None, ...], settings: dict[str, Any]) -> Any:
    """Wrap an op's value (an array or a tuple of arrays) in Tensors, recorded if a gradient is needed."""
    several = type(y) is tuple
    outputs = [Tensor.wrap(_array(part, arrays)) for part in (y if several else (y,))]
    if mode.recording and any(s is not None and op.differentiable(i) for i, s in enumerate(sources)):
        kept = tuple(o.array for o in outputs) if several else outputs[0].array
        node = make_node(op, kept, arrays, sources, settings)
        for i, output in enumerate(outputs):
            if element_type(output.array).kind == "f":
                output.source = Output(node, i) if several else node
        if several:
            assert node.extra is not None
            node.extra.outputs = len(outputs)
    return tuple(outputs) if several else outputs[0]


def _array(part: Any, arrays: tuple[Any, ...]) -> Array:
    if type(part) is ndarray:
        return part
    return backend(next(a for a in arrays if promotion.is_array(a))).as_array(part)


def make_node(op: Op, y: Any, arrays: tuple[Any, ...], sources: tuple[Source | None, ...], settings: dict[str, Any]) -> Node:
    """Make the node of an op that has been computed."""
    node = new(Node)
    node.id = ticket()
    node.op = op
    node.extra = None
    several = type(y) is tuple
    if several or op.joint_gradient is not None or op.definition is not None or mode.anomaly:
        node.extra = _extra(op, y, arrays, sources, settings)
    if op.joint_gradient is not None:
        joint = op.joint_gradient
        node.edges = tuple(
            (s, joint, 0, None, a.shape, a.dtype, i) for i, (s, a) in enumerate(zip(sources, arrays)) if s is not None
        )
    else:
        needed = sum(1 << i for i, s in enumerate(sources) if s is not None and op.gradients[i] is not None)
        node.edges = op.build(needed)(y, settings, *arrays, *sources)
    return node


def _extra(op: Op, y: Any, arrays: tuple[Any, ...], sources: tuple[Source | None, ...], settings: dict[str, Any]) -> Extra:
    extra = Extra()
    if op.joint_gradient is not None:
        extra.joint = op.joint_gradient, op.collect(op.wants[0], y, arrays, settings)
        extra.needs = tuple(s is not None for s in sources)
    if op.definition is not None:
        extra.inputs, extra.settings = arrays, settings
    if mode.anomaly:
        extra.trace = mode.trace or user_trace()
    return extra
