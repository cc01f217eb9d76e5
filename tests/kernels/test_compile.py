"""Every .cu compiles for every architecture, without spills and within its registers. Found by walking: none goes unchecked."""

from pathlib import Path

import pytest

from .compiler import ROOT, resources, settings, sources

ARCHITECTURES = (pytest.param("sm_80", marks=pytest.mark.slow), "sm_90", pytest.param("sm_100", marks=pytest.mark.slow))
HERE = Path(__file__)

CASES = [
    pytest.param(path, macros, id=f"{path.relative_to(ROOT)} {macros}".replace("-D", ""))
    for path in sources()
    for macros in settings(path.read_text())
]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("path", "macros"), CASES)
def test_compiles_without_spills(path, macros, architecture):
    found = resources(path, path.read_text(), macros, architecture)
    assert found, f"{path} has no kernel"
    assert not [problem for usage in found for problem in usage.problems()]


def test_every_folder_with_kernels_is_found():
    assert {path.parent.relative_to(ROOT).as_posix() for path in sources()} >= {"minigrad/kernels", "layers/recurrent/kernels"}


# ---- the checks can fail


def check(code, macros="-DREAL=float"):
    return [problem for usage in resources(HERE, code, macros, "sm_90") for problem in usage.problems()]


def test_a_sound_kernel_passes():
    code = 'extern "C" __global__ void __launch_bounds__(256) f(REAL* x) { x[threadIdx.x] *= 2; }'
    (usage,) = resources(HERE, code, "-DREAL=double", "sm_90")
    assert (usage.name, usage.spilled, usage.threads) == ("f", 0, 256)
    assert 1 < usage.registers < 32
    assert check(code) == []


MANY = """
extern "C" __global__ void BOUNDS many(const float* x, float* y) {
    float a[120];
#pragma unroll
    for (int i = 0; i < 120; ++i) a[i] = x[i * 1024 + threadIdx.x];
    __syncthreads();
#pragma unroll
    for (int i = 0; i < 120; ++i) y[i * 1024 + threadIdx.x] = a[i] * a[(i * 7 + 3) % 120] + a[119 - i];
}
"""


def test_spills_are_seen():
    (problem,) = check(MANY, "-DBOUNDS=__launch_bounds__(1024)")
    assert "many spills" in problem


def test_too_many_registers_are_seen():
    (problem,) = check(MANY, "-DBOUNDS=")
    assert "registers for each of up to 1024 threads" in problem
    assert check(MANY, "-DBOUNDS=__launch_bounds__(256)") == []


def test_errors_and_warnings_are_seen():
    with pytest.raises(AssertionError, match="undefined"):
        check('extern "C" __global__ void f(float* x) { x[0] = nothing; }')
    with pytest.raises(AssertionError, match="warning"):
        check('extern "C" __global__ void f(float* x) { int unused = 3; x[0] = 1; }')


def test_macros_that_a_file_asks_for():
    assert settings("// a\n// compile: -DREAL=float -DN=2\n//compile: -DN=3  \nint x;") == ["-DREAL=float -DN=2", "-DN=3"]
    assert settings("// nothing asked") == ["-DREAL=float", "-DREAL=double"]
