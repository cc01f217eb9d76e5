"""Products of Jacobians: how a disturbance of the state k steps ago is felt now, and how a gradient fares on the way back.

With the state s_t (h_t; [h_t; c_t] for the LSTM) and J_t = ∂s_t/∂s_{t−1},

    ∂s_t/∂s_{t−k} = J_t J_{t−1} ⋯ J_{t−k+1}        σ₁ ≥ … ≥ σ_S its singular values, σ₁ = ‖·‖₂                       (1)
    σ₁ ≤ ‖J_t‖₂ ⋯ ‖J_{t−k+1}‖₂                                                                                        (2)
    σ₁ ≤ (γ λ₁)^k,    λ₁ = ‖W_hh‖₂, γ = max|φ'|: 1 for tanh and ReLU, ¼ for σ         (Elman layers)                  (3)

By (3), λ₁ < 1/γ suffices for gradients to vanish, and λ₁ > 1/γ is necessary for them to explode, but does not suffice
(Hochreiter 1991; Pascanu, Mikolov and Bengio 2013, section 2.1). Long products leave the range of floating point, so they are
scaled by powers of two, which is exact, and all results are natural logarithms.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import minigrad
from minigrad import Tensor, arrays

from ..recurrent import LSTM, RNN
from ..recurrent.stack import Recurrent
from ..utils.rnn import PackedSequence
from .one_step import OneStep, States
from .trace import Key, trace

Array = npt.NDArray[np.float64]

GAMMA = {"tanh": 1.0, "relu": 1.0, "sigmoid": 0.25, "linear": 1.0}
"""γ = max|φ'(a)|."""


@dataclass
class Products:
    """∂s_t/∂s_{t−k} for K lags k; numbers in float64 on the CPU. B is the batch, S the size of the state."""

    lags: list[int]
    log_singular_values: Tensor  # ln σ, (K, B, S), largest first; −∞ for zero
    log_frobenius: Tensor  # ln‖·‖_F, (K, B)
    log_step_bound: Tensor  # ln of the right side of (2), (K, B)
    log_bound: Tensor | None  # k ln(γ λ₁), (K,), for an Elman layer; other cells have no such bound

    @property
    def log_norm(self) -> Tensor:
        """ln‖·‖₂ = ln σ₁, (K, B)."""
        return self.log_singular_values[..., 0]

    @property
    def resolved(self) -> Tensor:
        """Whether a singular value stands clear of the rounding of the product, (K, B, S): σ > S ε σ₁."""
        floor = math.log(self.log_singular_values.shape[-1] * np.finfo(np.float64).eps)
        return self.log_singular_values > self.log_singular_values[..., :1] + floor


def jacobian_product(
    layer: Recurrent,
    x: Tensor,
    states: States | None = None,
    lags: int | Sequence[int] | None = None,
    *,
    key: Key = 0,
    at: int | None = None,
) -> Products:
    """Return singular values and norms of ∂s_t/∂s_{t−k}, and their bounds (2) and (3).

    Args:
        layer: an RNN, LSTM or GRU.
        x: its input, T steps, in any form the layer takes but packed.
        states: before the first step; None for zeros.
        lags: the lag or lags k ≥ 1; None for all up to the state before the first step.
        key: the layer and direction, as a trace names them: 0, or (1, "reverse").
        at: the step t, from 0; negative ones count from the end; None for where the recurrence ends. The reverse direction
            runs from the last step to the first: there None is step 0, and s_{t−k} the state at step t + k.

    Raises:
        ValueError: the input is packed, there is no step `at`, or a lag reaches back beyond the state before the first step.

    Source: Hochreiter 1991; Pascanu, Mikolov and Bengio 2013, eq. 5 to 7.
    """
    J, _ = step_jacobians(layer, x, states, key)
    T, (k, reverse) = len(J), _place(key)
    if at is not None and not -T <= at < T:
        raise ValueError(f"jacobian_product: there is no step {at}; the input has {T} steps")
    last = T - 1 if at is None else T - 1 - at % T if reverse else at % T
    lags = range(1, last + 2) if lags is None else [lags] if isinstance(lags, int) else lags
    found = products_of(J[: last + 1], lags)
    if isinstance(layer, RNN):
        found.log_bound = log_bound(layer.weights(k % layer.num_layers, reverse)["weight_hh"], lags, layer.nonlinearity)
    return found


def log_bound(weight_hh: Tensor, lags: Sequence[int], phi: str = "tanh") -> Tensor:
    """Return k ln(γ λ₁) for each lag k, (K,): the logarithm of (3).

    Args:
        weight_hh: W_hh (H, H).
        lags: the lags k.
        phi: φ, one of GAMMA.

    Raises:
        ValueError: φ is unknown.
    """
    if phi not in GAMMA:
        raise ValueError(f"log_bound: unknown φ {phi!r}; there are {', '.join(GAMMA)}")
    lambda_1 = np.linalg.norm(arrays.to_numpy(weight_hh.array).astype(np.float64), 2)
    return Tensor.wrap(np.array(lags, np.float64) * _log(GAMMA[phi] * lambda_1))


