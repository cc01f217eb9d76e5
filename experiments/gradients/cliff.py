"""The cliff: the error surface of one recurrent unit, and what clipping does at its wall (Pascanu et al. 2013, figure 6).

    x_t = w σ(x_{t−1}) + b,   x_0 = ½,   fifty steps,        E = (σ(x_50) − 0.7)²

There is a wall in it, where gradients are huge. It stands where x_0 is a fixed point of the map, and an unstable one: on one
side of it the state runs up, on the other down, and the longer it took to leave the larger the gradient is,

    b* = x_0 − w σ(x_0),        ∂x_50/∂x_0 = (w σ'(x_0))^50  on it;   w σ'(x_0) > 1 from w = 4.26 on                   (1)

Gradient descent walks down to the wall and is thrown far away by one step. With the gradient clipped, g ← g θ/‖g‖ where
‖g‖ ≥ θ, it stays near and goes on along the wall's foot.

E and its gradient at every point come from the graph of fifty steps. The unit is also a tanh unit, u = tanh(x/2):

    u_t = tanh(¼ w u_{t−1} + ¼ w + ½ b),        ∂u_50/∂u_0 = ∂x_50/∂x_0 where x_50 = x_0

whose Jacobians `bptt.jacobian_product` multiplies. The map itself is exact on the wall in floating point, x_0 + w σ(x_0) −
w σ(x_0) being x_0; the tanh unit is not, and rounding grows by the factor (1), so that one is reported and not judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import minigrad
from layers import bptt
from layers.utils import clip_grad_norm_
from minigrad import Tensor, autograd, optim

from .. import lab
from ..lab import Arrays, Claim, Experiment, Record, Table, option
from ..lab.figures import PALETTE, new_figure
from .elman import elman

PASCANU = "Pascanu, Mikolov, Bengio 2013, On the difficulty of training recurrent neural networks, figure 6"
X0, TARGET = 0.5, 0.7
SCANNED = ((4.5, 7.0), (-4.2, -1.8))
"""w and b of the scan for the ridge."""
DRAWN = ((4.4, 5.6), (-3.2, -1.4))
"""w and b of the surface."""
FIRST = 115
"""How many updates are drawn on the surface; the rest goes on likewise."""
BESIDE = 2e-3
"""How near to the wall the surface is drawn."""
PATHS = (("without clipping", PALETTE["vermilion"], "-"), ("clipped", PALETTE["blue"], "--"))
CHUNK = 60_000
"""Points whose graphs are in memory at a time."""


@dataclass(frozen=True, kw_only=True)
class Config(lab.Config):
    """Settings of the experiment. Nothing in it is random."""

    T: int = option(50, "steps", low=2)
    w_step: float = option(1e-3, "distance of the scanned w", quick=0.05, low=1e-4)
    b_step: float = option(1e-3, "distance of the scanned b", low=1e-4)
    surface: int = option(100, "points of the drawn surface in each direction", quick=60, low=2)
    w: float = option(5.0, "where the descents start")
    b: float = option(-2.2, "where the descents start")
    lr: float = option(0.05, "learning rate of both descents", low=0)
    max_norm: float = option(0.5, "θ: the gradient's norm is clipped to this", low=0)
    updates: int = option(400, "updates of both descents", quick=120, low=1)


def run(config: Config, record: Record) -> Arrays:
    """The ridge of the scan, the derivative on the wall, the surface, and the two descents."""
    w, b = (np.arange(round((high - low) / step) + 1) * step + low for (low, high), step in zip(SCANNED, steps(config)))
    ridge, rows = [], max(1, CHUNK // len(b))
    for first in record.progress(range(0, len(w), rows), "scan"):
        _, norm = surface(*pairs(w[first : first + rows], b), config.T)
        ridge.append(b[norm.argmax(axis=1)])
    E, norm = surface(*mesh(config.surface), config.T)
    return {
        "w": w,
        "ridge": np.concatenate(ridge),
        "on_wall": derivative(w, config.T),
        "as_tanh": np.array([as_tanh(each, float(wall(each)), config.T) for each in w[:: max(1, len(w) // 50)]]),
        "surface_E": E,
        "surface_norm": norm,
        "paths": np.array([descent(config, max_norm) for max_norm in (None, config.max_norm)]),
    }


def steps(config: Config) -> tuple[float, float]:
    """The distances of the scan in w and b."""
    return config.w_step, config.b_step


def pairs(w: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs, as two arrays (w, b)."""
    W, B = np.meshgrid(w, b, indexing="ij")
    return W, B


