"""Einstein summation, torch.einsum, in terms of operations that exist.

Each operand is a factor: a tensor and one label per dimension, a letter or, for a dimension under an ellipsis, its
position counted from the right (−1, −2, …). Repeated labels become diagonals; then two factors at a time, the cheapest pair
first, become one: by a product of matrices where labels are summed, elementwise where none are. All of it is recorded, so
derivatives of every order follow.
"""

from __future__ import annotations

import math
import string
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

from ..tensor import Tensor
from .products import matmul

__all__ = ["einsum"]

Label = str | int
Factor = tuple[Tensor, list[Label]]
Sizes = dict[Label, int]

LETTERS = string.ascii_uppercase + string.ascii_lowercase
ELLIPSIS = "..."


def einsum(*args: Any) -> Tensor:
    """Return Σ of the products of the operands' elements over every label that the output does not name.

    `einsum("bij,bjk->bik", A, B)`: one letter per dimension of each operand, in the order of the dimensions. A letter
    repeated within an operand takes the diagonal, `...` stands for dimensions that broadcast, spaces mean nothing. Without
    `->` the output is the ellipsis, then every letter that appears once, in alphabetical order (capitals first). Dimensions
    of size 1 broadcast. The operands may come in a list, and the labels as lists of numbers below 52:
    `einsum(A, [0, 1], B, [1, 2], [0, 2])`.

    RuntimeError: the equation cannot be read or does not fit the operands; it says which subscript of which operand.
    """
    equation, operands = _arguments(args)
    terms, output = _read(equation, len(operands))
    labels = [_spell_out(term, x.ndim, i) for i, (term, x) in enumerate(zip(terms, operands))]
    covered = max(sum(isinstance(label, int) for label in own) for own in labels)
    result = _output(output, labels, list(range(-covered, 0)))
    sizes = _sizes(labels, operands)
    factors = [_plain(x, own, sizes) for x, own in zip(operands, labels)]
    while len(factors) > 1:
        i, j = _cheapest(factors, sizes)
        second, first = factors.pop(j), factors.pop(i)
        needed = set(result).union(*(own for _, own in factors))
        factors.insert(i, _contract(first, second, needed))
    x, own = _summed(factors[0], set(result))
    if own == result and not any(x is operand for operand in operands):
        return x
    return x.permute([own.index(label) for label in result])


# ---- reading the equation


def _arguments(args: Sequence[Any]) -> tuple[str, list[Tensor]]:
    """Return the equation and the operands, from whichever of the formats they came in."""
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one operand and its subscripts "
            "list"
        )
    if isinstance(args[0], Tensor):
        terms = [_letters(term) for term in args[1::2]]
        equation = ",".join(terms)
        operands = list(args[::2])
        if len(args) % 2:
            equation += f"->{_letters(operands.pop())}"
    else:
        equation = args[0]
        operands = list(args[1] if len(args) == 2 and isinstance(args[1], (list, tuple)) else args[1:])
    for i, x in enumerate(operands):
        if not isinstance(x, Tensor):
            raise TypeError(f"einsum(): expected Tensor as operand {i}, but got {type(x).__name__}")
    return equation, operands


def _letters(numbers: Iterable[Any]) -> str:
    """Return a list of label numbers as a term of an equation."""
    term = ""
    for number in numbers:
        if number is not Ellipsis and not 0 <= number < len(LETTERS):
            raise ValueError("einsum(): subscript in subscript list is not within the valid range [0, 52)")
        term += ELLIPSIS if number is Ellipsis else LETTERS[number]
    return term


def _read(equation: str, count: int) -> tuple[list[list[str]], list[str] | None]:
    """Return the subscripts of each operand and of the output (None where the equation leaves it open)."""
    left, arrow, right = equation.partition("->")
    terms: list[list[str]] = []
    start = 0
    for i, term in enumerate(left.split(",")):
        if i == count:
            raise RuntimeError("einsum(): fewer operands were provided than specified in the equation")
        terms.append(_subscripts(term, start, f"operand {i}"))
        start += len(term) + 1
    if len(terms) < count:
        raise RuntimeError("einsum(): more operands were provided than specified in the equation")
    return terms, _subscripts(right, len(left) + 2, "output") if arrow else None


def _subscripts(term: str, start: int, whose: str) -> list[str]:
    """Return the letters, and at most one ellipsis, of one term, which begins at index `start` of the equation."""
    found: list[str] = []
    i = 0
    while i < len(term):
        c = term[i]
        if c == ".":
            if term[i : i + 3] != ELLIPSIS:
                raise RuntimeError(f"einsum(): found '.' for {whose} that is not part of any ellipsis")
            if ELLIPSIS in found:
                raise RuntimeError(f"einsum(): found '.' for {whose} for which an ellipsis was already found")
            found.append(ELLIPSIS)
            i += 2
        elif c != " ":
            if c not in LETTERS:
                raise RuntimeError(
                    f"einsum(): invalid subscript given at index {start + i} in the equation string, subscripts must be in "
                    "[a-zA-Z]"
                )
            found.append(c)
        i += 1
    return found


def _spell_out(term: list[str], ndim: int, operand: int) -> list[Label]:
    """Return one label per dimension of an operand: what an ellipsis covers is numbered from the right, …, −2, −1."""
    letters = len(term) - (ELLIPSIS in term)
    if ELLIPSIS not in term and letters != ndim:
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({letters}) does not match the number of dimensions ({ndim}) "
            f"for operand {operand} and no ellipsis was given"
        )
    if letters > ndim:
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({letters}) is more than the number of dimensions ({ndim}) "
            f"for operand {operand}"
        )
    return _replaced(term, list(range(letters - ndim, 0)))


