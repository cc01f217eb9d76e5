"""The checks that every op passes, each against an oracle that shares nothing with the op."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from minigrad import autograd
from minigrad.autograd.gradcheck import gradgradcheck
from minigrad.ops.rule import Op
from minigrad.tensor import Tensor

from ..conftest import Library
from ..oracles import assert_close, complex_slope, gradient, slope
from .cases import Case, Sample

VALUE = 1e-12
GRADIENT = 1e-9  # float32 rounding is 6e-8, a 0.1 % error 1e-3
COMPLEX = 1e-13
EPSILON = {"float16": 2.0**-11, "float32": 2.0**-24, "float64": 2.0**-53}
SMALL = 12
"""Up to so many elements derivatives are compared one by one, beyond along random directions."""


@dataclass
class Run:
    """One forward and backward pass of an op."""

    inputs: tuple[Any, ...]
    outputs: tuple[Tensor, ...]
    seeds: tuple[Tensor, ...]  # dL/dy for each floating output, L = Σ ⟨seed, y⟩
    variables: dict[int, Tensor]  # the inputs whose gradient was asked for


def is_float(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def entry(op: Op, table: dict[str, Case], library: Library) -> Case:
    """Return an op's entry; skip the test, saying why, on a library that the op has no kernel for."""
    case = table[op.name]
    if case.host_only and library.name != "cpu":
        pytest.skip(f"{op.name} is a kernel on NumPy arrays; on {library.name} layers run its definition, step by step")
    return case


def place(op: Op, sample: Sample, library: Library, spread: bool = False) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Bring a sample to a library: float arrays become leaves where the op has a gradient."""

    def convert(i: int, x: Any) -> Any:
        if not isinstance(x, np.ndarray):
            return x
        tensor = library.tensor(x)
        if spread and library.name == "cpu":
            tensor = Tensor.wrap(with_gaps(x))
        return tensor.requires_grad_(is_float(x) and op.differentiable(i))

    return tuple(convert(i, x) for i, x in enumerate(sample.inputs)), {
        k: to_library(v, library) for k, v in sample.settings.items()
    }


def to_library(setting: Any, library: Library) -> Any:
    """Bring the arrays inside a setting (an index) to a library."""
    if isinstance(setting, np.ndarray):
        return library.array(setting)
    if type(setting) is tuple:
        return tuple(to_library(part, library) for part in setting)
    return library.device if isinstance(setting, str) and setting == "here" else setting


def with_gaps(x: np.ndarray) -> np.ndarray:
    """Return a copy that lies backwards and with gaps in memory."""
    room = np.zeros([2 * n for n in x.shape], x.dtype)
    view = room[(..., *(slice(None, None, -2) for _ in x.shape))]
    view[...] = x
    return view


def run(op: Op, sample: Sample, library: Library, seed: int = 0, spread: bool = False) -> Run:
    """Apply an op and go backward from all its floating outputs with random weights."""
    inputs, settings = place(op, sample, library, spread)
    outputs = op(*inputs, **settings)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    used = [y for y in outputs if y.requires_grad]
    rng = np.random.default_rng(seed)
    seeds = tuple(library.tensor(np.asarray(rng.uniform(-1, 1, y.shape), y.dtype.dtype)) for y in used)
    variables = {i: x for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad}
    if used:
        autograd.backward(used, seeds)
    return Run(inputs, outputs, seeds, variables)


def values(oracle_result: Any) -> tuple[Any, ...]:
    return oracle_result if isinstance(oracle_result, tuple) else (oracle_result,)


# ---- the checks


def check_value(op: Op, case: Case, sample: Sample, library: Library) -> None:
    """The value is the oracle's, and floats stay float64."""
    inputs, settings = place(op, sample, library)
    outputs = values(op(*inputs, **settings))
    expected = values(case.oracle(*sample.inputs, **sample.settings))
    for k, y in enumerate(expected):
        assert_close(library.numpy(outputs[k]), y, VALUE, f"output {k} of {op.name}")


def check_gradient(op: Op, case: Case, sample: Sample, library: Library) -> None:
    """The gradient is the slope of the oracle, with all outputs used and with each alone."""
    inputs, settings = place(op, sample, library)
    outputs = values(op(*inputs, **settings))
    variables = {i: x for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad}
    used = [k for k, y in enumerate(outputs) if y.requires_grad]
    rng = np.random.default_rng(1)
    weights = {k: rng.uniform(-1, 1, outputs[k].shape) for k in used}
    for chosen in subsets(used):
        seeds = [library.tensor(np.asarray(weights[k])) for k in chosen]
        ys = [outputs[k] for k in chosen]
        found = autograd.grad(ys, list(variables.values()), seeds, retain_graph=True, allow_unused=True)

        def loss(*xs: Any, chosen: Sequence[int] = chosen) -> Any:
            ys = values(case.oracle(*xs, **sample.settings))
            return sum(np.sum(weights[k] * ys[k]) for k in chosen)

        for i, dx in zip(variables, found):
            actual = np.zeros(variables[i].shape) if dx is None else library.numpy(dx)
            compare_gradient(loss, sample.inputs, i, actual, f"{op.name}, outputs {chosen}, input {i}")


