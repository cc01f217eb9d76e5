"""The Lyapunov spectrum: the mean rates at which a disturbance of the state grows or dies (Engelken, Wolf and Abbott 2020).

An orthonormal frame Q (S, n) is carried along by the Jacobians J_t = ∂s_t/∂s_{t−1} and made orthonormal again:

    J_t Q_{t−1} = Q_t R_t        λ_i = 1/T Σ_t ln|R_t,ii|        λ_1 ≥ λ_2 ≥ … in nats per step                        (1)

λ_1 is also the mean rate at which gradients explode (> 0) or vanish (< 0) on the way back, and all S of them together change
volumes by Σ_i λ_i = 1/T Σ_t ln|det J_t|. The frame needs no factor out of floating point's range, however long the sequence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import minigrad
from minigrad import Tensor, arrays

from ..recurrent.stack import Recurrent
from .one_step import States, refuse
from .products import Array, step_jacobians

PIECE = 64
"""Steps whose Jacobians are in memory at a time."""


@dataclass
class Spectrum:
    """Lyapunov exponents; numbers in float64 on the CPU. With a batch there is one spectrum for each sequence."""

    exponents: Tensor  # λ_i in nats per step, (n,) or (B, n)
    history: Tensor  # the estimate after each of M reorthonormalisations, (M, n) or (M, B, n)
    steps: list[int]  # the steps that each of them rests on

    @property
    def dimension(self) -> Tensor:
        """The Kaplan–Yorke dimension of the attractor, () or (B,): k + Σ_{i≤k} λ_i / |λ_{k+1}|, k the last with a sum ≥ 0.

        Where all sums of the computed exponents are ≥ 0 it is their number n, which is then a lower bound.
        """
        values = np.sort(self.exponents.numpy(), axis=-1)[..., ::-1]
        return Tensor.wrap(np.apply_along_axis(_dimension, -1, values))


def lyapunov(
    layer: Recurrent,
    x: Tensor | int,
    n_exponents: int | None = None,
    every: int = 1,
    discard: int = 0,
    states: States | None = None,
    *,
    key: int = 0,
) -> Spectrum:
    """Return the Lyapunov exponents of one layer along its run, by (1).

    Args:
        layer: an RNN, LSTM or GRU that runs forward in time.
        x: its input, in any form the layer takes but packed; or a number of steps to run unbatched, x_t = 0.
        n_exponents: n, the largest to compute; None for all.
        every: steps between two reorthonormalisations. More is faster, and less exact where a few steps already tell directions
            apart by more than floating point holds: every · (λ_1 − λ_n) should stay far below 36.
        discard: the steps at the start that bring the state and the frame into line and do not count.
        states: before the first step; None for zeros.
        key: the layer, where there are several.

    Raises:
        ValueError: the layer is bidirectional or draws a mask, the input is packed, or no steps are left to count.

    Source: Engelken, Wolf and Abbott 2020, "Lyapunov spectra of chaotic recurrent neural networks", section II.
    """
    refuse(layer, x, "Lyapunov exponents")
    weight = layer.weights()["weight_ih"]
    if isinstance(x, int):
        x = minigrad.zeros(x, layer.input_size, dtype=weight.dtype, device=weight.device)
    spectrum = lyapunov_spectrum(_stream(layer, x, states, key), n_exponents, every, discard)
    if x.dim() == 2:
        return Spectrum(spectrum.exponents[0], spectrum.history[:, 0], spectrum.steps)
    return spectrum


def lyapunov_spectrum(
    jacobians: Iterable[Any], n_exponents: int | None = None, every: int = 1, discard: int = 0, seed: int = 0
) -> Spectrum:
    """Return the Lyapunov exponents of a sequence of Jacobians, by (1).

    Args:
        jacobians: J_1, J_2, …, (S, S) or (B, S, S) each, arrays or Tensors; they may be made one at a time.
        n_exponents, every, discard: as in `lyapunov`.
        seed: of the Gaussian matrix that the first frame is made of.

    Raises:
        ValueError: n_exponents or every is out of range, or no steps are left to count.
    """
    Q: Array | None = None
    total: Any = 0.0
    t, counted, history, steps = 0, 0, [], []
    for t, J in enumerate(jacobians, 1):
        A = np.asarray(arrays.to_numpy(J.array) if isinstance(J, Tensor) else J, np.float64)
        Q = A @ (_frame(A.shape, n_exponents, every, seed) if Q is None else Q)
        if t % every == 0 or t == discard:
            Q, grown = _orthonormal(Q)
            if t > discard:
                total, counted = total + grown, t
                history.append(total / (t - discard))
                steps.append(t - discard)
    if Q is not None and t > max(counted, discard):
        total = total + _orthonormal(Q)[1]
        history.append(total / (t - discard))
        steps.append(t - discard)
    if not history:
        raise ValueError(f"lyapunov: of {t} steps, {discard} are to be discarded, and none is left to count")
    return Spectrum(Tensor.wrap(np.array(history[-1])), Tensor.wrap(np.stack(history)), steps)


def _stream(layer: Recurrent, x: Tensor, states: States | None, key: int) -> Iterator[Array]:
    """Yield J_t (B, S, S) of each step, a piece of the sequence at a time."""
    axis = 1 if layer.batch_first and x.dim() == 3 else 0
    for first in range(0, x.shape[axis], PIECE):
        piece = x.narrow(axis, first, min(PIECE, x.shape[axis] - first))
        J, states = step_jacobians(layer, piece, states, key)
        yield from J


def _frame(shape: tuple[int, ...], n: int | None, every: int, seed: int) -> Array:
    """Return n orthonormal columns drawn at random, (…, S, n)."""
    S = shape[-1]
    n = S if n is None else n
    if not 1 <= n <= S or every < 1:
        raise ValueError(f"lyapunov: n_exponents should be in 1, …, {S} and every positive, but they are {n} and {every}")
    draws = np.random.default_rng(seed).standard_normal((*shape[:-1], n))
    return _orthonormal(draws)[0]


def _orthonormal(A: Array) -> tuple[Array, Array]:
    """Return Q of A = Q R, and ln|R_ii| (…, n)."""
    Q, R = np.linalg.qr(A)
    with np.errstate(divide="ignore"):
        return Q, np.log(np.abs(np.diagonal(R, axis1=-2, axis2=-1)))


def _dimension(exponents: Array) -> Any:
    sums = np.cumsum(exponents)
    below = np.flatnonzero(sums < 0)
    if not len(below):
        return float(len(exponents))
    k = int(below[0])
    return k + (sums[k - 1] / -exponents[k] if k else 0.0)
