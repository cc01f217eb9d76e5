"""Scaled dot-product attention beside PyTorch's: masks, queries that attend to nothing, dropout, errors."""

import numpy as np
import pytest

import minigrad

from .beside import agree, agree_in_order, torch

RNG = np.random.default_rng(12)
K, L, S, E = 2, 4, 5, 3
QUERY, KEY = RNG.standard_normal((K, L, E)), RNG.standard_normal((K, S, E))
VALUE = RNG.standard_normal((K, S, 2))
MASK = RNG.random((L, S)) < 0.6
MASK[0, 0] = True
IDLE = MASK.copy()
IDLE[1] = False


def attend(**options):
    def program(torch, F, q, k, v):
        made = {n: torch.tensor(o) if isinstance(o, np.ndarray) else o for n, o in options.items()}
        return F.scaled_dot_product_attention(q, k, v, **made)

    return program


@pytest.mark.parametrize("options", [
    {}, {"is_causal": True}, {"scale": 0.3}, {"attn_mask": MASK}, {"attn_mask": IDLE}, {"attn_mask": np.where(MASK, 0.5, -2.0)},
    {"attn_mask": np.where(IDLE, 0.0, -np.inf)}, {"attn_mask": np.stack([MASK, IDLE])}, {"attn_mask": IDLE[:1]},
])  # fmt: skip
def test_attention(options):
    agree(attend(**options), QUERY, KEY, VALUE)
    if np.ndim(options.get("attn_mask")) < 3:
        agree(attend(**options), QUERY[0], KEY[0], VALUE[0])
    agree(attend(**options), QUERY[None], KEY[None], VALUE[None])
    low = [x.astype("float32") for x in (QUERY, KEY, VALUE)]
    if "attn_mask" not in options or options["attn_mask"].dtype == bool:
        agree(attend(**options), *low, value=4e-6, gradient=4e-6)


def test_a_mask_has_a_gradient_too():
    bias = np.where(IDLE, RNG.standard_normal((L, S)), -np.inf)
    agree(lambda torch, F, q, k, v, m: F.scaled_dot_product_attention(q, k, v, m), QUERY, KEY, VALUE, bias)


def test_a_query_that_attends_to_nothing():
    """Zeros and zero gradients, also of the second order."""
    q, k, v = (minigrad.tensor(x, requires_grad=True) for x in (QUERY, KEY, VALUE))
    y = minigrad.functional.scaled_dot_product_attention(q, k, v, minigrad.tensor(np.zeros((L, S), bool)))
    gradients = minigrad.autograd.grad((y * y + y).sum(), [q, k, v], create_graph=True)
    second = minigrad.autograd.grad(sum((g * g + g).sum() for g in gradients), [q, k, v], allow_unused=True)
    for t in (y, *gradients, *(g for g in second if g is not None)):
        assert not t.detach().numpy().any()


@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"attn_mask": MASK}])
def test_attention_of_second_order(options):
    agree_in_order(attend(**options), QUERY[0], KEY[0], VALUE[0], order=2)


def test_attention_with_dropout():
    agree(attend(dropout_p=1.0), QUERY, KEY, VALUE)
    minigrad.manual_seed(0)
    ones = minigrad.ones(1, 200, 50)
    y = minigrad.functional.scaled_dot_product_attention(ones, ones, ones, dropout_p=0.5)
    assert 0.9 < y.mean().item() < 1.1
    assert len({*y.flatten().tolist()}) > 1


@pytest.mark.parametrize("program", [
    attend(attn_mask=MASK, is_causal=True),
    attend(attn_mask=MASK.astype(np.int64)),
    attend(dropout_p=2.0),
    lambda torch, F, q, k, v: F.scaled_dot_product_attention(q[0, 0], k, v),
    lambda torch, F, q, k, v: F.scaled_dot_product_attention(q.float(), k, v),
    lambda torch, F, q, k, v: F.scaled_dot_product_attention(q.float(), k.float(), v.float(), torch.tensor(MASK).double()),
])  # fmt: skip
def test_errors_of_attention(program):
    with np.errstate(all="ignore"):
        found = []
        for library in (minigrad, torch):
            F = minigrad.functional if library is minigrad else torch.nn.functional
            with pytest.raises((RuntimeError, ValueError)) as caught:
                program(library, F, *(library.tensor(x) for x in (QUERY, KEY, VALUE)))
            found.append(str(caught.value).replace("2.0", "2"))
        assert found[0] == found[1]
