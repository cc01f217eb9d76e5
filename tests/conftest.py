"""What all tests share: reproducible hypothesis runs and the array libraries that an op must run on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import threadpoolctl
from hypothesis import HealthCheck, settings

import minigrad
from minigrad import arrays
from minigrad.arrays import Device
from minigrad.tensor import Tensor

from . import strict_backend
from .standin import gxx, install

threadpoolctl.threadpool_limits(1)  # one test process per core already

settings.register_profile("suite", deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("suite"), derandomize=True, database=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "suite"))


class Library:
    """One array library: makes its arrays and Tensors from NumPy's, and brings them back."""

    def __init__(self, name: str, device: str | None = None) -> None:
        self.name = name
        self.device = Device.of(device or name)
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
    if install.active():
        return "CuPy's stand-in is in its place"
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


@pytest.fixture
def standin() -> Iterator[Library]:
    """CuPy's stand-in (tests/standin), in place of CuPy while the test runs."""
    yield from _standin()


def _standin() -> Iterator[Library]:
    missing = install.missing()
    if missing:
        pytest.skip(missing)
    with install.standin():
        yield Library("standin", "cuda")


def libraries(*names: str) -> Any:
    """Return a fixture that is each of these libraries in turn."""
    params = [pytest.param(name, marks=pytest.mark.gpu) if name == "cuda" else name for name in names]

    @pytest.fixture(scope="module", params=params)
    def library(request: pytest.FixtureRequest) -> Iterator[Library]:
        if request.param == "standin":
            yield from _standin()
        elif request.param == "cuda":
            yield request.getfixturevalue("cuda")
        else:
            strict_backend.register()
            yield Library(request.param)

    return library


library = libraries("cpu", "strict", "standin", "cuda")
"""Every array library in turn: NumPy, array-api-strict, CuPy's stand-in, and CuPy where there is a GPU."""


def pytest_configure(config: pytest.Config) -> None:
    """Keep kernels that were compiled for the CPU from one run of the tests to the next."""
    if hasattr(config, "cache"):
        gxx.Cache.folder = config.cache.mkdir("kernels")


@pytest.fixture(autouse=True)
def _as_found():
    """Leave grad mode, anomaly mode and the default dtype as they were, whatever a test does."""
    default = minigrad.dtypes.default()
    yield
    minigrad.dtypes.set_default_dtype(default)
    assert minigrad.modes.is_grad_enabled(), "a test left gradients switched off"
    assert not minigrad.modes.is_anomaly_enabled(), "a test left anomaly mode on"
