"""What a character model looks back to: connectivity, drawn over the text (Madsen 2019, distill, "Visualizing memorization").

    C_{t,k} = ‖∂z_t[y_t] / ∂e_k‖₂,    k ≤ t                                                                         (1)

z_t[y_t] is the score (logit) of the character that does follow, e_k the vector of the k-th character that was read. A model
that predicts the next letter of a word from the letters before it has its C near t; one that knows what the sentence is about
has some of it further back. Accuracies do not tell the two apart.

Madsen compares a GRU, an LSTM and a nested LSTM that complete words of text8, and finds of the first that it looks far back
while few letters of a word are known, and then no more. Here a GRU and an LSTM of equally many units say the next character
(the experiment `text`), and the same is asked of them: how much of C lies before the word that t is in, by the letters of it
that are known. One batched backward pass from all z_t[y_t] gives (1).
"""

from __future__ import annotations

import string
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import minigrad
from layers.seq2seq import LanguageModel
from layers.seq2seq.encoder import as_hidden
from minigrad import autograd

from ..data.vocabulary import Vocabulary
from ..lab import Arrays, Claim, Experiment, Record, Table, UsageError, option
from ..lab.figures import PALETTE, new_figure
from . import text
from .text_figures import MONO

DISTILL = "Madsen 2019, Visualizing memorization in RNNs, distill.pub/2019/memorization-in-rnns"
Kind = Literal["gru", "lstm"]
STYLES: dict[str, tuple[str, str]] = {"gru": ("blue", "-"), "lstm": ("vermilion", "--")}
LETTERS = frozenset(string.ascii_letters + "'")
KNOWN = 6
"""Letters of a word that are known: 0, …, this."""
WIDE, ROWS = 56, 7
"""Characters in a line of the picture, and lines for each model at most."""


@dataclass(frozen=True, kw_only=True)
class Config(text.Config):
    """Settings of the experiment: those of `text`, the kind of the layers left out."""

    kinds: tuple[Kind, ...] = option(("gru", "lstm"), "which are compared")
    length: int = option(120, "characters of a passage", quick=70, low=WIDE)
    passages: int = option(16, "passages of the validation and the test text, evenly spread", quick=4, low=1)
    skip: int = option(40, "characters at the beginning of a passage that are read, and not looked back from", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.kinds)) != len(self.kinds):
            raise UsageError(f"kinds={','.join(self.kinds)}: each is trained once")
        if self.skip >= self.length:
            raise UsageError(f"skip={self.skip}: must be below length={self.length}")


def run(config: Config, record: Record) -> Arrays:
    """Train each kind, and take the connectivity of the same passages, (passages, length, length)."""
    letters, texts = text.read(config)
    alphabet = Vocabulary(letters)
    record.save("alphabet.json", alphabet.to_serializable())
    ids = passages(config, np.concatenate([texts["val"], texts["test"]]))
    found: Arrays = {"passages": np.array(["".join(letters[i] for i in row) for row in ids])}
    for kind in config.kinds:
        chosen = replace(config, kind=kind)
        trainer = text.Trainer(chosen, text.build(chosen, len(alphabet)), texts)
        trainer.training.run(record, kind)
        found[f"{kind}_bits"] = np.array(text.bits(trainer.model, texts["test"]).mean())
        found[f"{kind}_updates"] = np.array(trainer.training.updates_done)
        found[f"{kind}_connectivity"] = connectivity(trainer.model, ids)
    return found


def passages(config: Config, ids: np.ndarray) -> np.ndarray:
    """Pieces of a text, (passages, length + 1). Raises UsageError where it is too short for one."""
    last = len(ids) - config.length - 1
    if last < 0:
        raise UsageError(f"length={config.length}: the text has {len(ids)} characters to look at; take a smaller length")
    starts = np.unique(np.linspace(0, last, config.passages).astype(int))
    return ids[starts[:, None] + np.arange(config.length + 1)]


