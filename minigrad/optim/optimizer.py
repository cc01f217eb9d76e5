"""Optimizer: parameters in groups, each group with its settings, each parameter with its state."""

from __future__ import annotations

import copy
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .. import arrays
from ..arrays.device import CPU, Device
from ..memory import mark_written
from ..modes import enable_grad
from ..tensor import Tensor

Group = dict[str, Any]  # {"params": [Tensor, …], "lr": 0.1, …}


class Optimizer:
    """The base of all optimisers. A subclass defines `update`: one parameter's step.

    Args:
        params: Tensors, or dictionaries {"params": Tensors, setting: value, …}, one for each group.
        defaults: the settings of a group that does not say otherwise.

    Attributes:
        param_groups: the groups, each a dictionary; a change of `group["lr"]` holds from the next step on.
        state: what is kept for each parameter from step to step, by the parameter.
        stepped: whether `step` has been called, for schedulers, whose step comes after it.

    Raises:
        TypeError: `params` is a single Tensor, or contains what is not a Tensor.
        ValueError: there are no parameters, one is not a leaf, or one is in two groups.
    """

    def __init__(self, params: Iterable[Tensor] | Iterable[Group], defaults: Group) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                f"params argument given to the optimizer should be an iterable of Tensors or dicts, but got {params.type()}"
            )
        self.defaults = defaults
        self.stepped = False
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[Group] = []
        given = list(params)
        if not given:
            raise ValueError("optimizer got an empty parameter list")
        groups: list[Any] = given if isinstance(given[0], dict) else [{"params": given}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, param_group: Group) -> None:
        """Add a group {"params": Tensors, setting: value, …}; settings left out are the defaults.

        Raises:
            TypeError: it is no dictionary, its parameters are in a set or are not Tensors.
            ValueError: a parameter is not a leaf or is there already.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        group = {**param_group, "params": _listed(param_group["params"])}
        _check_leaves(group["params"])
        for name, value in self.defaults.items():
            group.setdefault(name, value)
        members = {id(parameter) for parameter in group["params"]}
        if len(members) < len(group["params"]):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters, which it changes twice in each step",
                stacklevel=3,
            )
        if any(id(parameter) in members for other in self.param_groups for parameter in other["params"]):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or, with `set_to_none=False`, fill them with zeros."""
        for group in self.param_groups:
            for parameter in group["params"]:
                clear_gradient(parameter, set_to_none)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient, once.

        Args:
            closure: computes the loss and its gradients anew; called first.

        Returns:
            What the closure returned, or None.
        """
        loss = None
        self.stepped = True
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    try:
                        self.update(parameter, group)
                    except TypeError:
                        self._check_places(parameter)
                        raise
                    mark_written(parameter.array)
        return loss

    def _check_places(self, parameter: Tensor) -> None:
        """Raise RuntimeError if a parameter has been moved away from its state, which no library computes with."""
        for name, entry in self.state[parameter].items():
            if isinstance(entry, Tensor) and entry.ndim and entry.device != parameter.device:
                raise RuntimeError(
                    f"Expected all tensors to be on the same device, but {name!r} of the optimizer's state is on "
                    f"{entry.device} and its parameter on {parameter.device}; "
                    "optimizer.load_state_dict(optimizer.state_dict()) moves the state"
                ) from None

    def update(self, parameter: Tensor, group: Group) -> None:
        """Change one parameter's array in place, by its gradient, its `state` and the settings of its group."""
        raise NotImplementedError

    # ------------------------------------------------------------------ state

    def state_dict(self) -> dict[str, Any]:
        """Return the state in PyTorch's layout: {"state": {0: {…}, …}, "param_groups": [{…, "params": [0, …]}, …]}.

        Parameters are numbered through all groups. The Tensors are the optimiser's own, not copies.
        """
        numbers: dict[Tensor, int] = {}
        for number, parameter in enumerate(self._parameters()):
            numbers.setdefault(parameter, number)
        groups = [{**group, "params": [numbers[p] for p in group["params"]]} for group in self.param_groups]
        for group in groups:
            group["params"] = group.pop("params")  # last, as PyTorch has it
        return {"state": {numbers[p]: state for p, state in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state, and the settings of its groups; it may be PyTorch's.

        Arrays are copied, and converted to the dtype and device of their parameter; values may be Tensors, NumPy arrays
        or anything NumPy can read. The groups must have as many parameters as here, in the same order.

        Raises:
            ValueError: the groups, or their numbers of parameters, differ.
        """
        saved = state_dict["param_groups"]
        if len(saved) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(new["params"]) != len(old["params"]) for new, old in zip(saved, self.param_groups, strict=True)):
            raise ValueError("loaded state dict contains a parameter group that doesn't match the size of optimizer's group")
        numbers = [number for group in saved for number in group["params"]]
        owners = dict(zip(numbers, self._parameters(), strict=True))
        self.state = defaultdict(dict)
        for number, entries in state_dict["state"].items():
            owner = owners[number]
            self.state[owner] = {name: self._converted(name, value, owner) for name, value in entries.items()}
        for new, old in zip(saved, self.param_groups, strict=True):
            settings = {name: value for name, value in new.items() if name != "params"}
            old.update(copy.deepcopy(settings))

    def _converted(self, name: str, value: Any, owner: Tensor) -> Any:
        """Return a copy of one entry of a saved state, as it would have been made here for `owner`."""
        if isinstance(value, Tensor):
            value = arrays.to_numpy(value.array)
        elif hasattr(value, "__array__"):
            value = np.asarray(value)
        else:
            return copy.deepcopy(value)
        counter = name == "step"
        here = np.array(value, np.float32 if counter else owner.array.dtype)
        return Tensor.wrap(arrays.to_device(here, self.counter_device(owner) if counter else owner.device))

    def counter_device(self, parameter: Tensor) -> Device:
        """Return where the number of a parameter's steps, a 0-d float32 Tensor, lies."""
        return CPU

    def _parameters(self) -> list[Tensor]:
        return [parameter for group in self.param_groups for parameter in group["params"]]

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for number, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {number}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return "\n".join([*lines, ")"])


def kernel_for(parameter: Tensor) -> Any:
    """Return the kernels that change this parameter in one launch (arrays/cuda_updates.py), None if there are none for it."""
    if type(parameter.array) is np.ndarray:  # soon out: a small parameter's step takes a few microseconds
        return None
    kernels = arrays.backend(parameter.array).updates
    return kernels if kernels is not None and kernels.takes(parameter.array) else None


def device_rate(group: Group) -> Any:
    """Return the group's η as kernels take it: a number, or the array of a 0-d float64 Tensor on the GPU."""
    return group["lr"].array if isinstance(group["lr"], Tensor) else group["lr"]


def check_range(name: str, value: float) -> None:
    """Raise ValueError if a setting that cannot be negative is (or is nan)."""
    if not value >= 0.0:
        raise ValueError(f"Invalid {name}: {value}")


def clear_gradient(parameter: Tensor, set_to_none: bool) -> None:
    """Drop a gradient, or replace it by zeros in the same memory, cut off from any graph."""
    gradient = parameter.grad
    if gradient is not None and not set_to_none:
        gradient = gradient.detach() if gradient.requires_grad else gradient
        gradient.zero_()
        parameter.grad = gradient
    else:
        parameter.grad = None


def _listed(params: Any) -> list[Tensor]:
    if isinstance(params, Tensor):
        return [params]
    if isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
            "will change between runs. Please use a list instead."
        )
    return list(params)


def _check_leaves(parameters: list[Any]) -> None:
    for parameter in parameters:
        if not isinstance(parameter, Tensor):
            raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(parameter).__name__}")
        if not parameter.is_leaf:
            raise ValueError("can't optimize a non-leaf Tensor")
