"""The networks that are measured: which there are, how they begin, and how they are trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

import layers
import minigrad
from layers import functional as F
from layers.recurrent import Recurrent
from minigrad import Tensor, optim

from ...data.text import Characters
from ...lab import Record
from ...lab.training import Training
from . import formula
from .settings import Config

ELMAN = (("tanh", "orthogonal"), ("tanh", "Gaussian"), ("relu", "orthogonal"), ("relu", "Gaussian"))
"""φ, and what W_hh is drawn from."""


@dataclass(frozen=True)
class Spec:
    """A network: its cell, for an Elman network what W_hh is and its gain, for an LSTM its forget bias."""

    cell: str  # "tanh", "relu", "LSTM", "GRU"
    W_hh: str = ""
    gain: float = 1.0
    forget: float = 0.0

    @property
    def label(self) -> str:
        """The network in words."""
        if self.cell == "GRU":
            return "GRU"
        if self.cell == "LSTM":
            return f"LSTM, forget bias {self.forget:g}"
        return f"{'ReLU' if self.cell == 'relu' else self.cell}, {self.W_hh}, g = {self.gain:g}"


def elman(config: Config) -> list[Spec]:
    """The Elman networks: kind by kind, and within it gain by gain."""
    return [Spec(phi, W_hh, gain) for (phi, W_hh), gain in product(ELMAN, config.gains)]


def gated(config: Config) -> list[Spec]:
    """LSTM by LSTM, and the GRU."""
    return [*(Spec("LSTM", forget=bias) for bias in config.forget), Spec("GRU")]


def everything(config: Config) -> list[Spec]:
    """All of them: the first axis of the arrays."""
    return elman(config) + gated(config)


def mapped(config: Config) -> list[Spec]:
    """The four whose maps are drawn: tanh at the gains nearest to 1 and 2, the LSTM of forget bias nearest to 1, the GRU."""
    near = [min(config.gains, key=lambda gain: abs(gain - wanted)) for wanted in (1, 2)]
    forget = min(config.forget, key=lambda bias: abs(bias - 1))
    return [*(Spec("tanh", "orthogonal", gain) for gain in near), Spec("LSTM", forget=forget), Spec("GRU")]


class CharNetwork(layers.Module):
    """Embedding, a recurrent layer, and the read-out V h + b; `forward` returns the losses."""

    def __init__(self, config: Config, alphabet: int, spec: Spec, dtype: minigrad.dtype) -> None:
        super().__init__()
        self.spec = spec
        self.embedding = layers.Embedding(alphabet, config.I, dtype=dtype)
        self.rnn = recurrent_layer(config, spec, dtype)
        self.readout = layers.Linear(config.H, alphabet, dtype=dtype)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """L_t of every sequence, (T, B), for characters x and the next ones y, (T, B)."""
        h, _ = self.rnn(self.embedding(x))
        losses = F.cross_entropy(self.readout(h).flatten(0, 1), y.flatten(), reduction="none")
        return losses.reshape(*x.shape)

    def embedded(self, x: Tensor) -> Tensor:
        """e_t, as the recurrent layer reads it."""
        return self.embedding(x)

    def by_hand(self) -> formula.Network:
        """The weights as arrays, for the formula."""
        return formula.Network.of(self.spec.cell, self.rnn, self.embedding, [self.readout])


def recurrent_layer(config: Config, spec: Spec, dtype: minigrad.dtype) -> Recurrent:
    """The layer, drawn as all layers are; of an Elman network, W_hh is drawn anew."""
    if spec.cell == "LSTM":
        return layers.LSTM(config.I, config.H, dtype=dtype, forget_bias=spec.forget)
    if spec.cell == "GRU":
        return layers.GRU(config.I, config.H, dtype=dtype)
    rnn = layers.RNN(config.I, config.H, nonlinearity=spec.cell, dtype=dtype)
    with minigrad.no_grad():
        W_hh = recurrent_weights(spec.W_hh, spec.gain, config.H, config.seed)
        rnn.weight_hh_l0.copy_(minigrad.from_numpy(W_hh))
    return rnn


def recurrent_weights(kind: str, gain: float, H: int, seed: int) -> np.ndarray:
    """W_hh (H, H): g N(0, 1)/√H, or g Q with Q drawn evenly from the orthogonal matrices (Mezzadri 2007)."""
    W = np.random.default_rng(seed).standard_normal((H, H))
    if kind == "Gaussian":
        return gain * W / np.sqrt(H)
    Q, R = np.linalg.qr(W)
    return gain * Q * np.sign(np.diag(R))


def build(config: Config, alphabet: int, spec: Spec) -> CharNetwork:
    """A network in float64; from gain to gain nothing changes but the scale of W_hh."""
    minigrad.manual_seed(config.seed)
    return CharNetwork(config, alphabet, spec, minigrad.float64)


def in_float32(model: CharNetwork, config: Config) -> CharNetwork:
    """The same network, its weights rounded to float32."""
    single = CharNetwork(config, len(model.embedding.weight), model.spec, minigrad.float32)
    single.load_state_dict(model.state_dict())
    return single


def fit(
    model: CharNetwork, text: Characters, config: Config, record: Record, watch: Callable[[int], None] = lambda update: None
) -> None:
    """Next-character training with a loss at every step, on windows drawn from the text; `watch(k)` after update k."""
    rng = np.random.default_rng(config.seed)
    optimizer = {"sgd": optim.SGD, "adam": optim.Adam}[config.optimizer](model.parameters(), lr=config.lr)

    def loss(_: int) -> Tensor:
        starts = rng.integers(len(text.ids) - config.T, size=config.batch)
        return model(*time_first(*text.windows(starts, config.T))).mean()

    def log(**figures: Any) -> None:
        record.metric(network=model.spec.label, **figures)
        watch(figures["update"])

    Training(
        model=model,
        optimizer=optimizer,
        batches=lambda: range(config.updates),
        loss=loss,
        updates=config.updates,
        max_norm=config.max_norm,
        not_finite="skip",
        watch=log,
    ).epoch()


def time_first(*arrays: np.ndarray) -> list[Tensor]:
    """Arrays (B, T) as Tensors (T, B)."""
    return [minigrad.tensor(np.ascontiguousarray(array.T)) for array in arrays]
