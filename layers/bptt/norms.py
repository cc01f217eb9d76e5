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
from typing import NamedTuple

import minigrad
from minigrad import Tensor

from .cells import Linearised

HALF_RANGE = {minigrad.float16: 14, minigrad.float32: 120, minigrad.float64: 1000}
"""How far one multiplication by a power of two can safely go."""


class Norms(NamedTuple):
    """A norm at every step."""

    values: Tensor  # (T,), or (T, B), in float64
    underflowed: Tensor | None  # alike, how many elements are zero only because their dtype ends there


class Scaled(NamedTuple):
    """Gradients m · 2^e of the states, (…, B, ·) each, with e (…, B, 1)."""

    m: list[Tensor]
    e: Tensor

    def normalised(self) -> Scaled:
        """Return the same with the largest element of each sequence in [1, 2)."""
        largest = largest_of(self.m)
        shift = minigrad.where(largest > 0, minigrad.where(largest > 0, largest, 1.0).log2().floor(), 0.0)
        return Scaled([shifted(m, -shift) for m in self.m], self.e + shift)

    def plus(self, outside: list[Tensor]) -> Scaled:
        """Return the sum with plain gradients."""
        other = Scaled(outside, minigrad.zeros_like(self.e)).normalised()
        mine, theirs = (minigrad.where(largest_of(s.m) > 0, s.e, -math.inf) for s in (self, other))
        e = minigrad.maximum(mine, theirs)
        e = minigrad.where(e > -math.inf, e, 0.0)
        return Scaled([shifted(a, self.e - e) + shifted(b, other.e - e) for a, b in zip(self.m, other.m)], e).normalised()


def recursion(steps: Linearised, outside: list[Tensor]) -> Iterator[tuple[int, Scaled]]:
    """Go back through all steps, the last first; yield t and the total gradients of the states after step t.

    Args:
        steps: linearised, T of them.
        outside: of each state, (…, T, B, ·): any leading dimensions are so many losses, done at once.
    """
    now: Scaled | None = None
    valid = steps.forward.valid
    for t in reversed(steps.forward.order):
        added = [d[..., t, :, :] for d in outside]
        if now is None:
            now = Scaled(added, minigrad.zeros_like(added[0][..., :1])).normalised()
        else:
            came = now.m if valid is None else [minigrad.where(valid[t], m, 0.0) for m in now.m]  # less what went to the start
            now = Scaled(came, now.e).plus(added)
        total = steps.totals(now.m, t)
        yield t, Scaled(total, now.e)
        now = Scaled(steps.back(total, t), now.e).normalised()


def rescaled_norms(steps: Linearised, outside: list[Tensor], plain: Tensor, k: int, per_sequence: bool) -> Norms:
    """Return log ‖d(state k)_t‖ by the rescaled recursion, and how many elements of `plain` (T, B, ·) have underflowed."""
    T, B = plain.shape[:2]
    logs = minigrad.zeros(T, B, dtype=minigrad.float64, device=plain.device)
    lost = minigrad.zeros(T, B, dtype=minigrad.int64, device=plain.device)
    for t, scaled in recursion(steps, outside):
        logs[t] = log_norm(scaled, k)
        lost[t] = ((scaled.m[k] != 0) & (plain[t] == 0)).sum(-1)
    return Norms(logs, lost) if per_sequence else Norms(together(logs), lost.sum(-1))


def log_norm(scaled: Scaled, k: int) -> Tensor:
    """Return log ‖m 2^e‖ = log ‖m‖ + e log 2 of state k, (…, B) in float64."""
    m = scaled.m[k].to(minigrad.float64)
    return logarithm((m * m).sum(-1).sqrt()) + scaled.e[..., 0].to(minigrad.float64) * math.log(2)


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


def largest_of(states: list[Tensor]) -> Tensor:
    """Return the largest absolute value of each sequence over all states, (…, B, 1)."""
    found = [state.abs().max(-1, keepdim=True).values for state in states]
    return found[0] if len(found) == 1 else minigrad.maximum(*found)


def shifted(m: Tensor, exponent: Tensor) -> Tensor:
    """Return m · 2^exponent, in two factors so that neither leaves the range of the dtype."""
    limit = HALF_RANGE[m.dtype]
    half = (exponent / 2).floor()
    first, second = (part.clamp(-limit, limit).exp2() for part in (half, exponent - half))
    return m * first * second
