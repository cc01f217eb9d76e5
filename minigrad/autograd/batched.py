"""A batch of backward passes in one: vᵀJ for N vectors v at once.

The gradients of all ops are written in the names of the array standard, so they run on whatever offers these names. Here that
is an array with a hidden axis in front, along which the N passes lie:

    Batched(array)      array (N, *shape), and to the rule it is an array of shape `shape`

What a gradient saved is the same in every pass and gets a hidden axis of size 1, which broadcasts. `xp` is then
batched_namespace.py, where `sum(x, axis=0)` sums over axis 1, and so on: the same gradient functions once more, as for
derivatives of gradients, and no op has a second rule. To the engine this is one more array library (arrays/), with a backend
for what the standard lacks.

A gradient that does anything else with its arrays, such as a kernel of one library, meets `Unbatchable` at once, and the
pass (batched_pass.py) runs that one gradient row by row.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import arrays
from ..arrays import Array, Backend, Device, backend, namespace


class Unbatchable(AttributeError):
    """A gradient asked a batched array for something that only a plain array can do."""


class Home(NamedTuple):
    """Where a batched array lives: the array library's namespace, and its device."""

    xp: Any
    device: Any


class Batched:
    """N arrays of one shape, or one that stands for all N, that look like a single array."""

    __slots__ = ("array",)

    def __init__(self, array: Array) -> None:
        self.array = array  # (N, *shape) or (1, *shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of each."""
        return tuple(self.array.shape[1:])

    @property
    def ndim(self) -> int:
        """The number of dimensions of each."""
        return self.array.ndim - 1

    @property
    def dtype(self) -> Any:
        """The type of the elements, as the array's library names it."""
        return self.array.dtype

    @property
    def device(self) -> Home:
        """What `device=` of this library's creation functions takes."""
        return Home(namespace(self.array), self.array.device)

    @property
    def T(self) -> Batched:
        """Each matrix transposed."""
        return Batched(namespace(self.array).matrix_transpose(self.array))

    def __getitem__(self, index: Any) -> Batched:
        return BATCHED.read(self, index)

    def __bool__(self) -> bool:
        """Return whether any of the N is true: the question of anomaly mode, whether there is a nan."""
        return bool(namespace(self.array).any(self.array))

    def __matmul__(self, other: Any) -> Batched:
        return product(self, other)

    def __rmatmul__(self, other: Any) -> Batched:
        return product(other, self)

    def __iadd__(self, other: Any) -> Batched:
        total = self + other
        if total.array.shape == self.array.shape:
            self.array += lifted(other).array
        else:
            self.array = total.array
        return self

    def __getattr__(self, name: str) -> Any:
        raise Unbatchable(f"a batched array has no '{name}'")

    def __setitem__(self, index: Any, values: Any) -> None:
        raise Unbatchable("writing to a batched array, but through its backend")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise Unbatchable("NumPy cannot take a batched array for one of its own")

    def __array_ufunc__(self, ufunc: Any, *args: Any, **kwargs: Any) -> Any:
        raise Unbatchable(f"numpy.{ufunc.__name__} of a batched array")

    def __array_function__(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        raise Unbatchable(f"numpy.{function.__name__} of a batched array")


# ---- arithmetic


def lifted(x: Any) -> Batched:
    """Return x as a batched array: a plain one stands for all N."""
    return x if isinstance(x, Batched) else Batched(x[None, ...])


def aligned(*xs: Any) -> list[Any]:
    """Return the arrays inside, all with as many axes (new ones behind the hidden one); numbers stay as they are."""
    inside = [x if isinstance(x, (int, float)) else lifted(x).array for x in xs]
    ndim = max(a.ndim for a in inside if not isinstance(a, (int, float)))
    return [a if isinstance(a, (int, float)) or a.ndim == ndim else _widened(a, ndim) for a in inside]


def _widened(a: Array, ndim: int) -> Array:
    return namespace(a).reshape(a, (a.shape[0], *(1,) * (ndim - a.ndim), *a.shape[1:]))


def product(a: Any, b: Any) -> Batched:
    """Return A B for each of the batch. Where B is one matrix for all, it is one product over the rows of all A."""
    a, b = lifted(a), lifted(b)
    xp = namespace(a.array)
    x = a.array if a.ndim > 1 else a.array[:, None, :]
    y = b.array if b.ndim > 1 else b.array[:, :, None]
    if y.shape[0] == 1 and y.ndim == 3:
        z = xp.reshape(xp.reshape(x, (-1, x.shape[-1])) @ y[0, ...], (*x.shape[:-1], y.shape[-1])) if x.size else x @ y
    else:
        x, y = (_widened(m, max(x.ndim, y.ndim)) for m in (x, y))
        z = x @ y
    if a.ndim == 1:
        z = z[..., 0, :]
    return Batched(z if b.ndim > 1 else z[..., 0])


def _operator(function: Callable[..., Any], swapped: bool = False) -> Callable[..., Any]:
    def method(self: Batched, other: Any) -> Batched:
        a, b = aligned(other, self) if swapped else aligned(self, other)
        return Batched(function(a, b))

    return method


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor"):
    _function = getattr(operator, f"__{_name}__")
    setattr(Batched, f"__{_name}__", _operator(_function))
    setattr(Batched, f"__r{_name}__", _operator(_function, swapped=True))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Batched, f"__{_name}__", _operator(getattr(operator, f"__{_name}__")))