def state(w: Tensor, b: Tensor, x: Tensor, T: int) -> Tensor:
    """x_T from x_0."""
    for _ in range(T):
        x = w * x.sigmoid() + b
    return x


def error(w: Tensor, b: Tensor, T: int) -> Tensor:
    """E, elementwise."""
    x_T = state(w, b, minigrad.full_like(w, X0), T)
    return (x_T.sigmoid() - TARGET).square()


def surface(w: np.ndarray, b: np.ndarray, T: int) -> tuple[np.ndarray, np.ndarray]:
    """E and ‖∇E‖, elementwise."""
    leaf_w, leaf_b = (minigrad.tensor(values, requires_grad=True) for values in (w, b))
    E = error(leaf_w, leaf_b, T)
    dw, db = (g.numpy() for g in autograd.grad(E.sum(), (leaf_w, leaf_b)))
    return E.detach().numpy(), np.hypot(dw, db)


def mesh(n: int) -> tuple[np.ndarray, np.ndarray]:
    """w and b of the drawn surface, (n, 2n): half of the b up to the wall, half of them behind it."""
    w = np.linspace(*DRAWN[0], n)[:, None]
    below, above = DRAWN[1]
    share = np.linspace(0, 1, n)
    before, behind = wall(w) - BESIDE, wall(w) + BESIDE
    b = np.concatenate([below + (before - below) * share, behind + (above - behind) * share], axis=1)
    return np.broadcast_to(w, b.shape), b


def derivative(w: np.ndarray, T: int) -> np.ndarray:
    """∂x_T/∂x_0 on the wall, by going back through the graph; b* to the last bit, with the same σ as the steps have."""
    x = minigrad.tensor(np.full_like(w, X0), requires_grad=True)
    on_wall = X0 - minigrad.from_numpy(w) * x.detach().sigmoid()
    (found,) = autograd.grad(state(minigrad.from_numpy(w), on_wall, x, T).sum(), x)
    return found.numpy()


def as_tanh(w: float, b: float, T: int) -> tuple[float, float]:
    """w, and ln|∂u_T/∂u_0| of the unit as a tanh layer."""
    layer = elman(np.array([[w / 4]]), b=np.array([w / 4 + b / 2]))
    at_x0 = minigrad.tensor([[np.tanh(X0 / 2)]], dtype=minigrad.float64)
    found = bptt.jacobian_product(layer, minigrad.zeros(T, 1, dtype=minigrad.float64), at_x0, T)
    return w, float(found.log_norm[0, 0])


def descent(config: Config, max_norm: float | None) -> np.ndarray:
    """w, b, E and ‖∇E‖ before each update and after the last, (updates + 1, 4), with clipping or without."""
    w, b = (minigrad.tensor(start, dtype=minigrad.float64, requires_grad=True) for start in (config.w, config.b))
    optimizer, found = optim.SGD([w, b], lr=config.lr), []
    for _ in range(config.updates + 1):
        optimizer.zero_grad()
        E = error(w, b, config.T)
        E.backward()
        norm = clip_grad_norm_([w, b], float("inf") if max_norm is None else max_norm)
        found.append([w.item(), b.item(), E.item(), norm.item()])
        optimizer.step()
    return np.array(found)


def wall(w: Any) -> Any:
    """b* = x_0 − w σ(x_0), by (1)."""
    return X0 - w / (1 + np.exp(-X0))


