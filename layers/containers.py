"""Containers of modules: Sequential, ModuleList, ModuleDict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, TypeVar, cast, overload

from .module import Module, enclosed, indented

N = TypeVar("N", bound="_Numbered")


class _Numbered(Module):
    """Child modules in a row. A list of them names them "0", "1", …; a Sequential may have names of its own."""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(cast("list[Module]", list(self._modules.values())))

    @overload
    def __getitem__(self: N, index: slice) -> N: ...
    @overload
    def __getitem__(self, index: int) -> Module: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self._part(dict(list(self._modules.items())[index]))
        return self._modules[self._name_at(index)]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name_at(index), module)

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._modules)
        for name in names[index] if isinstance(index, slice) else [self._name_at(index)]:
            del self._modules[name]
        self._renumber(list(self._modules.values()))

    def append(self: N, module: Module) -> N:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self: N, modules: Iterable[Module]) -> N:
        """Add several modules at the end."""
        if not isinstance(modules, Iterable):
            kind = type(self).__name__
            raise TypeError(f"{kind}.extend should be called with an iterable, but got {type(modules).__name__}")
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> None:
        """Add a module before the one at `index`."""
        row = list(self._modules.values())
        row.insert(index, module)
        self.add_module(str(len(self)), module)  # checks it
        self._renumber(row)

    def pop(self, index: int = -1) -> Module:
        """Take the module at `index` out and return it."""
        module = self[index]
        del self[index]
        return module

    def __add__(self: N, other: Iterable[Module]) -> N:
        return self._part(dict(self._modules)).extend(other)

    def __iadd__(self: N, other: Iterable[Module]) -> N:
        return self.extend(other)

    def _part(self: N, modules: dict[str, Any]) -> N:
        """Return a container of the same kind with some of the modules."""
        return type(self)(modules.values())  # type: ignore[call-arg]

    def _name_at(self, index: int) -> str:
        names = list(self._modules)
        try:
            return names[index]
        except IndexError:
            raise IndexError(f"index {index} is out of range") from None

    def _renumber(self, modules: list[Any]) -> None:
        self._modules.clear()
        self._modules.update((str(place), module) for place, module in enumerate(modules))


class Sequential(_Numbered):
    """Modules applied one after the other: y = f_n(… f_2(f_1(x))).

        Sequential(Linear(4, 8), Tanh(), Linear(8, 2))
        Sequential(OrderedDict([("hidden", Linear(4, 8)), ("tanh", Tanh()), ("out", Linear(8, 2))]))

    Indexing gives a module, a slice gives a Sequential that shares its modules.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], dict):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for place, module in enumerate(args):
                self.add_module(str(place), module)

    def forward(self, input: Any) -> Any:
        """Apply the modules in order."""
        for module in self:
            input = module(input)
        return input

    def _part(self, modules: dict[str, Any]) -> Sequential:
        return type(self)(modules)


class ModuleList(_Numbered):
    """A list of modules whose parameters count as the owner's.

    It has no forward: the owner decides what to do with them. In print, neighbours that look alike are folded:
    `(0-2): 3 x Linear(…)`.
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __repr__(self) -> str:
        runs: list[tuple[int, int, str]] = []
        for place, module in enumerate(self):
            text = repr(module)
            if runs and runs[-1][2] == text:
                runs[-1] = (runs[-1][0], place, text)
            else:
                runs.append((place, place, text))
        return enclosed(self._get_name(), [], [_folded(*run) for run in runs])


def _folded(first: int, last: int, text: str) -> str:
    where, count = (f"{first}", "") if first == last else (f"{first}-{last}", f"{last - first + 1} x ")
    return f"({where}): {count}{indented(text)}"


class ModuleDict(Module, MutableMapping[str, Module]):
    """A dictionary of modules whose parameters count as the owner's; it keeps the order of insertion.

    It has no forward, and all methods of a dictionary.
    """

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Module:
        module = self._modules[key]
        assert module is not None
        return module

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def update(self, modules: Any = (), /, **named: Module) -> None:
        """Add modules from a mapping or from (name, module) pairs; names that are there are overwritten."""
        super().update(pairs_of(modules, "ModuleDict"), **named)


def pairs_of(source: Any, kind: str) -> list[tuple[str, Any]]:
    """Return the (name, value) pairs of a mapping or an iterable of pairs; refuse other things in PyTorch's words."""
    if not isinstance(source, Iterable):
        raise TypeError(f"{kind}.update should be called with an iterable of key/value pairs, but got {type(source).__name__}")
    if isinstance(source, Mapping):
        return list(source.items())
    pairs = []
    for place, pair in enumerate(source):
        if not isinstance(pair, Iterable):
            raise TypeError(f"{kind} update sequence element #{place} should be Iterable; is {type(pair).__name__}")
        pairs.append(tuple(pair))
        if len(pairs[-1]) != 2:
            raise ValueError(f"{kind} update sequence element #{place} has length {len(pairs[-1])}; 2 is required")
    return pairs
