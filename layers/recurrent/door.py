"""The door of a recurrent layer: settings, inputs and states are checked, and brought to the one form the layers work on."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

from minigrad import Tensor

from ..utils.rnn import PackedSequence


class Sequences(NamedTuple):
    """An input brought to the form the layers work on, and what is needed to bring the result back."""

    x: Tensor  # (T, B, I), or (N, I) packed
    states: Sequence[Tensor] | None  # (num_layers · directions, B, ·) each, None for zeros
    batch: int
    sizes: tuple[int, ...] | None  # of a packed input: the rows at each step
    packed: PackedSequence | None
    batched: bool
    turned: bool  # whether the input is (B, T, ·)


def enter(
    kind: str, input: Tensor | PackedSequence, states: Sequence[Tensor] | None, batch_first: bool, weight: Tensor,
    sizes: Sequence[int], cells: int,
) -> Sequences:  # fmt: skip
    """Check an input and its states, and bring them to (T, B, ·) or packed rows.

    Args:
        kind: the layer's name, for messages.
        input: (T, B, I), (B, T, I), (T, I) or packed.
        states: those before the first step, (cells, B, ·) each, or (cells, ·).
        batch_first: whether the input is (B, T, I).
        weight: W_ih of the first layer, which says I and the type.
        sizes: of the states.
        cells: layers times directions.

    Raises:
        ValueError: the input is neither 2- nor 3-dimensional, or of another type than the weights.
        RuntimeError: a size does not fit.
    """
    if isinstance(input, PackedSequence):
        rows = tuple(input.batch_sizes.tolist())
        _check_input(input.data, 2, weight)
        if states is not None and input.sorted_indices is not None:
            states = [state.index_select(1, input.sorted_indices) for state in states]
        _check_states(states, sizes, cells, rows[0], True)
        return Sequences(input.data, states, rows[0], rows, input, True, False)
    if input.dim() not in (2, 3):
        raise ValueError(f"{kind}: Expected input to be 2D or 3D, got {input.dim()}D instead")
    batched = input.dim() == 3
    turned = batch_first and batched
    x = input if batched else input.unsqueeze(1)
    x = x.transpose(0, 1) if turned else x
    _check_input(x, 3, weight)
    _check_states(states, sizes, cells, x.shape[1], batched)
    if states is not None and not batched:
        states = [state.unsqueeze(1) for state in states]
    return Sequences(x, states, x.shape[1], None, None, batched, turned)


def leave(given: Sequences, y: Tensor, ends: list[Tensor]) -> tuple[Any, list[Tensor]]:
    """Return y and the states at the end in the form of the input."""
    if given.packed is not None:
        if given.packed.unsorted_indices is not None:
            ends = [state.index_select(1, given.packed.unsorted_indices) for state in ends]
        return given.packed._replace(data=y), ends
    if not given.batched:
        return y.squeeze(1), [state.squeeze(1) for state in ends]
    return (y.transpose(0, 1) if given.turned else y), ends


def _check_input(x: Tensor, dimensions: int, weight: Tensor) -> None:
    shape, inputs = x.array.shape, weight.array.shape[1]
    if x.array.dtype != weight.array.dtype:
        raise ValueError(
            f"RNN input dtype ({x.dtype}) does not match weight dtype ({weight.dtype}). "
            f"Convert input: input.to({weight.dtype}), or convert model: model.to({x.dtype})"
        )
    if len(shape) != dimensions:
        raise RuntimeError(f"input must have {dimensions} dimensions, got {x.dim()}")
    if shape[-1] != inputs:
        raise RuntimeError(f"input.size(-1) must be equal to input_size. Expected {inputs}, got {shape[-1]}")
    if shape[0] == 0:
        raise RuntimeError("Expected sequence length to be larger than 0 in RNN")


def _check_states(states: Sequence[Tensor] | None, sizes: Sequence[int], cells: int, batch: int, batched: bool) -> None:
    if states is None:
        return
    if any(state.dim() != 2 + batched for state in states):
        kind, wanted = ("batched 3-D", "3-D") if batched else ("unbatched 2-D", "2-D")
        if len(states) == 1:
            raise RuntimeError(f"For {kind} input, hx should also be {wanted} but got {states[0].dim()}-D tensor")
        got = ", ".join(f"{state.dim()}-D" for state in states)
        raise RuntimeError(f"For {kind} input, hx and cx should also be {wanted} but got ({got}) tensors")
    names = ("hidden",) if len(states) == 1 else ("hidden[0]", "hidden[1]")
    for name, state, size in zip(names, states, sizes):
        expected = (cells, batch, size)
        found = tuple(state.shape) if batched else (state.shape[0], 1, state.shape[1])
        if found != expected:
            raise RuntimeError(f"Expected {name} size {expected}, got {list(found)}")


def probability(name: str, value: Any) -> float:
    """Return a probability; ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"{name} should be a number in range [0, 1] representing the probability of an element being zeroed")
    return float(value)


def check_settings(
    input_size: Any, hidden_size: Any, num_layers: Any, bias: Any, batch_first: Any, dropout: Any, proj_size: int
) -> None:
    """Refuse settings that make no sense, in PyTorch\'s words."""
    probability("dropout", dropout)
    for name, value in (("bias", bias), ("batch_first", batch_first)):
        if not isinstance(value, bool):
            raise TypeError(f"{name} should be of type bool, got: {type(value).__name__}")
    for name, value in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
        if not isinstance(value, int):
            raise TypeError(f"{name} should be of type int, got: {type(value).__name__}")
        if value <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers greater "
            f"than 1, but got dropout={dropout} and num_layers={num_layers}",
            stacklevel=4,
        )
