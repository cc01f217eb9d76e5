"""minigrad.optim.lr_scheduler beside PyTorch's: the rates of every step, resumed states, messages."""

import pytest

import layers as nn
import minigrad

torch = pytest.importorskip("torch")

STEPS = 40


def optimizer(library):
    module = nn if library is minigrad else torch.nn
    groups = [{"params": [module.Parameter(library.ones(1))], "lr": lr} for lr in (0.4, 0.05)]
    return library.optim.SGD(groups)


def schedules(library):
    """Return {name: what makes the schedule of an optimiser}."""
    s = library.optim.lr_scheduler
    return {
        "step": lambda o: s.StepLR(o, 7, gamma=0.5),
        "multistep": lambda o: s.MultiStepLR(o, [3, 3, 10, 25], gamma=0.3),
        "exponential": lambda o: s.ExponentialLR(o, 0.9),
        "cosine": lambda o: s.CosineAnnealingLR(o, 9, eta_min=0.01),
        "cosine to zero": lambda o: s.CosineAnnealingLR(o, 5),
        "lambda": lambda o: s.LambdaLR(o, lambda t: 1 / (1 + t)),
        "lambdas": lambda o: s.LambdaLR(o, [lambda t: 0.5**t, lambda t: min(1.0, t / 10)]),
        "linear": lambda o: s.LinearLR(o),
        "linear down": lambda o: s.LinearLR(o, 1.0, 0.0, total_iters=11),
        "warm-up, then cosine": lambda o: s.SequentialLR(
            o, [s.LinearLR(o, 0.1, total_iters=6), s.CosineAnnealingLR(o, 12)], milestones=[6]
        ),
        "three in turn": lambda o: s.SequentialLR(
            o, [s.ExponentialLR(o, 0.8), s.StepLR(o, 3), s.MultiStepLR(o, [2, 9])], milestones=[5, 20]
        ),
    }


NAMES = list(schedules(minigrad))


def rates(optimizer, schedule, steps):
    seen = [schedule.get_last_lr()]
    for _ in range(steps):
        optimizer.step()
        schedule.step()
        assert schedule.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
        seen.append(schedule.get_last_lr())
    return seen


def same(ours, theirs):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a == pytest.approx(b, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_rates(name):
    ours, theirs = (rates(o := optimizer(library), schedules(library)[name](o), STEPS) for library in (minigrad, torch))
    same(ours, theirs)
    assert len({tuple(step) for step in ours}) > 2


@pytest.mark.parametrize("name", NAMES)
def test_a_state_resumes(name):
    whole = rates(o := optimizer(torch), schedules(torch)[name](o), STEPS)
    first = optimizer(minigrad)
    rates(first, schedule := schedules(minigrad)[name](first), 8)
    second = optimizer(minigrad)
    resumed = schedules(minigrad)[name](second)
    second.load_state_dict(first.state_dict())
    resumed.load_state_dict(schedule.state_dict())
    assert resumed.last_epoch == 8
    same(rates(second, resumed, STEPS - 8), whole[8:])


@pytest.mark.parametrize("name", ["step", "multistep", "exponential", "cosine", "linear"])
def test_last_epoch_resumes(name):
    """A schedule made with last_epoch = t goes on as PyTorch's does."""
    kinds = {
        "step": ("StepLR", {"step_size": 7}), "multistep": ("MultiStepLR", {"milestones": [3, 10]}),
        "exponential": ("ExponentialLR", {"gamma": 0.9}), "cosine": ("CosineAnnealingLR", {"T_max": 9}),
        "linear": ("LinearLR", {"total_iters": 12}),
    }  # fmt: skip

    def resumed(library):
        o = optimizer(library)
        kind, settings = kinds[name]
        rates(o, getattr(library.optim.lr_scheduler, kind)(o, **settings), 6)
        return rates(o, getattr(library.optim.lr_scheduler, kind)(o, **settings, last_epoch=5), 12)

    same(resumed(minigrad), resumed(torch))


MEASURES = [5, 4, 4, 4, 3.9999, 3.9, 4, 4, 4, 4, 4, 4, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2, 2.5, 3, 3, 3, 3, float("nan"), 3, 3]


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
@pytest.mark.parametrize(
    "settings",
    [
        {"patience": 2},
        {"patience": 0, "cooldown": 3, "factor": 0.5},
        {"patience": 1, "threshold": 0.2, "min_lr": 0.01},
        {"patience": 1, "min_lr": [0.1, 0.001], "eps": 0.01},
    ],
)
def test_plateau(mode, threshold_mode, settings):
    def falling(library):
        o = optimizer(library)
        s = library.optim.lr_scheduler.ReduceLROnPlateau(o, mode, threshold_mode=threshold_mode, **settings)
        seen = [s.get_last_lr()]
        for measure in MEASURES:
            s.step(library.tensor(measure))
            seen.append([*s.get_last_lr(), s.num_bad_epochs, s.cooldown_counter, s.last_epoch])
        return seen

    same(falling(minigrad), falling(torch))


def mistakes(library):
    s, o = library.optim.lr_scheduler, optimizer(library)
    return {
        "linear start": lambda: s.LinearLR(o, 0),
        "linear end": lambda: s.LinearLR(o, end_factor=1.5),
        "lambdas": lambda: s.LambdaLR(o, [abs]),
        "factor": lambda: s.ReduceLROnPlateau(o, factor=1.0),
        "mode": lambda: s.ReduceLROnPlateau(o, "least"),
        "threshold mode": lambda: s.ReduceLROnPlateau(o, threshold_mode="part"),
        "least rates": lambda: s.ReduceLROnPlateau(o, min_lr=[0.1]),
        "no optimiser": lambda: s.StepLR(3, 1),
        "none to plateau": lambda: s.ReduceLROnPlateau(3),
        "none in turn": lambda: s.SequentialLR(o, [], []),
        "milestones": lambda: s.SequentialLR(o, [s.StepLR(o, 1)], [3]),
        "plateau in turn": lambda: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []),
    }


@pytest.mark.parametrize("name", list(mistakes(minigrad)))
def test_says_what_pytorch_says(name):
    said = []
    for library in (minigrad, torch):
        with pytest.raises((TypeError, ValueError)) as caught:
            mistakes(library)[name]()
        said.append((caught.type, str(caught.value)))
    assert said[0] == said[1]