def _replaced(term: list[str], covered: list[int]) -> list[Label]:
    labels: list[Label] = []
    for subscript in term:
        labels += covered if subscript == ELLIPSIS else [subscript]
    return labels


def _output(term: list[str] | None, labels: list[list[Label]], covered: list[int]) -> list[Label]:
    """Return the labels of the result; where the equation leaves them open, those that appear once."""
    given = [label for own in labels for label in own]
    if term is None:
        return covered + sorted(label for label in given if isinstance(label, str) and given.count(label) == 1)
    for subscript in term:
        if term.count(subscript) > 1:
            raise RuntimeError(f"einsum(): output subscript {subscript} appears more than once in the output")
        if subscript != ELLIPSIS and subscript not in given:
            raise RuntimeError(f"einsum(): output subscript {subscript} does not appear in the equation for any input operand")
    return _replaced(term, covered)


def _sizes(labels: list[list[Label]], operands: list[Tensor]) -> Sizes:
    """Return the size of every label; RuntimeError where two sizes differ and neither is 1."""
    sizes: Sizes = {}
    for i, (own, x) in enumerate(zip(labels, operands)):
        seen: Sizes = {}
        for d, (label, n) in enumerate(zip(own, x.shape)):
            if seen.setdefault(label, n) != n:
                raise RuntimeError(
                    f"einsum(): subscript {label} is repeated for operand {i} but the sizes don't match, {n} != {seen[label]}"
                )
            before = sizes.get(label, 1)
            if before != n and 1 not in (before, n):
                what = f"subscript {label}" if isinstance(label, str) else f"dimension {d} covered by ellipsis"
                raise RuntimeError(
                    f"einsum(): {what} has size {n} for operand {i} which does not broadcast with previously seen size {before}"
                )
            sizes[label] = before if n == 1 else n
    return sizes


# ---- contracting


def _plain(x: Tensor, labels: list[Label], sizes: Sizes) -> Factor:
    """Return an operand with distinct labels: the diagonal of repeated ones, and no dimension that would be broadcast."""
    labels = list(labels)
    for label in [a for i, a in enumerate(labels) if a in labels[:i]]:
        x, labels = _diagonal(x, labels, label)
    stretched = [d for d, label in enumerate(labels) if x.shape[d] != sizes[label]]
    if stretched:
        x, labels = x.squeeze(tuple(stretched)), [label for d, label in enumerate(labels) if d not in stretched]
    return x, labels


def _diagonal(x: Tensor, labels: list[Label], label: Label) -> Factor:
    """Take the diagonal of the first two dimensions called `label`: every (n + 1)-th element of the n × n laid in a row."""
    first = labels.index(label)
    second = labels.index(label, first + 1)
    others = [d for d in range(x.ndim) if d not in (first, second)]
    n, shape = x.shape[first], [x.shape[d] for d in others]
    x = x.permute([*others, first, second]).reshape([*shape, n * n])[..., :: n + 1]
    return x, [*(labels[d] for d in others), label]


def _cheapest(factors: list[Factor], sizes: Sizes) -> tuple[int, int]:
    """Return the two factors whose product takes the fewest multiplications."""

    def cost(pair: tuple[int, int]) -> int:
        return math.prod(sizes[label] for label in {*factors[pair[0]][1], *factors[pair[1]][1]})

    return min(combinations(range(len(factors)), 2), key=cost)


def _contract(a: Factor, b: Factor, needed: set[Label]) -> Factor:
    """Return the product of two factors, summed over the labels that nothing else needs."""
    x, of_x = _summed(a, needed.union(b[1]))
    y, of_y = _summed(b, needed.union(a[1]))
    batch = [label for label in of_x if label in of_y and label in needed]
    inner = [label for label in of_x if label in of_y and label not in needed]
    rows = [label for label in of_x if label not in of_y]
    columns = [label for label in of_y if label not in of_x]
    sizes = dict(zip(of_x + of_y, (*x.shape, *y.shape)))
    result = batch + rows + columns
    if inner:
        left = _grouped(x, of_x, sizes, batch, rows, inner)
        right = _grouped(y, of_y, sizes, batch, inner, columns)
        return _shaped(matmul(left, right), [sizes[label] for label in result]), result
    one = [sizes[label] if label in of_x else 1 for label in result]
    other = [sizes[label] if label in of_y else 1 for label in result]
    return _shaped(_ordered(x, of_x, batch + rows), one) * _shaped(_ordered(y, of_y, batch + columns), other), result


def _summed(factor: Factor, needed: set[Label]) -> Factor:
    """Sum a factor over the labels that nothing else needs."""
    x, labels = factor
    spare = [d for d, label in enumerate(labels) if label not in needed]
    return (x.sum(spare), [label for label in labels if label in needed]) if spare else factor


def _grouped(
    x: Tensor, labels: list[Label], sizes: Sizes, batch: list[Label], rows: list[Label], columns: list[Label]
) -> Tensor:
    """Return a factor as a batch of matrices, with several labels merged into rows and into columns."""
    shape = [sizes[label] for label in batch]
    merged = [math.prod(sizes[label] for label in group) for group in (rows, columns)]
    return _shaped(_ordered(x, labels, batch + rows + columns), shape + merged)


def _ordered(x: Tensor, labels: list[Label], order: list[Label]) -> Tensor:
    return x if labels == order else x.permute([labels.index(label) for label in order])


def _shaped(x: Tensor, shape: list[int]) -> Tensor:
    return x if list(x.array.shape) == shape else x.reshape(shape)
