"""How examples become a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ... import dtypes
from ...functions.creation import as_tensor, tensor
from ...functions.shape import stack
from ...tensor import Tensor


def default_collate(batch: Sequence[Any]) -> Any:
    """Put examples of one structure into one batch of that structure, each leaf with a new first dimension.

    Tensors and NumPy arrays of one shape become a Tensor (B, …), ints an int64 Tensor (B,), bools a bool one, floats a float64
    one, as in PyTorch; strings and bytes stay a list. Of dictionaries, tuples, named tuples and lists the parts are batched:
    B pairs become a list of two batches.

    Args:
        batch: B ≥ 1 examples.

    Raises:
        TypeError: an example contains what has no batch; it is named.
        RuntimeError: sequences of different lengths, or Tensors of different shapes.
    """
    first = batch[0]
    if isinstance(first, (Tensor, np.ndarray, np.generic)):
        return stack([as_tensor(example) for example in batch])
    if isinstance(first, float):
        return tensor(batch, dtype=dtypes.float64)
    if isinstance(first, int):
        return tensor(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return {key: default_collate([example[key] for example in batch]) for key in first}
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*map(default_collate, _parts(batch)))
    if isinstance(first, Sequence):
        return [default_collate(part) for part in _parts(batch)]
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first)}. Give the DataLoader a collate_fn that says what a batch of them is."
    )


def default_convert(example: Any) -> Any:
    """Return an example as it is without batches: NumPy arrays as Tensors, tuples as lists, all else as it was."""
    if isinstance(example, (np.ndarray, np.generic)):
        return as_tensor(example)
    if isinstance(example, Mapping):
        return {key: default_convert(part) for key, part in example.items()}
    if isinstance(example, tuple) and hasattr(example, "_fields"):
        return type(example)(*map(default_convert, example))
    if isinstance(example, Sequence) and not isinstance(example, (str, bytes)):
        return [default_convert(part) for part in example]
    return example


def _parts(batch: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return the first parts of all examples, the second parts, …"""
    if any(len(example) != len(batch[0]) for example in batch):
        raise RuntimeError("each element in list of batch should be of equal size")
    return list(zip(*batch, strict=True))
