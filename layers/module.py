"""Module: the base of everything that has parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import minigrad
from minigrad import Tensor
from minigrad.optim.optimizer import clear_gradient

from .hooks import Hooked
from .state import Stateful

M = TypeVar("M", bound="Module")


class Module(Stateful, Hooked):
    """A function with parameters, built of other modules. Subclasses call `super().__init__()` and define `forward`.

        class Classifier(Module):
            def __init__(self, inputs, classes):
                super().__init__()
                self.linear = Linear(inputs, classes)

            def forward(self, x):
                return self.linear(x)

    What is assigned to an attribute is sorted by its type: Parameters, child modules, and, by `register_buffer`,
    Tensors that are kept but not learned (registry.py). The tree of modules is walked in tree.py, saved and loaded in
    state.py, and hooked in hooks.py. `training` is True until `eval()`.
    """

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; every subclass defines it. Call the module, not `forward`, so that hooks run.

        Raises:
            NotImplementedError: the subclass defines none.
        """
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    # ------------------------------------------------------------------ modes and gradients

    def train(self: M, mode: bool = True) -> M:
        """Set training mode (or, with False, evaluation mode) in this module and all below; it steers Dropout."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self: M) -> M:
        """Set evaluation mode: `train(False)`."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Ask for gradients of all parameters, or, with False, freeze them."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or, with `set_to_none=False`, fill them with zeros."""
        for parameter in self.parameters():
            clear_gradient(parameter, set_to_none)

    def apply(self: M, fn: Callable[[Module], Any]) -> M:
        """Call `fn` on every module below this one and then on this one, as initialisation does."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    # ------------------------------------------------------------------ dtype and device

    def to(self: M, *args: Any, **kwargs: Any) -> M:
        """Move and convert parameters, their gradients and buffers, in place: `to(device)`, `to(dtype)`, `to(tensor)`.

        Only floating-point tensors are converted; integer buffers keep their type. Parameters keep their identity, so
        an optimiser made before goes on working.

        Raises:
            TypeError: an integer dtype is asked for.
        """
        probe = minigrad.empty(0).to(*args, **kwargs)
        if not probe.is_floating_point():
            raise TypeError(f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={probe.dtype}")

        def convert(tensor: Tensor) -> Tensor:
            moved = tensor.to(*args, **kwargs)
            return moved if tensor.is_floating_point() else tensor.to(moved.device)

        return self._apply(convert)

    def _apply(self: M, convert: Callable[[Tensor], Tensor]) -> M:
        """Replace the memory of every parameter, gradient and buffer by what `convert` returns for it."""
        for parameter in self.parameters():
            parameter.data = convert(parameter.data)
            if parameter.grad is not None:
                parameter.grad.data = convert(parameter.grad.data)
        for module in self.modules():
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    module._buffers[name] = convert(buffer)
        return self

    def type(self: M, dst_type: Any) -> M:
        """Convert every parameter and buffer to the dtype `dst_type`."""
        return self._apply(lambda tensor: tensor.to(dst_type))

    def float(self: M) -> M:
        """Convert to float32."""
        return self.to(minigrad.float32)

    def double(self: M) -> M:
        """Convert to float64."""
        return self.to(minigrad.float64)

    def half(self: M) -> M:
        """Convert to float16."""
        return self.to(minigrad.float16)

    def cpu(self: M) -> M:
        """Move to the CPU."""
        return self.to("cpu")

    def cuda(self: M, device: int | str | None = None) -> M:
        """Move to a GPU, by default the first."""
        return self.to("cuda" if device is None else device)

    # ------------------------------------------------------------------ printing

    def extra_repr(self) -> str:
        """Return the settings to print between the parentheses; subclasses define it."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): {indented(repr(child))}" for name, child in self._modules.items()]
        return enclosed(self._get_name(), lines, children)


def enclosed(name: str, settings: list[str], children: list[str]) -> str:
    """Print `name(setting)`, or, where there are children or several settings, each on a line of its own."""
    if len(settings) == 1 and not children:
        return f"{name}({settings[0]})"
    lines = "".join(f"\n  {line}" for line in settings + children)
    return f"{name}({lines}\n)" if lines else f"{name}()"


def indented(text: str, by: int = 2) -> str:
    """Indent every line of `text` but the first."""
    return text.replace("\n", "\n" + " " * by)
