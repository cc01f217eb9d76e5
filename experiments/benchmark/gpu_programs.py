"""The programs that are timed on a GPU: a recurrent layer, and a training step of the model of the courses.

minigrad and PyTorch run the same lines. What differs is how a side is told its precision: `settings` goes to the layer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from . import recurrent
from .gpu_conditions import Precision
from .recurrent import MODULES, PLAIN, Size
from .recurrent_peers import EQUATIONS

DRAWN = 100
"""Steps of x and dL/dy that are drawn; longer sequences repeat them: drawing 10⁸ numbers takes longer than the row."""


class Case(NamedTuple):
    """A recurrent layer: the cell, forward alone or with backward, the precision, and the sizes (I = H)."""

    cell: str
    backward: bool
    precision: Precision
    T: int
    B: int
    H: int

    @property
    def size(self) -> Size:
        """The sizes as the CPU's rows have them."""
        return Size(self.T, self.B, self.H, self.H)

    @property
    def passes(self) -> str:
        """The passes as they stand in names."""
        return "forward+backward" if self.backward else "forward"

    @property
    def words(self) -> str:
        """What is run, for titles."""
        return f"nn.{MODULES[self.cell]}, {self.passes}, {self.precision.words}"

    @property
    def family(self) -> str:
        """What the names of all sizes begin with."""
        return f"{self.cell}-{self.passes}-{self.precision.name}"

    def __str__(self) -> str:
        return f"{self.family}-T{self.T}-B{self.B}-H{self.H}"

    @property
    def wrt(self) -> tuple[str, ...]:
        """Names of what the sides must agree on."""
        if not self.backward:
            return ("y",)
        return tuple(f"gradient of {name}" for name in ("x", *PLAIN.shapes(self.cell, self.size)))


class OnHost:
    """A result that is brought to the host when it is compared, not when it is timed; 16-bit elements as float32."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        tensor = self.tensor.detach().cpu()
        wide = tensor.float() if tensor.dtype.itemsize == 2 else tensor
        return np.array(wide.numpy(), dtype=dtype, copy=copy)


@dataclass(frozen=True)
class Repeated:
    """A program's run, and the layer that tells how it was run."""

    once: Callable[[], list[OnHost]]
    layer: Any

    def __call__(self) -> list[OnHost]:
        """Run it once."""
        return self.once()

    @property
    def way(self) -> str | None:
        """How minigrad ran the latest sequence (layers/recurrent/gpu.py); None on the CPU and of other libraries."""
        ways = getattr(self.layer, "ways", {})
        return ", ".join(dict.fromkeys(ways.values())) or None

    @property
    def settings(self) -> dict[str, object]:
        """What the layer says of its precision."""
        found: dict[str, object] = {"dtype": str(next(iter(self.layer.parameters())).dtype).removeprefix("torch.")}
        return found | {"precision": self.layer.precision} if hasattr(self.layer, "precision") else found


def inputs(case: Case, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """x (T, B, I), dL/dy (T, B, H) and the weights, float32."""
    size = case.size
    x, dy, *weights = recurrent.inputs(case.cell, size._replace(T=min(case.T, DRAWN)), PLAIN, rng)
    return np.resize(x, (size.T, *x.shape[1:])), np.resize(dy, (size.T, *dy.shape[1:])), *weights


def layer(
    torch: ModuleType, x: np.ndarray, dy: np.ndarray, *weights: np.ndarray,
    case: Case, device: str = "cuda", dtype: str = "float32", **settings: Any,
) -> Repeated:  # fmt: skip
    """nn.RNN, nn.GRU or nn.LSTM: a training pass, or y alone, without gradients and in evaluation mode."""
    place = {"device": device, "dtype": getattr(torch, dtype)}
    module = getattr(torch.nn, MODULES[case.cell])(case.H, case.H, **place, **settings)
    names = PLAIN.shapes(case.cell, case.size)
    module.load_state_dict({name: torch.tensor(weight, **place) for name, weight in zip(names, weights, strict=True)})
    inputs = torch.tensor(x, requires_grad=case.backward, **place)
    if not case.backward:
        module.eval()

        def forward() -> list[OnHost]:
            with torch.no_grad():
                return [OnHost(module(inputs)[0])]

        return Repeated(forward, module)
    outer, leaves = torch.tensor(dy, **place), [inputs, *module.parameters()]

    def run() -> list[OnHost]:
        for leaf in leaves:
            leaf.grad = None
        module(inputs)[0].backward(outer)
        return [OnHost(leaf.grad) for leaf in leaves]

    return Repeated(run, module)


# --- the model of the courses -------------------------------------------------------------------------------------


class SeedModel(NamedTuple):
    """A language model: V words, T steps of B sequences, embedding I, hidden size H."""

    V: int = 30_000
    T: int = 30
    B: int = 64
    I: int = 256
    H: int = 512

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The parameters in the order of the gradients."""
        found: dict[str, tuple[int, ...]] = {"embedding.weight": (self.V, self.I)}
        found |= {f"lstm.{name}": shape for name, shape in PLAIN.shapes("lstm", Size(self.T, self.B, self.I, self.H)).items()}
        return found | {"linear.weight": (self.V, self.H), "linear.bias": (self.V,)}


def seed_inputs(model: SeedModel, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Words (T, B) as frequent as words are (Zipf's law), the words after them, and the parameters, float32."""
    words = rng.zipf(1.2, (model.T + 1, model.B)) % model.V
    bound = model.H**-0.5
    weights = (rng.uniform(-bound, bound, shape).astype(np.float32) for shape in model.shapes().values())
    return words[:-1], words[1:], *weights


def seed_step(
    torch: ModuleType, words: np.ndarray, targets: np.ndarray, *weights: np.ndarray,
    model: SeedModel, device: str = "cuda", dtype: str = "float32", **settings: Any,
) -> Repeated:  # fmt: skip
    """A training step: embedding, LSTM, Linear, cross-entropy over all words, backward, Adam."""
    nn, place = torch.nn, {"device": device, "dtype": getattr(torch, dtype)}
    embedding = nn.Embedding(model.V, model.I, **place)
    lstm, linear = nn.LSTM(model.I, model.H, **place, **settings), nn.Linear(model.H, model.V, **place)
    parameters = [*embedding.parameters(), *lstm.parameters(), *linear.parameters()]
    with torch.no_grad():
        for parameter, weight in zip(parameters, weights, strict=True):
            parameter.copy_(torch.tensor(weight, **place))
    ids, y = torch.tensor(words, device=device), torch.tensor(targets.reshape(-1), device=device)
    optimizer = torch.optim.Adam(parameters, lr=1e-3)

    def run() -> list[OnHost]:
        optimizer.zero_grad()
        h, _ = lstm(embedding(ids))
        nn.functional.cross_entropy(linear(h).reshape(-1, model.V), y).backward()
        optimizer.step()
        return [OnHost(parameter.grad) for parameter in parameters]

    return Repeated(run, lstm)


def gates(cell: str) -> int:
    """The number of gates of a cell."""
    return EQUATIONS[cell].gates
