"""The networks: a recurrent layer that begins with a zero state, and a linear read-out at the last step or at every step."""

from __future__ import annotations

from typing import Any, Literal

import layers
import minigrad
from layers import init
from minigrad import Tensor

Kind = Literal["tanh", "identity", "irnn", "lstm"]
"""An Elman layer with tanh; one with ReLU that begins with W_hh = I; the same with small other weights; an LSTM."""

LABELS: dict[Kind, str] = {
    "tanh": "tanh RNN",
    "identity": "ReLU, $W_{hh} = I$",
    "irnn": "ReLU, $W_{hh} = I$, others small",
    "lstm": "LSTM",
}
SHORT: dict[Kind, str] = {"tanh": "tanh RNN", "identity": "IRNN", "irnn": "IRNN, small", "lstm": "LSTM"}

STD = 0.001
"""Of the weights of an "irnn" but for W_hh (Le, Jaitly and Hinton 2015, §3, from memory)."""


class Network(layers.Module):
    """z_t = V h_t + b for x (T, B, I): z (T, B, O) where `every_step`, else z_T (B, O).

    Weights begin as PyTorch's do, U(−1/√H, 1/√H), but for W_hh = I and the layer's biases, 0, of "identity" and "irnn"; all
    other weights of "irnn", N(0, .001²), and its bias b, 0; and the bias of the LSTM's forget gate, 1.

    Args:
        kind: the recurrent layer.
        sizes: I and O.
        H: units.
        every_step: whether to read out at every step.
        std: draw all weights of an Elman network from N(0, std²), its biases being 0; None: as above.
        dtype: of the parameters.
    """

    def __init__(
        self, kind: Kind, sizes: tuple[int, int], H: int, every_step: bool, std: float | None = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.kind, self.every_step = kind, every_step
        I, O = sizes
        self.rnn: layers.RNN | layers.LSTM
        if kind == "lstm":
            self.rnn = layers.LSTM(I, H, forget_bias=1.0, dtype=dtype)
        elif kind != "tanh":
            self.rnn = layers.RNN(I, H, nonlinearity="relu", init="identity", dtype=dtype)
        else:
            self.rnn = layers.RNN(I, H, dtype=dtype)
        self.readout = layers.Linear(H, O, dtype=dtype)
        if std is not None or kind == "irnn":
            self._draw(STD if std is None else std)

    def _draw(self, std: float) -> None:
        for name, parameter in self.named_parameters():
            if "bias" in name:
                init.zeros_(parameter)
            elif self.kind == "tanh" or "weight_hh" not in name:
                init.normal_(parameter, std=std)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs, (T, B, O) or (B, O)."""
        h, _ = self.rnn(x)
        z: Tensor = self.readout(h if self.every_step else h[-1])
        return z


def build(kind: Kind, sizes: tuple[int, int], H: int, every_step: bool, seed: int, **options: Any) -> Network:
    """A network whose weights are drawn from the seed."""
    minigrad.manual_seed(seed)
    return Network(kind, sizes, H, every_step, **options)
