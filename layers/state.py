"""The state of a module, taken out and put back: `state_dict` and `load_state_dict`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

import minigrad
from minigrad import Tensor
from minigrad.arrays import is_array

from .tree import Tree


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` did not find, and what it found no place for."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class Stateful(Tree):
    """Parameters and persistent buffers, by their dotted names, as PyTorch lays them out."""

    def state_dict(
        self, *, destination: dict[str, Any] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """Return every parameter and persistent buffer, by its dotted name, in the order of registration.

        The Tensors share the module's memory: a state to be kept while training goes on is copied first
        (`copy.deepcopy`). A shared parameter appears under each of its names.

        Args:
            destination: a dictionary to fill and return in place of a new one.
            prefix: what to put before every name.
            keep_vars: return the parameters themselves, with their graph, rather than detached.
        """
        destination = OrderedDict() if destination is None else destination
        for name, tensor in self._named_state(prefix.removesuffix(".")):
            destination[name] = tensor if keep_vars else tensor.detach()
        return destination

    def _named_state(self, path: str = "") -> Iterator[tuple[str, Tensor]]:
        for place, module in self.named_modules(prefix=path, remove_duplicate=False):
            for name, tensor in (*module._parameters.items(), *module._buffers.items()):
                if tensor is not None and name not in module._non_persistent_buffers_set:
                    yield (f"{place}.{name}" if place else name), tensor

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy values into the parameters and buffers of this module and of all below it.

        Values may be Tensors, NumPy arrays, or anything NumPy can read, such as another library's CPU tensors. They are
        converted to the dtype and the device of what they replace. Nothing is copied unless everything fits.

        Args:
            state_dict: values by dotted name, as `state_dict()` returns them.
            strict: whether the names must be exactly those of this module.

        Returns:
            The names that were missing and those that were not expected.

        Raises:
            RuntimeError: a shape differs; or, when strict, names are missing or not expected. All are listed.
            TypeError: `state_dict` is not a mapping.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        own = dict(self._named_state())
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        problems = _name_problems(missing, unexpected) if strict else []
        values = {name: _as_tensor(state_dict[name]) for name in own if name in state_dict}
        problems += [_misfit(name, own[name], value) for name, value in values.items() if not _fits(own[name], value)]
        if problems:
            listed = "\n\t".join(problems)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{listed}")
        with minigrad.no_grad():
            for name, value in values.items():
                own[name].copy_(value)
        return IncompatibleKeys(missing, unexpected)


def _as_tensor(value: Any) -> Any:
    """Return a Tensor of whatever holds an array; other things as they are, to be complained about."""
    if isinstance(value, Tensor):
        return value.detach()
    if is_array(value):
        return minigrad.as_tensor(value)
    return minigrad.as_tensor(np.asarray(value)) if hasattr(value, "__array__") else value


def _fits(target: Tensor, value: Any) -> bool:
    return isinstance(value, Tensor) and value.shape == target.shape


def _name_problems(missing: list[str], unexpected: list[str]) -> list[str]:
    return [
        f"{kind} key(s) in state_dict: " + ", ".join(f'"{name}"' for name in names) + ". "
        for kind, names in (("Missing", missing), ("Unexpected", unexpected))
        if names
    ]


def _misfit(name: str, target: Tensor, value: Any) -> str:
    if not isinstance(value, Tensor):
        return (
            f'While copying the parameter named "{name}", expected torch.Tensor or Tensor-like object from checkpoint '
            f"but received {type(value)}"
        )
    return (
        f"size mismatch for {name}: copying a param with shape {value.shape} from checkpoint, "
        f"the shape in current model is {target.shape}."
    )
