"""The experiment `rtrl`: its claims, a second implementation, wrong estimators that must fail, determinism."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.gradients import rtrl
from experiments.lab import UsageError
from experiments.lab.record import Record
from experiments.lab.runner import execute

QUICK = rtrl.Config.build({}, quick=True)
SMALL = replace(QUICK, N=4, T=12, k=(1, 3, 8), samples=2500)
UNBIASED = ("ARTBP", "UORO")


def run(config, tmp_path):
    return rtrl.run(config, Record(tmp_path / "metrics.jsonl"))


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    return run(SMALL, tmp_path_factory.mktemp("run"))


def outcomes(config, arrays):
    return [claim.holds for claim in rtrl.claims(config, arrays)]


def test_the_claims_of_the_quick_run_hold(tmp_path):
    assert outcomes(QUICK, run(QUICK, tmp_path)) == [True] * 5


def test_the_claims_hold(arrays):
    assert outcomes(SMALL, arrays) == [True] * 5


def by_hand(config):
    """dL/dW_hh of the problem by backpropagation in NumPy, and the same with every loss going back k steps."""
    problem = rtrl.Problem.draw(config)
    W_ih, W_hh, b_ih, b_hh = (w.detach().numpy() for w in problem.rnn.parameters())
    h, x = [np.zeros(config.N)], problem.x.numpy()[:, 0]
    for x_t in x:
        h.append(np.tanh(W_ih @ x_t + b_ih + W_hh @ h[-1] + b_hh))
    rng = np.random.default_rng(config.seed)
    rng.standard_normal((config.N, config.N)), rng.standard_normal((config.T, 1, config.I))
    target = rng.standard_normal((config.T, 1, config.N))[:, 0]

    def gradient(k):
        total = np.zeros_like(W_hh)
        for t in range(1, config.T + 1):
            dh = h[t] - target[t - 1]
            for u in range(t, max(t - k, 0), -1):
                da = dh * (1 - h[u] ** 2)
                total += np.outer(da, h[u - 1])
                dh = W_hh.T @ da
        return total

    return gradient


def test_bptt_and_truncation_against_numpy(arrays):
    gradient = by_hand(SMALL)
    N, I = SMALL.N, SMALL.I
    W_hh = slice(N * I, N * I + N * N)
    np.testing.assert_allclose(arrays["bptt"][W_hh], gradient(SMALL.T).ravel(), rtol=1e-11, atol=1e-12)
    only = rtrl.bptt.truncated(*(lambda p: (p.rnn, p.x, p.loss))(rtrl.Problem.draw(SMALL)), 1, 3)
    np.testing.assert_allclose(only.gradients["weight_hh_l0"].numpy(), gradient(3), rtol=1e-11, atol=1e-12)


def test_moments_are_those_of_all_samples(monkeypatch):
    """Put together from chunks, on samples that were kept."""
    monkeypatch.setattr(rtrl, "CHUNK", 7)
    config = replace(SMALL, samples=40)
    rng, kept = np.random.default_rng(1), []

    def draw(n):
        kept.append(rng.standard_normal((n, 2, 3)))
        return {"weight": rtrl.minigrad.from_numpy(kept[-1])}

    exact = np.arange(6.0) + 1
    found = rtrl.moments(config, draw, exact)
    samples = np.concatenate(kept).reshape(40, 6)
    assert [len(part) for part in kept] == [7, 7, 7, 7, 7, 5]
    np.testing.assert_allclose(found["mean"], samples.mean(axis=0), atol=1e-14)
    np.testing.assert_allclose(found["error"], samples.std(axis=0, ddof=1) / np.sqrt(40), rtol=1e-12)
    for n, off in zip(rtrl.counts(config), found["off"], strict=True):
        expected = np.linalg.norm(samples[:n].mean(axis=0) - exact) / np.linalg.norm(exact)
        assert off == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", UNBIASED)
def test_a_biased_estimator_fails(name, arrays):
    wrong = arrays | {f"{name}_mean": arrays[f"{name}_mean"] + 5 * arrays[f"{name}_error"]}
    assert outcomes(SMALL, wrong)[2 + UNBIASED.index(name)] is False


def test_an_estimator_without_spread_has_to_be_exact(arrays):
    still = arrays | {"UORO_mean": arrays["bptt"], "UORO_error": np.zeros_like(arrays["bptt"])}
    assert outcomes(SMALL, still)[3] is True
    assert outcomes(SMALL, still | {"UORO_mean": arrays["bptt"] + 1e-9})[3] is False


def test_the_remedy_left_out_is_seen(arrays):
    assert (
        outcomes(SMALL, arrays | {"uncorrected_mean": arrays["ARTBP_mean"], "uncorrected_error": arrays["ARTBP_error"]})[4]
        is False
    )


def test_a_wrong_influence_fails(tmp_path, monkeypatch):
    right = rtrl.bptt.rtrl
    monkeypatch.setattr(rtrl.bptt, "rtrl", lambda *a: {name: g + 1e-11 for name, g in right(*a).items()})
    assert outcomes(SMALL, run(replace(SMALL, samples=10), tmp_path))[0] is False


def test_a_cut_at_every_place_is_refused():
    with pytest.raises(UsageError, match="nothing would flow back"):
        rtrl.Config(cut=1.0)


def test_same_seed_same_numbers(arrays, tmp_path):
    rtrl.minigrad.randn(3)  # whatever the generator went through before
    again = run(SMALL, tmp_path)
    for name in arrays:
        np.testing.assert_array_equal(again[name], arrays[name])
    assert (run(replace(SMALL, seed=1, samples=10), tmp_path)["bptt"] != arrays["bptt"]).any()


def test_a_run_leaves_its_figure_and_table(tmp_path):
    config = replace(SMALL, samples=20)
    folder, found, _ = execute(rtrl.EXPERIMENT, config, out=tmp_path / "run")
    assert {path.name for path in folder.glob("figure.*")} == {"figure.png", "figure.svg"}
    assert len(rtrl.table(config, found).rows) == 3 + 3
