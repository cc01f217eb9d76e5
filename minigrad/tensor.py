"""The Tensor: an array, its gradient, and its place in the graph. What is computed with it lives in ops/ and functions/."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import arrays, dtypes, memory
from .arrays import Array
from .graph import Hook, Leaf, Node, Output, RemovableHandle, Source, extra_of, producer
from .modes import mode

if TYPE_CHECKING:
    from .views import View


class Size(tuple[int, ...]):
    """A shape: a tuple that prints as PyTorch's `torch.Size([2, 3])` and knows its number of elements."""

    __slots__ = ()

    def numel(self) -> int:
        """Return the product of the sizes."""
        return int(np.prod(self, dtype=np.int64))

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    def __getitem__(self, index: Any) -> Any:
        part = super().__getitem__(index)
        return Size(part) if isinstance(index, slice) else part


class Tensor:
    """An n-dimensional array that remembers how it was computed.

    array:  the NumPy or CuPy array that holds the values (0-d arrays stay arrays)
    grad:   dL/d(this) after `backward()`, for leaves and after `retain_grad()`; None before
    source: where its gradient goes in the graph, None if it needs none (graph.py)
    alias:  which tensor it is a view of (views.py), None for most

    There is no `__getattr__` for misspelt names: its mere presence makes every attribute of every tensor slower, 150 ns per
    operation. Python's own traceback names the nearest attribute.
    """

    __slots__ = ("__weakref__", "alias", "array", "grad", "source")
    __array_priority__ = 1000  # numpy_array * tensor is a Tensor
    __hash__ = object.__hash__
    array: Array
    grad: Tensor | None
    source: Source | None
    alias: View | None

    if TYPE_CHECKING:  # methods and operators are attached by functions/

        def __getattr__(self, name: str) -> Any: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __floordiv__(self, other: Any) -> Tensor: ...
        def __mod__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __invert__(self) -> Tensor: ...
        def __and__(self, other: Any) -> Tensor: ...
        def __or__(self, other: Any) -> Tensor: ...
        def __xor__(self, other: Any) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __eq__(self, other: Any) -> Any: ...
        def __ne__(self, other: Any) -> Any: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...

    def __new__(cls, *data: Any) -> Tensor:
        """Make a float tensor of nested numbers, or an uninitialised one of given sizes, as `torch.Tensor` does."""
        if data and all(isinstance(d, int) for d in data):
            return cls.wrap(np.empty(data, dtypes.default().dtype))
        source = data[0] if data else []
        return cls.wrap(np.array(source.numpy() if isinstance(source, Tensor) else source, dtypes.default().dtype))

    @classmethod
    def wrap(cls, array: Array, requires_grad: bool = False) -> Any:
        """Make a tensor around an array, sharing its memory."""
        tensor = object.__new__(cls)
        tensor.array = array
        tensor.grad = tensor.source = tensor.alias = None
        if requires_grad:
            tensor.requires_grad = True
        return tensor

    @classmethod
    def linked(cls, array: Array, source: Source | None) -> Tensor:
        """Make a tensor around an array whose gradient goes to `source`."""
        tensor = cls.wrap(array)
        tensor.source = source
        return tensor

    # ---- shape and type

    @property
    def shape(self) -> Size:
        """The sizes along each dimension."""
        return Size(self.array.shape)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    @property
    def dtype(self) -> dtypes.dtype:
        """The type of the elements."""
        return dtypes.dtype.of(arrays.element_type(self.array))

    @property
    def device(self) -> arrays.Device:
        """Where the array lives."""
        return arrays.backend(self.array).device(self.array)

    @property
    def _version(self) -> int:
        return memory.version(self.array)

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the size along `dim`."""
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        """Return the number of dimensions."""
        return self.array.ndim

    def numel(self) -> int:
        """Return the number of elements."""
        return self.array.size

    def element_size(self) -> int:
        """Return the bytes per element."""
        return self.dtype.itemsize

    nelement = numel
    ndimension = dim

    # ---- place in the graph

    @property
    def requires_grad(self) -> bool:
        """True if a gradient with respect to this tensor can be asked for."""
        self.refresh()  # a view of a buffer that has since been written from inside a graph
        return self.source is not None

    @requires_grad.setter
    def requires_grad(self, needed: bool) -> None:
        if not self.is_leaf:
            if not needed:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in "
                    "a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
                )
        elif not needed:
            self.source = None
        elif self.source is None:
            if not self.dtype.is_floating_point:
                raise RuntimeError(
                    f"only Tensors of floating point and complex dtype can require gradients, this one is {self.dtype}"
                )
            self.source = Leaf(self)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad` and return this tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> bool:
        """True unless it was computed from something that requires a gradient."""
        self.refresh()
        return self.source is None or isinstance(self.source, Leaf)

    @property
    def grad_fn(self) -> Node | None:
        """The node that produced it, None for leaves."""
        return None if self.is_leaf else producer(self.source)[0]  # type: ignore[arg-type]

    @property
    def output_nr(self) -> int:
        """Which of its node's outputs it is."""
        return self.source.number if isinstance(self.source, Output) else 0

    def refresh(self) -> None:
        """For a view: find its place in the graph again if its memory was written since (views.py)."""
        if self.alias is not None:
            self.alias.refresh(self)

    def detach(self) -> Tensor:
        """Return a tensor that shares this memory and needs no gradient. Writing to it is seen by the version check."""
        return Tensor.wrap(self.array)

    def detach_(self) -> Tensor:
        """Cut this tensor off from the graph, in place."""
        if self.alias is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self.source = None
        return self

    @property
    def data(self) -> Tensor:
        """This memory without the graph. Assigning replaces the array."""
        return Tensor.wrap(self.array)

    @data.setter
    def data(self, new: Tensor) -> None:
        self.array = new.array

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Tensor | Sequence[Tensor] | None = None,
    ) -> None:
        """Add dL/dx to `x.grad` for every leaf x that this tensor L was computed from (or for `inputs` only).

        gradient: dL/d(this), of this shape; may be left out for one element, where it is 1.
        retain_graph: keep what the graph saved, for a second backward (by default, what `create_graph` says).
        create_graph: record the backward pass itself, so that gradients can be differentiated again.
        """
        from .autograd import backward

        backward((self,), (gradient,), retain_graph, create_graph, inputs)

    def retain_grad(self) -> None:
        """Keep `.grad` for this tensor even though it is not a leaf."""
        if self.source is None:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if not self.is_leaf:
            import weakref

            self.refresh()
            node, index = producer(self.source)
            extra_of(node).retained[index] = weakref.ref(self)

    @property
    def retains_grad(self) -> bool:
        """True after `retain_grad()` on a tensor that is not a leaf."""
        if self.is_leaf:
            return False
        node, index = producer(self.source)  # type: ignore[arg-type]
        kept = node.extra.retained.get(index) if node.extra is not None else None
        return kept is not None and kept() is self

    def register_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(grad)` when the gradient of this tensor is known; what it returns, if not None, replaces it."""
        if self.source is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if isinstance(self.source, Leaf):
            if self.source.hooks is None:
                self.source.hooks = {}
            table = self.source.hooks
        else:
            self.refresh()
            node, index = producer(self.source)
            table = extra_of(node).hooks.setdefault(index, {})
        handle = RemovableHandle(table)
        table[handle.id] = hook
        return handle

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call `hook(leaf)` after its `.grad` has been updated."""
        if not isinstance(self.source, Leaf):
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        if self.source.post_hooks is None:
            self.source.post_hooks = {}
        handle = RemovableHandle(self.source.post_hooks)
        self.source.post_hooks[handle.id] = hook
        return handle

    # ---- to Python and NumPy

    def item(self) -> Any:
        """Return the only element as a Python number."""
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return arrays.to_numpy(self.array).item()

    def tolist(self) -> Any:
        """Return the values as nested lists of Python numbers."""
        return arrays.to_numpy(self.array).tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """Return the values as a NumPy array that shares this memory (`force`: also from a GPU or inside a graph)."""
        if not force and self.source is not None and mode.recording:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if not force and self.device.type != "cpu":
            raise TypeError(f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() first.")
        return arrays.to_numpy(self.array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self.array.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __bool__(self) -> bool:
        if self.numel() != 1:
            many = "more than one value" if self.numel() else "no values"
            raise RuntimeError(f"Boolean value of Tensor with {many} is ambiguous")
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.category == dtypes.FLOAT or self.numel() != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __contains__(self, element: Any) -> bool:
        return bool((self == element).any())

    def __repr__(self) -> str:
        from .printing import text

        return text(self)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.ndim == 0 and spec else format(repr(self), spec)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment"
            )
        xp = arrays.namespace(self.array)
        twin = type(self).wrap(xp.asarray(self.array, copy=True), self.requires_grad)
        memo[id(self)] = twin
        if self.grad is not None:
            twin.grad = self.grad.__deepcopy__(memo)
        return twin
