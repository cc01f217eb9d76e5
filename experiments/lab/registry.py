"""The experiments there are, by name."""

from importlib import import_module
from typing import Any

from .experiment import Experiment
from .usage import UsageError, suggestion

# A name and the module whose EXPERIMENT it is; a module is imported when its experiment is asked for.
MODULES = {
    "flow": "experiments.gradients.flow",
    "dlfs2": "experiments.gradients.dlfs2",
    "lyapunov": "experiments.gradients.lyapunov",
    "chaos": "experiments.gradients.chaos",
    "truncation": "experiments.gradients.truncation",
    "rtrl": "experiments.gradients.rtrl",
    "checkpointing": "experiments.gradients.checkpointing",
    "reber": "experiments.gradients.reber",
    "forget-gate": "experiments.gradients.forget_gate",
    "bound": "experiments.gradients.bound",
    "latch": "experiments.gradients.latch",
    "forget-bias": "experiments.gradients.forget_bias",
    "orthogonal": "experiments.gradients.orthogonal",
    "cliff": "experiments.gradients.cliff",
    "mean-field": "experiments.gradients.mean_field",
    "omega": "experiments.gradients.omega",
    "temporal-order": "experiments.tasks.temporal_order",
    "adding": "experiments.tasks.adding",
    "irnn": "experiments.tasks.irnn",
    "copy": "experiments.tasks.copying",
    "surnames": "experiments.language.surnames",
    "addition": "experiments.language.addition",
    "reverse": "experiments.language.reverse",
    "attention-length": "experiments.language.attention_length",
    "curriculum": "experiments.language.curriculum",
    "sampling": "experiments.language.sampling",
    "dates": "experiments.language.dates",
    "translate": "experiments.language.translation",
    "names": "experiments.language.names",
    "text": "experiments.language.text",
    "gates": "experiments.language.gates",
    "memorization": "experiments.language.memorization",
}


def find(name: str) -> Experiment[Any]:
    """The experiment called `name`. Raises UsageError, with the nearest name, where there is none."""
    if name not in MODULES:
        raise UsageError(f"no experiment {name!r}{suggestion(name, MODULES)}; see: python -m experiments list")
    experiment: Experiment[Any] = import_module(MODULES[name]).EXPERIMENT
    return experiment


def everything() -> list[Experiment[Any]]:
    """Every experiment, in the order of the table above."""
    return [find(name) for name in MODULES]
