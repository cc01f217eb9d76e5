"""The experiment `reverse`: `addition` with two variants and ten epochs, judged on the book's data."""

from pathlib import Path

import numpy as np
import pytest

from experiments.lab.registry import find
from experiments.language import addition, reverse

from ..gradients import small


def test_it_is_addition_with_two_variants_and_ten_epochs():
    config = reverse.EXPERIMENT.config.build({})
    assert (config.variants, config.epochs) == (("plain", "reversed"), 10)
    assert reverse.EXPERIMENT.run is addition.EXPERIMENT.run
    assert find("reverse") is reverse.EXPERIMENT
    other = addition.Config()
    for name in {*addition.Config.__dataclass_fields__} - {"variants", "epochs"}:
        assert getattr(config, name) == getattr(other, name)


@pytest.mark.parametrize(("ahead", "data", "holds"), [(0.11, "a", True), (0.09, "a", False), (0.11, None, None)])
def test_the_claim_is_judged_on_the_book_s_data(ahead, data, holds):
    config = reverse.Config(data=Path(data) if data else None)
    exact = {"plain_test_exact": np.full(10, 0.05), "reversed_test_exact": np.full(10, 0.05 + ahead)}
    assert small.outcomes(reverse.EXPERIMENT, config, exact)[0] is holds


def test_a_quick_run(tmp_path):
    config = reverse.EXPERIMENT.config.build({"count": "100", "hidden": "6", "epochs": "1"}, quick=True)
    arrays = small.run(reverse.EXPERIMENT, config, tmp_path)
    assert arrays["plain_test_exact"].shape == arrays["reversed_test_exact"].shape == (1,)
    assert {path.name for path in tmp_path.glob("model-*.json")} == {"model-plain.json", "model-reversed.json"}
