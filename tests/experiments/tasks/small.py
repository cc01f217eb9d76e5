"""What the tests of these experiments share: a small run from the settings to the folder, and its claims."""

from experiments.lab.runner import execute


def finished(module, config, folder):
    """Run it into a folder; the arrays and whether each claim holds. The figure is drawn and the table told on the way."""
    path, arrays, claims = execute(module.EXPERIMENT, config, out=folder)
    assert (path / "figure.png").stat().st_size > 20_000
    assert str(module.EXPERIMENT.table(config, arrays)).count("\n") >= 3
    return arrays, [claim.holds for claim in claims]


def judge(module, config, arrays, **changed):
    """Whether each claim holds for arrays of which some are others."""
    return [claim.holds for claim in module.claims(config, arrays | changed)]


def same(one, other):
    """Whether two runs have the same arrays, bit for bit."""
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)
