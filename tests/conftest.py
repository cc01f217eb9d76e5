"""What all tests share: reproducible hypothesis runs and the array libraries that an op must run on."""

from __future__ import annotations

import os

import numpy as np
import pytest
import threadpoolctl
from hypothesis import HealthCheck, settings

import minigrad
from minigrad import arrays
from minigrad.arrays import Device
from minigrad.tensor import Tensor

from . import strict_backend

threadpoolctl.threadpool_limits(1)  # one test process per core already

settings.register_profile("suite", deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("suite"), derandomize=True, database=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "suite"))


class Library:
    """One array library: makes its arrays and Tensors from NumPy's, and brings them back."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.device = Device.of(name)
        self.backend = arrays.backend_for(self.device)

    def array(self, values: np.ndarray):
        """Return a copy of a NumPy array."""
        return self.backend.from_numpy(np.array(values), self.device)

    def tensor(self, values: np.ndarray, requires_grad: bool = False) -> Tensor:
        """Return a Tensor with a copy of the values."""
        return Tensor.wrap(self.array(values), requires_grad)

    def numpy(self, tensor: Tensor) -> np.ndarray:
        """Return the values on the host."""
        return arrays.to_numpy(tensor.array)

    def __repr__(self) -> str:
        return self.name


def _cuda_missing() -> str | None:
    try:
        arrays.backend_for(Device("cuda", 0))
    except (RuntimeError, ImportError) as error:
        return str(error)
    return None


@pytest.fixture(scope="session")
def cuda() -> Library:
    """The GPU's library; skips the test, saying why, where there is none."""
    missing = _cuda_missing()
    if missing:
        pytest.skip(f"no GPU to test on: {missing}")
    return Library("cuda")


@pytest.fixture(scope="session", params=["cpu", "strict", pytest.param("cuda", marks=pytest.mark.gpu)])
def library(request: pytest.FixtureRequest) -> Library:
    """Every array library in turn: NumPy, array-api-strict, and CuPy where there is a GPU."""
    if request.param == "cuda":
        return request.getfixturevalue("cuda")
    strict_backend.register()
    return Library(request.param)


@pytest.fixture(autouse=True)
def _as_found():
    """Leave grad mode, anomaly mode and the default dtype as they were, whatever a test does."""
    default = minigrad.dtypes.default()
    yield
    minigrad.dtypes.set_default_dtype(default)
    assert minigrad.modes.is_grad_enabled(), "a test left gradients switched off"
    assert not minigrad.modes.is_anomaly_enabled(), "a test left anomaly mode on"
