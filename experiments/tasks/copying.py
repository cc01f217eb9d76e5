"""The copying problem: ten symbols are read, and said again T steps later, when a sign says go.

A network that remembers nothing says blank until the sign and then guesses one of the eight symbols at each of the last ten
steps. Of all networks without a memory it is the best one, with the mean cross-entropy

    L = 10 ln 8 / (T + 20)                                                                                               (1)

Here (1) is compared with an enumeration: for each step t the joint distribution of what is read and what is to be said there,
over all values of the symbols that step shows, gives the entropy H(y_t | x_t), and L is its mean over the T + 20 steps. Nobody
needs to remember anything for it but which step it is.

Then networks learn the task by RMSprop from the same batches. How far below (1) each gets is reported; the question is whether
the gradient of the last ten steps, which has to go back T steps, reaches the first ten.

Arjovsky, Shah and Bengio 2016, "Unitary evolution recurrent neural networks", §4.1 (the task as in their code); Hochreiter
and Schmidhuber 1997.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from matplotlib.figure import Figure

from minigrad import optim

from .. import lab
from ..lab import Arrays, Claim, Experiment, Record, Table, option
from ..lab.figures import new_figure
from .learning import Learner, LearningConfig, learn, seeds_of
from .networks import LABELS, SHORT, Kind
from .pictures import STYLES, draw_baseline, draw_curves, draw_gradients, finish_gradients
from .sequences import Copying

ARJOVSKY = "Arjovsky, Shah and Bengio 2016, Unitary evolution recurrent neural networks, §4.1"
SECONDARY = f"{ARJOVSKY} (as quoted in secondary sources)"


@dataclass(frozen=True, kw_only=True)
class Config(LearningConfig):
    """Settings of the experiment."""

    T: tuple[int, ...] = option((20, 50), "delays to try", quick=(5, 10), low=1)
    kinds: tuple[Kind, ...] = option(
        ("tanh", "irnn", "lstm"), "networks to train; irnn: ReLU, W_hh = I, other weights N(0, .001²)"
    )
    units: tuple[int, ...] = option((80, 80, 40), "units of each of them: about as many weights", low=1)
    updates: int = option(5000, "updates of each training", quick=200, low=1)
    every: int = option(250, "updates between two looks at the test sequences", quick=50, low=1)
    lr: float = option(0.001, "learning rate of RMSprop", low=0)
    decay: float = option(0.9, "what RMSprop keeps of its mean of squares", low=0)
    clip: float = option(1.0, "norm the gradient is clipped to", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.units) != len(self.kinds):
            raise lab.UsageError(f"units: give one number for each of the {len(self.kinds)} kinds, not {len(self.units)}")


def memoryless(task: Copying) -> float:
    """The loss (1) by the formula, n ln K / (T + 2 n)."""
    return float(task.n * np.log(task.K) / task.steps)


def enumerated(task: Copying) -> float:
    """The mean over the steps t of H(y_t | x_t), by enumeration.

    A step shows at most two of the n symbols: the one that is read, the one that is to be said. The others are independent of
    them, so that all values of these two, each as likely, give the joint distribution of x_t and y_t.
    """
    total = 0.0
    for t in range(task.steps):
        shown = sorted({place for place in (t, t - task.T - task.n) if 0 <= place < task.n})
        words = np.ones((task.K ** len(shown), task.n), dtype=np.int64)
        words[:, shown] = list(product(range(1, task.K + 1), repeat=len(shown)))
        total += conditional_entropy(*(ids[t] for ids in task.sequences(words)))
    return total / task.steps


def conditional_entropy(x: np.ndarray, y: np.ndarray) -> float:
    """H(y | x) of pairs that are all as likely, in nats: Σ_x,y −p(x, y) ln p(y | x)."""
    counts = np.zeros((x.max() + 1, y.max() + 1))
    np.add.at(counts, (x, y), 1)
    rows = counts.sum(axis=1, keepdims=True)
    there = counts > 0
    share = np.divide(counts, rows, out=np.ones_like(counts), where=there)
    return float(-(counts * np.log(share)).sum() / len(x))


def run(config: Config, record: Record) -> Arrays:
    """Per delay T: (1) enumerated, and the test loss on the way and the gradients of every kind and seed."""
    learners = [
        Learner(
            name=f"T{T}_{kind}",
            task=Copying(T),
            kind=kind,
            H=H,
            optimizer=lambda p: optim.RMSprop(p, lr=config.lr, alpha=config.decay),
            max_norm=config.clip,
        )
        for T in config.T
        for kind, H in zip(config.kinds, config.units)
    ]
    return {"enumerated": np.array([enumerated(Copying(T)) for T in config.T])} | learn(learners, config, record)


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """The loss without a memory by enumeration and by the formula; the trained networks beside it."""
    found = []
    for T, ideal in zip(config.T, arrays["enumerated"]):
        formula = memoryless(Copying(T))
        found.append(
            Claim.equal(
                f"T = {T}: the least loss without a memory, by enumeration, is 10 ln 8/(T + 20)",
                f"{ARJOVSKY} (the task as in their code, read)", expected=formula, obtained=float(ideal), tolerance=1e-10,
            )
        )  # fmt: skip
        for kind in config.kinds:
            losses = arrays[f"T{T}_{kind}_loss"][:, -1]
            words = ", ".join(f"{value:.4f}" for value in losses)
            published = {"tanh": f"{formula:.4f}, stays there"}.get(kind)
            found.append(
                Claim.reported(
                    f"T = {T}: {SHORT[kind]}, test cross-entropy, the median after {seeds_of(config)} ({words})",
                    SECONDARY, expected=published, obtained=f"{np.median(losses):.4f}",
                )
            )  # fmt: skip
    return found


def table(config: Config, arrays: Arrays) -> Table:
    """The test loss of every kind, against the one without a memory, and how many of the ten symbols are right."""
    rows = []
    for T, ideal in zip(config.T, arrays["enumerated"]):
        rows.append([f"T = {T}, no memory", "-", f"{ideal:.4f}", "-", "-", "1.00", "0.125", "-", "-"])
        for kind, H in zip(config.kinds, config.units):
            name = f"T{T}_{kind}"
            losses, right = arrays[f"{name}_loss"][:, -1], np.median(arrays[f"{name}_right"][:, -1])
            figures = [f"{value:.4f}" for value in (np.median(losses), losses.min(), losses.max())]
            norms = (
                f"{np.median(arrays[f'{name}_grad_norm_median']):.3g}",
                f"{np.max(arrays[f'{name}_grad_norm_largest']):.3g}",
            )
            rows.append([f"{SHORT[kind]}", f"{H}", *figures, f"{np.median(losses) / ideal:.2f}", f"{right:.3f}", *norms])
    title = f"Copying ten symbols: test cross-entropy after {seeds_of(config)}"
    return Table(title, ["network", "H", "median", "least", "most", "of memoryless", "right", "norm of g", "largest"], rows)


def plot(config: Config, arrays: Arrays) -> Figure:
    """For each delay the test loss against the updates, with (1); the gradient step by step, before and after training."""
    figure = new_figure(13, 4.2 * len(config.T))
    grid = figure.subplots(len(config.T), 3, width_ratios=(1.5, 1, 1), squeeze=False)
    for (curves, *panels), T, ideal in zip(grid, config.T, arrays["enumerated"]):
        for kind in config.kinds:
            colour, line = STYLES[kind]
            name = f"T{T}_{kind}"
            draw_curves(curves, config.looked_at, arrays[f"{name}_loss"], label=LABELS[kind], colour=colour, line=line)
            for when, panel in enumerate(panels):
                draw_gradients(panel, arrays[f"{name}_ln_gradient"][:, when], kind)
        draw_baseline(curves, float(ideal), rf"no memory: $10\,\ln 8/(T + 20) = {ideal:.3f}$")
        curves.set(xlabel="updates", ylabel="test cross-entropy", ylim=(0, 2.2 * ideal), title=f"Copying, $T = {T}$")
        curves.legend(loc="lower left")
        finish_gradients(panels, ("before training", f"after {config.updates} updates"))
        for panel in panels:
            for first, word in ((0.5, "read"), (T + 10.5, "say")):
                panel.axvspan(first, first + 10, color="#E8E8E8", zorder=0, linewidth=0)
                panel.text(first + 5, 0.98, word, transform=panel.get_xaxis_transform(), ha="center", va="top", fontsize=10)
    grid[0, 1].legend(loc="best", fontsize=9)
    return figure


EXPERIMENT = Experiment(
    name="copy",
    summary="ten symbols, said again T steps later: how far below 10 ln 8/(T + 20), the loss without a memory?",
    source="Arjovsky, Shah and Bengio 2016, §4.1",
    runtime="6 min",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
