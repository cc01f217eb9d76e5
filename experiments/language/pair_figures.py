"""The pictures of sequence-to-sequence models: alignments, scores by length, how far back gradients reach, learning curves.

All take arrays and names, and nothing else: a run's arrays are enough to draw it again. Curves differ by colour, by line and by
marker, so that they can be told apart in grey; maps are of one hue from light to dark, or grow lighter with the value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, cycle
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..lab.figures import PALETTE, new_figure
from ..lab.fonts import ROMANIZED, drawable, labels, romanizes

NAMES = ("blue", "orange", "green", "vermilion", "purple", "black")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
MARKERS = "osD^vP"
DECADES = 8  # of a gradient map's colours at most: what is smaller is drawn as the least
WIDEST, HIGHEST = 15.0, 8.0  # inches, of a figure and of one map
PUBLISHED: dict[str, Any] = {
    "marker": "*", "markersize": 13, "markeredgecolor": "black", "linestyle": "none", "color": "white", "zorder": 4
}  # fmt: skip
KEPT: dict[str, Any] = {"marker": "o", "markersize": 12, "markerfacecolor": "none", "linestyle": "none", "color": "black"}


# ---- alignments


def alignment_figure(
    weights: Sequence[np.ndarray],
    source_tokens: Sequence[Sequence[str]],
    target_tokens: Sequence[Sequence[str]],
    titles: Sequence[str] = (),
) -> Figure:
    """α_{t,s}, how much target token t attends to source token s, a panel for each sentence (Bahdanau et al. 2015, figure 3).

    Args:
        weights: α (T, S) of each sentence; every row sums to 1.
        source_tokens: the S tokens of each, from left to right.
        target_tokens: the T tokens of each, from top to bottom.
        titles: of the panels.

    Raises:
        ValueError: there is no sentence, or weights and tokens do not fit.
    """
    _check_alignments(weights, source_tokens, target_tokens)
    sources, targets = [labels(tokens) for tokens in source_tokens], [labels(tokens) for tokens in target_tokens]
    longest = max(map(len, sources))
    beside = 0.6 + 0.1 * max(map(len, chain(*targets)))  # inches, for the target's tokens
    above = 0.8 + 0.08 * max(map(len, chain(*sources)))
    columns, cell = _columns(len(weights), longest, beside, min(0.32, HIGHEST / max(map(len, targets))))
    rows = [range(start, min(start + columns, len(weights))) for start in range(0, len(weights), columns)]
    deepest = [max(len(targets[i]) for i in row) for row in rows]
    heights = [T * cell + above for T in deepest]
    figure = new_figure(max(columns * (longest * cell + beside), 3.6) + 1.2, max(sum(heights), 2) + 0.4)
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
    panels = figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights)
    for axes in panels.flat[len(weights) :]:
        axes.set_visible(False)
    for i, axes in enumerate(panels.flat[: len(weights)]):
        image = _alignment(axes, weights[i], sources[i], targets[i], 45 if cell > 0.2 else 90)
        axes.tick_params(labelsize=min(11, max(4, 62 * cell)))  # points: no larger than a cell of so many inches
        axes.set_xlim(0, longest)
        axes.set_ylim(deepest[i // columns], 0)
        axes.set_title(drawable(titles[i]) if titles else "", loc="left", parse_math=False)
    figure.colorbar(image, ax=panels, label=r"$\alpha_{t,s}$", shrink=min(1, 3 / sum(heights)), aspect=15)
    if romanizes(chain(*source_tokens, *target_tokens)):
        _footnote(figure, ROMANIZED)
    return figure


def _columns(count: int, longest: int, beside: float, largest: float) -> tuple[int, float]:
    """How many maps to put side by side, and the size of their cells, in inches."""
    for columns in range(2 if count == 4 else min(count, 3), 0, -1):
        cell = min(largest, (WIDEST / columns - beside) / longest)
        if cell >= min(largest, 0.22):
            break
    return columns, max(cell, 0.02)


def _check_alignments(
    weights: Sequence[np.ndarray], source_tokens: Sequence[Sequence[str]], target_tokens: Sequence[Sequence[str]]
) -> None:
    expected = [(len(target), len(source)) for source, target in zip(source_tokens, target_tokens)]
    found = [array.shape for array in weights]
    if not found or expected != found:
        raise ValueError(f"weights should be (target tokens, source tokens), {expected}, but got {found}")


def _alignment(axes: Axes, weights: np.ndarray, source: list[str], target: list[str], angle: float) -> Any:
    image = axes.pcolormesh(weights, cmap="Blues", vmin=0, vmax=1, edgecolors="#E3E3E3", linewidth=0.6)
    axes.set_aspect("equal", anchor="NW")
    short = all(len(token) <= 3 or token.startswith("⟨") for token in source)
    turned: dict[str, Any] = (
        {}
        if short
        else {"rotation": angle, "ha": "left", "va": "bottom" if angle < 90 else "center", "rotation_mode": "anchor"}
    )
    axes.set_xticks(np.arange(len(source)) + 0.5, source, parse_math=False, **turned)
    axes.set_yticks(np.arange(len(target)) + 0.5, target, parse_math=False)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("source token $s$", loc="left")
    axes.set_ylabel("target token $t$", loc="top")
    _bare(axes)
    return image


def _bare(axes: Axes) -> None:
    """No grid, ticks or frame around a map."""
    axes.grid(False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _footnote(figure: Figure, text: str) -> None:
    figure.supxlabel(text, fontsize=9, color=PALETTE["grey"])


# ---- by length


class Series(NamedTuple):
    """A figure in each of K bins of lengths, with the ends of its interval, (K,) each."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def share_series(share: np.ndarray, counts: np.ndarray) -> Series:
    """Shares (K,) of so many examples (K,) in percent, with their 95 % intervals (Wilson 1927).

    (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n),  z = 1.96
    """
    z, n, p = 1.959964, np.asarray(counts, dtype=np.float64), np.asarray(share, dtype=np.float64)
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return Series(100 * p, 100 * np.minimum(middle - half, p), 100 * np.maximum(middle + half, p))


