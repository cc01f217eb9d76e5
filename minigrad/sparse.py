"""Row-sparse Tensors: what `weight.grad` is after a lookup with `sparse=True`, by PyTorch's names for COO tensors.

They are added, scaled, clipped and stepped against; every other operation says that it wants `.to_dense()`.
"""

from __future__ import annotations

from typing import Any

from . import arrays, dtypes
from .arrays import backend, to_device
from .sparse_rows import SparseRows
from .tensor import Tensor


class SparseTensor(Tensor):
    """A (V, E) table that is zero except in some rows, with one sparse and one dense dimension; it is in no graph.

    `array` is a SparseRows. Differences from PyTorch: sparse + dense is dense (PyTorch wants dense + sparse).
    """

    __slots__ = ()
    is_sparse = True

    # ---- what it is made of

    @property
    def dtype(self) -> dtypes.dtype:
        """The type of the elements."""
        return dtypes.dtype.of(arrays.element_type(self.array.values))

    @property
    def device(self) -> arrays.Device:
        """Where the rows are."""
        values = self.array.values
        return backend(values).device(values)

    def indices(self) -> Tensor:
        """Return the ids as (1, n). RuntimeError: an id may stand there several times."""
        self._check_coalesced("indices")
        return self._indices()

    def values(self) -> Tensor:
        """Return the rows (n, E), in the same memory. RuntimeError: an id may stand there several times."""
        self._check_coalesced("values")
        return self._values()

    def _indices(self) -> Tensor:
        return Tensor.wrap(self.array.ids[None, :])

    def _values(self) -> Tensor:
        return Tensor.wrap(self.array.values)

    def _nnz(self) -> int:
        return self.array.ids.shape[0]

    def _check_coalesced(self, what: str) -> None:
        if not self.array.coalesced:
            raise RuntimeError(f"Cannot get {what} on an uncoalesced tensor, please call .coalesce() first")

    def is_coalesced(self) -> bool:
        """Return True if each id stands there once."""
        return self.array.coalesced

    def coalesce(self) -> SparseTensor:
        """Return the same table with each id once, its rows added up; itself if it is so already."""
        return self if self.array.coalesced else SparseTensor.wrap(self.array.coalesce())

    def to_dense(self) -> Tensor:
        """Return the table in full."""
        return Tensor.wrap(self.array.dense())

    def sparse_dim(self) -> int:
        """Return 1: ids name rows."""
        return 1

    def dense_dim(self) -> int:
        """Return 1: rows are full."""
        return 1

    # ---- copies

    def detach(self) -> SparseTensor:
        """Return a tensor that shares this memory."""
        return SparseTensor.wrap(self.array)

    data = property(detach, lambda self, new: setattr(self, "array", new.array))

    def clone(self) -> SparseTensor:
        """Return a copy."""
        return SparseTensor.wrap(self.array.copy())

    def __deepcopy__(self, memo: dict[int, Any]) -> SparseTensor:
        memo[id(self)] = twin = self.clone()
        return twin

    def to(self, *args: Any, **kwargs: Any) -> SparseTensor:
        """Return the table with another type or on another device, as `Tensor.to`."""
        values = self._values().to(*args, **kwargs).array
        if values is self.array.values:
            return self
        ids = to_device(self.array.ids, backend(values).device(values))
        return SparseTensor.wrap(SparseRows(ids, values, self.array.shape, self.array.coalesced))

    def numpy(self, *, force: bool = False) -> Any:
        """Raise TypeError."""
        raise TypeError("can't convert Sparse layout tensor to numpy. Use Tensor.to_dense() first.")

    # ---- arithmetic

    def norm(self, p: Any = 2) -> Tensor:
        """Return the p-norm of the elements."""
        return self.coalesce()._values().norm(p)

    def sum(self) -> Tensor:
        """Return the sum of the elements."""
        return self._values().sum()

    def __add__(self, other: Any) -> Tensor:
        if isinstance(other, SparseTensor):
            return SparseTensor.wrap(self.array + other.array)
        return self.to_dense() + other

    def __sub__(self, other: Any) -> Tensor:
        return self + -other

    def __rsub__(self, other: Any) -> Tensor:
        return -self + other

    def __neg__(self) -> SparseTensor:
        return self * -1

    def __mul__(self, factor: Any) -> SparseTensor:
        return self._with(self._values() * _scalar(factor))

    def __truediv__(self, divisor: Any) -> SparseTensor:
        return self._with(self._values() / _scalar(divisor))

    __radd__, __rmul__ = __add__, __mul__
    add, sub, mul, div, neg = __add__, __sub__, __mul__, __truediv__, __neg__

    def _with(self, values: Tensor) -> SparseTensor:
        return SparseTensor.wrap(self.array.with_values(values.array))

    def add_(self, other: SparseTensor) -> SparseTensor:
        """Add another sparse table, in place."""
        return self._become(self + other)

    def mul_(self, factor: Any) -> SparseTensor:
        """Multiply by a number, in place."""
        return self._become(self * factor)

    def div_(self, divisor: Any) -> SparseTensor:
        """Divide by a number, in place."""
        return self._become(self / divisor)

    def zero_(self) -> SparseTensor:
        """Set everything to zero: no row is left."""
        self.array = self.array.empty()
        return self

    __iadd__, __imul__, __itruediv__ = add_, mul_, div_

    def _become(self, result: Tensor) -> SparseTensor:
        if not result.is_sparse:
            raise RuntimeError("a sparse tensor cannot be changed into a dense one in place; use .to_dense() first")
        self.array = result.array
        return self

    def __repr__(self) -> str:
        indent = " " * len("tensor(")
        parts = {"indices": self._indices(), "values": self._values()}
        lines = [f"{name}={part!r},\n".replace("\n ", f"\n {indent}{' ' * len(name)} ") for name, part in parts.items()]
        size = f"size={tuple(self.shape)}, nnz={self._nnz()}, layout=torch.sparse_coo"
        return f"tensor({indent.join([*lines, size])})"


def _scalar(value: Any) -> Any:
    if isinstance(value, Tensor) and (value.is_sparse or value.ndim):
        raise RuntimeError("a sparse tensor can be multiplied and divided by numbers only; use .to_dense() first")
    return value


def as_tensor(gradient: Any) -> Any:
    """Return a gradient, a full array or a SparseRows, as a Tensor in the same memory."""
    return SparseTensor.wrap(gradient) if type(gradient) is SparseRows else Tensor.wrap(gradient)
