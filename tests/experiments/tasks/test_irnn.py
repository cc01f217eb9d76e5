"""The experiment `irnn`: a small run, its gradient at first, claims that can fail."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.tasks import irnn

from . import small

SMALL = irnn.EXPERIMENT.config(T=10, H=16, updates=60, every=30, test=100, seeds=2)
ALL = replace(SMALL, updates=3000)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return small.finished(irnn, SMALL, tmp_path_factory.mktemp("run") / "irnn")


def test_the_setup_is_the_published_one():
    config = irnn.EXPERIMENT.config()
    assert (config.T, config.H, config.batch_size, config.lr, config.clip) == (100, 64, 32, 1e-3, 1.0)
    assert (config.updates, config.seeds) == (3000, 3)


def test_what_is_not_learned_does_not_hold(run):
    """60 updates are not enough for anything: judged, the IRNN's claim would fail; a short run is reported only."""
    assert run[1] == [None, None, None, None, True, True]
    assert small.judge(irnn, ALL, run[0]) == [False, True, None, None, True, True]


def test_the_identity_carries_the_gradient_at_first(run):
    """h_t ≥ 0 and W_hh = I: units that are on, stay on, and ‖∂L/∂h_t‖ is nearly the same at all steps; for tanh it vanishes."""
    arrays, _ = run
    reach = {kind: np.ptp(arrays[f"{kind}_ln_gradient"][:, 0], axis=-1).max() for kind in irnn.KINDS}
    assert reach["identity"] < 2 and reach["irnn"] < 1.5
    assert reach["tanh"] > 4


def test_same_seed_same_numbers(run, tmp_path):
    again, _ = small.finished(irnn, SMALL, tmp_path / "again")
    assert small.same(run[0], again)


def test_the_claims_can_go_either_way(run):
    arrays, _ = run
    ones = np.ones_like(arrays["identity_mse"])
    assert small.judge(irnn, ALL, arrays, identity_mse=0.009 * ones, tanh_mse=0.051 * ones)[:2] == [True, True]
    assert small.judge(irnn, ALL, arrays, identity_mse=0.011 * ones, tanh_mse=0.049 * ones)[:2] == [False, False]
    assert small.judge(irnn, ALL, arrays, identity_mse=np.nan * ones, tanh_mse=np.nan * ones)[:2] == [False, False]
