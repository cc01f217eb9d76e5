"""Sequences of different lengths in one batch: padded to the longest, or packed without padding. torch.nn.utils.rnn's names.

Sequences a, b, c of lengths 4, 2, 1, one column each, time running downwards:

    padded (T, B)        packed: data (N,), batch_sizes (T,)

    a0  b0  c0
    a1  b1  ·            a0 b0 c0 | a1 b1 | a2 | a3
    a2  ·   ·               3         2      1    1
    a3  ·   ·

Packed are the rows that are not padding, read line by line: step t of a recurrent layer takes the next batch_sizes[t] of them.
The columns must be sorted by length for that, longest first; `sorted_indices` says which sequence each column is.

With row i_n of the padded array, seen as (T·B, …), being row n of the packed one, packing is one gather and padding one
scatter, whatever T is, and each is the other's gradient:

    data[n] = padded[i_n],    ∂L/∂padded[i_n] = ∂L/∂data[n],  0 elsewhere
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

import minigrad
from minigrad import Tensor
from minigrad.autograd import Function
from minigrad.functions.arguments import tensor_argument, type_word
from minigrad.functions.dims import axis

from .packed_sequence import PackedSequence, invert_permutation

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence", "pad_sequence",
    "unpack_sequence", "unpad_sequence",
]  # fmt: skip

Lengths = Tensor | Sequence[int] | np.ndarray


def pack_padded_sequence(
    input: Tensor, lengths: Lengths, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack a padded batch.

    Args:
        input: (T, B, …), or (B, T, …) if `batch_first`; of any type.
        lengths: of the B sequences, on the CPU.
        batch_first: whether B comes first.
        enforce_sorted: whether the sequences must come sorted, longest first. If not, they are sorted here, and
            `pad_packed_sequence` and the recurrent layers' states bring them back in the caller's order.

    Raises:
        RuntimeError: the batch is empty; `lengths` is not a vector on the CPU with an entry for each sequence, an entry is
            less than 1 or more than T, or they are not sorted though they must be.
        IndexError: `input` has less than two dimensions.
    """
    input = tensor_argument(input, "_pack_padded_sequence", "input", 1)
    axis(1, input.ndim)  # there must be one
    T, B = input.shape[:2][::-1] if batch_first else input.shape[:2]
    lengths = _vector(lengths if isinstance(lengths, Tensor) else minigrad.as_tensor(lengths, dtype=minigrad.int64))
    order = np.arange(len(lengths)) if enforce_sorted else np.argsort(-lengths, kind="stable")
    lengths = lengths[order]
    _check_lengths(lengths, input, T, B)
    steps, columns = np.nonzero(np.arange(lengths[0])[:, None] < lengths)
    rows = _rows(steps, order[columns], (T, B), batch_first, input)
    sorted_indices = None if enforce_sorted else minigrad.tensor(order, device=input.device)
    return PackedSequence(_Gather.apply(input.flatten(0, 1), rows), minigrad.tensor(np.bincount(steps)), sorted_indices)


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """Undo `pack_padded_sequence`.

    Args:
        sequence: the packed batch.
        batch_first: whether B comes first in the result.
        padding_value: what the padding consists of.
        total_length: T of the result; by default the longest sequence's.

    Returns:
        The padded batch, (T, B, …) or (B, T, …), and the lengths (B,), of int64 on the CPU; in the order that was packed. Where
        that order is kept on a GPU, the lengths wait for it, as PyTorch's do.

    Raises:
        ValueError: `total_length` is less than the length of the longest sequence.
        RuntimeError: `batch_sizes` is not a vector of int64, is empty, grows, or does not sum to the rows of `data`.
    """
    padded, lengths = unpacked(sequence, batch_first, padding_value, total_length)
    unsorted = sequence.unsorted_indices
    return padded, minigrad.tensor(lengths if unsorted is None else lengths[unsorted.cpu().numpy()])


def unpacked(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, np.ndarray]:
    """Return the padded batch, as `pad_packed_sequence` does, and the lengths from the longest down.

    In the caller's order they would have to wait for a GPU, where that order is kept; this waits for nothing.
    """
    data, batch_sizes, _, unsorted = sequence
    sizes = _vector(batch_sizes, exact=True)
    if not len(sizes):
        raise RuntimeError("batch_sizes can not be empty")
    if np.any(np.diff(sizes) > 0) or sizes.sum() != len(data):
        raise RuntimeError(
            f"Expected batch_sizes that never grow and sum to the {len(data)} rows of data, but got {sizes.tolist()}; take "
            "a PackedSequence from pack_padded_sequence or pack_sequence"
        )
    T, B = len(sizes), int(sizes[0])
    if total_length is not None and total_length < T:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {T}"
        )
    steps, columns = np.nonzero(np.arange(B) < sizes[:, None])
    shape = (T if total_length is None else total_length, B)
    places = _in_callers_order(steps, columns, unsorted)
    return _padded(data, *places, shape, batch_first, padding_value), np.bincount(columns, minlength=B)


def _in_callers_order(steps: np.ndarray, columns: np.ndarray, unsorted: Tensor | None) -> tuple[Any, Any]:
    """Return the steps, and the sequences of the caller's batch that the columns are: on the GPU where that order is there."""
    if unsorted is None:
        return steps, columns
    if unsorted.device.type == "cpu":
        return steps, np.argsort(unsorted.numpy())[columns]
    order = invert_permutation(unsorted)
    assert order is not None
    return minigrad.tensor(steps, device=order.device), order[minigrad.tensor(columns, device=order.device)]


