"""Random numbers and dropout masks on a GPU (arrays/cuda_stream.py) against Philox4x32-10 written a second time, in Python.

The oracle is checked by the known answers that Salmon et al. publish with their code (Random123, kat_vectors).
"""

import numpy as np
import pytest
import scipy.stats
from hypothesis import HealthCheck, given, settings, strategies as st

import minigrad as torch
import minigrad.functional as F
import minigrad.kernels
from minigrad.arrays import transfers
from minigrad.utils.checkpoint import checkpoint

from ..standin import raw, shim, streams

drawn = settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
seeds = st.integers(0, 2**64 - 1)


def philox(counter, key):
    """Return the four words at a counter of four words, by a key of two: the paper's figure, in Python's integers."""
    c, k = list(counter), list(key)
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c[0], 2**32)
        high1, low1 = divmod(0xCD9E8D57 * c[2], 2**32)
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return c


KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((2**32 - 1,) * 4, (2**32 - 1,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]  # fmt: skip

PROBE = """
#include "common.cuh"
#include "philox.cuh"
extern "C" __global__ void probe(const unsigned* counter, const unsigned* key, unsigned* words) {
    const Words found = philox({{counter[0], counter[1], counter[2], counter[3]}}, key[0], key[1]);
    for (int k = 0; k < 4; ++k) words[k] = found.w[k];
}
"""


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_known_answers(counter, key, words):
    assert tuple(philox(counter, key)) == words
    if shim.missing():
        pytest.skip(shim.missing())
    module = shim.Module("probe.cu", f"-I{minigrad.kernels.FOLDER}", code=PROBE)
    found = np.zeros(4, np.uint32)
    module.launch("probe", (1,), (1,), (np.array(counter, np.uint32), np.array(key, np.uint32), found))
    assert tuple(found) == words


def words(seed, first, places):
    """Return the words (places, 4) of a stream from a place on."""
    key = seed % 2**32, seed >> 32
    return np.array([philox(((first + i) % 2**32, first + i >> 32, 0, 0), key) for i in range(places)], np.uint64).reshape(
        -1, 4
    )


def stream(library, seed, place=0):
    found = library.backend.stream(seed, library.device)
    found.state = place.to_bytes(8, "little")
    return found


def units(w, dtype):
    """Return words as draws from U[0, 1): 24 bits of one, 53 of two."""
    if dtype == "float64":
        w = w.reshape(-1, 2)
        return ((w[:, 0] >> 5) * 2**26 + (w[:, 1] >> 6)) / 2**53
    return (w.reshape(-1) >> 8) / 2**24


sizes = st.sampled_from([0, 1, 3, 4, 5, 700])
places = st.sampled_from([0, 1, 2**32 - 1, 2**40])


@drawn
@given(seed=seeds, n=sizes, first=places, dtype=st.sampled_from(["float32", "float64"]))
def test_uniform(gpu, seed, n, first, dtype):
    found = stream(gpu, seed, first).uniform((n,), np.dtype(dtype))
    np.testing.assert_array_equal(gpu.backend.to_numpy(found), units(words(seed, first, n), dtype)[:n].astype(dtype))


@drawn
@given(seed=seeds, n=sizes, dtype=st.sampled_from(["float32", "float64"]))
def test_normal(gpu, seed, n, dtype):
    w = words(seed, 0, n)
    if dtype == "float64":
        u, turn = units(w[:, :2], dtype) + 2.0**-54, units(w[:, 2:], dtype)
    else:
        u = ((w[:, ::2].astype("float32") + np.float32(0.5)) / 2**32).reshape(-1).astype("float64")
        turn = units(w[:, 1::2], dtype)
    r = np.sqrt(-2 * np.log(u))
    expected = np.stack([r * np.cos(2 * np.pi * turn), r * np.sin(2 * np.pi * turn)], -1).reshape(-1)[:n]
    found = gpu.backend.to_numpy(stream(gpu, seed).normal((n,), np.dtype(dtype)))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, atol=1e-5 if dtype == "float32" else 1e-14)


@drawn
@given(seed=seeds, n=st.integers(0, 9), ends=st.tuples(*[st.integers(-(2**63), 2**63 - 1)] * 2).map(sorted))
def test_integers(gpu, seed, n, ends):
    low, high = ends[0], ends[1] + 1
    w = [[int(word) for word in row] for row in words(seed, 0, n)]
    whole = [sum(word << 32 * k for k, word in enumerate(row)) for row in w]
    found = stream(gpu, seed).integers(low, high, (n,), np.dtype(np.int64))
    assert gpu.backend.to_numpy(found).tolist() == [low + (U * (high - low) >> 128) for U in whole]