def growth(w: Any) -> Any:
    """w σ'(x_0), by (1): σ'(x) = 1/(4 cosh²(x/2))."""
    return w / (4 * np.cosh(X0 / 2) ** 2)


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """Where the ridge is, the derivative on it, and what clipping did."""
    w, published = arrays["w"], growth(arrays["w"]) ** config.T
    twins, ln_twins = arrays["as_tanh"].T
    kept, clipped = arrays["paths"]
    farthest = [np.hypot(*np.diff(path[:, :2], axis=0).T).max() for path in (kept, clipped)]
    return [
        Claim.equal(
            f"the ridge argmax_b ‖∇E‖ lies at b* = x_0 − w σ(x_0): the largest distance, at {len(w)} w from {w[0]:g} to "
            f"{w[-1]:g} (scanned at steps of {config.w_step:g} in w and {config.b_step:g} in b)",
            f"{PASCANU}; closed form of the unstable fixed point",
            expected=0.0,
            obtained=float(np.abs(arrays["ridge"] - wall(w)).max()),
            tolerance=5e-3,
        ),
        Claim.equal(
            f"on it ∂x_T/∂x_0 = (w σ'(x_0))^{config.T}, which is {published[-1]:.3g} at w = {w[-1]:g}: the largest relative "
            "difference of the gradient",
            f"{PASCANU}; chain rule at a fixed point",
            expected=0.0,
            obtained=float(np.abs(arrays["on_wall"] / published - 1).max()),
            tolerance=1e-8,
        ),
        Claim.reported(
            f"the same of the unit as a tanh layer, whose rounding the wall enlarges, at {len(twins)} w",
            "bptt.jacobian_product",
            expected=0.0,
            obtained=float(np.abs(np.expm1(ln_twins - config.T * np.log(growth(twins)))).max()),
        ),
        Claim.reported(
            f"without clipping, the longest of {config.updates} steps of descent in (w, b)",
            PASCANU,
            obtained=float(farthest[0]),
        ),
        Claim.reported(
            f"clipped to ‖∇E‖ ≤ {config.max_norm:g}: the same",
            PASCANU,
            expected="stays near the wall",
            obtained=float(farthest[1]),
        ),
        Claim.reported("the least E of the last tenth of the updates, without clipping", PASCANU, obtained=at_last(kept)),
        Claim.reported("the same, clipped", PASCANU, obtained=at_last(clipped)),
    ]


