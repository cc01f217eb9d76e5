"""Products with Jacobians and Hessians, and the matrices themselves (torch.autograd.functional).

For y = f(x) with Jacobian J = ∂y/∂x, and for scalar y with Hessian H = ∂²y/∂x²:

    vjp: vᵀJ      jvp: J v      jacobian: J      vhp: vᵀH      hvp: H v      hessian: H

`inputs` is a tensor or a tuple of tensors, and results have its form: where it is a single tensor, so is what stands for it.
Every function takes

create_graph: record the computation of the results, which can then be differentiated, with respect to `inputs` too.
strict: raise RuntimeError where f does not depend on an input, instead of returning zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..functions.creation import eye, ones_like, zeros, zeros_like
from ..functions.shape import stack
from ..modes import enable_grad
from ..tensor import Tensor
from . import grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Tensors = Tensor | tuple[Tensor, ...]
Gradients = tuple[Tensor | None, ...]

_STRICT = "This is not allowed in strict mode"


@enable_grad
def vjp(
    func: Callable[..., Any], inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return f(x) and vᵀJ, by one backward pass.

    v: like the outputs of f; it may be left out where f returns a single number.
    RuntimeError: v does not fit the outputs.
    """
    x, outputs, one_in, one_out = _evaluate(func, inputs, create_graph, strict, "vjp")
    if v is None and not (len(outputs) == 1 and outputs[0].numel() == 1):
        raise RuntimeError(
            "The vector v can only be None if the user-provided function returns a single Tensor with a single element."
        )
    found = _pull(outputs, x, _direction(v, outputs, one_out, "vjp"), create_graph)
    product = _filled(found, x, strict, create_graph, "The output of the user-provided function", "jacobian")
    return _form(outputs, one_out, create_graph), _form(product, one_in, create_graph)


