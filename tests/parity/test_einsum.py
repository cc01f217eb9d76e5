"""einsum beside PyTorch's: values and three derivatives, formats, messages."""

import string

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from .beside import agree, minigrad
from .jointly import agree_jointly, fail_alike

EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)), ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)), ("ii", (3, 3)),
    ("ii->i", (3, 3)), ("ii->", (3, 3)), ("iji->j", (3, 2, 3)), ("iiii->i", (2, 2, 2, 2)), ("aabb->ab", (2, 2, 3, 3)),
    ("i,j->ij", (2,), (3,)), ("i,i", (3,), (3,)), ("i,i->i", (3,), (3,)), ("ij,ij->", (2, 3), (2, 3)),
    ("...ij,...jk->...ik", (2, 3, 4), (5, 1, 4, 2)), ("...i,...i->...", (2, 3), (3,)), ("...", (2, 3)), ("...->", (2, 3)),
    ("i...", (2, 3, 2)), ("i...->...", (2, 3, 2)), ("...i->i...", (2, 3)), ("...,...", (2, 3), (3,)),
    ("ijk->ki", (2, 3, 4)), ("ij->ij", (2, 3)), ("ba", (2, 3)), ("Ba", (2, 3)), ("aB,Bc", (2, 3), (3, 4)),
    ("b,b,bc->c", (2,), (2,), (2, 3)), ("bti,btj->bij", (2, 3, 2), (2, 3, 4)), ("tbi,oi->tbo", (3, 2, 4), (5, 4)),
    ("ij,kl,mj,nl->", (2, 3), (2, 4), (3, 3), (2, 4)), ("i,i->i", (1,), (3,)), ("ii,i->i", (1, 1), (3,)),
    ("i...,i->...", (2, 3, 2), (1,)), ("iij,j->i", (2, 2, 3), (3,)), ("abc,cd,bd,a->d", (2, 3, 4), (4, 2), (3, 2), (2,)),
    ("", ()), ("->", ()), (",", (), ()), ("ij,->ij", (2, 3), ()), ("ij,jk->ik", (0, 3), (3, 4)),
    ("ij,jk->ik", (2, 0), (0, 4)), ("ij->", (0, 3)), ("ii->i", (0, 0)), ("i->...i", (3,)),
    (" i j , j k -> i k ", (2, 3), (3, 4)), ("... i -> i ...", (2, 3)), ("ij,ij,ij->ij", (2, 3), (2, 3), (2, 3)),
]  # fmt: skip


@pytest.mark.parametrize("case", EQUATIONS, ids=lambda case: f"{case[0]} {case[1:]}")
def test_equations(case):
    agree_jointly(lambda torch, F, *xs: torch.einsum(case[0], *xs), case[1:])


@st.composite
def _equations(draw):
    """Draw an equation with up to four operands, diagonals, ellipses, and what size each letter has."""
    letters = draw(st.lists(st.sampled_from(string.ascii_letters), min_size=1, max_size=4, unique=True))
    sizes = {letter: draw(st.integers(0, 3)) for letter in letters}
    covered = draw(st.lists(st.integers(1, 3), max_size=2))
    terms, shapes = [], []
    for _ in range(draw(st.integers(1, 4))):
        term = draw(st.lists(st.sampled_from(letters), max_size=3))
        shape = [sizes[letter] for letter in term]
        if draw(st.booleans()):
            at, part = draw(st.integers(0, len(term))), covered[draw(st.integers(0, len(covered))) :]
            term.insert(at, "...")
            shape[at:at] = [draw(st.sampled_from([1, n])) for n in part]
        terms.append("".join(term))
        shapes.append(tuple(shape))
    used = sorted(set("".join(terms)) - {"."})
    output = draw(st.none() | st.permutations(used).flatmap(lambda p: st.integers(0, len(p)).map(lambda n: "".join(p[:n]))))
    if output is not None and draw(st.booleans()):
        output = f"...{output}"
    return ",".join(terms) + ("" if output is None else f"->{output}"), shapes


