"""The functions of the stand-in that are NumPy's with CuPy's parameters, by tables: a name that is needed is a line more.

A function takes arrays of the GPU only, refuses parameters that CuPy's has not (`where=` of a sum, say), and returns arrays.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import streams
from .array import SCALARS, bare, made, ndarray, scatter, wrapped

UFUNCS = """
abs absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh bitwise_and bitwise_or bitwise_xor cbrt ceil conj
conjugate copysign cos cosh deg2rad divide equal exp exp2 expm1 fabs float_power floor floor_divide fmax fmin fmod greater
greater_equal heaviside hypot invert isfinite isinf isnan ldexp left_shift less less_equal log log10 log1p log2 logaddexp
logaddexp2 logical_and logical_not logical_or logical_xor maximum minimum multiply negative nextafter not_equal positive
power rad2deg reciprocal remainder right_shift rint sign signbit sin sinh sqrt square subtract tan tanh true_divide trunc
mod divmod modf frexp pow acos
"""

REDUCTIONS = """
sum a axis=None dtype=None out=None keepdims=False
prod a axis=None dtype=None out=None keepdims=False
mean a axis=None dtype=None out=None keepdims=False
max a axis=None out=None keepdims=False
min a axis=None out=None keepdims=False
amax a axis=None out=None keepdims=False
amin a axis=None out=None keepdims=False
any a axis=None out=None keepdims=False
all a axis=None out=None keepdims=False
argmax a axis=None dtype=None out=None keepdims=False
argmin a axis=None dtype=None out=None keepdims=False
var a axis=None dtype=None out=None ddof=0 keepdims=False
std a axis=None dtype=None out=None ddof=0 keepdims=False
cumsum a axis=None dtype=None out=None
cumprod a axis=None dtype=None out=None
count_nonzero a axis=None
trace a offset=0 axis1=0 axis2=1 dtype=None out=None
"""

PLAIN = """
expand_dims a axis
flip a axis=None
moveaxis a source destination
squeeze a axis=None
transpose a axes=None
swapaxes a axis1 axis2
roll a shift axis=None
round a decimals=0 out=None
around a decimals=0 out=None
broadcast_to array shape
searchsorted a v side='left' sorter=None
argsort a axis=-1 kind=None
sort a axis=-1 kind=None
tril m k=0
triu m k=0
ravel a order='C'
repeat a repeats axis=None
tile A reps
diag v k=0
diff a n=1 axis=-1
bincount x weights=None minlength=None
tensordot a b axes=2
dot a b out=None
vdot a b
inner a b
outer a b out=None
kron a b
isclose a b rtol=1e-05 atol=1e-08 equal_nan=False
allclose a b rtol=1e-05 atol=1e-08 equal_nan=False
array_equal a1 a2 equal_nan=False
nan_to_num x copy=True nan=0.0 posinf=None neginf=None
isin element test_elements assume_unique=False invert=False
matrix_transpose x
permute_dims a axes=None
rot90 a k=1 axes=(0,1)
"""

ARRAYS = {"a", "b", "array", "v", "m", "x", "a1", "a2", "A", "element", "test_elements", "indices", "weights", "sorter"}
"""Parameters that are arrays of the GPU."""

MAY_BE_SCALARS = {"isclose", "allclose"}

CREATION = """
zeros shape dtype=float order='C'
ones shape dtype=float order='C'
full shape fill_value dtype=None order='C'
eye N M=None k=0 dtype=float order='C'
identity n dtype=float
arange start stop=None step=1 dtype=None
linspace start stop num=50 endpoint=True retstep=False dtype=None axis=0
zeros_like a dtype=None order='K' subok=None shape=None
ones_like a dtype=None order='K' subok=None shape=None
full_like a fill_value dtype=None order='K' subok=None shape=None
"""


def signature(line: str) -> tuple[str, inspect.Signature]:
    """Return the name and the signature that a line of a table says."""
    name, *parts = line.split()
    return name, inspect.signature(eval(f"lambda {', '.join(parts)}: None"))


def checked(name: str, parameter: str, value: Any) -> Any:
    """Return an argument for NumPy; TypeError where an array of the GPU is wanted and another thing given."""
    if isinstance(value, ndarray):
        return value._a
    if parameter in ARRAYS and value is not None and not (name in MAY_BE_SCALARS and isinstance(value, SCALARS)):
        raise TypeError(
            f"cupy.{name}: Argument '{parameter}' has incorrect type (expected cupy.ndarray, got {type(value).__name__})"
        )
    if isinstance(value, np.ndarray):
        raise TypeError(f"cupy.{name}: Unsupported type {type(value)}")
    return value


def function(line: str) -> tuple[str, Callable[..., Any]]:
    """Return a function by a line of a table."""
    name, parameters = signature(line)
    numpy = getattr(np, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        bound = parameters.bind(*args, **kwargs).arguments
        out = bound.pop("out", None)
        given = {key: checked(name, key, value) for key, value in bound.items() if key not in ("subok", "order") or value}
        first, *rest = given.items()
        with np.errstate(all="ignore"):
            found = numpy(*given.values()) if name == "vdot" else numpy(first[1], **dict(rest))  # NumPy's takes no names
        return into(out, found) if out is not None else wrapped(found, *(x for x in bound.values() if isinstance(x, ndarray)))

    call.__name__ = name
    return name, call


def into(out: ndarray, values: np.ndarray) -> ndarray:
    """Write a result to `out`."""
    if not isinstance(out, ndarray):
        raise TypeError("Output arguments type must be cupy.ndarray")
    if out.shape != np.shape(values):
        raise ValueError("Out shape is mismatched")
    out[...] = made(values)
    return out


class ufunc:
    """A function of elements."""

    def __init__(self, function: np.ufunc, name: str) -> None:
        self.function, self.__name__, self.nin, self.nout, self.nargs = (
            function,
            name,
            function.nin,
            function.nout,
            function.nargs,
        )

    def __call__(self, *args: Any, out: Any = None, dtype: Any = None, casting: str = "same_kind", **other: Any) -> Any:
        if other:
            raise TypeError(f"Wrong arguments {other}")
        if not self.nin <= len(args) <= self.nargs:
            raise TypeError(f"Wrong number of arguments for {self.__name__}")
        outs = args[self.nin :] if len(args) > self.nin else out if isinstance(out, tuple) else () if out is None else (out,)
        inputs = [bare(x) for x in args[: self.nin]]
        kwargs: dict[str, Any] = {"casting": casting} if dtype is None else {"casting": casting, "dtype": dtype}
        if any(target is not None for target in outs):
            return self._into(outs, args, inputs, kwargs)
        streams.refuse(f"{self.__name__} into new memory")
        with np.errstate(all="ignore"):
            found = self.function(*inputs, **kwargs)
            if self.__name__ == "sign" and found.dtype.kind == "f":
                found = np.where(np.isnan(found), found.dtype.type(0), found)  # CuPy's sign of NaN is 0
        return tuple(map(made, found)) if self.nout > 1 else made(found)

    def _into(self, outs: Sequence[Any], args: Sequence[Any], inputs: list[Any], kwargs: dict[str, Any]) -> Any:
        shape = np.broadcast_shapes(*(np.shape(x) for x in inputs))
        for target in outs:
            if not isinstance(target, ndarray):
                raise TypeError("Output arguments type must be cupy.ndarray")
            if target.shape != shape:
                raise ValueError("Out shape is mismatched")
        targets = tuple(target._a for target in outs)

        def work() -> None:
            with np.errstate(all="ignore"):
                self.function(*inputs, out=targets, **kwargs)

        if streams.current[0].recorded is None:
            work()
        else:
            streams.issue(work, [x.memory for x in (*args, *outs) if isinstance(x, ndarray)])
        return outs[0] if self.nout == 1 else tuple(outs)

    def at(self, array: ndarray, indices: Any, values: Any = None) -> None:
        """Do it in place at indices, which CuPy can for three functions only."""
        kinds = {"add": "iIfdeLQ", "maximum": "iIfdLQ", "minimum": "iIfdLQ"}
        if self.__name__ not in kinds:
            raise NotImplementedError(f"`{self.__name__}.at` is not supported yet")
        name = {"add": "scatter_add", "maximum": "scatter_max", "minimum": "scatter_min"}[self.__name__]
        scatter(array, indices, values, self.function, name, kinds[self.__name__])

    def __repr__(self) -> str:
        return f"<ufunc 'cupy_{self.__name__}'>"