@drawn
@given(seed=seeds, n=sizes, first=places, p=st.floats(0, 0.99), dtype=st.sampled_from(["float16", "float32", "float64"]))
def test_dropout_mask(gpu, seed, n, first, p, dtype):
    kept = units(words(seed, first, -(-n // 4)), "float32")[:n] >= np.float32(p)
    expected = np.where(kept, 1 / (1 - p), 0).astype("float32" if dtype == "float16" else dtype)
    found = stream(gpu, seed, first).dropout_mask((n,), p, np.dtype(dtype))
    np.testing.assert_array_equal(gpu.backend.to_numpy(found), expected.astype(dtype))


def test_an_element_at_the_bound_is_kept(standin):
    """As where a uniform draw is compared with p: dropped is what lies below it."""
    p = float(units(words(0, 0, 1), "float32")[0])
    assert standin.backend.to_numpy(stream(standin, 0).dropout_mask((1,), p, np.dtype(np.float64))) == [1 / (1 - p)]


def test_no_number_is_drawn_twice(standin):
    """One after the other, draws are those of the places that follow, whatever was drawn before."""
    s = stream(standin, 5)
    kinds = [(s.uniform, 5, 2), (s.normal, 3, 1), (s.uniform, 1, 1)]
    place = 0
    for draw, n, used in kinds:
        assert int.from_bytes(s.state, "little") == place
        draw((n,), np.dtype(np.float32))
        place += used
    s.dropout_mask((9,), 0.5, np.dtype(np.float64))
    s.integers(0, 9, (4,), np.dtype(np.int64))
    assert int.from_bytes(s.state, "little") == place + 3 + 4


def test_distributions(standin):
    g = torch.Generator("cuda").manual_seed(0)
    for dtype in (torch.float32, torch.float64):
        u, z = (standin.numpy(f(20_000, generator=g, dtype=dtype, device="cuda")) for f in (torch.rand, torch.randn))
        assert scipy.stats.kstest(u.astype("float64"), "uniform").pvalue > 1e-3
        assert scipy.stats.kstest(z.astype("float64"), "norm").pvalue > 1e-3
    counts = np.bincount(standin.numpy(torch.randint(7, (20_000,), generator=g, device="cuda")))
    assert scipy.stats.chisquare(counts).pvalue > 1e-3
    assert sorted(standin.numpy(torch.randperm(50, generator=g, device="cuda"))) == list(range(50))
    half = standin.numpy(torch.rand(5000, generator=g, dtype=torch.float16, device="cuda"))
    assert half.dtype == np.float16
    assert 0 <= half.min() < half.max() < 1


# ---- dropout


def test_dropout_keeps_its_mask_and_waits_for_nothing(standin):
    x = standin.tensor(np.ones((30, 50), "float32"), requires_grad=True)
    torch.manual_seed(3)
    raw.LAUNCHES.clear()
    count = transfers.count
    with streams.waits() as waited:
        y = F.dropout(x, 0.3)
        y.sum().backward()
    assert (waited, transfers.count, raw.LAUNCHES) == ([], count, ["dropout_mask"])
    values = standin.numpy(y)
    np.testing.assert_array_equal(standin.numpy(x.grad), values)
    np.testing.assert_allclose(np.unique(values), [0, 1 / 0.7], rtol=1e-6)
    assert scipy.stats.binomtest(int((values == 0).sum()), values.size, 0.3).pvalue > 1e-3
    torch.manual_seed(3)
    np.testing.assert_array_equal(standin.numpy(F.dropout(x, 0.3)), values)


def test_a_checkpoint_draws_the_same_mask_again_without_waiting(standin):
    x = standin.tensor(np.ones(40), requires_grad=True)
    with streams.waits() as waited:
        y = checkpoint(lambda x: F.dropout(x, 0.5), x, use_reentrant=False)
        y.sum().backward()
    assert waited == []
    np.testing.assert_array_equal(standin.numpy(x.grad), standin.numpy(y))


def test_a_state_is_saved_and_restored(standin):
    g = torch.Generator("cuda").manual_seed(9)
    torch.rand(3, generator=g, device="cuda")
    with streams.waits() as waited:
        state = g.get_state()
    assert waited == []
    first = torch.randn(6, generator=g, device="cuda").tolist()
    other = torch.Generator("cuda").set_state(state)
    assert torch.randn(6, generator=other, device="cuda").tolist() == first
