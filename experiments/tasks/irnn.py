"""The IRNN: rectified units whose recurrent weights begin as the identity learn long lags that tanh units do not.

    h_t = max(0, W_ih x_t + W_hh h_{t−1} + b),      W_hh = I,   b = 0   at first                                          (1)

As long as no unit is shut off, J_t = diag([h_t > 0]) W_hh is the identity: what is in h stays, and ‖∂L/∂h_t‖ is the same at all
steps. Beside it a tanh network with weights as libraries draw them, whose gradient vanishes, and an LSTM whose forget gate
begins with bias 1. The task is adding (`adding`), the optimiser Adam, the gradient is clipped; all networks see the same
batches.

The IRNN is there twice. Judged is (1) with all other weights as libraries draw them, `layers.RNN(…, nonlinearity="relu",
init="identity")`. Reported is the paper's own beginning, W_ih and the read-out from N(0, .001²): its gradient is as flat,
but in these few updates it gets less far. The paper trains far longer, at learning rates that were searched for.

Le, Jaitly and Hinton 2015, "A simple way to initialize recurrent networks of rectified linear units", §4.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..lab import Arrays, Claim, option
from .comparison import AddingConfig, adding_experiment, after_all_updates, constant_claims, each, final
from .learning import seeds_of
from .networks import Kind

LE = "Le, Jaitly and Hinton 2015, A simple way to initialize recurrent networks of rectified linear units, §4.1 (from memory)"
KINDS: tuple[Kind, ...] = ("tanh", "identity", "irnn", "lstm")


@dataclass(frozen=True, kw_only=True)
class Config(AddingConfig):
    """Settings of the experiment."""

    updates: int = option(3000, "updates of each training", quick=400, low=1)
    every: int = option(100, "updates between two looks at the test sequences", quick=100, low=1)


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """The IRNN learns to add, as the LSTM does; the tanh network is stuck."""
    what = f"test MSE, T = {config.T}, {config.H} units, the median after {seeds_of(config)}"
    identity, irnn, tanh, lstm = (final(arrays, kind) for kind in ("identity", "irnn", "tanh", "lstm"))
    learned = [
        Claim.at_most(f"IRNN: {what} ({each(arrays, 'identity')})", f"{LE}: learns it", bound=0.01, obtained=identity),
        Claim.at_least(f"tanh RNN: {what} ({each(arrays, 'tanh')})", f"{LE}: stuck", bound=0.05, obtained=tanh),
    ]
    return [
        *(after_all_updates(config, claim) for claim in learned),
        Claim.reported(f"LSTM: {what} ({each(arrays, 'lstm')})", LE, expected="about the IRNN's", obtained=lstm),
        Claim.reported(
            f"IRNN, other weights N(0, .001²): {what} ({each(arrays, 'irnn')})", LE, expected="learns it", obtained=irnn
        ),
        *constant_claims(config, arrays),
    ]


EXPERIMENT = adding_experiment(
    KINDS,
    name="irnn",
    summary="ReLU units that begin with W_hh = I learn to add over 100 steps, tanh units do not",
    source="Le, Jaitly and Hinton 2015",
    config=Config,
    claims=claims,
)
