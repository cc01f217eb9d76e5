"""The engine's kernels at sizes that fill a GPU, against NumPy in float64; small ones: tests/kernels."""

import numpy as np
import pytest

import layers as nn
import minigrad as torch
import minigrad.functional as F
from minigrad.arrays import transfers
from minigrad.optim import SGD, Adam, AdamW

V = 30_000


def compare(cuda, build, *inputs, rtol=1e-4, atol=1e-5, repeat=2):
    """Compare values and gradients in float32 on the GPU with NumPy's in float64; every run gives the same bits."""

    def run(make, dtype):
        given = [make(x.astype(dtype) if x.dtype.kind == "f" else x) for x in inputs]
        leaves = [x.requires_grad_() for x in given if x.is_floating_point()]
        y = build(*given)
        y.backward(torch.ones_like(y))
        return [y.detach().cpu().numpy(), *(leaf.grad.cpu().numpy() for leaf in leaves)]

    found = [run(cuda.tensor, "float32") for _ in range(repeat)]
    for mine, again, exact in zip(found[0], found[-1], run(torch.tensor, "float64"), strict=True):
        np.testing.assert_array_equal(mine, again)
        np.testing.assert_allclose(mine, exact, rtol=rtol, atol=atol * max(1, np.abs(exact).max()))


def test_cross_entropy_over_a_vocabulary(cuda):
    rng = np.random.default_rng(0)
    target = rng.integers(0, V, 700)
    target[::7] = 0
    x = 4 * rng.standard_normal((700, V))
    compare(cuda, lambda x, t: F.cross_entropy(x, t, ignore_index=0), x, target)
    compare(cuda, lambda x, t: F.cross_entropy(x, t, label_smoothing=0.1), x[:100], target[:100])


@pytest.mark.parametrize("n", [7, 1024, 1025, 50_000])
def test_softmax(cuda, n):
    x, up = np.random.default_rng(0).standard_normal((2, 37, n))
    compare(cuda, lambda x, up: (x.softmax(1) * up).sum(), x, up)
    compare(cuda, lambda x, up: (x.log_softmax(1) * up).sum(), x, up)


def test_embedding_of_words_as_often_as_in_texts(cuda):
    """Zipf's law: one id makes a large part of all."""
    rng = np.random.default_rng(0)
    ids, up = np.minimum(rng.zipf(1.3, (64, 200)), V) - 1, rng.standard_normal((64, 200, 256))
    compare(cuda, lambda table, up, ids: (F.embedding(ids, table) * up).sum(), rng.standard_normal((V, 256)), up, ids)


@pytest.mark.parametrize("sizes", [(64, 1, 30, 512), (64, 64, 200, 512), (8, 3, 1024, 64)])
@pytest.mark.parametrize("masked", [False, True])
def test_attention(cuda, sizes, masked):
    B, L, S, E = sizes
    rng = np.random.default_rng(0)
    q, k, v, up = (rng.standard_normal((B, n, E)) for n in (L, S, S, L))
    mask = rng.random((B, 1, S)) < (0.5 if masked else 2)
    mask[0] = not masked
    compare(
        cuda, lambda q, k, v, up, mask: (F.scaled_dot_product_attention(q, k, v, attn_mask=mask) * up).sum(), q, k, v, up, mask
    )


@pytest.mark.parametrize(("kind", "options"), [(SGD, {}), (SGD, {"momentum": 0.9}), (Adam, {"amsgrad": True}), (AdamW, {})])
def test_a_large_table_is_changed_as_on_numpy(cuda, kind, options):
    rng = np.random.default_rng(0)
    theta, gradients = rng.standard_normal((V, 64)).astype("float32"), rng.standard_normal((3, V, 64)).astype("float32")

    def run(make):
        parameter = make(theta).requires_grad_()
        optimizer = kind([parameter], lr=0.1, **options)
        for g in gradients:
            parameter.grad = make(g)
            optimizer.step()
        return parameter.detach().cpu().numpy()

    np.testing.assert_allclose(run(cuda.tensor), run(torch.tensor), rtol=1e-6, atol=1e-6)


def test_a_captured_step_is_replayed_with_another_rate(cuda):
    cupy = cuda.backend.cupy
    parameter, lr = cuda.tensor(np.zeros(1000), requires_grad=True), cuda.tensor(np.array(0.5))
    optimizer = Adam([parameter], lr=lr)
    parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        optimizer.step()
        graph = stream.end_capture()
        lr.array.fill(0.25)
        graph.launch(stream)
    stream.synchronize()
    np.testing.assert_allclose(parameter.detach().cpu().numpy(), -0.75, rtol=1e-6)  # each step moves by the rate


def test_random_numbers_and_masks(cuda):
    torch.cuda.manual_seed(0)
    n = 4_000_003
    z, u = torch.randn(n, device="cuda").cpu().numpy(), torch.rand(n, device="cuda").cpu().numpy()
    assert abs(z.mean()) < 3e-3
    assert abs(z.std() - 1) < 3e-3
    assert u.min() >= 0
    assert u.max() < 1
    x = torch.ones(n, device="cuda")
    torch.cuda.manual_seed(1)
    y = F.dropout(x, 0.25).cpu().numpy()
    torch.cuda.manual_seed(1)
    np.testing.assert_array_equal(F.dropout(x, 0.25).cpu().numpy(), y)
    assert abs((y == 0).mean() - 0.25) < 2e-3


def test_the_cpu_shim_and_the_gpu_draw_the_same(cuda):
    """Words 0 to 3 at place 0 of seed 0: the first known answer of Random123, 24 bits of each."""
    found = cuda.backend.to_numpy(cuda.backend.stream(0, cuda.device).uniform((4,), np.dtype(np.float32)))
    np.testing.assert_array_equal(found, np.array([0x6627E8, 0xE169C5, 0xBC57AC, 0x9B00DB]) / 2**24)


def test_a_training_step_waits_for_nothing(cuda):
    torch.manual_seed(0)
    table, output = nn.Embedding(V, 64, device="cuda"), nn.Linear(64, V, device="cuda")
    optimizer = AdamW([*table.parameters(), *output.parameters()])
    ids = cuda.tensor(np.random.default_rng(0).integers(0, V, (8, 20)))
    count = transfers.count
    for _ in range(3):
        optimizer.zero_grad()
        x = F.dropout(table(ids[:, :-1]), 0.1)
        x = F.scaled_dot_product_attention(x, x, x, is_causal=True)
        F.cross_entropy(output(x).reshape(-1, V), ids[:, 1:].reshape(-1)).backward()
        optimizer.step()
    assert transfers.count == count