def connectivity(model: LanguageModel, ids: np.ndarray) -> np.ndarray:
    """C (1) of passages (P, N + 1): (P, N, N) in float64, t by k; 0 where k > t. Each is read from the state 0 on."""
    model.eval()
    place = model.decoder.output.weight.device
    inputs, follows = (minigrad.tensor(np.ascontiguousarray(part.T), device=place) for part in (ids[:, :-1], ids[:, 1:]))
    e = model.decoder.embed(inputs).detach().requires_grad_()  # (N, P, E)
    features, _ = model.decoder.rnn(e, as_hidden(model.start(len(ids)).states))
    z = model.decoder.project(features).gather(2, follows.unsqueeze(2)).squeeze(2).sum(1)  # passages do not mix
    (found,) = autograd.grad(z, [e], minigrad.eye(len(z), dtype=z.dtype, device=place), is_grads_batched=True)
    norms: np.ndarray = np.linalg.norm(found.cpu().numpy().astype(np.float64), axis=-1)
    return norms.transpose(2, 0, 1)


# ---- what it comes to


def letters_known(passage: str) -> np.ndarray:
    """How many letters of its word are known when y_t, the character after the t-th, is to be said: (N,); −1 outside words."""
    known, found = 0, []
    for read, said in pairwise(passage):
        known = known + 1 if read in LETTERS else 0
        found.append(known if said in LETTERS else -1)
    return np.array(found)


def shares_before(config: Config, arrays: Arrays, kind: str) -> np.ndarray:
    """The share of Σ_k C_{t,k} before the word that y_t is in, by the letters of it that are known: means, (KNOWN + 1,)."""
    totals, counts = np.zeros(KNOWN + 1), np.zeros(KNOWN + 1)
    for passage, C in zip(arrays["passages"], arrays[f"{kind}_connectivity"]):
        for t, known in enumerate(letters_known(str(passage))):
            if t >= config.skip and 0 <= known <= min(KNOWN, t):
                totals[known] += C[t, : t + 1 - known].sum() / C[t].sum()
                counts[known] += 1
    return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)


def by_lag(config: Config, arrays: Arrays, kind: str) -> np.ndarray:
    """The mean of C_{t,t−d} over all t that are looked back from, (skip,) for d = 0, 1, …"""
    C = arrays[f"{kind}_connectivity"]
    t = np.arange(config.skip, config.length)
    return np.array([C[:, t, t - d].mean() for d in range(config.skip)])


def reach(config: Config, arrays: Arrays, kind: str) -> float:
    """How many characters back C lies on average: Σ_d d · by_lag / Σ_d by_lag."""
    lags = by_lag(config, arrays, kind)
    return float((np.arange(len(lags)) * lags).sum() / lags.sum())


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """How far each model looks back, and from long to short: reported."""
    found = []
    for kind in config.kinds:
        few, many = shares_before(config, arrays, kind)[[1, 4]]
        found.append(
            Claim.reported(
                f"{kind.upper()}: share of C before the word, less of it when 4 of its letters are known than when 1 is",
                f"{DISTILL}: with more characters known, from long-term to short-term (of the GRU)",
                expected="less",
                obtained=f"{few:.2f} to {many:.2f}",
            )
        )
    rows = ", ".join(f"{kind.upper()} {reach(config, arrays, kind):.1f}" for kind in config.kinds)
    bits = ", ".join(f"{kind.upper()} {float(arrays[f'{kind}_bits']):.3f}" for kind in config.kinds)
    found.append(Claim.reported(f"characters that C lies back on average (bits per character: {bits})", DISTILL, obtained=rows))
    return found


def table(config: Config, arrays: Arrays) -> Table:
    """Bits per character, the reach, and the share before the word by the letters known."""
    rows = []
    for kind in config.kinds:
        shares = shares_before(config, arrays, kind)[[0, 1, 2, 4]]
        figures = f"{arrays[f'{kind}_bits']:.3f}", f"{reach(config, arrays, kind):.2f}"
        rows.append([f"{kind.upper()}, {arrays[f'{kind}_updates']} updates", *figures, *(f"{share:.2f}" for share in shares)])
    title = f"{config.hidden} units; share of C before the word, when so many of its letters are known"
    return Table(title, ["model", "test bits", "reach (characters)", "0", "1", "2", "4"], rows)


# ---- pictures


def plot(config: Config, arrays: Arrays) -> dict[str, Figure]:
    """``connectivity``, over a text, and ``reach``: against the lag, and by the letters known."""
    return {"connectivity": over_text(config, arrays), "reach": reach_figure(config, arrays)}


