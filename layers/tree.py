"""Walking the tree of modules: every parameter, buffer and module, by its dotted name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

from minigrad import Tensor

from .parameter import Parameter
from .registry import Registry

if TYPE_CHECKING:
    from .module import Module


class Tree(Registry):
    """Traversal. Names are dotted paths (`encoder.0.weight`); what is shared is listed once, by its first name."""

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield the parameters of this module and, with `recurse`, of all modules below it; shared ones once."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield (name, parameter); `remove_duplicate=False` repeats a shared one under each of its names."""
        return self._named(lambda module: module._parameters.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield the buffers of this module and, with `recurse`, of all modules below it; shared ones once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield (name, buffer); `remove_duplicate=False` repeats a shared one under each of its names."""
        return self._named(lambda module: module._buffers.items(), prefix, recurse, remove_duplicate)

    def _named(
        self, members: Callable[[Tree], Iterable[tuple[str, Any]]], prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        here: Iterable[tuple[str, Tree]] = [(prefix, self)]
        for path, module in self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else here:
            for name, member in members(module):
                if member is None or id(member) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(member))
                yield (f"{path}.{name}" if path else name), member

    def children(self) -> Iterator[Module]:
        """Yield the modules directly below this one, each once."""
        for _, child in self.named_children():
            yield child

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield (name, module) for the modules directly below this one, each once."""
        seen: set[int] = set()
        for name, child in self._modules.items():
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                yield name, child

    def modules(self) -> Iterator[Module]:
        """Yield this module and all below it, depth first, each once."""
        for _, module in self.named_modules():
            yield module

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Yield (path, module) for this module (path = `prefix`) and all below it, depth first.

        Args:
            memo: modules to leave out; those yielded are added to it.
            prefix: the path of this module.
            remove_duplicate: whether a module that is reached by two paths is yielded once.
        """
        memo = set() if memo is None else memo
        this = cast("Module", self)
        if this in memo:
            return
        if remove_duplicate:
            memo.add(this)
        yield prefix, this
        for name, child in self._modules.items():
            if child is not None:
                path = f"{prefix}.{name}" if prefix else name
                yield from child.named_modules(memo, path, remove_duplicate)

    # ------------------------------------------------------------------ one, by its path

    def get_submodule(self, target: str) -> Module:
        """Return the module at the path `target` ("encoder.0"; "" is this one); AttributeError if it is not there."""
        module = cast("Module", self)
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Tree):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter at the path `target` ("encoder.0.weight"); AttributeError if it is not there."""
        return self._get(target, lambda module, name: isinstance(getattr(module, name), Parameter), "an nn.Parameter")

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer at the path `target`; AttributeError if it is not there."""
        return self._get(target, lambda module, name: name in module._buffers, "a buffer")

    def _get(self, target: str, is_one: Callable[[Module, str], bool], wanted: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        if not is_one(module, name):
            raise AttributeError(f"`{name}` is not {wanted}")
        return getattr(module, name)
