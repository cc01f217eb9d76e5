"""Softmax along an axis, its logarithm, the loss against a class, standardization, and their gradients: in the array
standard's functions.

    p_i = e^{x_i − m} / s        m = max_j x_j,   s = Σ_j e^{x_j − m}        ln p_i = (x_i − m) − ln s

No exponent is positive, so nothing overflows. This is the definition; host_rows.py is the same for NumPy, faster.
"""

from __future__ import annotations

from typing import Any

Array = Any


class Rows:
    """What ops/softmax.py and ops/normalization.py compute with. A row is a line of elements along `axis`."""

    def __init__(self, xp: Any) -> None:
        self.xp = xp

    def softmax(self, x: Array, axis: int) -> Array:
        """Return p."""
        e, s, _ = self._exponentials(x, axis)
        return e / s

    def log_softmax(self, x: Array, axis: int) -> Array:
        """Return ln p."""
        _, s, m = self._exponentials(x, axis)
        return (x - m) - self.xp.log(s)

    def softmax_nll(self, x: Array, target: Array) -> tuple[Array, Array]:
        """Return ℓ_n = −ln p_n,target(n) and p, for x (N, C) and target (N,)."""
        xp = self.xp
        e, s, m = self._exponentials(x, 1)
        picked = xp.take_along_axis(x, xp.expand_dims(target, axis=1), axis=1)
        return (xp.log(s) + (m - picked))[:, 0], e / s

    def _exponentials(self, x: Array, axis: int) -> tuple[Array, Array, Array]:
        """Return e^{x − m}, s and m."""
        xp = self.xp
        m = xp.max(x, axis=axis, keepdims=True)
        e = xp.exp(x - m)
        return e, xp.sum(e, axis=axis, keepdims=True), m

    def softmax_pull(self, dy: Array, p: Array, axis: int) -> Array:
        """Return dx_i = p_i (dy_i − Σ_j dy_j p_j)."""
        return p * (dy - self.xp.sum(dy * p, axis=axis, keepdims=True))

    def log_softmax_pull(self, dy: Array, log_p: Array, axis: int) -> Array:
        """Return dx_i = dy_i − p_i Σ_j dy_j."""
        xp = self.xp
        return dy - xp.exp(log_p) * xp.sum(dy, axis=axis, keepdims=True)

    def residual(self, p: Array, d: Array, target: Array) -> Array:
        """Return r_nc = d_nc (p_nc − [c = target_n]), for p (N, C), d (N, C) or (N, 1) and target (N,)."""
        xp = self.xp
        classes = xp.arange(p.shape[1], dtype=target.dtype, device=target.device)
        hit = classes == xp.expand_dims(target, axis=1)
        return d * xp.where(hit, p - 1, p)

    def standardize(self, x: Array, eps: float) -> tuple[Array, Array]:
        """Return x̂ = (x − μ) r and r = 1 / √(σ² + ε) (N, 1), for x (N, n) with mean μ and variance σ² (biased) of each row."""
        xp, n = self.xp, max(x.shape[1], 1)
        centred = x - xp.sum(x, axis=1, keepdims=True) / n
        r = 1 / xp.sqrt(xp.sum(centred * centred, axis=1, keepdims=True) / n + eps)
        return centred * r, r

    def standardize_pull(self, g: Array, normal: Array, r: Array) -> Array:
        """Return dx = r (g − mean g − x̂ mean(g x̂)), for g = dL/dx̂ and x̂ (N, n) and r (N, 1)."""
        xp, n = self.xp, max(g.shape[1], 1)
        mean = xp.sum(g, axis=1, keepdims=True) / n
        return r * (g - mean - normal * (xp.sum(g * normal, axis=1, keepdims=True) / n))
