"""Where the rows of a packed batch lie in the padded one, (T, B), in the order in which the user has the sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import minigrad
from minigrad import Tensor


@dataclass(frozen=True)
class Padding:
    """How the N rows of a packed batch spread over T steps of B sequences."""

    rows: Tensor  # (T·B,), which of the N rows stands at (t, b); N where it is padding
    shape: tuple[int, int]  # (T, B)
    columns: Tensor | None  # (B,), which column of the packed batch each of the user's sequences is
    valid: Tensor  # (T, B, 1), True where a step is no padding
    first: Tensor  # (T, B, 1), True at t = 0
    last: Tensor  # (T, B, 1), True at the last step of each sequence

    @classmethod
    def of(cls, sizes: Sequence[int], columns: Tensor | None, like: Tensor) -> Padding:
        """Make it for `sizes[t]` rows at step t, on the device of `like`."""
        many, T, B = np.asarray(sizes), len(sizes), sizes[0]
        lengths = (many[None, :] > np.arange(B)[:, None]).sum(1)
        order = np.arange(B) if columns is None else columns.cpu().numpy()
        t, b = np.arange(T)[:, None], order[None, :]
        valid = t < lengths[b]
        rows = np.where(valid, (np.cumsum(many) - many)[:, None] + b, many.sum())

        def on_device(array: np.ndarray) -> Tensor:
            return minigrad.tensor(array, device=like.device)

        masks = (valid, (t == 0) & valid, t == lengths[b] - 1)
        return cls(on_device(rows.reshape(-1)), (T, B), columns, *(on_device(mask[..., None]) for mask in masks))

    def spread(self, rows: Tensor) -> Tensor:
        """Return rows (…, N, ·) as (…, T, B, ·), zero where there is padding."""
        with_zero = minigrad.cat([rows, minigrad.zeros_like(rows[..., :1, :])], -2)
        return with_zero.index_select(-2, self.rows).reshape(*rows.shape[:-2], *self.shape, rows.shape[-1])

    def reorder(self, states: Tensor) -> Tensor:
        """Return states (…, B, ·), one row per column of the packed batch, in the user's order."""
        return states if self.columns is None else states.index_select(-2, self.columns)