def score_series(score: np.ndarray, margin: np.ndarray) -> Series:
    """Scores (K,) from 0 to 100, such as BLEU, with half their 95 % intervals (K,)."""
    return Series(score, np.maximum(score - margin, 0), np.minimum(score + margin, 100))


def length_figure(
    ends: np.ndarray, counts: np.ndarray, panels: Mapping[str, Mapping[str, Series]], shortest: int = 1
) -> Figure:
    """Figures against the length of the source, a panel for each, and below how many sources there are of each length.

    Args:
        ends: the longest length of each bin, (K,), growing.
        counts: sources in each, (K,).
        panels: for each y axis' label, such as ``"exact (%)"``, a series by each model's name.
        shortest: the length where the first bin begins.
    """
    figure = new_figure(max(4.6 * len(panels), 6), 4.6)
    grid = figure.subplots(2, len(panels), sharex=True, squeeze=False, height_ratios=[4, 1])
    x = np.arange(len(ends))
    for (above, below), (label, models) in zip(grid.T, panels.items()):
        count = len(models)
        for number, ((name, series), style) in enumerate(zip(models.items(), _styles())):
            aside = x + 0.08 * (number - (count - 1) / 2)  # so that the bars of one bin do not cover one another
            error = np.abs(np.stack([series.value - series.low, series.high - series.value]))
            above.errorbar(aside, series.value, error, label=name, capsize=3, elinewidth=1.2, **style)
        above.set_ylabel(label)
        highest = max(float(series.high.max()) for series in models.values())
        top = 103 if highest > 75 else max(1.15 * highest, 5)
        above.set_ylim(-0.03 * top, top)
        below.bar(x, counts, color=PALETTE["grey"], width=0.6)
        below.set_ylim(0, 1.35 * max(counts))
        for place, number in zip(x, counts):
            below.annotate(str(number), (place, number), (0, 2), textcoords="offset points", ha="center", fontsize=9)
        below.set_yticks([])
        below.set_ylabel("sources")
        below.grid(False)
        below.set_xticks(x, _ranges(ends, shortest))
        below.set_xlabel("length of the source (tokens)")
    _legend(figure, grid[0, 0])
    return figure


def _ranges(ends: np.ndarray, shortest: int) -> list[str]:
    """``2–4``, ``5``, …: the lengths of each bin."""
    firsts = [shortest, *(int(end) + 1 for end in ends[:-1])]
    return [str(first) if first == end else f"{first}–{end}" for first, end in zip(firsts, ends)]


# ---- gradients


def gradient_map_figure(maps: Mapping[str, np.ndarray]) -> Figure:
    """log₁₀ ‖∂L_t/∂h_s‖, decoder step t × encoder step s, a panel for each model, all with one scale of colours.

    Args:
        maps: the norms (T, S) by each model's name. What is 0 is hatched: no gradient reaches there.
    """
    with np.errstate(divide="ignore"):
        decades = {name: np.log10(norms) for name, norms in maps.items()}
    low, high, smaller = _scale(list(decades.values()))
    T, S = np.max([values.shape for values in decades.values()], axis=0)
    cell = min(0.42, WIDEST / (S * len(maps) + 6), 6 / T)
    figure = new_figure(max(len(maps) * (S * cell + 1.1), 4) + 1.4, max(T * cell, 1.6) + 1.6)
    panels = figure.subplots(1, len(maps), squeeze=False)[0]
    for axes, (name, values) in zip(panels, decades.items()):
        axes.patch.set(facecolor="white", hatch="////", edgecolor="#B0B0B0")
        image = axes.imshow(np.ma.masked_invalid(values), cmap="viridis", vmin=low, vmax=high)
        axes.set_title(name)
        axes.set_xlabel("encoder step $s$")
        axes.set_ylabel("decoder step $t$")
        _step_axes(axes, values.shape)
    label = r"$\log_{10}\,\Vert\partial L_t/\partial h_s\Vert$"
    figure.colorbar(image, ax=panels.tolist(), label=label, shrink=0.8, extend="min" if smaller else "neither")
    if any(np.isneginf(values).any() for values in decades.values()):
        _footnote(figure, "hatched: no gradient at all, the norm is 0")
    return figure


