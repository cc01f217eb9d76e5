"""The experiments there are, by name."""

from importlib import import_module
from typing import Any

from .experiment import Experiment
from .usage import UsageError, suggestion

# A name and the module whose EXPERIMENT it is; a module is imported when its experiment is asked for.
MODULES = {
    "flow": "experiments.gradients.flow",
    "surnames": "experiments.language.surnames",
    "addition": "experiments.language.addition",
    "dates": "experiments.language.dates",
    "translate": "experiments.language.translation",
    "names": "experiments.language.names",
    "text": "experiments.language.text",
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
