"""One step of a cell, linearised: what all cells share.

Around what the forward pass computed, step t is a linear map of small changes: of the state before it, of its input and of
its weights. Its derivatives have closed forms in the gates, and this folder has them, cell by cell, for all steps at once.
They are independent of the fused kernels (layers/recurrent), which they are tested against.

Three gradients of a state are told apart:

    outside   what the loss adds to the state from elsewhere than the next step
    leaving   outside + what comes back through the next step
    total     dL/d(state_t) over all paths: for c_t also the one through h_t of the same step, else the same as `leaving`
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import minigrad
from minigrad import Tensor

Index = Any
"""A step t, a slice of steps, or `...` for all."""


class Weights(NamedTuple):
    """The weights as they were in the forward pass, without graph."""

    W_ih: Tensor  # (g·H, I)
    W_hh: Tensor  # (g·H, H), or (g·H, P)
    b_ih: Tensor | None  # (g·H,)
    b_hh: Tensor | None
    W_hr: Tensor | None = None  # (P, H), of an LSTM with projection
    p: Tensor | None = None  # (3H,) or (2H,), of an LSTM with peepholes


@dataclass
class Forward:
    """What one direction of one layer computed, over T steps. Time runs forward in all arrays; padded steps are zero."""

    x: Tensor  # (T, B, I)
    start: list[Tensor]  # the states before the first step, (B, ·) each
    h: Tensor  # (T, B, H)
    c: Tensor | None  # (T, B, H); None where it is to be had from h
    reverse: bool
    mask: Tensor | None = None  # (T, B, ·), what W_hh sees is h_{t−1} ⊙ mask; None: h_{t−1} (recurrent_dropout)
    valid: Tensor | None = None  # (T, B, 1), True where a step is no padding; None: all
    entry: Tensor | None = None  # (T, B, 1), True at the first step of each sequence as the recurrence runs

    @property
    def order(self) -> list[int]:
        """The steps in the order of the recurrence."""
        steps = range(self.h.shape[0])
        return list(reversed(steps) if self.reverse else steps)

    def before(self, after: Tensor, start: Tensor) -> Tensor:
        """Return the state before each step, (T, B, ·), from the state after each and the one before the first."""
        first = start.unsqueeze(0)
        shifted = minigrad.cat([after[1:], first] if self.reverse else [first, after[:-1]])
        if self.entry is None:
            return shifted
        return self.masked(minigrad.where(self.entry, first, shifted))

    def at_entry(self, values: Tensor) -> Tensor:
        """Return (…, B, ·) of values (…, T, B, ·), from the step at which the recurrence of each sequence begins."""
        if self.entry is None or not self.reverse:
            return values[..., -1 if self.reverse else 0, :, :]
        return minigrad.where(self.entry, values, 0.0).sum(-3)

    def masked(self, values: Tensor) -> Tensor:
        """Return values (T, B, ·) with zeros at padded steps."""
        return values if self.valid is None else minigrad.where(self.valid, values, 0.0)


class Linearised(ABC):
    """The steps of one direction of one layer, linearised.

    Attributes:
        gates: what each gate is after its σ or tanh, (T, B, H), by name.
        states: the states after each step, (T, B, ·): h, and c where there is one.
        before: the states before each step.
        names: of the gates, in the order of the blocks of the weights.
    """

    names: tuple[str, ...]
    gates: dict[str, Tensor]
    states: list[Tensor]
    before: list[Tensor]

    def __init__(self, forward: Forward, weights: Weights) -> None:
        self.forward, self.w = forward, weights
        self.on_hidden = blocks(self.names, weights.W_hh)
        h = forward.before(forward.h, forward.start[0])
        self.before = [h]
        self.seen = h if forward.mask is None else h * forward.mask  # by W_hh

    def pre_activations(self) -> dict[str, Tensor]:
        """Return a = W_ih x_t + b_ih + W_hh h_{t−1} + b_hh by gate, (T, B, H) each."""
        w = self.w
        a = affine(self.forward.x, w.W_ih, w.b_ih) + affine(self.seen, w.W_hh, w.b_hh)
        return dict(zip(self.names, a.chunk(len(self.names), -1)))

    def totals(self, leaving: list[Tensor], t: Index = ...) -> list[Tensor]:
        """Return the total gradients of the states after step t, (…, B, ·), from those that leave them."""
        return leaving

    @abstractmethod
    def dgates(self, totals: list[Tensor], t: Index = ...) -> dict[str, Tensor]:
        """Return dL/da for the pre-activation a of each gate at step t, (…, B, H)."""

    @abstractmethod
    def paths(self, totals: list[Tensor], t: Index = ...) -> list[dict[str, Tensor]]:
        """Return for each state before step t what comes back to it through the step, split by path, (…, B, ·) each."""

    @abstractmethod
    def jacobians(self, t: Index = ...) -> Tensor:
        """Return ∂state_t / ∂state_{t−1}, (…, B, S, S): row j holds the derivatives of element j of [h; c] after the step."""

    def hidden_side(self, da: dict[str, Tensor], t: Index = ...) -> list[tuple[Tensor, Tensor]]:
        """Return for each block of W_hh the gradient of its product and what it multiplies: dW = Σ_b d ⊗ h."""
        return [(da[name], self.seen[t]) for name in self.names]

    def to_hidden(self, d: Tensor, t: Index) -> Tensor:
        """Return the gradient of h_{t−1}, (…, B, ·), from that of what W_hh sees of it."""
        return d if self.forward.mask is None else d * self.forward.mask[t]

    def by_hidden(self, W: Tensor, t: Index) -> Tensor:
        """Return the derivative of W times what W_hh sees of h_{t−1} by h_{t−1}: W, or W diag(mask)."""
        return W if self.forward.mask is None else W * self.forward.mask[t].unsqueeze(-2)

    def back(self, totals: list[Tensor], t: Index) -> list[Tensor]:
        """Return J_tᵀ times a gradient: what comes back to the states before step t, over all paths."""
        return [sum(list(parts.values())[1:], next(iter(parts.values()))) for parts in self.paths(totals, t)]


def affine(x: Tensor, W: Tensor, b: Tensor | None) -> Tensor:
    """Return x Wᵀ + b."""
    y = x @ W.T
    return y if b is None else y + b


def blocks(names: tuple[str, ...], W: Tensor) -> dict[str, Tensor]:
    """Return the blocks of rows of a weight by gate."""
    return dict(zip(names, W.chunk(len(names), 0)))


def scaled_rows(d: Tensor, W: Tensor) -> Tensor:
    """Return diag(d) W for every d (…, H): (…, H, n)."""
    return d.unsqueeze(-1) * W


def diagonal(d: Tensor) -> Tensor:
    """Return diag(d) for every d (…, H): (…, H, H)."""
    return scaled_rows(d, minigrad.eye(d.shape[-1], dtype=d.dtype, device=d.device))
