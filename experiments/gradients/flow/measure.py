"""What is measured of one network: the gradient at every step as the trace saw it, and beside it what the formula says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

import minigrad
from layers import bptt
from layers.recurrent import Recurrent
from minigrad import Tensor

from ... import lab
from ...lab import Arrays
from . import formula
from .formula import ln_norm

FLOAT32_LEAST, FLOAT32_NORMAL, FLOAT32_MOST = (float(np.log(x)) for x in (2.0**-149, 2.0**-126, 2.0**128))
"""ln of the smallest float32 above 0, of the smallest held to full precision, and of where they end."""


class Reader(Protocol):
    """A network that reads sequences: what `measure` asks of it."""

    @property
    def rnn(self) -> Recurrent:
        """Its recurrent layer."""

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """L_t of every sequence, (T, B)."""

    def embedded(self, x: Tensor) -> Tensor:
        """What its recurrent layer is given."""

    def by_hand(self) -> formula.Network:
        """Its weights, for the formula."""

    def zero_grad(self) -> None:
        """Forget the gradients of its weights."""


def at_the_end(losses: Tensor) -> Tensor:
    """L = L_T, summed over the sequences."""
    return losses[-1].sum()


def at_every_step(losses: Tensor) -> Tensor:
    """L = Σ_t L_t, summed over the sequences."""
    return losses.sum()


def traced(reader: Reader, x: Tensor, y: Tensor, total: Callable[[Tensor], Tensor]) -> bptt.Steps:
    """The steps of the reader's recurrent layer after one forward and one backward pass; its weights' gradients are zeroed."""
    with np.errstate(over="ignore", invalid="ignore"), bptt.trace(reader.rnn) as trace:  # float32 may leave its range
        total(reader(x, y)).backward()
    reader.zero_grad()
    return trace[0]


def measure(reader: Reader, single: Reader, x: Tensor, y: Tensor) -> Arrays:
    """Every quantity of the experiment for one network, as natural logarithms, (T, B) each; `single` is it in float32.

    Raises:
        UsageError: the states overflow.
    """
    steps = traced(reader, x, y, at_the_end)
    if not np.isfinite(steps.h.numpy()).all():
        raise lab.UsageError("the states overflow even float64: choose smaller --set gains=..., T or lr")
    every, rounded = (traced(net, x, y, total) for net, total in ((reader, at_every_step), (single, at_the_end)))
    found = {
        "ln_dh": steps.norms("dh", log=True, per_sequence=True).values.numpy(),  # ‖dL/dh_t‖, exact however small
        "ln_dh_kernel": ln_norm(steps.dh.numpy()),  # the same, as the fused backward pass has it, in float64
        "ln_dh_float32": ln_norm(rounded.dh.numpy()),  # and in float32
        "ln_dh_every": ln_norm(every.dh.numpy()),  # loss at every step
        "ln_dh_every_float32": ln_norm(traced(single, x, y, at_every_step).dh.numpy()),
        "exponent": largest_exponent(reader, x),
    }
    if "c" in steps.outside:
        found["ln_dc"] = steps.norms("dc", log=True, per_sequence=True).values.numpy()
        found["ln_dc_every"] = ln_norm(every.dc.numpy())
    return found | by_hand(reader.by_hand(), x.numpy(), y.numpy(), steps)


def by_hand(network: formula.Network, x: np.ndarray, y: np.ndarray, steps: bptt.Steps) -> Arrays:
    """What the formula says at the states of `steps`: ln‖dL/dh_t‖ (and of c_t), ln‖J_T ⋯ J_{t+1}‖₂ and Σ ln‖J_k‖₂."""
    h, H = steps.h.numpy(), steps.h.shape[-1]
    c = steps.c.numpy() if network.cell == "LSTM" else None
    g_T = formula.loss_gradient(network, h[-1], y[-1])
    if c is not None:
        g_T = np.concatenate([g_T, np.zeros_like(g_T)], axis=1)
    v, ln_v, product, bound = formula.chain(g_T, formula.jacobians(network, x, h, c))
    found = {"ln_formula": ln_v + ln_norm(v[..., :H]), "ln_product": product, "ln_bound": bound}
    if c is not None:
        found["ln_dc_formula"] = ln_v + ln_norm(formula.total_of_c(network, v, x, h, c))
    return found


def largest_exponent(reader: Reader, x: Tensor) -> np.ndarray:
    """The largest Lyapunov exponent λ₁ along each sequence, (B,), without the first tenth of the steps."""
    with minigrad.no_grad():
        return bptt.lyapunov(reader.rnn, reader.embedded(x), 1, discard=len(x) // 10).exponents.numpy()[:, 0]


def reach(reader: Reader, x: Tensor, y: Tensor) -> np.ndarray:
    """ln‖∂L_t/∂h_k‖, (T, T), of one sequence: x and y are (T, 1)."""
    return bptt.flow(reader, (x, y), lambda losses: losses[:, 0], log=True).numpy()  # type: ignore[arg-type]


def curve(reader: Reader, x: Tensor, y: Tensor) -> np.ndarray:
    """ln‖dL_T/dh_t‖, (T, B), in float64 as the fused backward pass has it."""
    return ln_norm(traced(reader, x, y, at_the_end).dh.numpy())


def typical(norms: np.ndarray) -> np.ndarray:
    """The median over the sequences; the middle one, so that −∞ and +∞ are never averaged."""
    middle: np.ndarray = np.sort(norms, axis=-1)[..., norms.shape[-1] // 2]
    return middle
