"""AdamW, RMSprop and Adagrad beside torch.optim: 50 steps with all options, states carried over both ways, layout."""

import pytest

import layers as nn
import minigrad

from .test_optim import check_carried_over, check_fifty_steps, check_layout, said, started

torch = pytest.importorskip("torch")

CASES = [
    ("AdamW", {}),
    ("AdamW", {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.3}),
    ("AdamW", {"lr": 0.1, "amsgrad": True, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.05, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.05}),
    ("RMSprop", {"lr": 0.05, "momentum": 0.9, "maximize": True}),
    ("RMSprop", {"lr": 0.05, "centered": True, "momentum": 0.5, "weight_decay": 0.05}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.05, "eps": 1e-3}),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.5, "maximize": True}),
]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_fifty_steps(name, options):
    check_fifty_steps(name, options, 1e-11)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_state_is_carried_over_both_ways(name, options):
    check_carried_over(name, options, 1e-11)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_state_has_pytorchs_layout(name, options):
    check_layout(name, options)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        *[("AdamW", bad) for bad in ({"lr": -1}, {"eps": -1}, {"betas": (0.9, 1.0)}, {"weight_decay": -1})],
        *[("RMSprop", {setting: -1}) for setting in ("lr", "alpha", "eps", "weight_decay", "momentum")],
        *[("Adagrad", {setting: -1}) for setting in ("lr", "lr_decay", "eps", "weight_decay", "initial_accumulator_value")],
    ],
)
def test_says_what_pytorch_says(name, bad):
    ours, theirs = started(minigrad, nn), started(torch, torch.nn)
    refused = said(lambda: getattr(minigrad.optim, name)(ours, **bad))
    assert refused == said(lambda: getattr(torch.optim, name)(theirs, **bad))