def pad_sequence(
    sequences: Iterable[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Return sequences (L_b, …) as one batch (T, B, …), or (B, T, …) if `batch_first`, with T the largest L_b.

    Args:
        sequences: at least one; all of the same sizes but for the first, and of the type of the first.
        batch_first: whether B comes first in the result.
        padding_value: what the padding consists of.
        padding_side: "right" or "left", where the padding goes.

    Raises:
        RuntimeError: `sequences` is not iterable or empty, a sequence has no dimension or sizes that do not fit, or
            `padding_side` is neither.
        TypeError: one of them is not a Tensor.
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}")
    sequences = tuple(sequences)
    _check_sequences(sequences)
    if padding_side not in ("right", "left"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    lengths = np.array([len(sequence) for sequence in sequences])
    T, B = int(lengths.max()), len(sequences)
    columns, steps = np.nonzero(np.arange(T) < lengths[:, None])
    if padding_side == "left":
        steps += (T - lengths)[columns]
    rows = minigrad.cat([sequence.to(sequences[0].dtype) for sequence in sequences])
    return _padded(rows, steps, columns, (T, B), batch_first, padding_value)


def unpad_sequence(padded_sequences: Tensor, lengths: Lengths, batch_first: bool = False) -> list[Tensor]:
    """Undo `pad_sequence`: return the first lengths[b] steps of each sequence b, a copy each.

    PyTorch's leaves `padded_sequences` transposed behind where it is not `batch_first`; this one does not touch it.

    Raises:
        ValueError: there are not as many lengths as sequences.
    """
    batch = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    counts = minigrad.as_tensor(lengths).tolist()
    return [sequence[: max(n, 0)].clone() for sequence, n in zip(batch, counts, strict=True)]


def pack_sequence(sequences: Iterable[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences (L_b, …), none of which is empty. Errors and `enforce_sorted`: see the two functions it is made of."""
    sequences = list(sequences)
    return pack_padded_sequence(pad_sequence(sequences), [len(s) for s in sequences], enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Undo `pack_sequence`: return the sequences in the order that was packed."""
    return unpad_sequence(*pad_packed_sequence(packed_sequences, batch_first=True), batch_first=True)


# ---- the two ways between padded and packed rows


class _Gather(Function):
    """y[n] = x[rows[n]]; no row is named twice."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        ctx.count = len(x)
        return x[rows]

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None]:
        return _Scatter.apply(dy, *ctx.saved_tensors, ctx.count, 0.0), None


class _Scatter(Function):
    """y[rows[n]] = x[n], and `filling` in the other rows of the `count` that y has."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: Tensor, count: int, filling: float) -> Tensor:
        ctx.save_for_backward(rows)
        y = minigrad.full((count, *x.shape[1:]), filling, dtype=x.dtype, device=x.device)
        y[rows] = x
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None, None, None]:
        return _Gather.apply(dy, *ctx.saved_tensors), None, None, None


def _rows(steps: Any, columns: Any, shape: tuple[int, int], batch_first: bool, like: Tensor) -> Tensor:
    """Return the rows (step, column) of a padded batch of T, B = `shape`, seen as (T·B, …) or (B·T, …)."""
    T, B = shape
    return minigrad.as_tensor(columns * T + steps if batch_first else steps * B + columns, device=like.device)


def _padded(x: Tensor, steps: Any, columns: Any, shape: tuple[int, int], batch_first: bool, filling: float) -> Tensor:
    """Return the padded batch of T, B = `shape` in which row n of x stands at (steps[n], columns[n])."""
    y = _Scatter.apply(x, _rows(steps, columns, shape, batch_first, x), shape[0] * shape[1], filling)
    return y.reshape(*(shape[::-1] if batch_first else shape), *x.shape[1:])


# ---- checks


def _vector(tensor: Tensor, exact: bool = False) -> np.ndarray:
    """Return a vector of integers on the CPU as an array of int64; `exact`: of no other type."""
    if tensor.ndim != 1 or tensor.device.type != "cpu" or (exact and tensor.dtype is not minigrad.int64):
        raise RuntimeError(
            f"'lengths' argument should be a 1D CPU int64 tensor, but got {tensor.ndim}D {tensor.device.type} "
            f"{type_word(tensor if exact else tensor.long())} tensor"
        )
    return tensor.to(minigrad.int64).numpy()


def _check_lengths(lengths: np.ndarray, input: Tensor, T: int, B: int) -> None:
    if not input.numel():
        raise RuntimeError("Cannot pack empty tensors.")
    if len(lengths) != B:
        raise RuntimeError(f"Expected `len(lengths)` to be equal to batch_size, but got {len(lengths)} (batch_size={B})")
    if lengths[-1] <= 0:
        raise RuntimeError("Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0")
    if np.any(np.diff(lengths) > 0):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement if you do not "
            "need ONNX exportability."
        )
    if lengths[0] > T:
        raise RuntimeError(f"Expected `lengths` of at most {T}, the steps of the padded batch, but got {lengths[0]}")


def _check_sequences(sequences: tuple[Any, ...]) -> None:
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    for i, sequence in enumerate(sequences):
        if not isinstance(sequence, Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(sequence).__name__}")
        if sequence.ndim == 0 or sequence.shape[1:] != sequences[0].shape[1:]:
            raise RuntimeError(
                f"pad_sequence: sequence {i} has shape {list(sequence.shape)}, but must have a first dimension and beyond it "
                f"the sizes {list(sequences[0].shape[1:])} of sequence 0"
            )
