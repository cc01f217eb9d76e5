"""Variants of the LSTM (lstm.py), in any combination. ⊙ is the product element by element, everything else as in lstm.py.

peephole     (Gers and Schmidhuber 2000) the gates look at the cell state through the weights p (H,) each:
                 a_i += p_i ⊙ c_{t−1}      a_f += p_f ⊙ c_{t−1}      a_o += p_o ⊙ c_t
coupled      (CIFG; Greff et al. 2017, section 3) the forget gate is what the input gate leaves: f = 1 − i.
             There is no block f: the blocks of all weights are i, g, o.
layer_norm   (Ba, Kiros and Hinton 2016, equations 20 to 22) with LN(a) = (a − mean) / √(variance + ε) over all units of a row:
                 a   = γ_ih ⊙ LN(W_ih x_t) + b_ih + γ_hh ⊙ LN(W_hh h_{t−1}) + b_hh
                 h_t = o ⊙ tanh(γ_c ⊙ LN(c_t) + b_c)
             The paper's bias β of each LN and the one of the cell are one and the same: b_ih and b_hh.
zoneout      (Krueger et al. 2017, section 3.2) a unit keeps its state instead of taking the new one, where d = 1:
                 c_t = d_c ⊙ c_{t−1} + (1 − d_c) ⊙ c'_t      h_t = d_h ⊙ h_{t−1} + (1 − d_h) ⊙ h'_t
             with c'_t and h'_t = o ⊙ tanh(c'_t) what the cell computes. In training each element of d is drawn as 1 with
             probability p_c or p_h, anew at every step; in evaluation d is its expectation.

Their weights, beyond those of the LSTM (k = 4 blocks, 3 if coupled), with the ending of their layer (`weight_ch_l0`):

    weight_ch  p_i, p_f, p_o (3H,), or p_i, p_o (2H,) if coupled        peephole, drawn like all weights
    gain_ih    γ_ih (kH,)        gain_hh  γ_hh (kH,)                    layer_norm, ones at the beginning
    gain_c     γ_c (H,)          bias_c   b_c (H,), if there are biases layer_norm, ones and zeros
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import minigrad
from minigrad import Tensor
from minigrad.ops.elementwise import sigmoid
from minigrad.ops.linalg import linear
from minigrad.ops.normalization import layer_norm

from .. import init

Array = Any
Weights = Mapping[str, Any]
"""The weights of one cell: "weight_ih", …"""

EPS = 1e-5
"""ε of the layer normalization, PyTorch's."""


@dataclass(frozen=True)
class Variant:
    """What an LSTM has beyond the plain one; see the head of this file.

    Attributes:
        forget_bias: what b_ih + b_hh of the forget gate begin as (Jozefowicz, Zaremba and Sutskever 2015, section 3.2: 1, so
            that the cell state is carried on before anything is learned); None: drawn like the other biases.
        zoneout: (p_h, p_c).

    Raises:
        ValueError: an element of `zoneout` is no probability, or there is no forget gate for a `forget_bias`.
    """

    forget_bias: float | None = None
    peephole: bool = False
    coupled: bool = False
    layer_norm: bool = False
    zoneout: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if len(self.zoneout) != 2 or not all(0 <= p <= 1 for p in self.zoneout):
            raise ValueError(f"zoneout should be two probabilities (p_h, p_c), each in [0, 1], but got {self.zoneout}")
        if self.coupled and self.forget_bias is not None:
            raise ValueError("forget_bias has no meaning with coupled=True: the forget gate is 1 - i and has no bias")

    @property
    def plain(self) -> bool:
        """Whether the equations are those of lstm.py. `forget_bias` only says where the weights begin."""
        return not (self.peephole or self.coupled or self.layer_norm or any(self.zoneout))

    @property
    def gates(self) -> str:
        """The blocks of rows of the weights, a letter each."""
        return "igo" if self.coupled else "ifgo"

    def shapes(self, H: int, bias: bool) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the weights beyond those of the plain LSTM."""
        rows = len(self.gates) * H
        found: dict[str, tuple[int, ...]] = {}
        if self.peephole:
            found["weight_ch"] = (rows - H,)
        if self.layer_norm:
            found |= {"gain_ih": (rows,), "gain_hh": (rows,), "gain_c": (H,)}
            if bias:
                found["bias_c"] = (H,)
        return found

    def initialise(self, weights: Weights) -> None:
        """Set what is not drawn.

        Raises:
            ValueError: there is a `forget_bias`, but no bias.
        """
        for name, weight in weights.items():
            if name.startswith("gain_"):
                init.ones_(weight)
            elif name == "bias_c":
                init.zeros_(weight)
        if self.forget_bias is None:
            return
        if weights.get("bias_ih") is None:
            raise ValueError("forget_bias needs bias=True")
        for name, value in (("bias_ih", self.forget_bias), ("bias_hh", 0.0)):
            b = weights[name].detach()
            H = b.shape[0] // len(self.gates)
            b[H : 2 * H] = value

    def step(self, xp: Any, x: Array, h: Array, c: Array, w: Weights) -> tuple[Array, Array]:
        """Return h'_t and c'_t, for x (B, I), h = h_{t−1} (B, H) and c = c_{t−1} (B, H); zoneout comes behind it."""
        H = c.shape[-1]
        a = self._product(xp, x, w, "ih") + self._product(xp, h, w, "hh")
        blocks = {gate: a[..., k * H : (k + 1) * H] for k, gate in enumerate(self.gates)}
        looking = [gate for gate in self.gates if gate != "g"] if self.peephole else []
        p = {gate: w["weight_ch"][k * H : (k + 1) * H] for k, gate in enumerate(looking)}

        def gate(name: str, c: Array) -> Array:
            return sigmoid.inside(xp, blocks[name] + p[name] * c if p else blocks[name])

        i = gate("i", c)
        f = 1 - i if self.coupled else gate("f", c)
        c = f * c + i * xp.tanh(blocks["g"])
        seen = layer_norm.inside(xp, c, w["gain_c"], w.get("bias_c"), dims=1, eps=EPS)[0] if self.layer_norm else c
        return gate("o", c) * xp.tanh(seen), c

    def _product(self, xp: Any, v: Array, w: Weights, side: str) -> Array:
        """Return W v + b, normalized in between if so wanted."""
        W, b = w[f"weight_{side}"], w.get(f"bias_{side}")
        if not self.layer_norm:
            return linear.inside(xp, v, W, b)
        return layer_norm.inside(xp, linear.inside(xp, v, W, None), w[f"gain_{side}"], b, dims=1, eps=EPS)[0]

    def kept(self, before: tuple[Tensor, ...], after: tuple[Tensor, ...], training: bool) -> tuple[Tensor, ...]:
        """Return h_t and c_t after zoneout: in training the masks are drawn from the default generator, h's first."""
        return tuple(_zoned(old, new, p, training) for old, new, p in zip(before, after, self.zoneout))

    def settings(self) -> list[str]:
        """Return what differs from the plain LSTM, as `name=value`."""
        return [f"{name}={value}" for name, value in vars(self).items() if value != getattr(Variant, name)]


def _zoned(before: Tensor, after: Tensor, p: float, training: bool) -> Tensor:
    if p == 0:
        return after
    d: Any = p
    if training:
        d = minigrad.rand(*after.shape, device=after.device).lt(p).to(after.dtype)
    return d * before + (1 - d) * after