def subsets(used: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield all outputs together, then each alone, and every pair of the first three."""
    if used:
        yield tuple(used)
    if len(used) > 1:
        yield from ((k,) for k in used)
    if len(used) > 2:
        yield from combinations(used[:3], 2)


def compare_gradient(loss: Any, points: Sequence[Any], i: int, actual: np.ndarray, what: str) -> None:
    """Compare a gradient with slopes of the loss, element by element or along directions."""
    if actual.size <= SMALL:
        assert_close(actual, gradient(loss, points, i), GRADIENT, f"gradient of {what}")
        return
    assert actual.shape == points[i].shape, what
    rng = np.random.default_rng(2)
    for _ in range(4):
        directions = [None] * len(points)
        directions[i] = rng.uniform(-1, 1, actual.shape)
        assert_close(np.sum(actual * directions[i]), slope(loss, points, directions), GRADIENT, f"gradient of {what}")


def check_complex(op: Op, case: Case, sample: Sample, library: Library) -> None:
    """The gradient is that of the rule's own value, by the complex step: exact to rounding."""
    done = run(op, sample, library)
    for i, x in done.variables.items():

        def loss(*xs: Any) -> Any:
            ys = values(op.value(np, *xs, **{**op.defaults, **sample.settings}))
            return sum(np.sum(library.numpy(seed) * y) for seed, y in zip(done.seeds, ys))

        assert x.grad is not None
        expected = gradient(loss, sample.inputs, i, complex_slope)
        assert_close(library.numpy(x.grad), expected, COMPLEX, f"gradient of {op.name}, input {i}, by the complex step")


def check_second(op: Op, case: Case, sample: Sample, library: Library) -> None:
    """Second derivatives are the slopes of first ones."""
    inputs, settings = place(op, sample, library)
    variables = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]
    if not variables or not any(y.requires_grad for y in values(op(*inputs, **settings))):
        return
    large = sum(x.numel() for x in variables) > SMALL
    gradgradcheck(lambda *xs: op(*xs, **settings), inputs, rtol=1e-6, atol=2e-7, fast_mode=large)


def check_hygiene(op: Op, case: Case, sample: Sample, library: Library) -> None:
    """Nothing given is changed, and each gradient is owned by the user alone: writable, sharing no memory with anything."""
    done = run(op, sample, library)
    for i, (x, tensor) in enumerate(zip(sample.inputs, done.inputs)):
        if isinstance(x, np.ndarray):
            np.testing.assert_array_equal(library.numpy(tensor), x, err_msg=f"{op.name} changed its input {i}")
    rng = np.random.default_rng(0)
    for seed in done.seeds:
        expected = rng.uniform(-1, 1, seed.shape)
        np.testing.assert_array_equal(library.numpy(seed), expected, err_msg=f"{op.name} changed dL/dy")
    gradients = {f"the gradient of input {i}": x.grad for i, x in done.variables.items() if x.grad is not None}
    others = {f"input {i}": x for i, x in enumerate(done.inputs) if isinstance(x, Tensor)}
    others |= {f"output {k}": y for k, y in enumerate(done.outputs)} | {f"dL/dy {k}": s for k, s in enumerate(done.seeds)}
    for name, dx in gradients.items():
        assert library.backend.owns(dx.array), f"{op.name}: {name} is a view, or cannot be written"
    for (a, dx), (b, other) in [
        *combinations(gradients.items(), 2),
        *((g, o) for g in gradients.items() for o in others.items()),
    ]:
        assert not library.backend.shares(dx.array, other.array), f"{op.name}: {a} shares memory with {b}"


def check_layout(op: Op, case: Case, sample: Sample, library: Library) -> None:
    """Arrays with gaps, backwards in memory, give the same values and gradients."""
    plain, spread = run(op, sample, library), run(op, sample, library, spread=True)
    seen = len(plain.outputs) - op.hidden  # in those behind not every element need be written
    for k, (y, z) in enumerate(zip(plain.outputs[:seen], spread.outputs)):
        assert_close(library.numpy(z), library.numpy(y), VALUE, f"{op.name}: output {k} of arrays with gaps")
    for i, x in plain.variables.items():
        if x.grad is not None:
            assert_close(library.numpy(spread.variables[i].grad), library.numpy(x.grad), VALUE, f"{op.name}: gradient {i}")


def check_dtypes(op: Op, case: Case, sample: Sample, library: Library) -> None:
    """Floats of one type in, floats of that type out, gradients too; the values are right to that type's rounding."""
    if not any(is_float(x) for x in sample.inputs):
        return
    for name, epsilon in EPSILON.items():
        low = Sample(tuple(x.astype(name) if is_float(x) else x for x in sample.inputs), sample.settings)
        done = run(op, low, library)
        high = [x.astype("float64") if is_float(x) else x for x in low.inputs]
        expected = values(case.oracle(*high, **sample.settings))
        for y, reference in zip(done.outputs, expected):
            if case.keeps_dtype and np.asarray(reference).dtype.kind == "f":
                assert y.dtype.name == name, f"{op.name}: {name} in, {y.dtype.name} out"
            assert_close(
                library.numpy(y).astype(float), reference * 1.0, case.rounding * epsilon + VALUE, f"{op.name} in {name}"
            )
        for i, x in done.variables.items():
            assert x.grad is None or x.grad.dtype.name == name, f"{op.name}: the gradient of {name} input {i} is {x.grad.dtype}"


def cpu() -> Library:
    """NumPy: for checks that need one library only."""
    return Library("cpu")