@enable_grad
def jvp(
    func: Callable[..., Any], inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return f(x) and J v, by two backward passes: uᵀJ is linear in u, and its gradient in the direction of v is J v.

    v: like `inputs`; it may be left out where that is a single number.
    RuntimeError: v does not fit the inputs.
    Source: J. Townsend, "A new trick for calculating Jacobian vector products" (2017).
    """
    x, outputs, one_in, one_out = _evaluate(func, inputs, create_graph, strict, "jvp")
    direction = _direction(_input_direction(v, x), x, one_in, "jvp")
    u = tuple(zeros_like(y).requires_grad_() for y in outputs)
    pulled = _pull(outputs, x, u, create_graph=True)
    if strict:
        _filled(pulled, x, True, False, "The output of the user-provided function", "jacobian")
    found = _pull(pulled, u, direction, create_graph)
    what = "The gradient with respect to the input"
    product = _filled(found, u, strict, create_graph, what, "jacobian", entry="entry {} in the grad_outputs")
    return _form(outputs, one_out, create_graph), _form(product, one_out, create_graph)


@enable_grad
def jacobian(
    func: Callable[..., Any],
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Return J, of shape (*output, *input): J[i][j] for output i and input j; an index falls away where there is one tensor.

    strategy: "reverse-mode" takes a backward pass for each number of the outputs, which gives a row of J; "forward-mode" one
        for each number of the inputs, which gives a column: uᵀJ is recorded once, as a function of u, and its gradient in
        the direction of e_k is J e_k (see `jvp`).
    vectorize: take all these passes at once (batched.py). It needs memory for as many gradients of every intermediate result.
        With `create_graph` they are taken in turn all the same.

    An output without elements gives a J without rows, where PyTorch raises; "forward-mode" does not ask for `vectorize`.

    Raises:
        ValueError: strategy is unknown.
        NotImplementedError: "forward-mode" with `create_graph`.
        RuntimeError: `strict` with `vectorize` or with "forward-mode".
    """
    forward = _is_forward(strategy, "jacobian")
    if forward and create_graph:
        raise NotImplementedError("jacobian: create_graph=True needs strategy='reverse-mode'")
    if strict and (forward or vectorize):
        other = "strategy='forward-mode'" if forward else "vectorize=True"
        raise RuntimeError(f"jacobian: `strict=True` and `{other}` are not supported together. Please set `strict=False`.")
    x, outputs, one_in, one_out = _evaluate(func, inputs, create_graph, strict, "jacobian")
    matrix = _by_columns if forward else _by_rows
    blocks = [_form(row, one_in, create_graph) for row in matrix(outputs, x, create_graph, strict, vectorize)]
    return blocks[0] if one_out else tuple(blocks)


def hessian(
    func: Callable[..., Any],
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Return H of a function of one number: H[i][j] of shape (*input i, *input j), a tensor where there is one input.

    It is the Jacobian of the gradient; see `jacobian` for the last two arguments.
    RuntimeError: f does not return a single number.
    """
    _is_forward(outer_jacobian_strategy, "hessian")

    def gradient(*x: Tensor) -> Any:
        y = _number(func(*x), "hessian")
        found = _pull((y,), x, (ones_like(y),), create_graph=True)
        total = _filled(found, x, strict, strict, "The output of the user-provided function", "jacobian")
        return total if isinstance(inputs, tuple) else total[0]

    return jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


@enable_grad
def vhp(
    func: Callable[..., Any], inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return f(x), a single number, and vᵀH, as the gradient of ⟨v, ∇f⟩.

    v: like `inputs`; it may be left out where that is a single number.
    RuntimeError: f does not return a single number, or v does not fit the inputs.
    """
    return _hessian_product(func, inputs, v, create_graph, strict, "vhp")


@enable_grad
def hvp(
    func: Callable[..., Any], inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return f(x), a single number, and H v. H is symmetric, so this is vᵀH, and computed as `vhp`, which see, computes it."""
    return _hessian_product(func, inputs, v, create_graph, strict, "hvp")


def _hessian_product(func: Any, inputs: Tensors, v: Any, create_graph: bool, strict: bool, name: str) -> tuple[Any, Any]:
    x, outputs, one_in, one_out = _evaluate(func, inputs, create_graph, strict, name)
    y = _number(outputs[0] if one_out else outputs, name)
    direction = _direction(_input_direction(v, x), x, one_in, name)
    gradient = _pull(outputs, x, (ones_like(y),), create_graph=True)
    if strict:
        _filled(gradient, x, True, True, "The output of the user-provided function", "jacobian")
    found = _pull(gradient, x, direction, create_graph)
    product = _filled(found, x, strict, create_graph, "The jacobian of the user-provided function", "hessian")
    return _form(outputs, one_out, create_graph), _form(product, one_in, create_graph)


# ---- what they share


def _evaluate(
    func: Callable[..., Any], inputs: Any, create_graph: bool, strict: bool, name: str
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], bool, bool]:
    """Return x, f(x), and whether each is a single tensor. x are new tensors: f may hold on to the given ones as well."""
    given, one_in = _checked(inputs, "inputs", name)
    x = tuple(t.view_as(t) if create_graph and t.requires_grad else t.detach().requires_grad_() for t in given)
    outputs, one_out = _checked(func(*x), "outputs of the user-provided function", name)
    if strict:
        for i, y in enumerate(outputs):
            if not y.requires_grad:
                raise RuntimeError(
                    f"Output {i} of the user-provided function does not require gradients. The outputs must be computed in a "
                    "differentiable manner from the input when running in strict mode."
                )
    return x, outputs, one_in, one_out


def _checked(value: Any, what: str, name: str) -> tuple[tuple[Tensor, ...], bool]:
    """Return tensors as a tuple, and whether a single one was given; TypeError if something else was."""
    single = not isinstance(value, tuple)
    tensors = (value,) if single else value
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            where = f"given {what}" if single else f"value at index {i}"
            raise TypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but the {where} has type {type(t)}."
            )
    return tensors, single


def _number(y: Any, name: str) -> Tensor:
    if not isinstance(y, Tensor):
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    if y.numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {name} should contain a single element")
    return y


def _input_direction(v: Any, x: tuple[Tensor, ...]) -> Any:
    if v is None and not (len(x) == 1 and x[0].numel() == 1):
        raise RuntimeError(
            "The vector v can only be None if the input to the user-provided function is a single Tensor with a single element."
        )
    return v


def _direction(v: Any, like: tuple[Tensor, ...], single: bool, name: str) -> tuple[Tensor, ...]:
    """Return v as a tuple that fits the tensors `like`, ones if it was left out."""
    if v is None:
        return tuple(ones_like(t) for t in like)
    parts, _ = _checked(v, "v", name)
    if len(parts) != len(like):
        raise RuntimeError(
            "The given v should contain a single Tensor."
            if single
            else f"v is a tuple of invalid length: should be {len(like)} but got {len(parts)}."
        )
    for i, (part, t) in enumerate(zip(parts, like)):
        if part.shape != t.shape:
            entry = "" if single else f"Entry {i} in "
            raise RuntimeError(f"{entry}v has invalid size: should be {t.shape} but got {part.shape}.")
    return parts


def _pull(outputs: Sequence[Tensor | None], x: tuple[Tensor, ...], v: Sequence[Tensor], create_graph: bool) -> Gradients:
    """Return the gradients of Σ_k ⟨v[k], outputs[k]⟩ for x, None where nothing depends on it. The graph is kept."""
    pairs = [(y, u) for y, u in zip(outputs, v) if y is not None and y.requires_grad]
    if not pairs:
        return (None,) * len(x)
    ys, us = zip(*pairs)
    return grad(ys, x, us, retain_graph=True, create_graph=create_graph, allow_unused=True)


def _filled(
    found: Gradients, like: tuple[Tensor, ...], strict: bool, recorded: bool, what: str, next_: str, entry: str = "input {}"
) -> tuple[Tensor, ...]:
    """Return gradients with zeros for None. Strict: RuntimeError for None, and for what is constant though recorded."""
    for i, dx in enumerate(found):
        if strict and dx is None:
            raise RuntimeError(f"{what} is independent of {entry.format(i)}. {_STRICT}.")
        if strict and recorded and dx is not None and not dx.requires_grad:
            raise RuntimeError(
                f"The {next_} of the user-provided function is independent of input {i}. {_STRICT} when create_graph=True."
            )
    return tuple(zeros_like(t) if dx is None else dx for dx, t in zip(found, like))


def _is_forward(strategy: str, name: str) -> bool:
    if strategy not in ("forward-mode", "reverse-mode"):
        raise ValueError(f'{name}: expected strategy to be either "forward-mode" or "reverse-mode", but got {strategy!r}')
    return strategy == "forward-mode"


def _by_rows(
    outputs: tuple[Tensor, ...], x: tuple[Tensor, ...], create_graph: bool, strict: bool, vectorize: bool
) -> list[tuple[Tensor, ...]]:
    """Return ∂y/∂x for each output y and each of x, by a backward pass for each number of y."""
    rows = []
    for i, y in enumerate(outputs):
        found = _pull_units(y, x, create_graph, strict, vectorize, f"Output {i} of the user-provided function")
        rows.append(tuple(g.reshape(*y.shape, *t.shape) for g, t in zip(found, x)))
    return rows


def _by_columns(
    outputs: tuple[Tensor, ...], x: tuple[Tensor, ...], create_graph: bool, strict: bool, vectorize: bool
) -> list[tuple[Tensor, ...]]:
    """Return ∂y/∂x for each output y and each of x, by a backward pass through uᵀJ for each number of x."""
    u = tuple(zeros_like(y).requires_grad_() for y in outputs)
    pulled = _pull(outputs, x, u, create_graph=True)
    columns = []
    for g, t in zip(pulled, x):
        found = _pull_units(zeros_like(t) if g is None else g, u, False, False, vectorize, "vᵀJ")
        columns.append([c.reshape(t.numel(), y.numel()).T.reshape(*y.shape, *t.shape) for c, y in zip(found, outputs)])
    return list(zip(*columns))


def _pull_units(
    y: Tensor, x: tuple[Tensor, ...], create_graph: bool, strict: bool, vectorize: bool, what: str
) -> tuple[Tensor, ...]:
    """Return for each of x the gradients (n, *x) of the n numbers of y, which errors call `what`."""
    n = y.numel()
    if n == 0:
        return tuple(zeros(0, *t.shape, dtype=t.dtype, device=t.device) for t in x)
    units = eye(n, dtype=y.dtype, device=y.device).reshape(n, *y.shape)
    if vectorize and not create_graph and y.requires_grad:
        return grad(y, x, units, retain_graph=True, is_grads_batched=True, materialize_grads=True)
    rows = [_filled(_pull((y,), x, (e,), create_graph), x, strict, create_graph, what, "jacobian") for e in units]
    return tuple(stack([part.to_dense() for part in column]) for column in zip(*rows))


def _form(tensors: tuple[Tensor, ...], single: bool, create_graph: bool) -> Any:
    """Return results in the form of what they stand for, cut off from the graph unless it was asked for."""
    kept = tensors if create_graph else tuple(t.detach() for t in tensors)
    return kept[0] if single else kept
