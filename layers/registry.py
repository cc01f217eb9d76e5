"""What a Module owns: parameters, buffers and child modules, told apart when they are assigned.

`self.weight = Parameter(...)` and `self.linear = Linear(...)` go into dictionaries of their own, because the tree of
modules, `state_dict` and the optimisers walk those. Everything else is an ordinary attribute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad import Tensor

from .parameter import Parameter

if TYPE_CHECKING:
    from .module import Module

HOMES = ("_parameters", "_buffers", "_modules")


class Registry:
    """The dictionaries, and the rules by which attributes enter and leave them."""

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _non_persistent_buffers_set: set[str]

    def __init__(self) -> None:
        own = self.__dict__
        own["training"] = True
        own["_parameters"] = {}
        own["_buffers"] = {}
        own["_modules"] = {}
        own["_non_persistent_buffers_set"] = set()

    # ------------------------------------------------------------------ by name

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under `name`; None reserves the name for a parameter that is absent (`bias=False`).

        Raises:
            KeyError: the name is empty, has a dot in it, or belongs to something else.
            TypeError: `param` is neither a Parameter nor None.
            ValueError: `param` is the result of an operation, not a leaf.
        """
        self._check_name("parameter", name, "_parameters")
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{typename(param)}' object to parameter '{name}' (torch.nn.Parameter or None required)"
            )
        if param is not None and not param.is_leaf:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created explicitly. "
                f"To express '{name}' as a function of another Tensor, compute the value in the forward() method."
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a Tensor that belongs to the module but is not learned (a mask, a running mean).

        Args:
            name: how it is reached, `module.<name>`.
            tensor: the buffer; None reserves the name.
            persistent: whether `state_dict()` contains it.

        Raises:
            KeyError: the name is empty, has a dot in it, or belongs to something else.
            TypeError: `tensor` is neither a Tensor nor None.
        """
        self._check_name("buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign '{typename(tensor)}' object to buffer '{name}' (torch Tensor or None required)")
        self._buffers[name] = tensor
        (self._non_persistent_buffers_set.discard if persistent else self._non_persistent_buffers_set.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child module under `name`; None reserves the name.

        Raises:
            KeyError: the name is empty, has a dot in it, or belongs to something else.
            TypeError: `module` is neither a Module nor None.
        """
        if module is not None and not isinstance(module, Registry):
            raise TypeError(f"{typename(module)} is not a Module subclass")
        self._check_name("module", name, "_modules")
        self._modules[name] = module

    def register_module(self, name: str, module: Module | None) -> None:
        """Add a child module: another name of `add_module`."""
        self.add_module(name, module)

    def _check_name(self, kind: str, name: str, home: str) -> None:
        if home not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {typename(name)}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."' + (f", got: {name}" if kind == "module" else ""))
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if name not in self.__dict__[home] and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")

    # ------------------------------------------------------------------ by assignment

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self._make_room(name, "_parameters", "parameters")
            self.register_parameter(name, value)
        elif name in self.__dict__.get("_parameters", ()):
            self._refuse_unless_none(name, value, "parameter", "torch.nn.Parameter")
            self._parameters[name] = None
        elif isinstance(value, Registry):
            self._make_room(name, "_modules", "module")
            self.__dict__["_modules"][name] = value
        elif name in self.__dict__.get("_modules", ()):
            self._refuse_unless_none(name, value, "child module", "torch.nn.Module")
            self._modules[name] = None
        elif name in self.__dict__.get("_buffers", ()):
            if not isinstance(value, Tensor):
                self._refuse_unless_none(name, value, "buffer", "torch.nn.Buffer, torch.Tensor")
            self._buffers[name] = value
        else:
            super().__setattr__(name, value)

    def _make_room(self, name: str, home: str, kind: str) -> None:
        """Take `name` from wherever it is now, so that one name never means two things."""
        own = self.__dict__
        if home not in own:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        own.pop(name, None)
        for other in HOMES:
            if other != home:
                own[other].pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    @staticmethod
    def _refuse_unless_none(name: str, value: Any, kind: str, wanted: str) -> None:
        if value is not None:
            raise TypeError(f"cannot assign '{typename(value)}' as {kind} '{name}' ({wanted} or None expected)")

    def __getattr__(self, name: str) -> Any:
        """Look among parameters, buffers and child modules: Python calls this where ordinary look-up found nothing."""
        own = self.__dict__
        for home in HOMES:
            held = own.get(home)
            if held is not None and name in held:
                return held[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'", name=name, obj=self)

    def __delattr__(self, name: str) -> None:
        for home in HOMES:
            if name in self.__dict__.get(home, ()):
                del self.__dict__[home][name]
                self._non_persistent_buffers_set.discard(name)
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        held = [name for home in HOMES for name in self.__dict__.get(home, ())]
        return sorted(name for name in {*super().__dir__(), *held} if not name[:1].isdigit())


def typename(value: Any) -> str:
    """Return the name that PyTorch's messages give to an object's type: `torch.FloatTensor`, `int`, `my.module.Net`."""
    if isinstance(value, Tensor) and not isinstance(value, Parameter):
        return value.type()
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
