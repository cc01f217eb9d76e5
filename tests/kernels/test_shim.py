"""The tool that runs kernels on the CPU: right kernels run, and each kind of wrong one is found."""

from pathlib import Path

import numpy as np
import pytest

from ..standin import shim

pytestmark = pytest.mark.skipif(shim.missing() is not None, reason=str(shim.missing()))

ORDERS = [0, 1, 2, 3]


def module(code, *macros):
    return shim.Module(Path("snippet.cu"), "-DREAL=float", *macros, code='#include "common.cuh"\n' + code)


def run(code, *args, grid=(1,), block=(32,), shared=0, cooperative=False, order=0):
    kernels = module(code)
    (name,) = kernels.entries
    kernels.launch(name, grid, block, args, shared, cooperative, order)


# ---- what is right


SUM = """
extern "C" __global__ void row_sums(const REAL* __restrict__ x, REAL* y, int n) {
    SHARED(REAL, scratch);
    REAL total = 0, top = x[blockIdx.x * n];
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        total += x[blockIdx.x * n + i];
        top = larger(top, x[blockIdx.x * n + i]);
    }
    total = block_sum(total, scratch);
    top = block_max(top, scratch);
    if (threadIdx.x == 0) y[blockIdx.x] = total + top;
}
"""


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("threads", "n"), [(32, 5), (96, 100), (1024, 3000)])
def test_a_reduction(order, threads, n):
    x = np.random.default_rng(0).standard_normal((3, n))
    y = np.full(3, np.nan)
    kernels = shim.Module(Path("sum.cu"), "-DREAL=double", code='#include "common.cuh"\n' + SUM)
    assert kernels.signature("row_sums") == ["*f8", "*f8", "i4"]
    kernels.launch("row_sums", (3,), (threads,), (x, y, np.int32(n)), shared=8 * threads // 32, seed=order)
    np.testing.assert_allclose(y, x.sum(1) + x.max(1), rtol=1e-12)


def test_a_sum_is_the_same_in_every_order():
    x, found = np.random.default_rng(0).standard_normal((1, 999)).astype("f"), []
    for order in ORDERS:
        y = np.zeros(1, "f")
        run(SUM, x, y, np.int32(999), block=(128,), shared=16, order=order)
        found.append(y[0])
    assert len(set(found)) == 1


ROTATE = """
extern "C" __global__ void rotate(int* a, int* b, unsigned* counter, int n, int steps) {
    for (int t = 0; t < steps; ++t) {
        for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) b[i] = a[(i + 1) % n];
        grid_sync(counter);
        int* const kept = a;
        a = b;
        b = kept;
    }
}
"""


@pytest.mark.parametrize("order", ORDERS)
def test_a_barrier_of_the_grid(order):
    """The counter is as it was after every launch, whatever the number of blocks."""
    n, counter = 100, np.zeros(1, np.uint32)
    for blocks, steps in ((3, 7), (1, 2), (4, 5)):
        a, b = np.arange(n, dtype=np.int32), np.zeros(n, np.int32)
        run(ROTATE, a, b, counter, np.int32(n), np.int32(steps), grid=(blocks,), cooperative=True, order=order)
        np.testing.assert_array_equal((a, b)[steps % 2], (np.arange(n) + steps) % n)
        assert counter[0] & 0x7FFFFFFF == 0


def test_shuffles_votes_and_atomics():
    code = """
    extern "C" __global__ void warp(int* out, unsigned* votes, float* total) {
        const int lane = threadIdx.x;
        out[lane] = __shfl_sync(ALL_LANES, lane, 5);
        out[32 + lane] = __shfl_xor_sync(ALL_LANES, lane, 1);
        out[64 + lane] = __shfl_down_sync(ALL_LANES, lane, 2, 8);
        out[96 + lane] = __shfl_up_sync(ALL_LANES, lane, 3);
        if (lane < 16) votes[lane] = __ballot_sync(0xffffu, lane % 3 == 0);
        else votes[lane] = __any_sync(0xffff0000u, lane == 31) + 2 * __all_sync(0xffff0000u, lane == 31);
        atomicAdd(total, 0.5f);
        atomicMax(reinterpret_cast<int*>(votes) + 32, lane);
    }
    """
    out, votes, total, lane = np.zeros((4, 32), np.int32), np.zeros(33, np.uint32), np.zeros(1, "f"), np.arange(32)
    run(code, out, votes, total, order=2)
    np.testing.assert_array_equal(out[0], 5)
    np.testing.assert_array_equal(out[1], lane ^ 1)
    np.testing.assert_array_equal(out[2], np.where(lane % 8 + 2 < 8, lane + 2, lane))
    np.testing.assert_array_equal(out[3], np.where(lane >= 3, lane - 3, lane))
    assert set(votes[:16]) == {sum(1 << i for i in range(0, 16, 3))}
    assert set(votes[16:32]) == {1}
    assert (votes[32], total[0]) == (31, 16)


def test_half_precision():
    """Values of 16 bits round as NumPy's (float16) and as the upper half of a float32 does, ties to even (bfloat16)."""
    code = """
    extern "C" __global__ void halves(const float* x, __half* y, __nv_bfloat16* z, float* back) {
        const int i = threadIdx.x;
        y[i] = __float2half(x[i]);
        z[i] = __float2bfloat16(x[i]);
        back[i] = __half2float(y[i]) + __bfloat162float(z[i]);
    }
    """
    x = np.random.default_rng(0).standard_normal(32).astype("f")
    x[:3] = 1 + 2.0**-8, 1 + 3 * 2.0**-8, np.inf
    y, z, back = np.zeros(32, np.float16), np.zeros(32, np.uint16), np.zeros(32, "f")
    run(code, x, y, z, back)
    np.testing.assert_array_equal(y, x.astype(np.float16))
    wide = (z.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_allclose(wide, x, rtol=2.0**-8)
    assert list(wide[:3]) == [1, 1 + 2.0**-6, np.inf]
    np.testing.assert_array_equal(back, y.astype("f") + wide)


def test_blocks_of_three_dimensions():
    code = """
    extern "C" __global__ void where(int* out) {
        const int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
        const int thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
        out[block * blockDim.x * blockDim.y * blockDim.z + thread] += 1;
    }
    """
    out = np.zeros(2 * 3 * 2 * 4 * 2 * 2, np.int32)
    run(code, out, grid=(2, 3, 2), block=(4, 2, 2), order=3)
    np.testing.assert_array_equal(out, 1)


# ---- what is wrong


def test_a_missing_barrier_shows_in_some_order():
    code = """
    extern "C" __global__ void turned(const float* x, float* y) {
        SHARED(float, kept);
        kept[threadIdx.x] = x[threadIdx.x];
        BARRIER
        y[threadIdx.x] = kept[blockDim.x - 1 - threadIdx.x];
    }
    """
    x = np.arange(64, dtype="f")
    wrong = {"": 0, "__syncthreads();": 0}
    for barrier in wrong:
        for order in ORDERS:
            y = np.zeros_like(x)
            run(code.replace("BARRIER", barrier), x, y, block=(64,), shared=256, order=order)
            wrong[barrier] += not np.array_equal(y, x[::-1])
    assert wrong["__syncthreads();"] == 0
    assert wrong[""] == len(ORDERS)  # shared memory begins as NaN: who reads too early reads that


def test_a_barrier_missing_before_memory_is_used_again_shows_in_some_order():
    """A race of the other kind: the reader comes too late."""
    code = """
    extern "C" __global__ void summed(const float* x, float* y, int n) {
        SHARED(float, kept);
        float sum = 0;
        for (int i = 0; i < n; ++i) {
            kept[threadIdx.x] = x[i * blockDim.x + threadIdx.x];
            __syncthreads();
            sum += kept[(threadIdx.x + 7) % blockDim.x];
            BARRIER
        }
        y[threadIdx.x] = sum;
    }
    """
    x = np.random.default_rng(0).standard_normal((3, 32)).astype("f")
    expected = np.roll(x, -7, 1).sum(0)
    wrong = {"": 0, "__syncthreads();": 0}
    for barrier in wrong:
        for order in ORDERS:
            y = np.zeros(32, "f")
            run(code.replace("BARRIER", barrier), x, y, np.int32(3), shared=128, order=order)
            wrong[barrier] += not np.allclose(y, expected, atol=1e-6)
    assert wrong["__syncthreads();"] == 0
    assert wrong[""] > 0


X = np.zeros(64, "f")
FAILURES = {
    "deadlock: 63 threads wait, 1 have returned.* at __syncthreads.*has returned": "if (threadIdx.x) __syncthreads();",
    r"__syncthreads.. at snippet.cu:\d+, where other threads of the block are at line": """
        if (threadIdx.x < 32)
            __syncthreads();
        else
            __syncthreads();""",
    "deadlock.*for other lanes of its warp": "if (threadIdx.x != 3) x[0] = __shfl_sync(ALL_LANES, x[0], 1);",
    "deadlock.*for a condition": "SPIN_UNTIL(*static_cast<volatile float*>(x) > 0);",
    "lane 0 is not in its own mask 00000002": "x[0] = __shfl_sync(2u, x[0], 1);",
    "reads lane 20, which is not in the mask 0000ffff": "if (threadIdx.x < 16) x[0] = __shfl_sync(0xffffu, x[0], 20);",
    "with mask ffffffff, while lane 0 is at .* with mask 00000003": "__syncwarp(threadIdx.x ? ALL_LANES : 3);",
    "outside of its 8 bytes of shared memory": "SHARED(float, s); s[2 + threadIdx.x] = 1;",
    "memory access outside of any array": "x[1ll << 40] = 1;",
    "division of an integer by zero": "x[0] = 7 / int(x[0]);",
    "a misaligned address": "*reinterpret_cast<float4*>(x + 1) = float4{};",
    "an index outside of a local array": "float a[4] = {}; for (int i = 0; i < 4; ++i) a[i + threadIdx.x] = x[i]; x[0] = a[1];",
    r"__trap.. at snippet.cu:\d+": "__trap();",
}


@pytest.fixture(scope="module")
def failing():
    """One kernel for each failure, and one that is well."""
    kernels = [f'extern "C" __global__ void f{i}(float* x) {{ {body} }}' for i, body in enumerate(FAILURES.values())]
    return module("\n".join([*kernels, 'extern "C" __global__ void well(float* x) { __syncthreads(); x[0] = 1; }']))


@pytest.mark.parametrize(("number", "message"), list(enumerate(FAILURES)))
def test_failures_are_found(failing, number, message):
    with pytest.raises(shim.KernelError, match=rf"(?s)kernel f{number}, .*{message}"):
        failing.launch(f"f{number}", (1,), (64,), (X.copy(),), shared=8)
    x = X.copy()
    failing.launch("well", (1,), (64,), (x,), shared=8)  # a failure leaves nothing behind
    assert x[0] == 1


def test_a_loop_that_never_ends(monkeypatch):
    monkeypatch.setattr(shim, "LIMIT", 0.2)
    code = """
    extern "C" __global__ void f(float* x) {
        volatile float* flag = x;
        if (threadIdx.x == 0) while (*flag == 0) {}
        else *flag = 1;
    }
    """
    with pytest.raises(shim.KernelError, match=r"ran for longer than the limit.*SPIN_UNTIL"):
        run(code, X.copy())
    run(code, X.copy(), order=1)  # the thread that is waited for runs first


def test_lanes_that_a_block_lacks():
    with pytest.raises(shim.KernelError, match="names lane 8, which the block's last warp lacks"):
        run('extern "C" __global__ void f(float* x) { x[0] = warp_sum(x[0]); }', X.copy(), block=(40,))


def test_waiting_for_another_block_needs_a_cooperative_launch():
    n = np.int32(64)
    arrays = [np.zeros(64, np.int32), np.zeros(64, np.int32), np.zeros(1, np.uint32)]
    with pytest.raises(shim.KernelError, match="deadlock"):
        run(ROTATE, *arrays, n, np.int32(1), grid=(2,))


@pytest.mark.parametrize(
    ("message", "grid", "block", "args"),
    [
        ("takes 2 arguments, got 1", 1, 32, (X,)),
        ("argument 1 of f is declared i4, got np.int64", 1, 32, (X, np.int64(1))),
        ("argument 1 of f is declared i4, got 1 of type int", 1, 32, (X, 1)),
        (r"argument 0 of f is a pointer to f4, got an array of float64", 1, 32, (np.zeros(3), np.int32(1))),
        ("argument 0 of f is a pointer to f4, got 3", 1, 32, (3, np.int32(1))),
        ("128 threads are more than 64", 1, 128, (X, np.int32(1))),
        ("a size is 0 or too large", 0, 32, (X, np.int32(1))),
    ],
)
def test_launches_that_are_refused(message, grid, block, args):
    code = 'extern "C" __global__ void __launch_bounds__(64) f(float* x, int n) { x[0] = n; }'
    with pytest.raises(shim.KernelError, match=message):
        run(code, *args, grid=(grid,), block=(block,))


def test_a_kernel_that_is_not_there_or_does_not_compile():
    kernels = module('// extern "C" __global__ void no(int* x);\nextern "C" __global__ void yes(int* x) { x[0] = 1; }')
    assert list(kernels.entries) == ["yes"]
    with pytest.raises(shim.KernelError, match=r"snippet.cu has no kernel 'no'.*\['yes'\]"):
        kernels.launch("no", (1,), (1,), ())
    with pytest.raises(shim.KernelError, match=r"(?s)snippet.cu does not compile for the CPU.*nothing"):
        module('extern "C" __global__ void f(int* x) { x[0] = nothing; }')
    with pytest.raises(shim.KernelError, match="SHARED"):
        module('extern "C" __global__ void f(int* x) { __shared__ int s[3]; s[0] = x[0]; }')