def _scale(decades: Sequence[np.ndarray]) -> tuple[float, float, bool]:
    """The ends of the colours, and whether there are values below them."""
    finite = np.concatenate([values[np.isfinite(values)] for values in decades])
    if not len(finite):
        return -1.0, 0.0, False
    least, high = float(finite.min()), float(finite.max())
    low = max(least, high - DECADES)
    return min(low, high - 1), high, least < low


def _step_axes(axes: Axes, shape: tuple[int, ...]) -> None:
    """Steps counted from 1, as whole numbers."""
    _bare(axes)
    for axis, steps in ((axes.xaxis, shape[1]), (axes.yaxis, shape[0])):
        places = range(0, steps, max(1, -(-steps // 15)))
        axis.set_ticks(places, [str(place + 1) for place in places])


# ---- learning curves


def curves_figure(
    panels: Mapping[str, Mapping[str, np.ndarray]],
    *,
    published: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]] | None = None,
    source: str = "published",
    kept: Mapping[str, int] | None = None,
    xlabel: str = "epoch",
) -> Figure:
    """Figures against the epoch, a panel for each, a curve for each variant, and published points beside.

    Args:
        panels: for each y axis' label, by each variant's name: its values by epoch (E,), or of several seeds (N, E), of which
            the mean is drawn with the range of all. A label that ends in ``(%)`` goes from 0.
        published: for some of the labels, by some of the names: pairs (epoch, value) that another work found.
        source: that work, for the legend.
        kept: by some of the names the epoch, counted from 1, whose model was kept; of several seeds, none.
    """
    published, kept = published or {}, kept or {}
    figure = new_figure(max(4.8 * len(panels), 6), 4.2)
    grid = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (label, variants) in zip(grid, panels.items()):
        for (name, values), style in zip(variants.items(), _styles()):
            _curve(axes, name, np.atleast_2d(values), style, kept.get(name))
            for point in published.get(label, {}).get(name, ()):
                axes.plot(*point, **(PUBLISHED | {"color": style["color"]}))
        axes.set_xlabel(xlabel)
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if label.endswith("(%)"):
            axes.set_ylim(0, max(axes.get_ylim()[1], 5))
    extra = [Line2D([], [], label=source, **PUBLISHED)] if any(any(of.values()) for of in published.values()) else []
    extra += [Line2D([], [], label="the model kept", **KEPT)] if kept else []
    _legend(figure, *grid, extra=extra)
    return figure


def _curve(axes: Axes, name: str, runs: np.ndarray, style: dict[str, Any], kept: int | None) -> None:
    epochs, mean = np.arange(1, runs.shape[1] + 1), runs.mean(axis=0)
    crowded = {"marker": ""} if len(epochs) > 30 else {}
    axes.plot(epochs, mean, label=name if len(runs) == 1 else f"{name}, {len(runs)} seeds", **(style | crowded))
    if len(runs) > 1:
        axes.fill_between(epochs, runs.min(axis=0), runs.max(axis=0), color=style["color"], alpha=0.2, linewidth=0)
    elif kept is not None:
        axes.plot([kept], [mean[kept - 1]], **(KEPT | {"color": style["color"]}))


def _styles() -> Iterator[dict[str, Any]]:
    """Colour, line and marker of one curve after the other."""
    for name, line, marker in cycle(zip(NAMES, LINES, MARKERS)):
        yield {"color": PALETTE[name], "linestyle": line, "marker": marker, "markersize": 4.5}


def _legend(figure: Figure, *panels: Axes, extra: Sequence[Line2D] = ()) -> None:
    """One legend above all panels, with each name once."""
    found: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels()):
            found.setdefault(label, handle)
    found |= {str(handle.get_label()): handle for handle in extra}
    if len(found) > 1:
        inches = 0.9 + 0.085 * max(map(len, found))  # an entry's handle and letters
        columns = max(1, min(len(found), 5, int(figure.get_figwidth() / inches)))
        figure.legend(found.values(), found.keys(), loc="outside upper center", ncols=columns)
