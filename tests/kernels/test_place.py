"""Arrays are made on CuPy's current GPU, or not at all (arrays/cuda_place.py)."""

import pytest

import minigrad as torch

MADE = {
    "zeros": lambda device: torch.zeros(3, device=device),
    "a copy": lambda device: torch.ones(3).to(device),
    "a draw": lambda device: torch.rand(3, device=device),
    "integers": lambda device: torch.randint(3, (3,), device=device),
    "a mask": lambda device: torch.Generator(device).dropout_mask((3,), 0.5, torch.float32),
}


@pytest.mark.parametrize("what", MADE)
def test_arrays_lie_on_the_current_gpu_alone(standin, monkeypatch, what):
    cupy = standin.backend.cupy
    make = MADE[what]
    with pytest.raises(RuntimeError, match="invalid device ordinal: 'cuda:1' was asked for, the last GPU is 'cuda:0'"):
        make("cuda:1")
    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", lambda: 2)
    torch.cuda.manual_seed_all(0)
    with pytest.raises(RuntimeError, match=r"'cuda:1' is not the current GPU, 'cuda:0'.*CUDA_VISIBLE_DEVICES=1"):
        make("cuda:1")
    make("cuda:0")
