"""One step of a whole stack as a function of flat vectors: what the methods that go forward in time work on.

All states of all layers at time t, one behind the other, are the vector s_t (S per row of the batch), and all weights are θ:

    s_t = F(x_t, s_{t−1}, θ)        J_t = ∂s_t/∂s_{t−1}        D_t = ∂⁺s_t/∂θ

∂⁺ is the immediate derivative (Pascanu, Mikolov and Bengio 2013, eq. 5): s_{t−1} is held fixed. Derivatives come from the
cell's definition (`layer.step`), one step at a time; neither a fused kernel nor a sweep through time has part in them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import minigrad
from minigrad import Tensor
from minigrad.autograd import grad
from minigrad.modes import enable_grad

from ..recurrent import LSTM
from ..recurrent.stack import Recurrent
from ..utils.rnn import PackedSequence

Loss = Callable[[Tensor, slice], Any]
"""(y, steps) -> the sum of the losses of these steps, a Tensor with one element, or a number where y has no part in it.

y is the layer's output at n steps, `steps.start` … `steps.stop − 1` of the input, in the layer's own form: (n, B, H), (B, n, H)
with `batch_first`, (n, H) unbatched. The total loss is the sum over all steps: whichever way the steps are split into calls,
the values must add up to the same.
"""

States = Tensor | tuple[Tensor, ...]


class OneStep:
    """A stack of layers as s_t = F(x_t, s_{t−1}, θ).

    Args:
        layer: an RNN, LSTM or GRU that runs forward in time.
        x: its input, (T, B, I), (B, T, I) with `batch_first`, or (T, I).
        states: before the first step, as the layer takes them; None for zeros.

    Raises:
        ValueError: the layer is bidirectional, draws a mask, or has no weight that requires a gradient; the input is packed.
    """

    def __init__(self, layer: Recurrent, x: Tensor, states: States | None = None) -> None:
        refuse(layer, x, "Going forward in time")
        given = layer._enter(x, _as_tuple(states))
        self.layer, self.batch, self._batched = layer, given.batch, given.batched
        self.inputs = given.x.detach()
        self.weights = {name: weight for name, weight in layer.named_parameters() if weight.requires_grad}
        if not self.weights:
            raise ValueError(f"{type(layer).__name__}: no weight requires a gradient")
        self._sizes = list(layer.state_sizes()) * layer.num_layers
        if given.states is None:
            self.start = minigrad.zeros(given.batch, self.size, dtype=given.x.dtype, device=given.x.device)
        else:
            starts = [state[k] for k in range(layer.num_layers) for state in given.states]
            self.start = minigrad.cat(starts, -1).detach()

    @property
    def size(self) -> int:
        """S."""
        return sum(self._sizes)

    def step(self, x: Tensor, s: Tensor) -> Tensor:
        """Return s_t (B, S) from x_t (B, I) and s_{t−1} (B, S)."""
        parts, per_layer = s.split(self._sizes, -1), len(self.layer.state_sizes())
        found: list[Tensor] = []
        for k in range(self.layer.num_layers):
            states = self.layer.step(x, tuple(parts[k * per_layer : (k + 1) * per_layer]), k)
            found.extend(states)
            x = states[0]
        return minigrad.cat(found, -1)

    @enable_grad
    def recorded(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        """Return s_{t−1} as a leaf of a graph of its own, and s_t computed from it."""
        leaf = s.detach().requires_grad_()
        return leaf, self.step(x, leaf)

    def jacobian(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        """Return s_t (B, S) and J_t (B, S, S). A layer's own states are a diagonal block of it."""
        B, S = s.shape
        leaf, after = self.recorded(x, s)
        units = minigrad.eye(S, dtype=s.dtype, device=s.device).reshape(S, 1, S).expand(S, B, S)
        (J,) = grad(after, leaf, units, is_grads_batched=True, materialize_grads=True)
        return after.detach(), J.transpose(0, 1)

    def derivatives(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return s_t (B, S), J_t (B, S, S) and D_t (B, S, |θ|)."""
        B, S = s.shape
        leaf, after = self.recorded(x, s)
        units = minigrad.eye(B * S, dtype=s.dtype, device=s.device).reshape(B * S, B, S)
        J, *D = self.pull(after, leaf, units)
        rows = minigrad.arange(B, device=s.device)
        return after.detach(), J.reshape(B, S, B, S)[rows, :, rows], self.flat(D).reshape(B, S, -1)

    def pull(self, after: Tensor, leaf: Tensor, v: Tensor) -> tuple[Tensor, ...]:
        """Return vᵀ ∂s_t/∂s_{t−1} and vᵀ ∂⁺s_t/∂θ for each of n vectors v, (n, B, S)."""
        targets = (leaf, *self.weights.values())
        return grad(after, targets, v, retain_graph=True, is_grads_batched=True, materialize_grads=True)

    @enable_grad
    def loss(self, loss: Loss, s: Tensor, t: int) -> tuple[Any, Tensor]:
        """Return L_t and dL_t/ds_t (B, S)."""
        leaf = s.detach().requires_grad_()
        h = leaf.split(self._sizes, -1)[-len(self.layer.state_sizes())]
        y = h.unsqueeze(1 if self.layer.batch_first and self._batched else 0) if self._batched else h
        value = checked(loss(y, slice(t, t + 1)))
        if not isinstance(value, Tensor) or not value.requires_grad:
            return value, minigrad.zeros_like(leaf)
        return value.detach(), grad(value, leaf, materialize_grads=True)[0]

    def flat(self, parts: Sequence[Tensor]) -> Tensor:
        """Return (n, |θ|) made of (n, *weight) for each weight."""
        return minigrad.cat([part.reshape(len(part), -1) for part in parts], -1)

    def named(self, flat: Tensor) -> dict[str, Tensor]:
        """Return (…, |θ|) as a tensor (…, *weight) for each weight, by name."""
        parts = flat.split([weight.numel() for weight in self.weights.values()], -1)
        return {
            name: part.reshape(*flat.shape[:-1], *weight.shape) for part, (name, weight) in zip(parts, self.weights.items())
        }


def refuse(layer: Recurrent, x: Any, what: str, repeated: bool = True) -> None:
    """Refuse what cannot be run in pieces, one after the other in time, or, if `repeated`, not twice with the same result.

    Raises:
        ValueError: the layer is bidirectional; the input is packed; the layer draws a mask for the whole sequence, or, if
            `repeated`, draws anything.
    """
    name = type(layer).__name__
    if layer.bidirectional:
        raise ValueError(f"{what}: {name} is bidirectional, and its reverse direction would have to start at the end")
    if isinstance(x, PackedSequence):
        raise ValueError(f"{what}: the input is packed; pad it (pad_packed_sequence) and mask the losses")
    if layer.training and layer.recurrent_dropout:
        raise ValueError(
            f"{what}: recurrent_dropout of {name} is one mask for the whole sequence; call eval() on the layer first"
        )
    zoneout = isinstance(layer, LSTM) and any(layer.variant.zoneout)
    if repeated and layer.training and (zoneout or (layer.dropout and layer.num_layers > 1)):
        raise ValueError(f"{what}: {name} draws dropout or zoneout, so no two passes are the same; call eval() on it first")


def checked(value: Any) -> Any:
    """Return what a loss function returned, if it is one number.

    Raises:
        ValueError: it is not.
    """
    if isinstance(value, Tensor) and value.numel() != 1:
        raise ValueError(f"The loss of a piece of the sequence should be a single number, but has shape {tuple(value.shape)}")
    return value


def _as_tuple(states: States | None) -> Sequence[Tensor] | None:
    return [states] if isinstance(states, Tensor) else states