def products_of(jacobians: Any, lags: Sequence[int]) -> Products:
    """Return what follows from a sequence of Jacobians: `jacobian_product` for a given J, whose last is J_t.

    Args:
        jacobians: J, (T, B, S, S) or (T, S, S), in the order of the recurrence.
        lags: the lags k, 1 ≤ k ≤ T.

    Raises:
        ValueError: J has another shape, or a lag is out of range.
    """
    J = _batched(jacobians)
    if not all(1 <= k <= len(J) for k in lags):
        raise ValueError(f"products_of: lags should be in 1, …, {len(J)}, the number of Jacobians, but are {list(lags)}")
    norms = np.cumsum(_log(np.linalg.norm(J[::-1], 2, axis=(-2, -1))), axis=0)
    values, sizes = {}, {}
    for k, (M, exponent) in enumerate(_running(J[::-1]), 1):
        if k in lags:
            shift = exponent * math.log(2)
            values[k] = _log(np.linalg.svd(M, compute_uv=False)) + shift[:, None]
            sizes[k] = _log(np.linalg.norm(M, axis=(-2, -1))) + shift
    singular, frobenius = (Tensor.wrap(np.stack([found[k] for k in lags])) for found in (values, sizes))
    return Products(list(lags), singular, frobenius, Tensor.wrap(norms[[k - 1 for k in lags]]), None)


def step_jacobians(layer: Recurrent, x: Tensor, states: States | None = None, key: Key = 0) -> tuple[Array, States]:
    """Return J of every step in the order of the recurrence, (T, B, S, S) in float64 on the CPU, and the states at the end.

    Raises:
        ValueError: the input is packed; a bidirectional LSTM that is not the plain one.
    """
    if isinstance(x, PackedSequence):
        raise ValueError("The input is packed, and its sequences end at different steps; take them one by one")
    if isinstance(layer, LSTM) and not layer.variant.plain:
        return _from_the_definition(layer, x, states, key)
    with minigrad.no_grad(), trace(layer) as traced:
        _, ends = layer(x, states)
        J = arrays.to_numpy(traced[key].jacobians().array).astype(np.float64)
    return J[::-1] if _place(key)[1] else J, ends


def _from_the_definition(layer: Recurrent, x: Tensor, states: States | None, key: Key) -> tuple[Array, States]:
    """Do what `step_jacobians` does for a cell whose derivatives have no closed form here: differentiate every step."""
    one, (k, _), n = OneStep(layer, x, states), _place(key), sum(layer.state_sizes())
    own, found, s = slice(k % layer.num_layers * n, (k % layer.num_layers + 1) * n), [], one.start
    for x_t in one.inputs:
        s, J = one.jacobian(x_t, s)
        found.append(arrays.to_numpy(J[:, own, own].array))
    with minigrad.no_grad():
        return np.stack(found).astype(np.float64), layer(x, states)[1]


def _place(key: Key) -> tuple[int, bool]:
    """Return the layer, and whether the reverse direction is meant."""
    return (key[0], key[1] == "reverse") if isinstance(key, tuple) else (key, False)


def _running(factors: Array) -> Iterator[tuple[Array, Array]]:
    """Yield F_1 ⋯ F_k for k = 1, 2, … as M · 2^e, with M (B, S, S) scaled to at most 1 and e (B,)."""
    B, S = factors.shape[1:3]
    M, exponent = np.broadcast_to(np.eye(S), (B, S, S)), np.zeros(B)
    for F in factors:
        M = M @ F
        _, shift = np.frexp(np.abs(M).max(axis=(-2, -1)))
        M, exponent = np.ldexp(M, -shift[:, None, None]), exponent + shift
        yield M, exponent


def _batched(jacobians: Any) -> Array:
    """Return Jacobians as (T, B, S, S) in float64."""
    J = np.asarray(arrays.to_numpy(jacobians.array) if isinstance(jacobians, Tensor) else jacobians, np.float64)
    J = J[:, None] if J.ndim == 3 else J
    if J.ndim != 4 or J.shape[-1] != J.shape[-2] or 0 in J.shape:
        raise ValueError(f"products_of: expected Jacobians (T, B, S, S) or (T, S, S), not empty, got {np.shape(jacobians)}")
    return J


def _log(values: Any) -> Any:
    """Return ln, −∞ for zero."""
    with np.errstate(divide="ignore"):
        return np.log(values)
