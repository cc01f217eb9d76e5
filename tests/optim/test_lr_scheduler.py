"""Schedules against their closed forms, and what they warn of."""

import math

import pytest

import layers as nn
import minigrad as torch
from minigrad.optim import SGD, lr_scheduler


def started(lr=0.4):
    return SGD([nn.Parameter(torch.ones(1))], lr=lr)


def rates(optimizer, schedule, steps):
    seen = schedule.get_last_lr()
    for _ in range(steps):
        optimizer.step()
        schedule.step()
        seen = seen + schedule.get_last_lr()
    return seen


CLOSED = [
    (lambda o: lr_scheduler.StepLR(o, 4, 0.5), lambda t: 0.5 ** (t // 4)),
    (lambda o: lr_scheduler.MultiStepLR(o, [2, 2, 9], 0.5), lambda t: 0.5 ** (2 * (t >= 2) + (t >= 9))),
    (lambda o: lr_scheduler.ExponentialLR(o, 0.9), lambda t: 0.9**t),
    (lambda o: lr_scheduler.CosineAnnealingLR(o, 7), lambda t: (1 + math.cos(math.pi * t / 7)) / 2),
    (lambda o: lr_scheduler.LinearLR(o, 0.2, 0.8, 6), lambda t: 0.2 + 0.6 * min(t, 6) / 6),
    (lambda o: lr_scheduler.LambdaLR(o, lambda t: t * t), lambda t: t * t),
]


@pytest.mark.parametrize(("make", "closed"), CLOSED)
def test_closed_forms(make, closed):
    optimizer = started()
    assert rates(optimizer, make(optimizer), 30) == pytest.approx([0.4 * closed(t) for t in range(31)], abs=1e-12)


@pytest.mark.parametrize(("make", "closed"), CLOSED)
def test_going_to_an_epoch(make, closed):
    optimizer = started()
    schedule = make(optimizer)
    optimizer.step()
    with pytest.warns(UserWarning, match="epoch parameter"):
        schedule.step(5)
    assert schedule.get_last_lr() == pytest.approx([0.4 * closed(5)])
    assert schedule.last_epoch == 5


def test_schedules_side_by_side_multiply():
    optimizer = started()
    warm, decay = lr_scheduler.LinearLR(optimizer, 0.5, total_iters=4), lr_scheduler.ExponentialLR(optimizer, 0.9)
    for _ in range(6):
        optimizer.step()
        warm.step()
        decay.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.4 * 0.9**6)


def test_a_step_before_the_optimisers_is_warned_of():
    optimizer = started()
    schedule = lr_scheduler.StepLR(optimizer, 3)
    with pytest.warns(UserWarning, match=r"Detected call of `lr_scheduler\.step\(\)` before `optimizer\.step\(\)`"):
        schedule.step()


def test_an_optimiser_with_a_step_of_its_own_is_not_warned_of():
    class Still(SGD):
        def step(self, closure=None):
            return None

    optimizer = Still([nn.Parameter(torch.ones(1))])
    lr_scheduler.StepLR(optimizer, 1).step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-4)


def test_resuming_needs_the_initial_rates():
    with pytest.raises(KeyError, match=r"'initial_lr' is not specified in param_groups\[0\]"):
        lr_scheduler.StepLR(started(), 3, last_epoch=4)


def test_a_lambda_that_is_an_object_is_saved():
    class Scale:
        def __init__(self, by):
            self.by = by

        def __call__(self, t):
            return self.by

    first, second = started(), started()
    schedule = lr_scheduler.LambdaLR(first, Scale(0.5))
    resumed = lr_scheduler.LambdaLR(second, Scale(0.1))
    state = schedule.state_dict()
    assert state["lr_lambdas"] == [{"by": 0.5}]
    resumed.load_state_dict(state)
    second.step()
    resumed.step()
    assert second.param_groups[0]["lr"] == pytest.approx(0.2)
    assert lr_scheduler.LambdaLR(first, lambda t: 1.0).state_dict()["lr_lambdas"] == [None]


def test_states_are_saved_as_plain_data(tmp_path):
    optimizer = started()
    schedule = lr_scheduler.SequentialLR(
        optimizer, [lr_scheduler.LinearLR(optimizer), lr_scheduler.MultiStepLR(optimizer, [3, 3, 4])], [5]
    )
    torch.save(schedule.state_dict(), tmp_path / "schedule")
    assert torch.load(tmp_path / "schedule") == schedule.state_dict()


def test_plateau_needs_as_many_least_rates_as_groups():
    optimizer = started()
    listed = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, min_lr=[0.1])
    single = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, min_lr=0.3)
    optimizer.add_param_group({"params": [nn.Parameter(torch.ones(1))]})
    single.step(1.0)
    single.step(1.0)
    assert single.get_last_lr() == [0.3, 0.3]
    listed.step(1.0)
    with pytest.raises(RuntimeError, match=r"number of param groups in the `optimizer` \(2\) differs"):
        listed.step(1.0)


def test_sequences_are_checked():
    optimizer, other = started(), started()
    with pytest.raises(ValueError, match="expects all schedulers to belong to the same optimizer"):
        lr_scheduler.SequentialLR(optimizer, [lr_scheduler.StepLR(other, 1)], [])
    inner = lr_scheduler.SequentialLR(optimizer, [lr_scheduler.StepLR(optimizer, 1)], [])
    with pytest.raises(ValueError, match="does not take another one"):
        lr_scheduler.SequentialLR(optimizer, [inner], [])


def test_a_missing_schedule_names_the_nearest():
    with pytest.raises(AttributeError, match="Did you mean 'StepLR'"):
        torch.optim.lr_scheduler.StepLr
    with pytest.raises(NotImplementedError):
        lr_scheduler.LRScheduler(started())