def longest_word(config: Config, arrays: Arrays) -> tuple[int, np.ndarray]:
    """The passage with the longest word whose lines fit, and the steps t at which each of its letters is to be said."""
    best, place = 0, (0, np.array([config.length - 1]))
    for p, passage in enumerate(arrays["passages"]):
        known = letters_known(str(passage))
        for t in np.flatnonzero(known == 0):
            steps = t + np.arange(ROWS)
            steps = steps[steps < len(known)]
            steps = steps[known[steps] == np.arange(len(steps))]
            if t >= WIDE - ROWS and len(steps) > best:
                best, place = len(steps), (p, steps)
    return place


def over_text(config: Config, arrays: Arrays) -> Figure:
    """Line by line another letter of a word is to be said; each character before it on the colour of its C_{t,k}."""
    p, steps = longest_word(config, arrays)
    first = max(0, int(steps[-1]) + 2 - WIDE)
    passage = str(arrays["passages"][p])
    figure = new_figure(0.2 * WIDE + 2, (0.31 * len(steps) + 0.55) * len(config.kinds) + 0.3)
    panels = figure.subplots(len(config.kinds), 1, squeeze=False)[:, 0]
    for axes, kind in zip(panels, config.kinds):
        image = draw_lines(axes, passage, arrays[f"{kind}_connectivity"][p], steps, first)
        axes.set_title(kind.upper(), loc="left")
    label = "$C_{t,k}$, relative to the largest of the line"
    figure.colorbar(image, ax=panels.tolist(), label=label, fraction=0.03, pad=0.01, aspect=18)
    return figure


def draw_lines(axes: Axes, passage: str, C: np.ndarray, steps: np.ndarray, first: int) -> Any:
    """A line for each t: what was read, and in a frame the character that is to be said."""
    width = min(WIDE, len(passage) - first)
    grid = np.full((len(steps), width), np.nan)
    for row, t in enumerate(steps):
        grid[row, : t + 1 - first] = C[t, first : t + 1] / C[t].max()
    colours = matplotlib.colormaps["Blues"].with_extremes(bad="white")
    image = axes.imshow(grid, cmap=colours, vmin=0, vmax=1, aspect="auto")
    for row, t in enumerate(steps):
        for place in range(first, t + 2):
            shown = {"\n": "↵", " ": "·"}.get(passage[place], passage[place])
            said = place == t + 1
            dark = not said and grid[row, place - first] > 0.6
            frame = {"bbox": {"boxstyle": "square,pad=0.15", "fill": False, "edgecolor": PALETTE["vermilion"]}} if said else {}
            style: dict[str, Any] = MONO | frame | {"color": "white" if dark else "black", "fontsize": 11}
            axes.text(place - first, row, shown, ha="center", va="center", **style)
    axes.set_axis_off()
    return image


def reach_figure(config: Config, arrays: Arrays) -> Figure:
    """The mean of C against the lag t − k, and the share before the word by the letters of it that are known."""
    figure = new_figure(11, 4.2)
    left, right = figure.subplots(1, 2)
    for kind in config.kinds:
        colour, line = PALETTE[STYLES[kind][0]], STYLES[kind][1]
        lags, shares = by_lag(config, arrays, kind), 100 * shares_before(config, arrays, kind)
        left.plot(lags, color=colour, linestyle=line, label=f"{kind.upper()}, reach {reach(config, arrays, kind):.1f}")
        right.plot(shares, color=colour, linestyle=line, marker="o", label=kind.upper())
    left.set(
        yscale="log", xlabel="$t - k$, characters back", ylabel=r"mean of $C_{t,k}=\Vert\partial z_t[y_t]/\partial e_k\Vert$"
    )
    right.set(xlabel="letters of the word that are known", ylabel=r"share of $\sum_k C_{t,k}$ before the word (%)")
    right.set_ylim(0, 103)
    left.legend()
    right.legend()
    return figure


EXPERIMENT = Experiment(
    name="memorization",
    summary="how far a GRU and an LSTM look back in a text, as the gradient of the right character's score",
    source="Madsen 2019, distill",
    runtime="10 s on the sonnets, 1 min on 1 MB with epochs=1 columns=32",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
