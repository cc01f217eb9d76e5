"""Attention on a GPU (arrays/cuda_attention.py, kernels/attention.cu) against the same on NumPy, by products and a softmax."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import minigrad as torch
import minigrad.functional as F
from layers import attention
from minigrad.ops.attention import attention as attention_op

from ..standin import raw, streams

CLOSE = {"float32": 2e-6, "float64": 1e-13}
KERNELS = {"attend", "attend_pull", "gather"}
drawn = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def cases(draw):
    """Draw queries, keys, values, a mask that may broadcast and may leave a query nothing, and whether axes lie transposed."""
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    lead = draw(st.sampled_from([(), (1,), (3,), (2, 2)]))
    L, S, E, columns = (draw(st.sampled_from(n)) for n in ((1, 2, 5), (1, 3, 40), (1, 4, 33), (1, 5, 70)))
    dtype, turned = draw(st.sampled_from(["float32", "float64"])), draw(st.booleans())
    q, k, v = (rng.standard_normal((*lead, n, m)).astype(dtype) for n, m in ((L, E), (S, E), (S, columns)))
    if turned and lead:
        q, k, v = (np.ascontiguousarray(x.swapaxes(0, -2)).swapaxes(0, -2) for x in (q, k, v))
    full, kind = (*lead, L, S), draw(st.sampled_from(["all", "some", "causal"]))
    mask = rng.random([n if draw(st.booleans()) else 1 for n in full]) < 0.7 if kind == "some" else None
    return (q, k, v), mask, kind == "causal", rng.standard_normal((*lead, L, columns)).astype(dtype)


def attended(make, case):
    """Return y and the gradients, and how often the host waited."""
    arrays, mask, causal, up = case
    leaves, outside = [make(x).requires_grad_() for x in arrays], make(up)
    allowed = None if mask is None else make(mask)
    with streams.waits() as waited:
        y = F.scaled_dot_product_attention(*leaves, attn_mask=allowed, is_causal=causal)
        (y * outside).sum().backward()
    return [y.detach(), *(leaf.grad for leaf in leaves)], waited


@drawn
@given(case=cases())
def test_values_and_gradients(gpu, case):
    raw.LAUNCHES.clear()
    found, waited = attended(lambda x: torch.Tensor.wrap(_there(gpu, x)), case)
    assert waited == []
    assert [name for name in raw.LAUNCHES if name in KERNELS] == ["attend", "attend_pull", "gather", "gather"]
    expected, _ = attended(lambda x: torch.Tensor.wrap(np.array(x)), case)
    for mine, theirs in zip(found, expected, strict=True):
        rounding = CLOSE[str(theirs.numpy().dtype)]
        np.testing.assert_allclose(gpu.numpy(mine), theirs.numpy(), rtol=10 * rounding, atol=10 * rounding)


def _there(gpu, x):
    """Return an array on the GPU with the order of axes in memory that x has."""
    order = sorted(range(x.ndim), key=lambda axis: -x.strides[axis])
    return gpu.backend.xp.permute_dims(gpu.array(x.transpose(order)), tuple(int(i) for i in np.argsort(order)))


def test_the_bits_do_not_depend_on_the_order_of_threads(in_each_order):
    rng = np.random.default_rng(0)
    case = [rng.standard_normal((2, n, 33)).astype("float32") for n in (3, 40, 40)], None, False, np.ones((2, 3, 33), "float32")
    first, *others = in_each_order(lambda gpu: [gpu.numpy(x) for x in attended(gpu.tensor, case)[0]])
    for other in others:
        for a, b in zip(first, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_infinities_among_the_scores_are_as_on_numpy(standin):
    """A score of −inf is not a forbidden key: a row of them alone is nan."""
    q, k, v = np.array([[1.0], [-1.0]]), np.array([[-np.inf], [-np.inf]]), np.ones((2, 1))
    for mask in (None, np.array([[True, False], [True, True]])):
        y = [
            F.scaled_dot_product_attention(*(make(x) for x in (q, k, v)), attn_mask=None if mask is None else make(mask))
            for make in (standin.tensor, torch.tensor)
        ]
        np.testing.assert_array_equal(standin.numpy(y[0]), y[1].numpy())


def test_gradients_of_gradients(standin):
    """They go by the definition, on the GPU too."""

    def penalty(make):
        rng = np.random.default_rng(0)
        leaves = [make(rng.standard_normal((2, n, 3))).requires_grad_() for n in (2, 4, 4)]
        y = F.scaled_dot_product_attention(*leaves)
        (dq,) = torch.autograd.grad(y.square().sum(), leaves[0], create_graph=True)
        dq.square().sum().backward()
        return [leaf.grad for leaf in leaves]

    for mine, theirs in zip(penalty(standin.tensor), penalty(torch.tensor), strict=True):
        np.testing.assert_allclose(standin.numpy(mine), theirs.numpy(), rtol=1e-10)


def test_a_mask_larger_than_the_queries(standin):
    """It makes a batch of them, by the library's broadcasting."""
    rng = np.random.default_rng(0)
    case = [rng.standard_normal((1, n, 3)) for n in (2, 4, 4)], rng.random((5, 2, 4)) < 0.7, False, np.ones((5, 2, 3))
    for mine, theirs in zip(attended(standin.tensor, case)[0], attended(torch.tensor, case)[0], strict=True):
        np.testing.assert_allclose(standin.numpy(mine), theirs.numpy(), rtol=1e-12, atol=1e-14)
    results = []
    for make in (standin.tensor, torch.tensor):
        leaves = [make(x).requires_grad_() for x in case[0]]
        attention_op.call(*leaves, make(case[1]), scale=0.5)[0].sum().backward()
        results.append([leaf.grad for leaf in leaves])
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(standin.numpy(mine), theirs.numpy(), rtol=1e-12, atol=1e-14)


