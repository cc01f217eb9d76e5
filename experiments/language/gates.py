"""How often the gates of a character model are shut or open (Karpathy, Johnson and Fei-Fei 2015, §4.2), and which it can spare.

A gate σ(a) is left-saturated at a step where it is below .1, right-saturated where it is above .9. Each unit of each gate is a
point: the share of the steps of the test text at which it is right-saturated, and left-saturated; the two sum to 1 at most.
A forget gate that is right-saturated throughout carries its cell's state on, an integrator; one that is left-saturated
throughout makes a unit without memory. Shares come from `layers.bptt.saturation`. Of a GRU these are r and z, with PyTorch's
h_t = z ⊙ h_{t−1} + (1 − z) ⊙ n: it is a z near 1 that keeps.

Greff et al. 2017 take parts of the LSTM away, one at a time, and ask what it costs:

    none        nothing is taken away
    coupled     f = 1 − i (their CIFG)
    peepholes   the gates see c (in their case it is these that are taken away)
    no_i, no_f, no_o    the gate is always 1 (NIG, NFG, NOG)

All models learn the same text with the same settings and seed. The sonnets are few; on a megabyte the figure becomes the
paper's:

    python -m experiments run gates --text input.txt --set epochs=1 columns=32 lr=0.004
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import layers
import minigrad
from layers import bptt
from layers.seq2seq import LanguageModel

from ..data.vocabulary import Vocabulary
from ..lab import Arrays, Claim, Experiment, Record, Table, UsageError, option
from ..lab.figures import PALETTE, new_figure
from . import text
from .text_figures import MONO

KARPATHY = "Karpathy, Johnson, Fei-Fei 2015, Visualizing and understanding recurrent networks, §4.2"
GREFF = "Greff et al. 2017, LSTM: A search space odyssey, §5 (from memory)"
Kind = Literal["lstm", "gru"]
Part = Literal["none", "coupled", "peepholes", "no_i", "no_f", "no_o"]
GATES: dict[str, str] = {"lstm": "ifo", "gru": "rz"}
NAMES = {"i": "input gate $i$", "f": "forget gate $f$", "o": "output gate $o$", "r": "reset gate $r$", "z": "update gate $z$"}
LAYERS = (("blue", "o"), ("vermilion", "s"), ("green", "^"), ("purple", "D"))
OPEN = 40.0
"""σ(40) is 1 in floating point, and σ' is 0: a gate with this bias and no weights stays open, and gets no gradient."""
MAPPED = 72
"""Characters whose gates are drawn."""


@dataclass(frozen=True, kw_only=True)
class Config(text.Config):
    """Settings of the experiment: those of `text`, the kind of the layers left out."""

    kinds: tuple[Kind, ...] = option(("lstm", "gru"), "which are looked at", quick=("lstm",))
    layers: int = option(2, "recurrent layers of those", low=1)
    columns: int = option(8, "B, the columns that the training text is cut into", low=1)
    lr: float = option(1e-2, "Adam's learning rate at first; halved when the validation text gets no better", low=0)
    parts: tuple[Part, ...] = option(
        ("none", "coupled", "peepholes", "no_i", "no_f", "no_o"),
        "parts of an LSTM of one layer that are changed",
        quick=("none", "no_f"),
    )
    steps: int = option(10_000, "steps of the test text at which gates are looked at, at most", low=MAPPED)
    low: float = option(0.1, "below it a gate is left-saturated", low=0)
    high: float = option(0.9, "above it a gate is right-saturated", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.kinds) != len(set(self.kinds)) or "lstm" not in self.kinds:
            raise UsageError(f"kinds={','.join(self.kinds)}: lstm, or lstm and gru")
        if self.layers > len(LAYERS):
            raise UsageError(f"layers={self.layers}: at most {len(LAYERS)} can be told apart in the picture")
        if not self.low < self.high:
            raise UsageError(f"low={self.low:g}: must be below high={self.high:g}")


