"""What the tests of these experiments share: a run in a folder of its own, and the outcomes of its claims."""

import numpy as np

from experiments.lab.record import Record


def run(module, config, tmp_path):
    return module.run(config, Record(tmp_path / "metrics.jsonl"))


def outcomes(module, config, arrays):
    """Whether each claim holds: True, False, or None where it is only reported."""
    return [claim.holds for claim in module.claims(config, arrays)]


def judged(module, config, arrays):
    """Whether each claim that is judged holds."""
    return [holds for holds in outcomes(module, config, arrays) if holds is not None]


def same(one, other):
    """Whether two runs have the same numbers, bit for bit."""
    return set(one) == set(other) and all(np.array_equal(one[name], other[name], equal_nan=True) for name in one)
