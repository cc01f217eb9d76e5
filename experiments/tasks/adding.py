"""The adding problem: two numbers out of a hundred are marked, and their sum is asked for at the end.

    x_t = (u_t, m_t),   u_t uniform in [0, 1),   m_t = 1 at two steps, one in each half,   y = Σ_t m_t u_t               (1)

A network of eight units reads x_1 … x_T and says z_T = V h_T + b; L is the mean of (z_T − y)². Always predicting 1 costs 1/6.
An LSTM carries both numbers to the end. In an Elman network with tanh the gradient that should tell it to is lost on the way:
at first ‖∂L/∂h_t‖ falls by a constant factor at every step back, while the LSTM's ‖∂L/∂c_t‖ does so far more slowly.

Both networks learn by Adam from the same batches, with the gradient clipped (Pascanu et al. 2013). Judged are medians over
the seeds after all updates, on test sequences of their own; medians, as single trainings differ a lot.

Hochreiter and Schmidhuber 1997, "Long short-term memory", experiment 4.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..lab import Arrays, Claim, option
from .comparison import AddingConfig, adding_experiment, after_all_updates, constant_claims, each, final
from .learning import seeds_of
from .networks import Kind

SOURCE = "Hochreiter and Schmidhuber 1997, Long short-term memory, experiment 4 (figures as quoted in secondary sources)"
KINDS: tuple[Kind, Kind] = ("tanh", "lstm")


@dataclass(frozen=True, kw_only=True)
class Config(AddingConfig):
    """Settings of the experiment."""

    H: int = option(8, "units of each network", low=1)
    updates: int = option(8000, "updates of each training", quick=500, low=1)
    every: int = option(200, "updates between two looks at the test sequences", quick=100, low=1)
    seeds: int = option(5, "trainings of each kind, with seed, seed + 1, …", quick=2, low=1)
    lr: float = option(0.01, "learning rate of Adam", low=0)


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """The LSTM learns to add, the tanh network does far worse; what predicting 1 costs."""
    what = f"test MSE, T = {config.T}, {config.H} units, the median after {seeds_of(config)}"
    lstm, tanh = final(arrays, "lstm"), final(arrays, "tanh")
    learned = [
        Claim.at_most(f"LSTM: {what} ({each(arrays, 'lstm')})", f"{SOURCE}: LSTM .0007", bound=0.02, obtained=lstm),
        Claim.at_least(
            "tanh RNN over LSTM: the ratio of these medians", f"{SOURCE}: .07 over .0007", bound=3.0, obtained=tanh / lstm
        ),
    ]
    return [
        *(after_all_updates(config, claim) for claim in learned),
        Claim.reported(f"tanh RNN: {what} ({each(arrays, 'tanh')})", SOURCE, expected=0.07, obtained=tanh),
        *constant_claims(config, arrays),
    ]


EXPERIMENT = adding_experiment(
    KINDS,
    name="adding",
    summary="adding two marked numbers out of a hundred: an LSTM learns it, a tanh network hardly",
    source="Hochreiter and Schmidhuber 1997, experiment 4",
    config=Config,
    claims=claims,
)
