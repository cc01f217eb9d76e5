"""The check of the checks: each kind of wrong rule, fed on purpose, must be caught (pitfall 1).

WRONG lists them: a rule (or a broken piece of the engine), the case it is tested on, and the checks of the harness that must
fail on it. The right rule passes all of them on the same case, so a check that always fails would be seen too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import minigrad.arrival
import minigrad.autograd
import minigrad.backward
from minigrad.autograd.gradcheck import GradcheckError
from minigrad.ops.rule import REGISTRY, Op, op, recorded
from minigrad.tensor import Tensor

from . import harness
from .cases import Case, Sample, anything, binary, unary

Break = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Wrong:
    """A wrong rule or a broken engine, and which checks see it."""

    build: Callable[[], Op]
    case: Case
    caught_by: tuple[Callable[..., None], ...]
    engine: Break | None = None


def make(value: Callable[..., Any], promotes: bool = False, **gradients: Callable[..., Any]) -> Op:
    """Make an op that the registry does not keep."""
    made = op(promotes=promotes)(value)
    REGISTRY.pop(made.name)
    for name, gradient in gradients.items():
        made.grad(name)(gradient)
    return made


def tanh_with(gradient: Callable[..., Any]) -> Callable[[], Op]:
    def feigned_tanh(xp, x):
        return xp.tanh(x)

    return lambda: make(feigned_tanh, x=gradient)


def product_with(da: Callable[..., Any], db: Callable[..., Any]) -> Callable[[], Op]:
    def feigned_product(xp, a, b):
        return a * b

    return lambda: make(feigned_product, promotes=True, a=da, b=db)


def matmul_with(da: Callable[..., Any]) -> Callable[[], Op]:
    def feigned_matmul(xp, a, b):
        return a @ b

    return lambda: make(feigned_matmul, a=da, b=lambda xp, dy, a: xp.matrix_transpose(a) @ dy)


def mutating_value() -> Op:
    def feigned_square(xp, x):
        y = x * x
        x *= 1.5
        return y

    return make(feigned_square, x=lambda xp, dy, y: dy)


def float64_value() -> Op:
    def feigned_tanh(xp, x):
        return xp.tanh(x) * np.ones((), np.float64)

    return make(feigned_tanh, x=right_tanh)


def rounded_value() -> Op:
    def feigned_tanh(xp, x):
        return xp.astype(xp.astype(xp.tanh(x), xp.float32), x.dtype)

    return make(feigned_tanh, x=right_tanh)


def flattening_value() -> Op:
    def feigned_tanh(xp, x):
        return xp.tanh(xp.reshape(x, (-1,)) if x.ndim == 0 else x)

    return make(feigned_tanh, x=right_tanh)


def ignoring_strides() -> Op:
    def feigned_tanh(xp, x):
        return xp.tanh(x if x.flags.c_contiguous else xp.flip(x))

    return make(feigned_tanh, x=right_tanh)


def right_tanh(xp, dy, y):
    return dy - dy * y * y


def rounded_gradient(xp, dy, y):
    return xp.astype(xp.astype(right_tanh(xp, dy, y), np.dtype("float32")), dy.dtype)


def writes_to_saved(xp, dy, y):
    dx = right_tanh(xp, dy, y)
    if xp is not recorded():
        dy *= 0.5
    return dx


def cut_from_graph(xp, dy, y):
    return right_tanh(xp, dy, y.detach() if xp is recorded() else y)


def first_only(xp, dx, shape):
    """Break unbroadcasting: take one of the broadcast copies in place of their sum."""
    lead = dx.ndim - len(shape)
    dx = dx[(0,) * lead]
    return dx[tuple(slice(0, 1) if n == 1 else slice(None) for n in shape)]


def without_sum(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(minigrad.backward, "unbroadcast", first_only)


def without_copies(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(minigrad.arrival, "own", lambda gradient: gradient)


def mul_a(xp, dy, b):
    return dy * b


def mul_b(xp, dy, a):
    return dy * a


def pass_on(xp, dy):
    return dy


def add_op() -> Op:
    def feigned_add(xp, a, b):
        return a + b

    return make(feigned_add, promotes=True, a=pass_on, b=pass_on)


def _matrices(rng, spec):
    return Sample((anything(rng, (3, 3)), anything(rng, (3, 3))))


_drawn = unary(np.tanh)
TANH = Case(_drawn.specs, [(), (3,), (2, 3)], _drawn.make, np.tanh)
_drawn = binary(np.multiply)
PRODUCT = Case(_drawn.specs, [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3))], _drawn.make, np.multiply)
SUM = Case(_drawn.specs, PRODUCT.corners, _drawn.make, np.add)
SQUARE = Case(TANH.specs, TANH.corners, TANH.make, np.square)
MATMUL = Case(TANH.specs, [()], _matrices, lambda a, b: np.einsum("ij,jk->ik", a, b))

gradient, second, hygiene = harness.check_gradient, harness.check_second, harness.check_hygiene

WRONG: dict[str, Wrong] = {
    "0.1 % scale": Wrong(tanh_with(lambda xp, dy, y: 1.001 * right_tanh(xp, dy, y)), TANH, (gradient, second)),
    "missing broadcast sum": Wrong(product_with(mul_a, mul_b), PRODUCT, (gradient,), without_sum),
    "transposed factor": Wrong(matmul_with(lambda xp, dy, b: dy @ b), MATMUL, (gradient,)),
    "sign": Wrong(product_with(mul_a, lambda xp, dy, a: -dy * a), PRODUCT, (gradient,)),
    "dropped term": Wrong(tanh_with(lambda xp, dy, y: -dy * y * y), TANH, (gradient,)),
    "swapped factors": Wrong(product_with(lambda xp, dy, a, b: dy * a, mul_b), PRODUCT, (gradient,)),
    "float32 rounding in the gradient": Wrong(tanh_with(rounded_gradient), TANH, (gradient,)),
    "float32 rounding in the value": Wrong(rounded_value, TANH, (harness.check_value,)),
    "float64 drift": Wrong(float64_value, TANH, (harness.check_dtypes,)),
    "saved array mutated in backward": Wrong(tanh_with(writes_to_saved), TANH, (hygiene,)),
    "input mutated in forward": Wrong(mutating_value, SQUARE, (hygiene,)),
    "gradients aliased": Wrong(add_op, SUM, (hygiene,), without_copies),
    "second derivative cut off": Wrong(tanh_with(cut_from_graph), TANH, (second,)),
    "0-d turned into 1-d": Wrong(flattening_value, TANH, (harness.check_value,)),
    "strides ignored": Wrong(ignoring_strides, TANH, (harness.check_layout,)),
}

RIGHT: dict[str, Wrong] = {
    "tanh": Wrong(tanh_with(right_tanh), TANH, ()),
    "product": Wrong(product_with(mul_a, mul_b), PRODUCT, ()),
    "sum": Wrong(add_op, SUM, ()),
    "matmul": Wrong(matmul_with(lambda xp, dy, b: dy @ xp.matrix_transpose(b)), MATMUL, ()),
}
CHECKS = (
    harness.check_value, gradient, second, hygiene, harness.check_layout, harness.check_dtypes,
)  # fmt: skip


def apply(check: Callable[..., None], rule: Wrong) -> None:
    """Run one check over the corners of a case."""
    for spec in rule.case.corners:
        check(rule.build(), rule.case, rule.case.sample(spec, seed=0), harness.cpu())


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_is_caught(name, monkeypatch):
    rule = WRONG[name]
    if rule.engine is not None:
        rule.engine(monkeypatch)
    for check in rule.caught_by:
        with pytest.raises((AssertionError, GradcheckError)):
            apply(check, rule)


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_right_rule_passes(name, check):
    apply(check, RIGHT[name])


def leaf(*shape: int) -> Tensor:
    return Tensor.wrap(np.random.default_rng(0).uniform(-1, 1, shape), requires_grad=True)


BY_GRADCHECK = ["0.1 % scale", "transposed factor", "sign", "dropped term", "swapped factors", "missing broadcast sum"]


@pytest.mark.parametrize("fast_mode", [False, True])
@pytest.mark.parametrize("name", BY_GRADCHECK)
def test_gradcheck_catches_it(name, fast_mode, monkeypatch):
    """The public check at a strict tolerance; the harness's stencil sees finer errors still."""
    rule = WRONG[name]
    if rule.engine is not None:
        rule.engine(monkeypatch)
    sample = rule.case.sample(rule.case.corners[-1], seed=0)
    inputs, _ = harness.place(rule.build(), sample, harness.cpu())
    with pytest.raises(GradcheckError, match="mismatch"):
        minigrad.autograd.gradcheck(rule.build(), inputs, rtol=1e-6, atol=1e-8, fast_mode=fast_mode)


def test_one_wrong_element_in_a_large_input_is_found():
    """A single element, 1 % off among 10,000, seen along random directions and located."""

    def gradient(xp, dy, y):
        dx = right_tanh(xp, dy, y)
        mask = np.ones(dy.shape)
        mask[37, 81] = 1.5
        return dx * mask

    with pytest.raises(GradcheckError, match=r"input element \[37, 81\]"):
        minigrad.autograd.gradcheck(tanh_with(gradient)(), leaf(100, 100), rtol=1e-6, atol=1e-6, fast_mode=True)
