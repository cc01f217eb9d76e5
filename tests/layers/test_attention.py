"""Attention: the four scores against their formulas, masks, and what a query that may attend to nothing gets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

import minigrad
from layers.attention import Attention, AttentionalOutput
from minigrad.autograd import gradcheck

SCORES = ("dot", "general", "concat", "additive")


def attention(score, Q=4, K=3, A=5, seed=0):
    minigrad.manual_seed(seed)
    return Attention(Q, Q if score == "dot" else K, score, A, dtype=minigrad.float64)


def by_formula(made, s, h):
    """The score of one query and one key, as the paper prints it."""
    w = {name: p.detach().numpy() for name, p in made.score.named_parameters()}
    if not w:
        return s @ h
    if "v.weight" not in w:
        return s @ w["W.weight"] @ h
    v = w["v.weight"][0]
    if "U.weight" in w:
        return v @ np.tanh(w["W.weight"] @ s + w["U.weight"] @ h)
    return v @ np.tanh(w["W.weight"] @ np.concatenate([s, h]))


def drawn(score, B=2, L=3, S=4, V=2, seed=0):
    rng = np.random.default_rng(seed)
    return tuple(rng.standard_normal(shape) for shape in ((B, L, 4), (B, S, 4 if score == "dot" else 3), (B, S, V)))


@pytest.mark.parametrize("score", SCORES)
@given(seed=st.integers(0, 99), data=st.data())
def test_context_and_weights_are_those_of_the_formulas(score, seed, data):
    made, (s, h, v) = attention(score, seed=seed), drawn(score, seed=seed)
    row = st.lists(st.booleans(), min_size=4, max_size=4).filter(any)
    mask = np.array([data.draw(row) for _ in range(2)])
    context, weights = made(*map(minigrad.tensor, (s, h, v, mask)))
    for b in range(2):
        for i in range(3):
            e = np.array([by_formula(made, s[b, i], h[b, j]) if mask[b, j] else -np.inf for j in range(4)])
            a = np.exp(e - e.max()) / np.exp(e - e.max()).sum()
            np.testing.assert_allclose(weights[b, i].detach().numpy(), a, rtol=1e-12)
            np.testing.assert_allclose(context[b, i].detach().numpy(), a @ v[b], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("score", SCORES)
def test_gradients_agree_with_finite_differences(score):
    made = attention(score)
    inputs = [minigrad.tensor(x, requires_grad=True) for x in drawn(score)]
    mask = minigrad.tensor([[True, False, True, True], [False] * 4])
    assert gradcheck(lambda *x: made(*x[:3], mask), (*inputs, *made.parameters()))


@pytest.mark.parametrize("score", SCORES)
def test_a_query_that_may_attend_to_nothing_gets_zeros_and_passes_no_gradient_on(score):
    made, (s, h, v) = attention(score), drawn(score)
    s, h, v = (minigrad.tensor(x, requires_grad=True) for x in (s, h, v))
    mask = np.ones((2, 3, 4), bool)
    mask[1], mask[0, 2] = False, False
    context, weights = made(s, h, v, minigrad.tensor(mask))
    assert not context[1].detach().numpy().any() and not weights[1].detach().numpy().any()
    assert not context[0, 2].detach().numpy().any() and weights[0, :2].detach().numpy().all()
    (context.square().sum() + weights.square().sum() + weights.sum()).backward()
    for x in (s, h, v):
        assert not x.grad[1].numpy().any() and x.grad[0].numpy().any()
    assert not s.grad[0, 2].numpy().any() and s.grad[0, :2].numpy().any()
    assert all(np.isfinite(p.grad.numpy()).all() for p in made.parameters())


@pytest.mark.parametrize("score", SCORES)
def test_infinite_scores_behind_a_mask_are_not_seen(score):
    made, (s, h, v) = attention(score), drawn(score)
    h[:, 3] = 1e308
    context, _ = made(*map(minigrad.tensor, (s, h, v)), minigrad.tensor([[True, True, True, False]] * 2))
    expected, _ = made(*map(minigrad.tensor, (s, h[:, :3], v[:, :3])))
    np.testing.assert_allclose(context.detach().numpy(), expected.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("score", SCORES)
def test_one_query_is_a_row_of_several_and_keys_are_prepared_once(score):
    made, (s, h, v) = attention(score), map(minigrad.tensor, drawn(score))
    memory = made.prepare(h, v, minigrad.tensor([[True, True, False, True]] * 2))
    together, weights = made.attend(s, memory)
    for i in range(3):
        context, a = made.attend(s[:, i], memory)
        assert context.shape == (2, 2) and a.shape == (2, 4)
        np.testing.assert_allclose(context.detach().numpy(), together[:, i].detach().numpy(), rtol=1e-12)
        np.testing.assert_allclose(a.detach().numpy(), weights[:, i].detach().numpy(), rtol=1e-12)


def test_values_are_the_keys_by_default():
    made, (s, h, _) = attention("general"), drawn("general")
    s, h = minigrad.tensor(s), minigrad.tensor(h)
    assert minigrad.equal(made(s, h)[0], made(s, h, h)[0])


def test_a_selected_memory_is_that_of_the_selected_sequences():
    made, (s, h, v) = attention("additive"), map(minigrad.tensor, drawn("additive"))
    mask = minigrad.tensor([[True, True, False, True], [False] * 4])
    rows = minigrad.tensor([1, 0, 0])
    context, _ = made.attend(s.index_select(0, rows), made.prepare(h, v, mask).select(rows))
    assert minigrad.equal(context, made(s, h, v, mask)[0].index_select(0, rows))


def test_the_output_is_luongs():
    minigrad.manual_seed(0)
    combine = AttentionalOutput(2, 3, 4, dtype=minigrad.float64)
    c, s = np.random.default_rng(0).standard_normal((5, 2)), np.random.default_rng(1).standard_normal((5, 3))
    expected = np.tanh(np.concatenate([c, s], 1) @ combine.W_c.weight.detach().numpy().T)
    np.testing.assert_allclose(combine(minigrad.tensor(c), minigrad.tensor(s)).detach().numpy(), expected, rtol=1e-12)


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="score should be one of dot, general, concat, additive, but got 'cosine'"):
        Attention(2, 2, "cosine")
    with pytest.raises(ValueError, match="one size, got 2 and 3; score='general' does not"):
        Attention(2, 3)
    made, h = attention("general"), minigrad.zeros(2, 4, 3, dtype=minigrad.float64)
    with pytest.raises(ValueError, match="mask should be bool"):
        made.prepare(h, mask=minigrad.ones(2, 4))
    with pytest.raises(ValueError, match="B = 2, S = 4, but got \\(2, 5\\)"):
        made.prepare(h, mask=minigrad.ones(2, 5, dtype=minigrad.bool))
    with pytest.raises(ValueError, match="should agree in"):
        made.prepare(h, h[:, :3])
