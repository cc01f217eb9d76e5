"""Padding by PyTorch's name, torch.nn.functional.pad."""

from __future__ import annotations

from collections.abc import Sequence

from .. import arrays
from ..arrays import Array
from ..ops import indexing
from ..ops.promotion import cast_number
from ..tensor import Tensor
from .creation import full
from .rearranging import narrow

__all__: list[str] = []


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Return input with `pad[0]` elements put before and `pad[1]` after along the last dim, the next two for the one before, …

    mode: "constant" puts `value` (0 if None), and cuts where a width is negative; "reflect" mirrors without repeating the edge,
    "replicate" repeats the edge, "circular" goes on at the other end.
    RuntimeError: an odd number of widths, more than dims, or wider than the mode allows. NotImplementedError: another mode.
    """
    if len(pad) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(pad) > 2 * input.ndim:
        raise RuntimeError(
            f"Padding length should be less than or equal to two times the input dimension but got padding length {len(pad)} "
            f"and input of dimension {input.ndim}"
        )
    widths = {input.ndim - 1 - i // 2: (pad[i], pad[i + 1]) for i in range(0, len(pad), 2)}
    if mode == "constant":
        return _constant(input, widths, 0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value is not None:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    for at, (before, after) in widths.items():
        ids = _places(input, mode, at, before, after)
        input = indexing.read.call(input, index=(slice(None),) * at + (ids,))
    return input


def _constant(input: Tensor, widths: dict[int, tuple[int, int]], value: float) -> Tensor:
    for at, (before, after) in widths.items():
        size = input.shape[at] + before + after
        if size < 0:
            raise RuntimeError(
                f"The input size {input.shape[at]}, plus negative padding {before} and {after} resulted in a negative output "
                f"size, which is invalid. Check dimension {at} of your input."
            )
        first, last = max(-before, 0), input.shape[at] - max(-after, 0)
        input = narrow(input, at, min(first, last), max(last - first, 0))
    grown = {at: (max(before, 0), max(after, 0)) for at, (before, after) in widths.items()}
    shape = [n + sum(grown.get(at, (0, 0))) for at, n in enumerate(input.shape)]
    frame = full(shape, cast_number(value, input.dtype), dtype=input.dtype, device=input.device)
    inside = tuple(slice(grown.get(at, (0, 0))[0], grown.get(at, (0, 0))[0] + n) for at, n in enumerate(input.shape))
    return indexing.put.call(input, frame, index=inside)


def _places(input: Tensor, mode: str, at: int, before: int, after: int) -> Array:
    """Return which element along an axis stands at each place of the padded one."""
    n, xp = input.shape[at], arrays.namespace(input.array)
    limit = {"reflect": n - 1, "circular": n, "replicate": max(before, after) if n else 0}[mode]
    if max(before, after) > limit or min(before, after) < 0:
        raise RuntimeError(
            f"pad(): mode '{mode}' takes widths from 0 to {limit} along dimension {at} of size {n}, not {before} and {after}"
        )
    places = xp.arange(-before, n + after, device=input.array.device)
    if mode == "circular":
        return places % n if n else places
    if mode == "replicate":
        return xp.clip(places, 0, max(n - 1, 0))
    return n - 1 - xp.abs(n - 1 - xp.abs(places))
