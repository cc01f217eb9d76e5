"""Losses by PyTorch's names (torch.nn.functional): cross_entropy, nll_loss, mse_loss.

A loss against class ids is computed row by row: (N, C, d1, …) is brought to M = N d1 … rows of C classes, which give one number
each; then it is weighted, freed of ignored rows and reduced.
"""

from __future__ import annotations

from typing import NamedTuple

from .. import arrays, dtypes
from ..arrays import Array
from ..ops import elementwise, powers, reductions, softmax as rules
from ..tensor import Size, Tensor
from .arguments import type_word
from .reducing import check, check_device, reduced, warn_of_shapes
from .softmax import log_softmax

__all__ = ["cross_entropy", "mse_loss", "nll_loss"]


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return ℓ = −Σ_c w_c q_c ln p_c with p = softmax(input), reduced over the batch.

    q is the target distribution: (1 − ε) [c = target] + ε/C with ε = `label_smoothing`, or what `target` holds if it is
    floating-point and has the shape of input (smoothed likewise).

    Shapes: input (C,), (N, C) or (N, C, d1, …); ids (), (N,) or (N, d1, …), of type int64 or uint8.

    weight: w (C,); "mean" with ids then divides by the sum of the targets' weights, not by their number.
    ignore_index: a target that counts for nothing. Where all do, "sum" is 0 and "mean" nan.
    reduction: "mean", "sum" or "none".

    ValueError, RuntimeError: shapes, types or options do not fit. IndexError: a target is outside 0 … C−1; where targets are
    on a GPU it comes when the host next waits for the GPU (arrays/cuda_ids.py).
    """
    check(input, target, reduction, "cross_entropy_loss")
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if input.shape == target.shape:
        return _against_distribution(input, target, weight, ignore_index, reduction, label_smoothing)
    ids = _Targets.of(input, target, weight, ignore_index)
    if not label_smoothing:
        x = _rows(input)
        _check_floating(x, "log_softmax_lastdim_kernel_impl")
        return ids.reduce(ids.weighted(rules.softmax_nll.call(x, ids.classes)[0]), reduction)
    y = log_softmax(_rows(input), 1)
    certain = ids.weighted(-_picked(y, ids)) * (1 - label_smoothing)
    spread = -(y if weight is None else y * weight).sum(1) * (label_smoothing / y.shape[1])
    return ids.reduce(certain + spread, reduction)


def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """Return ℓ = −w_target input_target, reduced over the batch; input holds log-probabilities. See cross_entropy."""
    check(input, target, reduction, "nll_loss_nd")
    ids = _Targets.of(input, target, weight, ignore_index)
    _check_floating(input, "nll_loss_out_frame")
    return ids.reduce(ids.weighted(-_picked(_rows(input), ids)), reduction)


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Return (input − target)², elementwise with broadcasting, reduced: "mean", "sum" or "none".

    UserWarning: the shapes differ, which is rarely meant. RuntimeError: they do not broadcast. NotImplementedError: both
    are integers.
    """
    check(input, target, reduction, "mse_loss")
    warn_of_shapes(input, target)
    squares = powers.square.call(input - target)
    _check_floating(squares, "mse_cpu")
    return reduced(squares, reduction)


def _against_distribution(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str, smoothing: float
) -> Tensor:
    """Return cross-entropy against a distribution q over the classes, (N, C, d1, …) like the input."""
    if target.dtype.category != dtypes.FLOAT:
        raise RuntimeError(f"Expected floating point type for target with class probabilities, got {type_word(target)}")
    if ignore_index >= 0:
        raise RuntimeError("ignore_index is not supported for floating point target")
    classes = min(1, input.ndim - 1)
    C = input.shape[classes]
    q = target if not smoothing else target * (1 - smoothing) + smoothing / C
    y = log_softmax(input, classes)
    if weight is not None:
        if weight.shape != (C,):
            raise RuntimeError(f"cross_entropy: {_weight_error(weight, C)}")
        y = y * weight.reshape(-1, *(1,) * (input.ndim - classes - 1))
    losses = -(y * q).sum(classes)
    return reduced(losses, reduction)