@settings(max_examples=60)
@given(case=_equations())
def test_drawn(case):
    equation, shapes = case
    agree_jointly(lambda torch, F, *xs: torch.einsum(equation, *xs), shapes, order=2)


FORMATS = {
    "list": lambda torch, F, a, b: torch.einsum("ij,jk", [a, b]),
    "tuple": lambda torch, F, a, b: torch.einsum("ij,jk", (a, b)),
    "numbers": lambda torch, F, a, b: torch.einsum(a, [0, 1], b, [1, 2], [2, 0]),
    "numbers, no output": lambda torch, F, a, b: torch.einsum(a, [51, 1], b, [1, 30]),
    "numbers and an ellipsis": lambda torch, F, a, b: torch.einsum(a, [..., 1], [1, ...]),
}


@pytest.mark.parametrize("name", FORMATS)
def test_formats(name):
    rng = np.random.default_rng(0)
    agree(FORMATS[name], rng.standard_normal((2, 3)), rng.standard_normal((3, 4)))


@pytest.mark.parametrize(("equation", "count"), [("ij,jk->ik", 2), ("ij->i", 1), ("ij,ij->ij", 2)])
@pytest.mark.parametrize("dtype", ["int64", "int32", "float32"])
def test_types(equation, count, dtype):
    agree(lambda torch, F, *xs: torch.einsum(equation, *xs), *[np.arange(4, dtype=dtype).reshape(2, 2)] * count)


def test_gives_a_tensor_of_its_own():
    x = minigrad.ones(2, 3)
    assert minigrad.einsum("ij->ij", x) is not x


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,jk->ik", [(2, 3), (4, 5)]), ("ij,jk->ik", [(2, 3)]), ("ij->ij", [(2, 3), (2,)]), ("ijk->ij", [(2, 3)]),
        ("i->ij", [(2,)]), ("ij->ii", [(2, 3)]), ("i1->i", [(2, 3)]), ("...i...->i", [(2, 3)]), ("..i->i", [(2, 3)]),
        ("i..", [(2, 3)]), (".i", [(2, 3)]), ("i->i...j", [(3,)]), ("", [(2,)]), ("ii->i", [(2, 3)]), ("ii->i", [(1, 3)]),
        ("ij->k", [(2, 3)]), ("i->i->i", [(2,)]), ("ij-i", [(2, 3)]), ("ij>i", [(2, 3)]), ("i,i->i", [(2,), (3,)]),
        ("i,i,i", [(3,), (2,), (3,)]), ("i- >i", [(3,)]), (". ..i->i...", [(3, 2)]), ("i,->", [(3,), (2,)]),
        ("i$->i", [(2,)]), ("ij,", [(2, 3)]), ("ij,jk->ik,", [(2, 3), (3, 4)]), ("->i", [(2,)]), ("i", []),
        ("ijk...", [(2, 3)]),
    ],
)  # fmt: skip
def test_that_does_not_fit(equation, shapes):
    fail_alike(lambda torch, F: torch.einsum(equation, *(torch.zeros(shape) for shape in shapes)))


def test_numbers_out_of_range():
    fail_alike(lambda torch, F: torch.einsum(torch.zeros(2, 3), [0, 52]))
    fail_alike(lambda torch, F: torch.einsum(torch.zeros(2, 3), [0, -1]))


def test_types_that_differ():
    with pytest.raises(RuntimeError, match="expected m1 and m2 to have the same dtype, but got: float != double"):
        minigrad.einsum("ij,jk->ik", minigrad.ones(2, 3), minigrad.ones(3, 4).double())


def test_ellipses_that_do_not_broadcast():
    message = "dimension 0 covered by ellipsis has size 4 for operand 1 which does not broadcast with previously seen size 2"
    with pytest.raises(RuntimeError, match=message):
        minigrad.einsum("...i,...i->...", minigrad.ones(2, 3), minigrad.ones(4, 3))


def test_something_that_is_no_tensor():
    with pytest.raises(TypeError, match="expected Tensor as operand 1, but got NoneType"):
        minigrad.einsum("ij,jk", minigrad.ones(2, 3), None)
