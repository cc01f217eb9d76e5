"""Containers of parameters: ParameterList, ParameterDict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, overload

from minigrad import Tensor

from .containers import pairs_of
from .module import Module, enclosed
from .parameter import Parameter


class ParameterList(Module):
    """A list of Parameters that count as the owner's. A Tensor put in becomes a Parameter that shares its memory."""

    def __init__(self, values: Iterable[Tensor] | None = None) -> None:
        super().__init__()
        if values is not None:
            self.extend(values)

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[Parameter]:
        return self.parameters_in_order()

    @overload
    def __getitem__(self, index: slice) -> ParameterList: ...
    @overload
    def __getitem__(self, index: int) -> Parameter: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return self._parameters[self._name_at(index)]

    def __setitem__(self, index: int, value: Tensor) -> None:
        self.register_parameter(self._name_at(index), as_parameter(value))

    def append(self, value: Tensor) -> ParameterList:
        """Add a parameter at the end."""
        self.register_parameter(str(len(self)), as_parameter(value))
        return self

    def extend(self, values: Iterable[Tensor]) -> ParameterList:
        """Add several parameters at the end."""
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise TypeError(f"ParameterList.extend should be called with an iterable, but got {type(values).__name__}")
        for value in list(values):
            self.append(value)
        return self

    def __iadd__(self, values: Iterable[Tensor]) -> ParameterList:
        return self.extend(values)

    def parameters_in_order(self) -> Iterator[Parameter]:
        """Yield the entries, one that stands at two places twice (`parameters()` yields it once)."""
        for parameter in self._parameters.values():
            assert parameter is not None
            yield parameter

    def _name_at(self, index: int) -> str:
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range")
        return str(index % len(self))

    def __repr__(self) -> str:
        return enclosed(self._get_name(), [], [f"  ({i}): {described(p, str(p.dtype))}" for i, p in enumerate(self)])


class ParameterDict(Module, MutableMapping[str, Parameter]):
    """A dictionary of Parameters that count as the owner's; it keeps the order of insertion.

    A Tensor put in becomes a Parameter that shares its memory. It has all methods of a dictionary.
    """

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __init__(self, parameters: Mapping[str, Tensor] | Iterable[tuple[str, Tensor]] | None = None) -> None:
        super().__init__()
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Parameter:
        parameter = self._parameters[key]
        assert parameter is not None
        return parameter

    def __setitem__(self, key: str, value: Tensor) -> None:
        self.register_parameter(key, as_parameter(value))

    def __delitem__(self, key: str) -> None:
        del self._parameters[key]

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def update(self, parameters: Any = (), /, **named: Tensor) -> None:
        """Add parameters from a mapping or from (name, Tensor) pairs; names that are there are overwritten."""
        super().update(pairs_of(parameters, "ParameterDict"), **named)

    def __repr__(self) -> str:
        return enclosed(self._get_name(), [], [f"  ({name}): {described(p, p.type())}" for name, p in self.items()])


def as_parameter(value: Tensor) -> Parameter:
    """Return a Parameter that shares the memory of `value`: itself if it is one."""
    return value if isinstance(value, Parameter) else Parameter(value)


def described(parameter: Parameter, kind: str) -> str:
    """Describe a parameter in one line, by its type (of its elements in a list, its own in a dictionary) and shape."""
    size = "x".join(str(n) for n in parameter.shape)
    return f"Parameter containing: [{kind} of size {size}]"
