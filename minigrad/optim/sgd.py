"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..arrays import Array, backend, namespace
from ..sparse import SparseTensor
from ..sparse_rows import dense
from ..tensor import Tensor
from .blocks import blocks
from .descent import direction, refuse_decay
from .optimizer import Group, Optimizer, check_range, device_rate, kernel_for


class SGD(Optimizer):
    """θ ← θ − η g, or, with momentum μ > 0, θ ← θ − η b where b ← μ b + (1 − τ) g.

    g = dL/dθ + λ θ. The first b is the first g. Nesterov's form (Sutskever et al. 2013, as PyTorch writes it) steps
    against g + μ b in place of b. A row-sparse gradient (layers.Embedding) does what the same gradient in full does; without
    momentum only the rows it names are read and written.

    Args:
        params: the Tensors to change, or groups of them (Optimizer).
        lr: η; a 0-d float64 Tensor on the parameters' GPU is read there at every step, also by a replayed CUDA graph.
        momentum: μ.
        dampening: τ.
        weight_decay: λ.
        nesterov: whether to use Nesterov's form.
        maximize: whether to ascend.

    State: "momentum_buffer", b, where there is momentum.

    Raises:
        ValueError: η, μ or λ is negative, or Nesterov's form is asked for without momentum or with dampening.
        RuntimeError (in `step`): λ is not 0 and a gradient is row-sparse.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        check_range("momentum value", momentum)
        check_range("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, defaults)

    def update(self, parameter: Tensor, group: Group) -> None:
        """Change one parameter: θ ← θ − η g, or by its momentum."""
        assert parameter.grad is not None
        refuse_decay(parameter.grad, group["weight_decay"])
        kernel = kernel_for(parameter)
        if kernel is not None and (group["momentum"] or not parameter.grad.is_sparse):
            self._launch(kernel, parameter, dense(parameter.grad.array), group)
        elif group["momentum"] == 0:
            self._descend(parameter, parameter.grad, group)
        else:
            self._roll(parameter, parameter.grad, group)

    def _launch(self, kernel: Any, parameter: Tensor, gradient: Any, group: Group) -> None:
        """Do the same in one launch."""
        theta, rate = parameter.array, device_rate(group)
        settings = {name: group[name] for name in ("weight_decay", "maximize")}
        if group["momentum"] == 0:
            kernel.sgd(theta, gradient, rate, **settings)
            return
        b, first = self._momentum(parameter)
        settings |= {"momentum": group["momentum"], "undamped": 1 - group["dampening"], "nesterov": group["nesterov"]}
        kernel.sgd_momentum(theta, gradient, b, rate, first=first, **settings)

    def _momentum(self, parameter: Tensor) -> tuple[Array, bool]:
        """Return b, and whether it is to be filled by this step."""
        state = self.state[parameter]
        first = state.get("momentum_buffer") is None
        if first:
            state["momentum_buffer"] = Tensor.wrap(namespace(parameter.array).zeros_like(parameter.array))
        return state["momentum_buffer"].array, first

    @staticmethod
    def _descend(parameter: Tensor, gradient: Tensor, group: Group) -> None:
        theta, rate = parameter.array, group["lr"] if group["maximize"] else -group["lr"]
        if isinstance(gradient, SparseTensor):
            (gradient.coalesce() * rate).array.add_to(theta)
        elif group["weight_decay"] == 0:
            backend(theta).add_scaled(theta, rate, gradient.array)  # in one pass: there is nothing to keep in the cache
        else:
            xp = namespace(theta)
            for part, dpart, scratch in blocks((theta, gradient.array), scratch=1):
                g = direction(xp, dpart, part, group["weight_decay"], group["maximize"], out=scratch)
                backend(part).add_scaled(part, -group["lr"], g)

    def _roll(self, parameter: Tensor, gradient: Tensor, group: Group) -> None:
        xp = namespace(parameter.array)
        momentum, undamped = group["momentum"], 1 - group["dampening"]
        buffer, first = self._momentum(parameter)
        arrays = (parameter.array, gradient.array, buffer)
        for theta, dtheta, b, scratch, spare in blocks(arrays, scratch=2):
            g = direction(xp, dtheta, theta, group["weight_decay"], group["maximize"], out=scratch)
            if first:
                b[...] = g
            else:
                xp.multiply(b, momentum, out=b)
                xp.add(b, xp.multiply(g, undamped, out=spare) if undamped != 1 else g, out=b)
            if group["nesterov"]:
                xp.multiply(b, momentum, out=spare)
                xp.add(spare, g, out=spare)
            backend(theta).add_scaled(theta, -group["lr"], spare if group["nesterov"] else b)