def run(config: Config, record: Record) -> Arrays:
    """Train each kind and take its shares, (layers, H) left and right for each gate; then train without each part."""
    letters, texts = text.read(config)
    record.save("alphabet.json", Vocabulary(letters).to_serializable())
    ids = texts["test"][: config.steps + 1]
    found: Arrays = {"excerpt": np.array([letters[i] for i in ids[:MAPPED]])}
    for kind in config.kinds:
        trainer = trained(replace(config, kind=kind), "none", letters, texts, record, kind)
        found[f"{kind}_bits"] = test_bits(trainer, texts)
        found |= {f"{kind}_{name}": array for name, array in shares(config, trainer.model, ids).items()}
    for part in config.parts:
        trainer = trained(replace(config, kind="lstm", layers=1), part, letters, texts, record, f"part-{part}")
        found[f"part_{part}"] = test_bits(trainer, texts)
        found["updates"] = np.array(trainer.training.updates_done)
    return found


def trained(config: Config, part: Part, letters: str, texts: dict[str, np.ndarray], record: Record, name: str) -> text.Trainer:
    """A model of the text, changed in one part, after training."""
    model = text.build(config, len(letters))
    change(model, part, config)
    trainer = text.Trainer(config, model, texts)
    trainer.training.run(record, name)
    return trainer


@minigrad.no_grad()
def change(model: LanguageModel, part: Part, config: Config) -> None:
    """Change one part of a model's LSTM of one layer, before it is trained."""
    if part in ("coupled", "peepholes"):
        place = {"device": config.device, "dtype": config.floating}
        variant: dict[str, Any] = {"coupled": part == "coupled", "peephole": part == "peepholes"}
        model.decoder.rnn = layers.LSTM(config.embedding, config.hidden, **variant, **place)
    elif part != "none":
        rnn, H = model.decoder.rnn, config.hidden
        rows = slice("ifgo".index(part[-1]) * H, ("ifgo".index(part[-1]) + 1) * H)
        for name, value in (("weight_ih", 0.0), ("weight_hh", 0.0), ("bias_ih", OPEN), ("bias_hh", 0.0)):
            rnn.get_parameter(f"{name}_l0")[rows].fill_(value)


def test_bits(trainer: text.Trainer, texts: dict[str, np.ndarray]) -> np.ndarray:
    """Bits per character of the test text."""
    return np.array(text.bits(trainer.model, texts["test"]).mean())


@minigrad.no_grad()
def shares(config: Config, model: LanguageModel, ids: np.ndarray) -> Arrays:
    """Per gate ``NAME_left`` and ``NAME_right``, (layers, H) each, and of the first layer ``NAME_map``, (MAPPED, H)."""
    model.eval()
    given = minigrad.tensor(ids[:-1, None], device=model.decoder.output.weight.device)
    with bptt.trace(model.decoder.rnn) as trace:
        model.read(given, model.start(1))
    found: Arrays = {}
    saturated = [bptt.saturation(trace[layer], config.low, config.high) for layer in range(config.layers)]
    for gate in saturated[0]:
        for side in ("left", "right"):
            found[f"{gate}_{side}"] = np.array(
                [getattr(each[gate], side).cpu().numpy() for each in saturated], dtype=np.float64
            )
        found[f"{gate}_map"] = trace[0].gates[gate][:MAPPED, 0].cpu().numpy()
    return found


# ---- what is told of it


