"""What `adding` and `irnn` share: networks that learn to add two numbers out of a long sequence, and how they are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from minigrad import optim

from ..lab import Arrays, Claim, Experiment, Record, Table, option
from ..lab.figures import new_figure
from .learning import Learner, LearningConfig, learn, plural, seeds_of
from .networks import LABELS, SHORT, Kind
from .pictures import STYLES, draw_baseline, draw_curves, draw_gradients, finish_gradients
from .sequences import Adding

CONSTANT = 1 / 6
"""The mean squared error of predicting 1 always: the variance of the sum of two numbers uniform in [0, 1)."""


@dataclass(frozen=True, kw_only=True)
class AddingConfig(LearningConfig):
    """Settings of an experiment on adding."""

    T: int = option(100, "steps", quick=30, low=2)
    H: int = option(64, "units of each network", low=1)
    lr: float = option(0.001, "learning rate of Adam", low=0)
    clip: float = option(1.0, "norm the gradient is clipped to", low=0)


def learn_to_add(config: AddingConfig, kinds: tuple[Kind, ...], record: Record) -> Arrays:
    """Train every kind with every seed; beside it the loss of predicting 1 on the test sequences, and its standard error."""
    task = Adding(config.T)
    learners = [
        Learner(
            name=kind, task=task, kind=kind, H=config.H, max_norm=config.clip, optimizer=lambda p: optim.Adam(p, lr=config.lr)
        )
        for kind in kinds
    ]
    _, y = task.draw(np.random.default_rng((config.seed, 0)), config.test)
    losses = (y - 1) ** 2
    constant = {"constant": losses.mean(), "constant_error": losses.std(ddof=1) / np.sqrt(config.test)}
    return {name: np.array(value) for name, value in constant.items()} | learn(learners, config, record)


def final(arrays: Arrays, kind: Kind) -> float:
    """The median over the seeds of the test loss after the last update."""
    return float(np.median(arrays[f"{kind}_mse"][:, -1]))


def each(arrays: Arrays, kind: Kind) -> str:
    """The test loss of every seed, in words."""
    return ", ".join(f"{value:.4f}" for value in arrays[f"{kind}_mse"][:, -1])


def after_all_updates(config: AddingConfig, claim: Claim) -> Claim:
    """The claim, which is about networks that have had all the updates of the experiment; with fewer it is reported only."""
    full = type(config)()
    if config.updates >= full.updates:
        return claim
    expected = f"{claim.expected} after {full.updates} updates"
    return Claim.reported(claim.sentence, claim.source, expected=expected, obtained=claim.obtained)


def exact_constant() -> float:
    """E (u + u' − 1)², the integral over the unit square, by Gauss and Legendre's rule, exact for polynomials like this one."""
    nodes, weights = np.polynomial.legendre.leggauss(4)
    u, w = (nodes + 1) / 2, weights / 2
    return float(w @ (u[:, None] + u - 1) ** 2 @ w)


def constant_claims(config: AddingConfig, arrays: Arrays) -> list[Claim]:
    """The loss of predicting 1 always, as an integral and on the test sequences."""
    return [
        Claim.equal(
            "Predicting 1 always: E (u + u′ − 1)² by quadrature", "closed form, 1/6",
            expected=CONSTANT, obtained=exact_constant(), tolerance=1e-12,
        ),
        Claim.equal(
            f"the same on the {config.test} test sequences, within 4 standard errors", "closed form, 1/6",
            expected=CONSTANT, obtained=float(arrays["constant"]), tolerance=4 * float(arrays["constant_error"]),
        ),
    ]  # fmt: skip


def losses_table(config: AddingConfig, kinds: tuple[Kind, ...], arrays: Arrays) -> Table:
    """The test loss of every kind, and when its gradient was clipped."""
    rows = []
    for kind in kinds:
        losses = arrays[f"{kind}_mse"][:, -1]
        norms = arrays[f"{kind}_grad_norm_median"], arrays[f"{kind}_grad_norm_largest"]
        figures = [f"{value:.4f}" for value in (np.median(losses), losses.min(), losses.max())]
        sizes = [f"{np.median(norms[0]):.3g}", f"{np.max(norms[1]):.3g}"]
        rows.append([SHORT[kind], *figures, *sizes, f"{arrays[f'{kind}_skipped'].sum():.0f}"])
    rows.append(["predicting 1", *[f"{arrays['constant']:.4f}"] * 3, "-", "-", "-"])
    title = f"Adding, T = {config.T}, H = {config.H}: test MSE after {seeds_of(config)}"
    return Table(title, ["network", "median", "least", "most", "norm of g", "largest", "skipped"], rows)


def adding_experiment(
    kinds: tuple[Kind, ...], *, name: str, summary: str, source: str, config: type[AddingConfig],
    claims: Callable[[Any, Arrays], list[Claim]],
) -> Experiment[Any]:  # fmt: skip
    """The experiment that trains these kinds of networks to add."""

    def run(config: AddingConfig, record: Record) -> Arrays:
        return learn_to_add(config, kinds, record)

    def table(config: AddingConfig, arrays: Arrays) -> Table:
        return losses_table(config, kinds, arrays)

    def plot(config: AddingConfig, arrays: Arrays) -> Figure:
        return draw(config, kinds, arrays)

    return Experiment(
        name=name,
        summary=summary,
        source=source,
        runtime="3 min",
        config=config,
        run=run,
        claims=claims,
        plot=plot,
        table=table,
    )


def draw(config: AddingConfig, kinds: tuple[Kind, ...], arrays: Arrays) -> Figure:
    """The test loss against the updates; ‖∂L/∂h_t‖ against t before and after training."""
    figure = new_figure(13, 4.6)
    curves, *panels = figure.subplots(1, 3, width_ratios=(1.5, 1, 1))
    for kind in kinds:
        colour, line = STYLES[kind]
        draw_curves(curves, config.looked_at, arrays[f"{kind}_mse"], label=LABELS[kind], colour=colour, line=line)
        for when, panel in enumerate(panels):
            draw_gradients(panel, arrays[f"{kind}_ln_gradient"][:, when], kind)
    draw_baseline(curves, CONSTANT, "predicting 1: 1/6")
    lowest = min(0.05, *(np.nanmin(arrays[f"{kind}_mse"], initial=1.0) for kind in kinds))
    curves.set(yscale="log", xlabel="updates", ylabel="test mean squared error", ylim=(lowest / 1.5, 1.0))
    curves.set_title(rf"Adding, $T = {config.T}$, $H = {config.H}$: {plural(config.seeds, 'seed')}, the median thick")
    curves.legend(loc="lower left")
    finish_gradients(panels, ("before training", f"after {config.updates} updates"))
    panels[0].legend(loc="best")
    return figure
