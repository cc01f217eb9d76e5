"""The comparison inside gradcheck: one function at one point, its Jacobian by backward passes and by finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import arrays, dtypes
from ..tensor import Tensor
from . import grad
from .finite_differences import WIDER, Slopes, nature, slopes, unit

Function = Callable[..., Tensor | Sequence[Tensor]]

DIRECTIONS = 4
"""Random directions per input, and random combinations per output, in fast mode: one alone can miss a wrong rule."""


class GradcheckError(RuntimeError):
    """The analytical gradient is not the numerical one, or is not reproducible."""


class KinkError(GradcheckError):
    """The function has a kink at the point it was checked at: it has no derivative there that could be checked."""


class _Place(NamedTuple):
    """Where to look: output k, weighted by v; the variable's position among the inputs; its element."""

    output: int
    weights: np.ndarray
    variable: int
    element: int


class JacobianCheck:
    """One function at one point."""

    def __init__(
        self, func: Function, inputs: tuple[Any, ...], eps: float, atol: float, rtol: float, nondet_tol: float
    ) -> None:
        self.func, self.inputs = func, inputs
        self.eps, self.atol, self.rtol, self.nondet_tol = eps, atol, rtol, nondet_tol
        self.variables = {i: x for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad}
        _check_inputs(self.variables)
        before = {i: arrays.to_numpy(x.array).copy() for i, x in self.variables.items()}
        self.outputs = floating(func(*inputs))
        for i, values in before.items():
            if not np.array_equal(values, arrays.to_numpy(self.variables[i].array), equal_nan=True):
                raise GradcheckError(f"the function changed its input {i} in place; let it work on a clone()")
        self.draw = np.random.default_rng(0)

    # ---- the two sides

    def evaluate(self) -> tuple[np.ndarray, ...]:
        """Return the values of all outputs at the inputs as they are now."""
        return tuple(_host(y) for y in floating(self.func(*self.inputs)))

    def slopes(self, i: int, direction: np.ndarray, step: float | None = None) -> Slopes:
        """Return the finite differences of all outputs along a direction of input i."""
        return slopes(self.evaluate, self.variables[i], direction, step or self.eps)

    def analytical(self, weights: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
        """Return d Σ_k ⟨weights[k], y_k⟩ / dx for every variable x; zeros where there is no path."""
        recorded = {k: v for k, v in weights.items() if self.outputs[k].requires_grad}
        found: dict[int, Tensor | None] = dict.fromkeys(self.variables)
        if recorded:
            outputs = [self.outputs[k] for k in recorded]
            seeds = [_like(y, v) for y, v in zip(outputs, recorded.values())]
            gradients = grad(outputs, list(self.variables.values()), seeds, retain_graph=True, allow_unused=True)
            found = dict(zip(self.variables, gradients))
        return {i: np.zeros(x.shape) if (dx := found[i]) is None else _host(dx) for i, x in self.variables.items()}

    # ---- the checks

    def reproducible(self) -> None:
        """Demand that a second evaluation and a second backward pass give the same as the first."""
        for k, (first, second) in enumerate(zip(map(_host, self.outputs), self.evaluate())):
            if _differ(first, second, self.nondet_tol):
                raise GradcheckError(f"output {k} is not deterministic: two evaluations differ by more than {self.nondet_tol}")
        for k, y in enumerate(self.outputs):
            weights = {k: self.draw.standard_normal(y.shape)}
            once, twice = self.analytical(weights), self.analytical(weights)
            for i in self.variables:
                if _differ(once[i], twice[i], self.nondet_tol):
                    raise GradcheckError(
                        "Backward is not reentrant, i.e., running backward with same input and grad_output multiple "
                        f"times gives different values (output {k}, input {i}). The tolerance for nondeterminism was "
                        f"{self.nondet_tol}."
                    )

    def dtypes(self) -> None:
        """Demand that every gradient has its input's dtype."""
        outputs = [y for y in self.outputs if y.requires_grad]
        seeds = [_like(y, np.ones(y.shape)) for y in outputs]
        variables = list(self.variables.values())
        found = grad(outputs, variables, seeds, retain_graph=True, allow_unused=True) if outputs else ()
        for i, x, dx in zip(self.variables, variables, found):
            if dx is not None and dx.dtype is not x.dtype:
                raise GradcheckError(f"the gradient of input {i} is {dx.dtype}, the input is {x.dtype}")

    def elementwise(self, k: int) -> None:
        """Compare the whole Jacobian of output k."""
        n = self.outputs[k].numel()
        shape = self.outputs[k].shape
        rows = [self.analytical({k: unit(shape, o)}) for o in range(n)]
        for i, x in self.variables.items():
            found = [self.slopes(i, unit(x.shape, e)) for e in range(x.numel())]
            if not n or not found:
                continue
            numerical = np.stack([s.central(k).reshape(-1) for s in found], axis=1)
            gaps = np.stack([s.gap(k).reshape(-1) for s in found], axis=1)
            jacobian = np.stack([row[i].reshape(-1) for row in rows])
            self._compare(k, i, numerical, jacobian, gaps)

    def _compare(self, k: int, i: int, numerical: np.ndarray, analytical: np.ndarray, gaps: np.ndarray) -> None:
        excess = self._excess(numerical, analytical)
        wrong = excess > 0
        if not wrong.any():
            return
        smooth = wrong & (gaps <= self._tolerance(numerical))  # where no kink can be the reason
        o, e = np.unravel_index(np.argmax(np.where(smooth if smooth.any() else wrong, excess, -1)), excess.shape)
        place = _Place(k, unit(self.outputs[k].shape, int(o)), i, int(e))
        where = f"at output element {_index(self.outputs[k].shape, int(o))} and "
        many = f"{int(wrong.sum())} of {wrong.size} elements are wrong"
        self._fail(place, float(numerical[o, e]), float(analytical[o, e]), where, many)

    def along_directions(self, k: int) -> None:
        """Compare ⟨v, J u⟩ for random v (of output k) and u (of each input)."""
        weights = [self.draw.standard_normal(self.outputs[k].shape) for _ in range(DIRECTIONS)]
        gradients = [self.analytical({k: v}) for v in weights]
        for i, x in self.variables.items():
            for _ in range(DIRECTIONS):
                u = self.draw.standard_normal(x.shape)
                slope = self.slopes(i, u).central(k)
                for v, g in zip(weights, gradients):
                    if self._excess(np.sum(v * slope), np.sum(g[i] * u)) > 0:
                        self._fail_along(k, v, i, u, g[i])

    def _fail_along(self, k: int, v: np.ndarray, i: int, u: np.ndarray, gradient: np.ndarray) -> None:
        """Halve a direction that disagrees, following the half that disagrees more, down to one element; report it."""
        support = np.arange(u.size)
        while len(support) > 1:
            halves = np.array_split(support, 2)
            misfits = []
            for half in halves:
                part = np.zeros_like(u)
                part.reshape(-1)[half] = u.reshape(-1)[half]
                misfits.append(abs(np.sum(v * self.slopes(i, part).central(k)) - np.sum(gradient * part)))
            support = halves[int(np.argmax(misfits))]
        place = _Place(k, v, i, int(support[0]))
        numerical = np.sum(v * self.slopes(i, unit(u.shape, place.element)).central(k))
        where = "for a random combination of its elements, "
        analytical = float(gradient.reshape(-1)[place.element])
        self._fail(place, float(numerical), analytical, where, "found by halving a direction")

    def together(self) -> None:
        """Compare the gradient of all outputs at once with the sum of those of each output alone."""
        weights = {k: self.draw.standard_normal(y.shape) for k, y in enumerate(self.outputs)}
        whole = self.analytical(weights)
        parts = [self.analytical({k: v}) for k, v in weights.items()]
        for i in self.variables:
            total = sum(part[i] for part in parts)
            if np.any(self._excess(np.asarray(total), whole[i]) > 0):
                raise GradcheckError(
                    f"the gradient of input {i} with all outputs used is not the sum of those with one output used"
                )

    # ---- verdicts

    def _tolerance(self, numerical: Any) -> Any:
        return self.atol + self.rtol * np.abs(numerical)

    def _excess(self, numerical: Any, analytical: Any) -> Any:
        """Return by how much the misfit exceeds the tolerance; nan counts as infinite unless both are nan."""
        misfit = np.abs(numerical - analytical)
        excess = np.where(np.isnan(misfit), np.inf, misfit - self._tolerance(numerical))
        return np.where((numerical == analytical) | (np.isnan(numerical) & np.isnan(analytical)), -np.inf, excess)

    def _fail(self, place: _Place, numerical: float, analytical: float, where: str, note: str) -> None:
        """Raise the error for one element: a kink, or a wrong gradient."""
        shape = self.variables[place.variable].shape
        element = f"{where}input element {_index(shape, place.element)}"
        left, right, why = self._diagnose(place)
        if why == "kink":
            raise KinkError(
                f"output {place.output} has a kink with respect to input {place.variable}, {element}: the slope is "
                f"{left:.6g} on the left, {right:.6g} on the right (analytical {analytical:.6g}). Move the input away."
            )
        misfit, tolerance = abs(numerical - analytical), self._tolerance(numerical)
        hint = "\nThe function's values are rounded so coarsely that they have no slope: does it compute in float32?"
        raise GradcheckError(
            f"Jacobian mismatch for output {place.output} with respect to input {place.variable}, worst {element}:\n"
            f"numerical: {numerical:.10g}\nanalytical: {analytical:.10g}\n"
            f"difference: {misfit:.3g} > atol + rtol |numerical| = {tolerance:.3g} ({note})"
            f"{hint if why == 'noise' else ''}"
        )

    def _diagnose(self, place: _Place) -> tuple[float, float, str]:
        direction = unit(self.variables[place.variable].shape, place.element)
        sides = []
        for step in (self.eps, WIDER * self.eps):
            found = self.slopes(place.variable, direction, step)
            sides.append([float(np.sum(place.weights * side(place.output))) for side in (found.left, found.right)])
        (left, right), (wide_left, wide_right) = sides
        if not abs(right - left) > self._tolerance(max(abs(left), abs(right))):
            return left, right, "smooth"
        return left, right, nature(abs(right - left), abs(wide_right - wide_left))


def _check_inputs(variables: dict[int, Tensor]) -> None:
    if not variables:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True."
        )
    for i, x in variables.items():
        if x.dtype is not dtypes.float64:
            raise ValueError(
                f"gradcheck: input {i} is {x.dtype}, in which a step of 1e-6 drowns in rounding; pass "
                "x.double().requires_grad_()"
            )
        strides = getattr(x.array, "strides", ())
        if x.numel() and any(stride == 0 and n > 1 for stride, n in zip(strides, x.shape)):
            raise ValueError(
                f"gradcheck: input {i} repeats its memory (stride 0): its elements cannot be moved one by one; clone it"
            )


def floating(outputs: Any) -> tuple[Tensor, ...]:
    """Return the floating-point tensors among a function's outputs."""
    several = (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
    return tuple(y for y in several if isinstance(y, Tensor) and y.is_floating_point())


def differentiable(outputs: Any) -> tuple[Tensor, ...]:
    """Return those that require a gradient."""
    return tuple(y for y in floating(outputs) if y.requires_grad)


def _like(y: Tensor, values: np.ndarray) -> Tensor:
    return Tensor.wrap(arrays.backend(y.array).from_numpy(values.astype(y.dtype.dtype), y.device))


def _host(y: Tensor) -> np.ndarray:
    return arrays.to_numpy(y.to_dense().array).astype(np.float64)  # a copy: outputs that are views move with the inputs


def _differ(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    return a.shape != b.shape or bool(np.any((np.abs(a - b) > tolerance) & ~(a == b)))


def _index(shape: tuple[int, ...], element: int) -> list[int]:
    return [int(j) for j in np.unravel_index(element, shape)] if shape else []