def claims(config: Config, arrays: Arrays) -> list[Claim]:
    """That shares are shares, and the figures beside what the papers say: reported."""
    sums = [arrays[f"{kind}_{gate}_left"] + arrays[f"{kind}_{gate}_right"] for kind in config.kinds for gate in GATES[kind]]
    largest = max(float(each.max()) for each in sums)
    right, left = arrays["lstm_f_right"], arrays["lstm_f_left"]
    first, deeper = (mean_saturated(config, arrays, part) for part in (slice(0, 1), slice(1, None)))
    found = [
        Claim.at_most(
            "left- and right-saturated shares of a unit, summed: the largest (the diagonal of the figure)",
            f"{KARPATHY}, figure 3 (as quoted in secondary sources)",
            bound=1,
            obtained=largest,
            tolerance=1e-6,
        ),
        Claim.reported(
            "LSTM: units whose forget gate is right-saturated at more than 9 of 10 steps",
            f"{KARPATHY} (as quoted in secondary sources: notably many, nearly perfect integrators)",
            expected="some",
            obtained=f"{(right > 0.9).sum()} of {right.size}",
        ),
        Claim.reported(
            "LSTM: units whose forget gate is left-saturated at more than 9 of 10 steps",
            f"{KARPATHY} (from memory: no unit is purely feed-forward)",
            expected="none",
            obtained=f"{(left > 0.9).sum()} of {left.size}",
        ),
    ]
    if config.layers > 1:
        sentence = "LSTM: share of steps at which a gate is saturated, the first layer beside those above it"
        source = f"{KARPATHY} (as quoted in secondary sources: the first layer is much less saturated)"
        found.append(Claim.reported(sentence, source, expected="less", obtained=f"{first:.3f}, {deeper:.3f}"))
    if "none" in config.parts:
        worst = max(config.parts, key=lambda part: float(arrays[f"part_{part}"]))
        each = ", ".join(f"{part} {change_in_bits(arrays, part):+.3f}" for part in config.parts if part != "none")
        sentence = f"the part that costs most, in bits per character of the test text ({each}; {arrays['updates']} updates)"
        found.append(Claim.reported(sentence, f"{GREFF}: of the gates, the forget gate", expected="no_f", obtained=worst))
    return found


def mean_saturated(config: Config, arrays: Arrays, part: slice) -> float:
    """The share of steps at which a gate of the LSTM is saturated, the mean over gates and the units of some layers."""
    sums = [arrays[f"lstm_{gate}_left"][part] + arrays[f"lstm_{gate}_right"][part] for gate in GATES["lstm"]]
    return float(np.mean(sums))


def change_in_bits(arrays: Arrays, part: str) -> float:
    """What a change costs, in bits per character."""
    return float(arrays[f"part_{part}"] - arrays["part_none"])


def table(config: Config, arrays: Arrays) -> Table:
    """For each layer and gate the mean shares over its units."""
    rows = []
    for kind in config.kinds:
        for layer in range(config.layers):
            for gate in GATES[kind]:
                left, right = (arrays[f"{kind}_{gate}_{side}"][layer] for side in ("left", "right"))
                figures = left.mean(), right.mean(), left.max(), right.max()
                rows.append([f"{kind.upper()} layer {layer + 1}, {gate}", *(f"{figure:.3f}" for figure in figures)])
    title = ", ".join(f"{kind.upper()} {float(arrays[f'{kind}_bits']):.3f} bits per character" for kind in config.kinds)
    head = ["gate", f"left (< {config.low:g})", f"right (> {config.high:g})", "most left", "most right"]
    return Table(f"Shares of steps, the mean over units and the largest: {title}", head, rows)


# ---- pictures


def plot(config: Config, arrays: Arrays) -> dict[str, Figure]:
    """``saturation``, as the paper has it; ``maps`` of the first layer's gates; ``parts``, what each change costs."""
    found = {"saturation": saturation_figure(config, arrays), "maps": maps_figure(config, arrays)}
    if "none" in config.parts and len(config.parts) > 1:
        found["parts"] = parts_figure(config, arrays)
    return found


