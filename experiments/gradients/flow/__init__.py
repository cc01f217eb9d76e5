"""The plot everyone draws: ‖dL/dh_t‖ against t, for networks that read text.

    e_t = E[x_t]                                              the character x_t, embedded
    s_t = cell(e_t, s_{t-1}),   s_0 = 0                       s_t = h_t (Elman, GRU) or [h_t; c_t] (LSTM)
    L_t = cross-entropy(V h_t + b, x_{t+1})                   the next character

With the loss at T only, L = L_T, the gradient is dL/ds_t = g_T J_T ⋯ J_{t+1}, where g_T is dL_T/ds_T by way of the read-out
alone and J_k = ∂s_k/∂s_{k-1}: diag(φ'(a_k)) W_hh in an Elman network. Three quantities, often taken for one another:

    ‖dL/dh_t‖           what arrives at h_t: one row vector sent through the product
    ‖J_T ⋯ J_{t+1}‖₂    the most that a g_T of length 1 could bring to s_t
    Π_k ‖J_k‖₂          the textbook's bound on that, k = t+1 … T

The first is what `bptt.trace` saw in the fused layers; the others, and the check of the first, come from `formula`. A batch's
losses are summed, never averaged: row b of dL/dh_t is dL_b/dh_t, the gradient of one sequence, and a curve is the median of
its norm over the sequences. Read networks.py, measure.py, formula.py; trained.py measures a model that another run trained.

Hochreiter 1991; Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013, §2; Jozefowicz, Zaremba and Sutskever 2015.
"""

from __future__ import annotations

from matplotlib.figure import Figure

from ...lab import Arrays, Experiment, Record, Table
from . import characters, claims, trained
from .settings import Config


def run(config: Config, record: Record) -> Arrays:
    """Measure networks that read characters or, with ``--from RUN``, the model that another run trained."""
    return characters.run(config, record) if config.trained is None else trained.run(config, config.trained, record)


def plot(config: Config, arrays: Arrays) -> dict[str, Figure]:
    """The figures by name."""
    return characters.plot(config, arrays) if config.trained is None else trained.plot(config, arrays)


def table(config: Config, arrays: Arrays) -> Table:
    """log₁₀‖dL/dh_1‖ and the largest Lyapunov exponent of every network."""
    return characters.table(config, arrays) if config.trained is None else trained.table(config, arrays)


EXPERIMENT = Experiment(
    name="flow",
    summary="the norm of dL/dh_t against t: vanishing, exploding, carried (Elman at several gains, LSTM, GRU)",
    source="Hochreiter 1991; Bengio et al. 1994; Pascanu et al. 2013",
    runtime="50 s",
    config=Config,
    run=run,
    claims=claims.claims,
    plot=plot,
    table=table,
)
