"""Pictures of what goes forward in time: products of Jacobians, Lyapunov spectra, truncation and its remedies.

Every function draws on the Axes it is given, or on a new figure's, and returns the Axes; `ax.figure.savefig(path)` writes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from minigrad import Tensor

from .axes import COLOURS, axes, next_colour, to_numpy
from .lyapunov import Spectrum
from .products import Products
from .rtrl import Influence
from .truncation import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_products(found: Products, ax: Axes | None = None, *, sequence: int = 0) -> Axes:
    """Draw the singular values of ∂s_t/∂s_{t−k} against the lag k, with the bounds on the largest; see products.py.

    Args:
        found: of `jacobian_product` or `products_of`.
        ax: where to draw; None for a new figure.
        sequence: which of the batch.
    """
    ax = axes(ax)
    lags = np.array(found.lags)
    values, clear = found.log_singular_values[:, sequence].numpy(), found.resolved[:, sequence].numpy()
    S = values.shape[1]
    shown = np.where(clear & np.isfinite(values), values, np.nan)
    ax.plot(lags, shown[:, 1:], color="#9AA5B1", linewidth=0.6)
    if S > 1:
        ax.plot([], [], color="#9AA5B1", linewidth=0.6, label=rf"$\ln\,\sigma_2,\ldots,\ln\,\sigma_{{{S}}}$")
    ax.plot(lags, shown[:, 0], color=COLOURS[0], linewidth=2, label=r"$\ln\,\sigma_1$")
    ax.plot(lags, found.log_step_bound[:, sequence].numpy(), "--", color=COLOURS[1], label=r"$\ln\,\prod\|J\|_2$")
    if found.log_bound is not None:
        ax.plot(lags, found.log_bound.numpy(), ":", color=COLOURS[6], label=r"$k\,\ln(\gamma\lambda_1)$")
    ax.set(xlabel="lag $k$ (steps)", ylabel=r"$\ln\,\sigma_i(\partial s_t/\partial s_{t-k})$")
    ax.set_title("Products of step Jacobians")
    ax.legend()
    return ax


def plot_lyapunov(spectrum: Spectrum, ax: Axes | None = None, *, label: str | None = None) -> Axes:
    """Draw the Lyapunov exponents λ_i against i, one line for each sequence; see lyapunov.py.

    Args:
        spectrum: of `lyapunov` or `lyapunov_spectrum`.
        ax: where to draw; None for a new figure. Several spectra may share it.
        label: of the line, for the legend.
    """
    ax = axes(ax)
    rows = np.atleast_2d(spectrum.exponents.numpy())
    index = np.arange(1, rows.shape[1] + 1)
    if not ax.lines:
        ax.axhline(0, color="black", linewidth=0.8)
    colour = next_colour(ax)
    for k, row in enumerate(rows):
        ax.plot(index, row, "o-", markersize=3, linewidth=1.2, color=colour, label=label if k == 0 else None)
    ax.set(xlabel="index $i$", ylabel=r"$\lambda_i$ (nats per step)", title="Lyapunov spectrum")
    if label is not None:
        ax.legend()
    return ax


def plot_truncation(k2: Sequence[int], found: Sequence[Comparison], ax: Axes | None = None) -> Axes:
    """Draw how far the truncated gradient g is from the full gradient G, in length and in direction, against k2.

    Args:
        k2: the steps gone back through.
        found: for each, `truncated(…, compare=True).full`.
        ax: where to draw; None for a new figure.
    """
    ax = axes(ax)
    relative = np.array([each.relative for each in found])
    turned = np.array([1 - each.cosine for each in found])
    floor = np.finfo(np.float64).eps
    for values, name, mark in ((relative, r"$\|g-G\|/\|G\|$", "o-"), (turned, r"$1-\cos(g,G)$", "s--")):
        ax.plot(k2, np.where(values > floor, values, np.nan), mark, markersize=4, color=next_colour(ax), label=name)
    ax.set(xlabel="$k_2$ (steps gone back through)", ylabel="distance from the full gradient", title="Bias of truncated BPTT")
    ax.set_yscale("log")
    ax.legend()
    return ax


def plot_estimates(
    estimates: Mapping[str, Tensor], exact: Mapping[str, Tensor], ax: Axes | None = None, *, label: str | None = None
) -> Axes:
    """Draw how far the mean of many estimates of a gradient is from its true value, in standard errors, for every number of it.

    Those of an unbiased estimator are in the band of ±4, but for one in 16,000.

    Args:
        estimates: of `uoro` or `artbp` with `samples`: (n, *weight), n > 1, by name.
        exact: of `rtrl`, or what `backward` leaves in `.grad`: (*weight), by name.
        ax: where to draw; None for a new figure. Several estimators may share it.
        label: of the points, for the legend.
    """
    ax = axes(ax)
    drawn = [to_numpy(estimates[name]).reshape(len(estimates[name]), -1) for name in exact]
    samples, truth = np.concatenate(drawn, axis=1), np.concatenate([to_numpy(g).ravel() for g in exact.values()])
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.where(error > 0, (samples.mean(axis=0) - truth) / error, np.nan)
    if not ax.lines:
        ax.axhspan(-4, 4, color="#E6EAEE", label="±4")
        ax.axhline(0, color="black", linewidth=0.8)
    ax.plot(truth, off, "o", markersize=4, color=next_colour(ax), label=label)
    ax.set_yscale("symlog", linthresh=4)
    ax.set(xlabel=r"exact $\mathrm{d}L/\mathrm{d}\theta_i$", ylabel="mean − exact (standard errors)")
    ax.set_title("Bias of the estimates")
    ax.legend()
    return ax


def plot_influence(found: Iterable[Influence], ax: Axes | None = None) -> Axes:
    """Draw ‖∂s_t/∂W‖, over all paths, against t for each weight W: how much the state remembers of its weights.

    Args:
        found: of `influence`.
        ax: where to draw; None for a new figure.
    """
    ax = axes(ax)
    norms: dict[str, list[float]] = {}
    for each in found:
        for name, P in each.by_name.items():
            norms.setdefault(name, []).append(float(P.norm()))
    for k, (name, values) in enumerate(norms.items()):
        style = "--" if name.startswith("bias_hh") else "-"  # it lies on that of bias_ih wherever the cell adds the two
        ax.plot(np.arange(1, len(values) + 1), values, style, color=COLOURS[k % len(COLOURS)], label=name)
    ax.set(xlabel="step $t$", ylabel=r"$\|P_t\| = \|\mathrm{d}s_t/\mathrm{d}W\|_F$")
    ax.set_title("Influence of the weights on the state")
    ax.legend()
    return ax