def saturation_figure(config: Config, arrays: Arrays) -> Figure:
    """A panel for each gate, a point for each unit, a colour and a mark for each layer."""
    gates = [(kind, gate) for kind in config.kinds for gate in GATES[kind]]
    figure = new_figure(3.1 * len(gates) + 0.4, 4.2)
    panels = figure.subplots(1, len(gates), sharey=True)
    for axes, (kind, gate) in zip(panels, gates):
        axes.plot([0, 1], [1, 0], "--", color=PALETTE["grey"], linewidth=1)
        for layer, (colour, marker) in zip(range(config.layers), LAYERS):
            x, y = (arrays[f"{kind}_{gate}_{side}"][layer] for side in ("right", "left"))
            style: dict[str, Any] = {"facecolors": "none", "edgecolors": PALETTE[colour], "linewidths": 1.1, "s": 26}
            axes.scatter(x, y, marker=marker, clip_on=False, zorder=3, **style)
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="share of steps\nright-saturated")
        axes.set_title(f"{kind.upper()}, {NAMES[gate]}", fontsize=11)
    panels[0].set_ylabel("share of steps left-saturated")
    handles = [
        Line2D([], [], color=PALETTE[colour], marker=marker, markerfacecolor="none", linestyle="none", label=f"layer {layer}")
        for layer, (colour, marker) in zip(range(1, config.layers + 1), LAYERS)
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure


def maps_figure(config: Config, arrays: Arrays) -> Figure:
    """The gates of the LSTM's first layer along the text, the units in the order of their means."""
    figure = new_figure(13, 2.1 * len(GATES["lstm"]) + 0.8)
    panels = figure.subplots(len(GATES["lstm"]), 1, sharex=True)
    letters = [{"\n": "↵", " ": "·"}.get(str(letter), str(letter)) for letter in arrays["excerpt"]]
    for axes, gate in zip(panels, GATES["lstm"]):
        values = arrays[f"lstm_{gate}_map"]
        image = axes.imshow(values[:, values.mean(axis=0).argsort()].T, cmap="viridis", vmin=0, vmax=1, aspect="auto")
        axes.set_ylabel(f"{NAMES[gate]}\nunit, by its mean")
        bare(axes)
    panels[-1].set_xticks(range(len(letters)), letters, fontsize=9, **{"family": MONO["family"]})
    panels[-1].set_xlabel("character that is read")
    figure.colorbar(image, ax=panels.tolist(), label=r"$\sigma(a)$", fraction=0.02, pad=0.01)
    return figure


def bare(axes: Axes) -> None:
    """No grid and no ticks: units have no names."""
    axes.grid(False)
    axes.set_yticks([])
    axes.tick_params(length=0)


def parts_figure(config: Config, arrays: Arrays) -> Figure:
    """What each change costs, in bits per character of the test text."""
    parts = [part for part in config.parts if part != "none"]
    costs = [change_in_bits(arrays, part) for part in parts]
    figure = new_figure(6.5, 0.5 * len(parts) + 1.4)
    axes = figure.subplots()
    colours = [PALETTE["vermilion"] if cost > 0 else PALETTE["blue"] for cost in costs]
    bars = axes.barh(range(len(parts)), costs, color=colours, height=0.6)
    axes.bar_label(bars, fmt="%+.3f", padding=4, fontsize=10)
    names = {"coupled": "coupled, $f = 1 - i$", "no_i": "$i = 1$", "no_f": "$f = 1$", "no_o": "$o = 1$"}
    axes.set_yticks(range(len(parts)), [names.get(part, "peepholes") for part in parts])
    axes.axvline(0, color="black", linewidth=0.8)
    axes.margins(x=0.2)
    axes.invert_yaxis()
    axes.set_xlabel(f"bits per character more than the LSTM's {float(arrays['part_none']):.3f}")
    axes.grid(False, axis="y")
    return figure


EXPERIMENT = Experiment(
    name="gates",
    summary="how often the gates of character models are shut or open, and which parts an LSTM can spare",
    source="Karpathy, Johnson, Fei-Fei 2015, §4.2; Greff et al. 2017",
    runtime="20 s on the sonnets, 20 min on 1 MB as above",
    config=Config,
    run=run,
    claims=claims,
    plot=plot,
    table=table,
)