def at_last(path: np.ndarray) -> float:
    """The least E of the last tenth of a descent: near the wall it jumps to and fro."""
    return float(path[-max(1, len(path) // 10) :, 2].min())


def table(config: Config, arrays: Arrays) -> Table:
    """The ridge and the derivative for some w."""
    rows = []
    for n in np.linspace(0, len(arrays["w"]) - 1, 6).astype(int):
        w = arrays["w"][n]
        numbers = (arrays["ridge"][n], wall(w)), (arrays["on_wall"][n], growth(w) ** config.T)
        rows.append([f"w = {w:g}", *(f"{x:.4f}" for x in numbers[0]), *(f"{x:.8e}" for x in numbers[1])])
    return Table("the wall", ["", "ridge", "b*", f"dx_{config.T}/dx_0 on it", "(w σ'(x_0))^T"], rows)


def plot(config: Config, arrays: Arrays) -> Figure:
    """The surface with both descents, their map over ‖∇E‖, and E over the updates."""
    figure = new_figure(14, 6.8)
    figure.suptitle(rf"$x_t = w\,\sigma(x_{{t-1}}) + b,\quad x_0 = 1/2,\quad E = (\sigma(x_{{{config.T}}}) - 0.7)^2$")
    grid = figure.add_gridspec(2, 2, width_ratios=(1.5, 1), height_ratios=(1.25, 1))
    draw_surface(figure.add_subplot(grid[:, 0], projection="3d", computed_zorder=False), config, arrays)
    draw_map(figure, figure.add_subplot(grid[0, 1]), config, arrays)
    draw_errors(figure.add_subplot(grid[1, 1]), config, arrays)
    return figure


def inside(path: np.ndarray) -> np.ndarray:
    """The first of a path, (4, FIRST), with nan where it is outside of what is drawn."""
    path = path[:FIRST]
    there = np.all([(path[:, n] >= low) & (path[:, n] <= high) for n, (low, high) in enumerate(DRAWN)], axis=0)
    found: np.ndarray = np.where(there[:, None], path, np.nan).T
    return found


def draw_surface(axes: Any, config: Config, arrays: Arrays) -> None:
    """E over w and b, figure 6 of the paper."""
    look: dict[str, Any] = {"cmap": "Greys", "vmin": -0.15, "vmax": 0.75, "rstride": 2, "cstride": 1}
    axes.plot_surface(*mesh(config.surface), arrays["surface_E"], **look, linewidth=0, antialiased=False, zorder=1)
    for (label, colour, line), path in zip(PATHS, arrays["paths"]):
        w, b, E, _ = inside(path)
        axes.plot(w, b, E + 0.006, line, color=colour, label=label, linewidth=1.4, marker="o", markersize=2.6, zorder=3)
    axes.plot(*arrays["paths"][0, 0, :3], "*", color="black", markersize=12, zorder=4, label="start", linestyle="")
    axes.set(xlim=DRAWN[0], ylim=DRAWN[1], zlim=(0, 0.45), xticks=(4.5, 5, 5.5), yticks=(-3, -2.5, -2, -1.5))
    axes.set_xlabel("$w$", labelpad=8)
    axes.set_ylabel("$b$", labelpad=8)
    axes.set_zlabel("error $E$", labelpad=8)
    axes.view_init(elev=36, azim=62)
    axes.set_box_aspect((1.15, 1, 0.7), zoom=0.95)
    axes.legend(loc="upper left")


def draw_map(figure: Figure, axes: Axes, config: Config, arrays: Arrays) -> None:
    """log₁₀‖∇E‖ from above, with the wall and the descents."""
    norms = np.log10(np.maximum(arrays["surface_norm"], 1e-300))
    image = axes.pcolormesh(*mesh(config.surface), norms, cmap="Greys", vmin=-2, vmax=2, shading="gouraud", rasterized=True)
    figure.colorbar(image, ax=axes, label=r"$\log_{10}\Vert\nabla E\Vert$", extend="both")
    w = np.linspace(*DRAWN[0], 50)
    axes.plot(w, wall(w), ":", color=PALETTE["orange"], linewidth=2.2, label=r"$b^* = x_0 - w\,\sigma(x_0)$")
    for (_, colour, line), path in zip(PATHS, arrays["paths"]):
        axes.plot(*inside(path)[:2], line, color=colour, linewidth=1.2, marker="o", markersize=2.4)
    axes.plot(config.w, config.b, "*", color="black", markersize=11)
    axes.set(xlabel="$w$", ylabel="$b$", xlim=DRAWN[0], ylim=DRAWN[1], title=f"from above, the first {FIRST} updates")
    axes.grid(False)
    axes.legend(loc="lower left")


def draw_errors(axes: Axes, config: Config, arrays: Arrays) -> None:
    """E over the updates."""
    for (label, colour, line), path in zip(PATHS, arrays["paths"]):
        axes.semilogy(path[:, 2], line, color=colour, label=label, linewidth=1.2)
    axes.set(xlabel="update", ylabel="error $E$", title=rf"SGD, lr {config.lr:g}, $\theta = {config.max_norm:g}$")
    axes.legend(loc="lower left")


EXPERIMENT = Experiment(
    name="cliff",
    summary="the error surface of one recurrent unit: a wall of high curvature, met with and without clipping",
    source="Pascanu, Mikolov, Bengio 2013, figure 6",
    runtime="8 s",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