def test_only_what_is_needed_is_computed(standin):
    rng = np.random.default_rng(0)
    for wanted, kernels in ((0, ["attend_pull"]), (1, ["attend_pull", "gather"]), (2, ["gather"])):
        leaves = [standin.tensor(rng.standard_normal((2, 3, 4)), requires_grad=i == wanted) for i in range(3)]
        y = F.scaled_dot_product_attention(*leaves)
        raw.LAUNCHES.clear()
        y.sum().backward()
        assert [name for name in raw.LAUNCHES if name in KERNELS] == kernels


REASONS = ("float16", "a mask of floats", "too many queries", "dropout", "batches that broadcast", "5-D")


@pytest.mark.parametrize("reason", REASONS)
def test_what_the_kernels_do_not_take(standin, reason):
    """Other arrays go by the library's products and softmax."""
    lead = (1, 1, 2) if reason == "5-D" else (2,)
    x = np.ones((*lead, 65 if reason == "too many queries" else 3, 4), "float16" if reason == "float16" else "float32")
    q, k = standin.tensor(x), standin.tensor(x[:1] if reason == "batches that broadcast" else x)
    mask = standin.tensor(np.zeros((3, 3), "float32")) if reason == "a mask of floats" else None
    raw.LAUNCHES.clear()
    y = F.scaled_dot_product_attention(q, k, k, attn_mask=mask, dropout_p=0.5 if reason == "dropout" else 0.0)
    assert not KERNELS & {*raw.LAUNCHES}
    if reason != "dropout":
        np.testing.assert_allclose(standin.numpy(y), x)


# ---- layers.Attention


@pytest.mark.parametrize("score", [*attention.SCORES])
@pytest.mark.parametrize("queries", [None, 3])
@pytest.mark.parametrize("masked", [False, True])
def test_layers_attention(standin, score, queries, masked):
    """The context and the weights of a decoder, both with gradients, for keys that lie transposed; nothing waits."""
    rng = np.random.default_rng(0)
    keys, s = rng.standard_normal((5, 2, 4)), rng.standard_normal((2, 4) if queries is None else (2, queries, 4))
    mask = np.array([[True, False, True, True, False], [False] * 5])
    module = attention.Attention(4, 4, score, dtype=torch.float64)
    state = {name: value.numpy() for name, value in module.state_dict().items()}

    def run(make, device):
        module = attention.Attention(4, 4, score, dtype=torch.float64, device=device)
        module.load_state_dict({name: make(value) for name, value in state.items()})
        h, query, allowed = make(keys).requires_grad_(), make(s).requires_grad_(), make(mask)
        with streams.waits() as waited:
            memory = module.prepare(h.transpose(0, 1), mask=allowed if masked else None)
            context, weights = module.attend(query, memory.select(make(np.array([1, 0]))))
            (context.square().sum() + weights.square().sum()).backward()
        return [context.detach(), weights.detach(), h.grad, query.grad, *(p.grad for p in module.parameters())], waited

    raw.LAUNCHES.clear()
    found, waited = run(standin.tensor, "cuda")
    assert waited == []
    assert ("attend" in raw.LAUNCHES) == (score in ("dot", "general"))
    for mine, theirs in zip(found, run(torch.tensor, "cpu")[0], strict=True):
        np.testing.assert_allclose(standin.numpy(mine), theirs.numpy(), rtol=1e-11, atol=1e-14)
