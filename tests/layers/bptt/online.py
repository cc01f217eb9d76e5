"""What the tests of the forward-mode and truncated methods share: small layers, inputs, a loss, and plain BPTT."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import layers as nn
import minigrad as mg
from minigrad import Tensor

CELLS: list[Any] = [
    (nn.RNN, {}),
    (nn.RNN, {"nonlinearity": "relu", "bias": False}),
    (nn.LSTM, {}),
    (nn.LSTM, {"proj_size": 2}),
    (nn.LSTM, {"peephole": True, "layer_norm": True}),
    (nn.LSTM, {"coupled": True}),
    (nn.LSTM, {"num_layers": 2, "batch_first": True}),
    (nn.GRU, {}),
    (nn.GRU, {"reset_after": False}),
    (nn.GRU, {"num_layers": 2}),
]


def name_of(value: Any) -> str:
    return "-".join([value[0].__name__, *(f"{k}={v}" for k, v in value[1].items())])


def layer_of(cell: Any, I: int = 3, H: int = 4, **more: Any) -> Any:
    kind, kwargs = cell
    return kind(I, H, **kwargs, **more).double()


def noise(*shape: int) -> Tensor:
    return mg.randn(*shape, dtype=mg.float64)


def input_of(layer: Any, T: int, B: int = 2) -> Tensor:
    return noise(*((B, T) if layer.batch_first else (T, B)), layer.input_size)


def loss_of(layer: Any, T: int, B: int = 2) -> Callable[[Tensor, slice], Tensor]:
    """A loss with its own weights for every step, and not linear in y."""
    C = noise(T, B, layer.output_size)

    def loss(y: Tensor, steps: slice) -> Tensor:
        y = y.transpose(0, 1) if layer.batch_first else y
        return (y * C[steps]).sum() + 0.5 * (y * y).sum()

    return loss


def bptt_gradients(layer: Any, x: Tensor, loss: Any, states: Any = None) -> dict[str, Tensor]:
    """What `backward` leaves in `.grad`."""
    layer.zero_grad()
    y, _ = layer(x, states)
    loss(y, slice(0, x.shape[1 if layer.batch_first else 0])).backward()
    found = {name: weight.grad for name, weight in layer.named_parameters()}
    layer.zero_grad()
    return found


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float = 1e-12) -> None:
    assert list(found) == list(expected)
    for name, g in expected.items():
        scale = max(1.0, float(g.abs().max()))
        np.testing.assert_allclose(found[name].numpy(), g.numpy(), rtol=0, atol=tolerance * scale, err_msg=name)
