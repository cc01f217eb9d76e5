"""The tasks: temporal order, adding and copying. Each draws sequences x (T, B, I) and the targets y, and knows its loss.

What is drawn depends on the generator alone, so that every network can be given the same sequences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from layers import functional as F
from minigrad import Tensor

Drawn = tuple[np.ndarray, np.ndarray]
Random = np.random.Generator


class Task(Protocol):
    """What a network learns."""

    @property
    def sizes(self) -> tuple[int, int]:
        """I and the size of the output."""

    @property
    def every_step(self) -> bool:
        """Whether there is a target at every step, not at the last alone."""

    def draw(self, rng: Random, B: int) -> Drawn:
        """Draw B sequences x (T, B, I), and y."""

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        """The mean loss of the outputs z, a scalar."""

    def figures(self, z: Tensor, y: Tensor) -> dict[str, float]:
        """What the outputs are judged by, each the mean over the sequences."""


@dataclass(frozen=True)
class TemporalOrder:
    """In which order did A and B come? (Hochreiter and Schmidhuber 1997, experiment 6a; Pascanu et al. 2013, §4.1)

    A or B, by a fair coin, stands at a step drawn from [.1 L, .2 L) and again at one from [.5 L, .6 L); all other steps hold
    distractors, one of c, d, e, f. After L steps the class is asked for: AA, AB, BA or BB.

    Raises ValueError for an L below 10, whose ranges are empty.
    """

    L: int
    sizes = (6, 4)
    every_step = False

    def __post_init__(self) -> None:
        if self.L < 10:
            raise ValueError(f"TemporalOrder: L={self.L} leaves no step from .1 L to .2 L; choose at least 10")

    @property
    def places(self) -> tuple[range, range]:
        """The steps, counted from 0, at which the first and the second symbol may stand."""
        tenths = [-(-tenth * self.L // 10) for tenth in (1, 2, 5, 6)]
        return range(*tenths[:2]), range(*tenths[2:])

    def draw(self, rng: Random, B: int) -> Drawn:
        """Draw x (L, B, 6), unit vectors of A, B, c, d, e, f, and the classes 2·first + second (B,)."""
        symbols = rng.integers(2, 6, (self.L, B))
        asked = rng.integers(2, size=(2, B))
        for place, symbol in zip(self.places, asked):
            symbols[rng.integers(place.start, place.stop, B), np.arange(B)] = symbol
        return np.eye(6)[symbols], 2 * asked[0] + asked[1]

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        """The cross-entropy of the four classes."""
        return F.cross_entropy(z, y)

    def figures(self, z: Tensor, y: Tensor) -> dict[str, float]:
        """The loss and the share that is taken for another class."""
        return {"loss": self.loss(z, y).item(), "wrong": float((z.cpu().numpy().argmax(axis=1) != y.cpu().numpy()).mean())}


@dataclass(frozen=True)
class Adding:
    """The sum of two numbers among T (Hochreiter and Schmidhuber 1997, experiment 4, as Le et al. 2015 pose it).

    x_t = (u_t, m_t) with u_t uniform in [0, 1) and m_t = 1 at one step of the first half and one of the second, else 0; the
    target after T steps is Σ_t m_t u_t. Predicting 1 always has the mean squared error Var(u + u') = 1/6.
    """

    T: int
    sizes = (2, 1)
    every_step = False

    def draw(self, rng: Random, B: int) -> Drawn:
        """Draw x (T, B, 2) and the sums (B, 1)."""
        u, m, b = rng.random((self.T, B)), np.zeros((self.T, B)), np.arange(B)
        m[rng.integers(0, self.T // 2, B), b] = 1
        m[rng.integers(self.T // 2, self.T, B), b] = 1
        return np.stack([u, m], axis=-1), (u * m).sum(axis=0)[:, None]

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        """The mean squared error."""
        return F.mse_loss(z, y)

    def figures(self, z: Tensor, y: Tensor) -> dict[str, float]:
        """The mean squared error."""
        return {"mse": self.loss(z, y).item()}


@dataclass(frozen=True)
class Copying:
    """Say again what was read long before (Hochreiter and Schmidhuber 1997; Arjovsky, Shah and Bengio 2016, §4.1).

    n = 10 symbols of K = 8, T − 1 blanks, a go sign, n blanks: T + 2 n steps. Targets: T + n blanks, then the n symbols.
    In x and y blank is 0, the symbols are 1 … K, go is K + 1.

    Args:
        T: steps between the last symbol and the first one asked for, less one.
        n: symbols to copy.
        K: symbols there are.
    """

    T: int
    n: int = 10
    K: int = 8
    every_step = True

    @property
    def sizes(self) -> tuple[int, int]:
        """K + 2 symbols are read, K + 1 said."""
        return self.K + 2, self.K + 1

    @property
    def steps(self) -> int:
        """T + 2 n."""
        return self.T + 2 * self.n

    def sequences(self, words: np.ndarray) -> Drawn:
        """The ids read and the ids to say, (T + 2 n, B) each, for words (B, n) of ids 1 … K."""
        read, said = np.zeros((2, self.steps, len(words)), dtype=np.int64)
        read[: self.n], said[-self.n :] = words.T, words.T
        read[self.n + self.T - 1] = self.K + 1
        return read, said

    def draw(self, rng: Random, B: int) -> Drawn:
        """Draw x (T + 2 n, B, K + 2), unit vectors, and the ids to say (T + 2 n, B)."""
        read, said = self.sequences(rng.integers(1, self.K + 1, (B, self.n)))
        return np.eye(self.K + 2)[read], said

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        """The cross-entropy, the mean over all steps."""
        return F.cross_entropy(z.flatten(0, 1), y.flatten())

    def figures(self, z: Tensor, y: Tensor) -> dict[str, float]:
        """The loss, and the share of the n symbols that are right."""
        said = z[-self.n :].cpu().numpy().argmax(axis=-1)
        return {"loss": self.loss(z, y).item(), "right": float((said == y[-self.n :].cpu().numpy()).mean())}
