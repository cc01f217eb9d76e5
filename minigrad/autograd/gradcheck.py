"""Checks of gradients against finite differences (torch.autograd.gradcheck).

    numerical   J[o, i] = (y_o(x + ε e_i) − y_o(x − ε e_i)) / 2ε
    analytical  J[o, :] = backward of e_o

They must agree as |analytical − numerical| ≤ atol + rtol |numerical|. At PyTorch's default rtol of 1e-3 a gradient that is
0.1 % wrong passes; for smooth functions of ordinary size rtol=1e-6, atol=1e-8 is safe.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import arrays
from ..tensor import Tensor
from . import grad
from .jacobian_check import Function, GradcheckError, JacobianCheck, KinkError, differentiable

__all__ = ["GradcheckError", "KinkError", "gradcheck", "gradgradcheck"]

UNAVAILABLE = {
    "check_batched_grad": False, "check_batched_forward_grad": False, "check_forward_ad": False,
    "check_backward_ad": True, "check_fwd_over_rev": False, "check_rev_over_rev": True, "masked": None,
}  # fmt: skip
"""PyTorch's switches for what minigrad lacks (forward mode, batched gradients, sparse layouts), and their only values."""


def gradcheck(
    func: Function,
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    fast_mode: bool = False,
    **unavailable: Any,
) -> bool:
    """Compare the gradients of `func(*inputs)` with central differences; True if all agree.

    inputs: Tensors (those that require a gradient are checked, and must be float64) and whatever else func takes. They
        are moved by ±eps in place, so that func may also reach them by other ways, and put back.
    fast_mode: compare ⟨v, J u⟩ for a few random u and v instead of every element of J; on a mismatch the worst element
        is searched for by halving. For large inputs.
    nondet_tol: by how much two evaluations, or two backward passes, may differ.
    check_undefined_grad: with several outputs, also check them all together and each alone (unused outputs).
    check_grad_dtypes: demand gradients of the inputs' dtype.
    raise_exception: False returns False instead of raising.

    GradcheckError: names the worst element with its index, its numerical and its analytical value.
    KinkError (a GradcheckError): left and right slopes differ; draw the input elsewhere.
    ValueError: no input requires a gradient, or one is not float64.
    """
    _refuse(unavailable)
    given = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    try:
        check = JacobianCheck(func, given, eps, atol, rtol, nondet_tol)
        check.reproducible()
        if check_grad_dtypes:
            check.dtypes()
        for k in range(len(check.outputs)):
            check.along_directions(k) if fast_mode else check.elementwise(k)
        if check_undefined_grad and len(check.outputs) > 1:
            check.together()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Function,
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    fast_mode: bool = False,
    **unavailable: Any,
) -> bool:
    """Check second derivatives: gradcheck of the map (inputs, grad_outputs) → gradients of func.

    grad_outputs: dL/dy for each output; drawn at random (the same in every call) where not given.
    gen_non_contig_grad_outputs: draw them with gaps in memory.
    The other parameters and the errors are those of `gradcheck`.
    """
    given = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    outputs = differentiable(func(*given))
    if grad_outputs is None:
        draw = np.random.default_rng(0)
        seeds = tuple(_seed(draw, y, gen_non_contig_grad_outputs) for y in outputs)
    else:
        seeds = (grad_outputs,) if isinstance(grad_outputs, Tensor) else tuple(grad_outputs)
        for seed in seeds:
            seed.requires_grad_()

    def gradients(*arguments: Any) -> tuple[Tensor, ...]:
        points, dy = arguments[: len(given)], arguments[len(given) :]
        variables = [x for x in points if isinstance(x, Tensor) and x.requires_grad]
        found = grad(differentiable(func(*points)), variables, dy, create_graph=True, allow_unused=True)
        return tuple(dx for dx in found if dx is not None)

    return gradcheck(
        gradients, (*given, *seeds), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
        nondet_tol=nondet_tol, check_undefined_grad=check_undefined_grad, check_grad_dtypes=check_grad_dtypes,
        fast_mode=fast_mode, **unavailable,
    )  # fmt: skip


def _refuse(switches: dict[str, Any]) -> None:
    for name, value in switches.items():
        if name not in UNAVAILABLE:
            raise TypeError(f"gradcheck() got an unexpected keyword argument '{name}'")
        if value != UNAVAILABLE[name] and not (name == "masked" and value is False):
            raise NotImplementedError(f"gradcheck: {name}={value} is not available; minigrad has reverse mode only")


def _seed(draw: np.random.Generator, y: Tensor, gaps: bool) -> Tensor:
    values = draw.standard_normal((*y.shape, 2))[..., 0] if gaps else draw.standard_normal(y.shape)
    return Tensor.wrap(arrays.backend(y.array).from_numpy(np.asarray(values), y.device), requires_grad=True)
