"""What an op says when it cannot be applied: which op, which shapes or types, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..sparse_rows import SparseRows

if TYPE_CHECKING:
    from .rule import Op


def explain(op: Op, arrays: Sequence[Any], settings: dict[str, Any], error: Exception) -> Exception:
    """Turn an array library's error into one that names the op and its operands, in PyTorch's words where it has them."""
    if any(isinstance(a, SparseRows) for a in arrays):
        return RuntimeError(f"{op.name}: this operation is not defined for sparse tensors; take .to_dense() first")
    shaped = [a for a in arrays if hasattr(a, "shape")]
    kinds = {type(a).__module__.partition(".")[0] for a in shaped}
    if len(kinds) > 1:
        return RuntimeError(
            f"{op.name}: Expected all tensors to be on the same device, but found arrays of {' and '.join(sorted(kinds))}; "
            "move them with .to(device)"
        )
    if isinstance(error, RuntimeError):  # the op's own words
        return error
    if isinstance(error, IndexError):
        return IndexError(str(error).replace(" axis ", " dimension "))
    clash = _broadcast_clash([tuple(a.shape) for a in shaped]) if op.promotes and isinstance(error, ValueError) else None
    if clash is not None:
        a, b, axis = clash
        return RuntimeError(
            f"The size of tensor a ({a[axis]}) must match the size of tensor b ({b[axis]}) at non-singleton dimension "
            f"{axis + max(len(a), len(b))} (op '{op.name}', shapes {list(a)} and {list(b)})"
        )
    operands = ", ".join(f"{list(a.shape)} {a.dtype}" if hasattr(a, "shape") else repr(a) for a in arrays)
    given = "".join(f", {k}={v!r}" for k, v in settings.items())
    kind = TypeError if isinstance(error, TypeError) else RuntimeError
    return kind(f"{op.name}({operands}{given}): {error}")


def _broadcast_clash(shapes: list[tuple[int, ...]]) -> tuple[tuple[int, ...], tuple[int, ...], int] | None:
    """Return the first two shapes that do not broadcast and the (negative) axis where they clash."""
    for i, a in enumerate(shapes):
        for b in shapes[i + 1 :]:
            for axis in range(-1, -min(len(a), len(b)) - 1, -1):
                if a[axis] != b[axis] and 1 not in (a[axis], b[axis]):
                    return a, b, axis
    return None
