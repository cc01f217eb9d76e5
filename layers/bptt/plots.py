"""Pictures of a trace, one function each.

Every function draws on the Axes it is given, or on a new figure's, and returns the Axes; `ax.figure.savefig(path)` writes it.
Norms are drawn as log₁₀, so that they can go on where float32 ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import Tensor

from .axes import COLOURS, axes, next_colour, to_numpy
from .steps import Steps
from .telemetry import SIGMOIDS, Clipping, Saturation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FLOAT32_FLOOR = float(np.log10(np.finfo(np.float32).smallest_subnormal))
SYMBOLS = {
    "h": "h_t", "c": "c_t", "x": "x_t", "dh": r"\partial L/\partial h_t", "dc": r"\partial L/\partial c_t",
    "dx": r"\partial L/\partial x_t",
}  # fmt: skip
MARKS = {"i": "o", "f": "s", "o": "^", "r": "o", "z": "s"}


def plot_states(steps: Steps, name: str = "h", ax: Axes | None = None, *, sequence: int = 0) -> Axes:
    """Draw a state, a gate or a gradient, unit by step; gradients on a logarithmic scale of four decades to either side.

    Args:
        steps: `trace[0]`.
        name: "h", "c", "x", "dh", "dc", "dx", or a gate's name.
        ax: where to draw; None for a new figure.
        sequence: which of the batch.
    """
    ax = axes(ax)
    gate = name in steps.gates and name not in SYMBOLS
    values = to_numpy(steps.gates[name] if gate else getattr(steps, name))[:, sequence].T
    image = ax.imshow(values, aspect="auto", interpolation="nearest", origin="lower", **_colours(values, name, gate))
    symbol = f"{name}_t" if gate else SYMBOLS[name]
    ax.set(xlabel="time step $t$", ylabel="unit", title=f"${symbol}$")
    _figure(ax).colorbar(image, ax=ax)
    return ax


def plot_norms(steps: Steps, names: tuple[str, ...] = ("dh",), ax: Axes | None = None, *, label: str = "") -> Axes:
    """Draw log₁₀ of the norms of gradients (or states) against time, through the floor of float32 where they fall so far.

    Args:
        steps: `trace[0]`.
        names: as `Steps.norms` takes them.
        ax: where to draw; None for a new figure. Several layers may share it.
        label: in front of the symbol in the legend, "layer 0".
    """
    ax = axes(ax)
    lowest = 0.0
    for name in names:
        values = to_numpy(steps.norms(name, log=True).values) / np.log(10)
        values = np.where(np.isfinite(values), values, np.nan)
        ax.plot(values, color=next_colour(ax), label=rf"{label} $\|{SYMBOLS[name]}\|$".strip())
        lowest = min(lowest, np.nanmin(values, initial=0.0))
    if lowest < FLOAT32_FLOOR / 2 and "smallest float32" not in ax.get_legend_handles_labels()[1]:
        ax.axhline(FLOAT32_FLOOR, color="black", linestyle="--", linewidth=1, label="smallest float32")
    ax.set(xlabel="time step $t$", ylabel=r"$\log_{10}\|\cdot\|$", title="Norms at every step")
    ax.legend()
    return ax


def plot_flow(norms: Tensor, ax: Axes | None = None, *, log: bool = False, decades: float | None = None) -> Axes:
    """Draw the map of ‖∂L_t/∂h_k‖, losses downwards and steps to the right.

    Args:
        norms: (N, T), of `bptt.flow`.
        ax: where to draw; None for a new figure.
        log: whether `norms` are natural logarithms.
        decades: how far below the largest the colours reach; None: as far as the smallest.
    """
    ax = axes(ax)
    with np.errstate(divide="ignore"):
        values = to_numpy(norms) / np.log(10) if log else np.log10(to_numpy(norms))
    shown = np.ma.masked_invalid(values)
    top = float(shown.max()) if shown.count() else 0.0
    low = top - decades if decades is not None else float(shown.min()) if shown.count() else top - 1
    image = ax.imshow(shown, aspect="auto", interpolation="nearest", cmap="viridis", vmin=low, vmax=max(top, low + 1e-9))
    label = r"$\log_{10}\|\partial L_t/\partial h_k\|$"
    _figure(ax).colorbar(image, ax=ax, label=label, extend="min" if decades is not None else "neither")
    ax.set(xlabel="step $k$ of the state", ylabel="step $t$ of the loss", title="How far back every loss reaches")
    return ax


def plot_paths(steps: Steps, state: str = "h", ax: Axes | None = None) -> Axes:
    """Draw how large each path from state_t to the state before it is: log₁₀ of the norm of what comes back through it.

    Args:
        steps: `trace[0]`.
        state: to which state, "h" or "c".
        ax: where to draw; None for a new figure.
    """
    ax = axes(ax)
    parts = steps.paths()[state]
    styles = ("-", "--", "-.", ":")
    for k, (name, part) in enumerate(parts.items()):
        label = f"${name}$" if name in "hc" else f"through ${name}$"
        ax.plot(_log10_norm(part), styles[k % 4], color=COLOURS[k], label="state to state" if name in "hc" else label)
    total = sum(list(parts.values())[1:], next(iter(parts.values())))
    ax.plot(_log10_norm(total), color="black", linewidth=0.8, label="all together")
    ax.set(
        xlabel="time step $t$",
        ylabel=r"$\log_{10}\|\cdot\|$",
        title=rf"Paths through step $t$ to $\partial L/\partial {state}_{{t-1}}$",
    )
    ax.legend()
    return ax


def plot_jacobians(steps: Steps, ax: Axes | None = None, *, sequence: int = 0) -> Axes:
    """Draw the singular values of every step Jacobian J_t = ∂state_t/∂state_{t−1}, and its spectral radius.

    Args:
        steps: `trace[0]`.
        ax: where to draw; None for a new figure.
        sequence: which of the batch.
    """
    ax = axes(ax)
    J = to_numpy(steps.jacobians()[:, sequence])
    singular = np.linalg.svd(J, compute_uv=False)
    ax.plot(singular[:, 1:], color="#9AA5B1", linewidth=0.6)
    if singular.shape[1] > 1:
        ax.plot([], [], color="#9AA5B1", linewidth=0.6, label=rf"$\sigma_2,\ldots,\sigma_{{{singular.shape[1]}}}$")
    ax.plot(singular[:, 0], color=COLOURS[0], label=r"$\sigma_1=\|J_t\|_2$")
    ax.plot(np.abs(np.linalg.eigvals(J)).max(-1), "--", color=COLOURS[1], label=r"$\rho(J_t)$")
    ax.axhline(1, color="black", linewidth=0.8)
    ax.set_ylim(0, 1.35 * max(1.0, float(singular.max())))
    state = "[h; c]" if len(steps.linear.states) == 2 else "h"
    ax.set(xlabel="time step $t$", ylabel="singular values", title=rf"$J_t=\partial {state}_t/\partial {state}_{{t-1}}$")
    ax.legend(loc="upper center", ncols=3)
    return ax


def plot_shares(steps: Steps, ax: Axes | None = None) -> Axes:
    """Draw ‖dW_hh‖ and ‖dW_ih‖ of every step: how much of the weights' gradient each step contributes.

    Args:
        steps: `trace[0]`.
        ax: where to draw; None for a new figure.
    """
    ax = axes(ax)
    for k, (share, symbol) in enumerate(((steps.weight_hh, r"W_{hh}"), (steps.weight_ih, r"W_{ih}"))):
        norms = np.array([np.linalg.norm(to_numpy(share(t)).astype(float)) for t in range(len(steps.h))])
        ax.plot(
            np.where(norms > 0, norms, np.nan),
            ("-", "--")[k],
            color=COLOURS[k],
            label=rf"$\|\mathrm{{d}}{symbol}\|$ of step $t$",
        )
    ax.set_yscale("log")
    ax.set(xlabel="time step $t$", ylabel="Frobenius norm", title="Shares of the weights' gradients")
    ax.legend()
    return ax


def plot_saturation(found: Mapping[str, Saturation], ax: Axes | None = None) -> Axes:
    """Draw every unit of every gate by how often it is open and how often shut, as Karpathy, Johnson and Li 2015, figure 2.

    Units on the diagonal are always saturated, those near the origin hardly ever.

    Args:
        found: of `bptt.saturation`.
        ax: where to draw; None for a new figure.
    """
    ax = axes(ax)
    for k, (name, gate) in enumerate(found.items()):
        right, left = to_numpy(gate.right), to_numpy(gate.left)
        ax.scatter(right, left, marker=MARKS[name], facecolors="none", edgecolors=COLOURS[k], label=f"${name}$", clip_on=False)
    ax.plot([0, 1], [1, 0], "--", color="black", linewidth=0.8)
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", title="Gate saturation")
    ax.set(xlabel="share of steps right-saturated (open)", ylabel="share of steps left-saturated (shut)")
    ax.legend(title="gate")
    return ax


def plot_clipping(clipping: Clipping, ax: Axes | None = None) -> Axes:
    """Draw the norm of the gradient before clipping at every step of training, θ, and the steps at which it was clipped.

    Args:
        clipping: after some training.
        ax: where to draw; None for a new figure.
    """
    ax = axes(ax)
    before, steps = to_numpy(clipping.before), clipping.steps
    ax.plot(to_numpy(clipping.after), color=COLOURS[4], linewidth=3, label=r"$\|g\|$ after")
    ax.plot(before, color=COLOURS[0], linewidth=1, label=r"$\|g\|$ before")
    ax.plot(steps, before[steps], "o", color=COLOURS[1], markersize=3, label=f"clipped ({clipping.fraction:.0%} of steps)")
    ax.axhline(clipping.max_norm, color="black", linestyle="--", linewidth=1, label=rf"$\theta={clipping.max_norm:g}$")
    ax.set_yscale("log")
    ax.set(xlabel="training step", ylabel=r"$\|g\|$", title="Gradient clipping")
    ax.legend()
    return ax


def _log10_norm(values: Tensor) -> np.ndarray:
    """Return log₁₀ of the norm at every step, nan where it is zero."""
    norms = np.sqrt(np.square(to_numpy(values).astype(float)).sum((1, 2)))
    return np.log10(np.where(norms > 0, norms, np.nan))


def _colours(values: np.ndarray, name: str, gate: bool) -> dict[str, Any]:
    """Return how `imshow` is to colour a gate, a state or a gradient."""
    from matplotlib.colors import SymLogNorm

    if gate and name in SIGMOIDS:
        return {"cmap": "viridis", "vmin": 0.0, "vmax": 1.0}
    largest = 1.0 if gate else float(np.abs(values).max()) or 1.0
    if not name.startswith("d"):
        return {"cmap": "PuOr", "vmin": -largest, "vmax": largest}
    return {"cmap": "PuOr", "norm": SymLogNorm(largest * 1e-4, vmin=-largest, vmax=largest)}


def _figure(ax: Axes) -> Any:
    figure = ax.get_figure()
    assert figure is not None
    return figure