class _Targets(NamedTuple):
    """Class ids, checked and one per row.

    classes: (M,), with 0 where the target is ignored
    kept:    (M,), False where it is ignored; None where none is known to be
    weight:  (M,), the weight of each row's class, 0 where it is ignored; None if all weigh the same
    shape:   of the losses before they are reduced
    """

    classes: Array
    kept: Tensor | None
    weight: Tensor | None
    shape: Size

    @classmethod
    def of(cls, input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int) -> _Targets:
        """Check shapes, types and ids."""
        _check_shapes(input, target)
        C = input.shape[min(1, input.ndim - 1)]
        if target.dtype not in (dtypes.int64, dtypes.uint8):
            raise RuntimeError(f"expected target dtype to be Long or Byte, but got {type_word(target)}")
        if weight is not None:
            _check_weight(weight, input, C)
        ids = target.array if target.dtype is dtypes.int64 else target.to(dtypes.int64).array
        xp = arrays.namespace(ids)
        ids = ids if ids.ndim == 1 else xp.reshape(ids, (-1,))
        ids, kept = arrays.backend(ids).class_ids(ids, C, ignore_index)
        chosen = None if weight is None else xp.take(weight.array, ids, axis=0)
        if chosen is not None and kept is not None:
            chosen = xp.where(kept, chosen, xp.zeros_like(chosen))
        return cls(ids, _wrapped(kept), _wrapped(chosen), target.shape)

    def weighted(self, losses: Tensor) -> Tensor:
        """Return the rows' losses (M,) times the weights of their classes."""
        return losses if self.weight is None else losses * self.weight

    def reduce(self, losses: Tensor, reduction: str) -> Tensor:
        """Reduce the weighted losses (M,) of the rows that are not ignored."""
        if self.kept is not None:
            losses = elementwise.where.call(self.kept, losses, 0.0)
        if reduction == "none":
            return losses.reshape(self.shape)
        if reduction == "sum":
            return losses.sum()
        if self.kept is None and self.weight is None:
            return reductions.mean.call(losses)
        total = self.weight.sum() if self.weight is not None else self.kept.sum()  # type: ignore[union-attr]
        return losses.sum() / total.to(losses.dtype)


def _wrapped(array: Array | None) -> Tensor | None:
    return None if array is None else Tensor.wrap(array)


def _rows(x: Tensor) -> Tensor:
    """Return x (C,), (N, C) or (N, C, d1, …) as rows (M, C)."""
    if x.ndim == 2:
        return x
    last = x if x.ndim == 1 else x.permute(0, *range(2, x.ndim), 1)
    return last.reshape(last.shape[:-1].numel(), last.shape[-1])


def _picked(y: Tensor, ids: _Targets) -> Tensor:
    """Return y_n,target(n) for each row n."""
    return y.gather(1, Tensor.wrap(ids.classes).unsqueeze(1)).squeeze(1)


# ---- checks


def _check_floating(x: Tensor, kernel: str) -> None:
    if x.dtype.category != dtypes.FLOAT:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{type_word(x)}'")


def _check_shapes(input: Tensor, target: Tensor) -> None:
    if input.ndim == 0:
        raise ValueError("Expected 1 or more dimensions (got 0)")
    if input.ndim == 1:
        if target.ndim > 1 or target.numel() != 1:
            raise ValueError(f"For 1D input, 1D target must have size 1, but got target size: {target.numel()}")
        return
    batch = target.shape[0] if target.ndim else 0
    if target.ndim == 0 or batch != input.shape[0]:
        raise ValueError(f"Expected input batch_size ({input.shape[0]}) to match target batch_size ({batch}).")
    if input.ndim == 2 and target.ndim != 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    expected = [input.shape[0], *input.shape[2:]]
    if list(target.shape) != expected:
        raise RuntimeError(f"Expected target size {expected}, got {list(target.shape)}")


def _check_weight(weight: Tensor, input: Tensor, C: int) -> None:
    check_device(input, weight)
    if weight.shape != (C,):
        raise RuntimeError(_weight_error(weight, C))
    if weight.dtype is not input.dtype:
        raise RuntimeError(f"expected scalar type {type_word(input)} but found {type_word(weight)}")
    if weight.requires_grad:
        raise RuntimeError(
            "The function 'nll_loss_forward' is not differentiable with respect to argument 'weight'. This input cannot have "
            "requires_grad True."
        )


def _weight_error(weight: Tensor, C: int) -> str:
    return (
        f"weight tensor should be defined either for all {C} classes or no classes but got weight tensor of shape: "
        f"{list(weight.shape)}"
    )