for _name in ("neg", "abs", "invert"):
    _function = getattr(operator, f"__{_name}__")
    setattr(Batched, f"__{_name}__", lambda self, f=_function: Batched(f(self.array)))


# ---- the door


class BatchedBackend(Backend):
    """Primitives on batched arrays, by those of the library inside."""

    device_type = "batched"

    @property
    def xp(self) -> Any:
        """The standard's names for batched arrays."""
        from . import batched_namespace

        return batched_namespace

    def device(self, array: Batched) -> Device:
        """Return where the arrays live."""
        return backend(array.array).device(array.array)

    def element_type(self, array: Batched) -> np.dtype[Any]:
        """Return the NumPy type of the elements."""
        return arrays.element_type(array.array)

    def cast(self, array: Batched, dtype: np.dtype[Any]) -> Batched:
        """Return copies with elements of a NumPy type."""
        return Batched(backend(array.array).cast(array.array, dtype))

    def as_array(self, value: Any) -> Batched:
        """Return the array: the hidden axis keeps it from becoming a scalar."""
        return lifted(value)

    def owner(self, array: Batched) -> Any:
        """Return what owns the memory."""
        return backend(array.array).owner(array.array)

    def owns(self, array: Batched) -> bool:
        """Return True if the memory is the array's own."""
        return backend(array.array).owns(array.array)

    def shares(self, a: Batched, b: Batched) -> bool:
        """Return True if two arrays are views of one memory."""
        return backend(a.array).shares(a.array, b.array)

    def read(self, array: Batched, index: Any) -> Batched:
        """Return `array[index]` for each, a view where the index is basic."""
        inside = _hidden_last(array.array)
        return Batched(_hidden_first(backend(inside).read(inside, _index(index))))

    def write(self, array: Batched, index: Any, values: Any) -> None:
        """Do `array[index] = values` for each; values is a number, or batched as well."""
        if isinstance(values, Batched):
            spread(array, values.array.shape[0])
            values = _hidden_last(values.array)
        backend(array.array).write(_hidden_last(array.array), _index(index), values)

    def add_at(self, array: Batched, index: Any, values: Batched) -> None:
        """Add `values` to `array[index]` for each, in place."""
        spread(array, values.array.shape[0])
        backend(array.array).add_at(_hidden_last(array.array), _index(index), _hidden_last(values.array))

    def add_rows(self, ids: Any, rows: Batched, count: int) -> Batched:
        """Sum rows (n, E) by id for each: as rows of N E elements."""
        xp, (many, n, width) = namespace(rows.array), rows.array.shape
        side = xp.reshape(xp.permute_dims(rows.array, (1, 0, 2)), (n, many * width))
        total = backend(side).add_rows(_plain(ids), side, count)
        return Batched(xp.permute_dims(xp.reshape(total, (count, many, width)), (1, 0, 2)))

    def erf(self, array: Batched) -> Batched:
        """Return the error function, elementwise."""
        return Batched(backend(array.array).erf(array.array))

    def diagonal(self, array: Batched, offset: int) -> Batched:
        """Return the elements [i, i + offset] of the last two axes of each."""
        return Batched(backend(array.array).diagonal(array.array, offset))

    def extreme_at(self, *args: Any) -> None:
        """Refuse: values are computed with it, gradients are not."""
        raise Unbatchable("extreme_at of a batched array")

    def from_numpy(self, array: np.ndarray, device: Device) -> Array:
        """Refuse: a batched array is made of an array, not of host memory."""
        raise Unbatchable("a batched array cannot be made of a NumPy array")

    def to_numpy(self, array: Batched) -> np.ndarray:
        """Refuse: what asks for values on the host is run row by row."""
        raise Unbatchable("a batched array is no NumPy array")


def spread(x: Batched, n: int) -> None:
    """Give x memory for each of n if one array stands for all."""
    if x.array.shape[0] == 1 != n:
        xp = namespace(x.array)
        x.array = xp.asarray(xp.broadcast_to(x.array, (n, *x.shape)), copy=True)


def _hidden_last(a: Array) -> Array:
    """Return the view with the hidden axis behind all others, where no index in front of it moves it."""
    return namespace(a).permute_dims(a, (*range(1, a.ndim), 0))


def _hidden_first(a: Array) -> Array:
    return namespace(a).permute_dims(a, (a.ndim - 1, *range(a.ndim - 1)))


def _index(index: Any) -> tuple[Any, ...]:
    parts = tuple(_plain(part) for part in (index if type(index) is tuple else (index,)))
    return (*parts, slice(None)) if any(part is Ellipsis for part in parts) else (*parts, ..., slice(None))


def _plain(ids: Any) -> Any:
    """Return ids as a plain array: they come from what was saved, and so are the same for all N."""
    if not isinstance(ids, Batched):
        return ids
    if ids.array.shape[0] != 1:
        raise Unbatchable("an index that differs within the batch")
    return ids.array[0, ...]


BATCHED = BatchedBackend()
arrays.register(Batched, BATCHED)
