"""Norms at every step, also of gradients too small for their dtype.

Going back through time a gradient often falls below the smallest number of float32, and is zero from there on, though its
logarithm is well defined. The recursion

    d_{t−1} = outside_{t−1} + J_tᵀ d_t

is run here on d = m · 2^e with an integer e for every sequence, chosen anew at every step so that the largest element of m
lies in [1, 2). Scaling by a power of two is exact, so what comes out is what the dtype would give with unlimited exponents.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import minigrad
from minigrad import Tensor
from minigrad.arrays import namespace

from .cells import Linearised

Array = Any

RANGE = {minigrad.float16: 14, minigrad.float32: 126, minigrad.float64: 1022}
"""The largest k for which 2^k and 2^−k are both plain numbers of the dtype."""


class Norms(NamedTuple):
    """A norm at every step."""

    values: Tensor  # (T,), or (T, B), in float64
    underflowed: Tensor | None  # alike, how many elements are zero only because their dtype ends there


class Scaled(NamedTuple):
    """Gradients m · 2^e of the states: m (N, B, ·) each, e (N, B, 1) in float64."""

    m: list[Tensor]
    e: Array

    @classmethod
    def zero(cls, like: list[Tensor]) -> Scaled:
        """Return zeros in these shapes."""
        return cls([minigrad.zeros_like(d) for d in like], minigrad.zeros_like(like[0][..., :1]).to(minigrad.float64).array)

    def grown(self, n: int) -> Scaled:
        """Return the gradients with zeros behind them, so that there are those of n losses."""
        more = n - len(self.m[0])
        if not more:
            return self
        zero = Scaled.zero([m.new_zeros(more, *m.shape[1:]) for m in self.m])
        m = [minigrad.cat([a, b]) for a, b in zip(self.m, zero.m)]
        return Scaled(m, namespace(self.e).concat([self.e, zero.e]))

    def plus(self, outside: list[Tensor] | None) -> Scaled:
        """Return the sum with plain gradients, the largest element of each sequence in [1, 2) but where the terms cancel."""
        xp, limit = namespace(self.e), RANGE[self.m[0].dtype]
        e = self.e + _exponent(xp, self.m, limit)
        if outside is not None:
            e = xp.maximum(e, _exponent(xp, outside, limit))
        e = xp.where(e > -math.inf, e, 0.0)
        found = _times_power(xp, self.m, self.e - e, limit)
        if outside is not None:
            found = [a + b for a, b in zip(found, _times_power(xp, outside, -e, limit))]
        return Scaled(found, e)


def recursion(steps: Linearised, outside: list[Tensor], begun: list[int] | None = None) -> Iterator[tuple[int, Scaled]]:
    """Go back through all steps, the last first; yield t and the total gradients of the states after step t.

    Args:
        steps: linearised, T of them.
        outside: of each state, (N, T, B, ·) from N losses, which are done at once.
        begun: at each step, in this order, how many of the losses, the first ones, have added anything so far; the others are
            left out. None: all of them.
    """
    valid, occurs = steps.forward.valid, (outside_at(outside).any(0)).tolist()
    now = Scaled.zero([d[:0, 0] for d in outside])
    for k, t in enumerate(reversed(steps.forward.order)):
        if valid is not None:  # less what went to the state before the first step
            now = now._replace(m=[minigrad.where(valid[t], m, 0.0) for m in now.m])
        n = len(outside[0]) if begun is None else begun[k]
        now = now.grown(n).plus([d[:n, t] for d in outside] if occurs[t] else None)
        total = steps.totals(now.m, t)
        yield t, Scaled(total, now.e)
        now = Scaled(steps.back(total, t), now.e)


def outside_at(outside: list[Tensor]) -> Tensor:
    """Return whether anything comes from outside, (N, T) of bool, for gradients (N, T, B, ·) of each state."""
    found = [(d != 0).flatten(2).any(2) for d in outside]
    return found[0] if len(found) == 1 else found[0] | found[1]


def rescaled_norms(steps: Linearised, outside: list[Tensor], plain: Tensor, k: int, per_sequence: bool) -> Norms:
    """Return log ‖d(state k)_t‖ by the rescaled recursion, and how many elements of `plain` (T, B, ·) have underflowed."""
    T, B = plain.shape[:2]
    logs = minigrad.zeros(T, B, dtype=minigrad.float64, device=plain.device)
    lost = minigrad.zeros(T, B, dtype=minigrad.int64, device=plain.device)
    for t, scaled in recursion(steps, [d.unsqueeze(0) for d in outside]):
        logs[t] = log_norm(scaled, k)[0]
        lost[t] = ((scaled.m[k][0] != 0) & (plain[t] == 0)).sum(-1)
    return Norms(logs, lost) if per_sequence else Norms(together(logs), lost.sum(-1))


def log_norm(scaled: Scaled, k: int) -> Tensor:
    """Return log ‖m 2^e‖ = log ‖m‖ + e log 2 of state k, (N, B) in float64."""
    m = scaled.m[k]
    return logarithm((m * m).sum(-1).to(minigrad.float64)) / 2 + Tensor.wrap(scaled.e[..., 0]) * math.log(2)


def together(logs: Tensor) -> Tensor:
    """Return the log of the norm of all sequences together, (…), of the logs of the norm of each, (…, B)."""
    largest = logs.max(-1, keepdim=True).values
    base = minigrad.where(largest > -math.inf, largest, 0.0)
    return logarithm((2 * (logs - base)).exp().sum(-1)) / 2 + base[..., 0]


def norms_of(values: Tensor, log: bool, per_sequence: bool) -> Norms:
    """Return the norms of (T, B, ·) at every step."""
    x = values.to(minigrad.float64)
    norm = (x * x).sum(-1 if per_sequence else (-2, -1)).sqrt()
    return Norms(logarithm(norm) if log else norm, None)


def logarithm(x: Tensor) -> Tensor:
    """Return log x, −inf at 0 without a warning."""
    positive = x > 0
    return minigrad.where(positive, minigrad.where(positive, x, 1.0).log(), -math.inf)


def _exponent(xp: Any, states: list[Tensor], limit: int) -> Array:
    """Return ⌊log₂⌋ of the largest absolute value of each sequence over all states, (N, B, 1); −inf of 0."""
    largest = [xp.max(xp.abs(state.array), axis=-1, keepdims=True) for state in states]
    top = xp.astype(largest[0] if len(largest) == 1 else xp.maximum(*largest), xp.float64)
    exponent = xp.floor(xp.log2(xp.where(top > 0, top, 1.0)))
    return xp.where(top > 0, xp.clip(exponent, -limit, limit), -math.inf)


def _times_power(xp: Any, states: list[Tensor], exponent: Array, limit: int) -> list[Tensor]:
    """Return state · 2^exponent for each."""
    factor = 2.0 ** xp.clip(exponent, -limit, limit)
    return [Tensor.wrap(state.array * xp.astype(factor, state.array.dtype)) for state in states]
